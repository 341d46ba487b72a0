/** What `/docs` and tools that read `/docs-json` go by: every reference leads somewhere, and every parameter is explained. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { readdirSync, readlinkSync } from 'node:fs'
import { CONTENT_SECURITY_POLICY } from '../../src/api/kept-files.js'
import { exchange, rawRequest } from '../raw-http.js'
import { FixedClock, startRunningService, stores, type RunningService } from '../running-service.js'

interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly description?: string
  readonly enum?: readonly string[]
  readonly allOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: Schema | false
}
interface Parameter {
  readonly name: string
  readonly in: string
  readonly description?: string
  readonly style?: string
  readonly schema: Schema
}
interface Operation {
  readonly parameters: readonly Parameter[]
  readonly requestBody?: { readonly content: Readonly<Record<string, Content>> }
  readonly responses: Readonly<Record<string, unknown>>
  readonly security?: readonly unknown[]
}
interface Content {
  readonly schema: Schema
  readonly encoding?: Readonly<Record<string, object>>
}
interface Description {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>
    readonly securitySchemes: Readonly<Record<string, object>>
  }
  readonly security: readonly object[]
}

const FORM = 'application/x-www-form-urlencoded'
const JSON_TYPE = 'application/json'
/** Objects that have no keys. */
const EMPTY = ['NoParameters', 'StreamedMeterEvents']

let service: RunningService
let description: Description
let operations: readonly (readonly [name: string, operation: Operation])[]

beforeAll(async () => {
  service = await startRunningService(stores[0], new FixedClock())
  description = (await (await fetch(`${service.url}/docs-json`)).json()) as Description
  operations = Object.entries(description.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
  )
})
afterAll(() => service.close())

function operation(name: string): Operation {
  const found = operations.find(([each]) => each === name)
  if (!found) throw new Error(`${name} is not described.`)
  return found[1]
}

/** What a reference leads to; undefined: to nothing. */
function target($ref: string): unknown {
  const [root, ...keys] = $ref.split('/')
  expect(root).toBe('#')
  return keys.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], description)
}

function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, each]) => (key === '$ref' ? [each as string] : referencesIn(each)))
}

function resolved(schema: Schema): Schema {
  if (schema.allOf) return resolved(schema.allOf[0] ?? {})
  return schema.$ref === undefined ? schema : (target(schema.$ref) as Schema)
}

/** What is not said of a schema, down to its leaves. */
function gaps(name: string, schema: Schema): string[] {
  const { type, description: words, items, properties, additionalProperties, oneOf } = resolved(schema)
  if (oneOf) return oneOf.flatMap((each) => gaps(name, each))
  if (type === 'array') return items ? gaps(`${name}[]`, items) : [`${name}: entries`]
  // Any JSON: then words say so.
  if (type !== 'object') return (type ?? words) === undefined ? [`${name}: type`] : []
  if (additionalProperties) return gaps(`${name}[…]`, additionalProperties)
  const inner = Object.entries(properties ?? {})
  return inner.length === 0 && !EMPTY.includes(name)
    ? [`${name}: keys`]
    : inner.flatMap(([key, each]) => gaps(`${name}[${key}]`, each))
}

describe('The API description', () => {
  it('has no reference that leads nowhere', () => {
    const references = referencesIn(description)
    expect(references.length).toBeGreaterThan(20)
    expect(references.filter(($ref) => target($ref) === undefined)).toEqual([])
  })

  it('says of what type each parameter is and each part of an answer, also within hashes and lists', () => {
    const schemas = Object.entries(description.components.schemas)
    const parameters = operations.flatMap(([name, { parameters }]) =>
      parameters.map((parameter) => [`${name} ${parameter.name}`, parameter.schema] as const),
    )
    expect([...schemas, ...parameters].flatMap(([name, schema]) => gaps(name, schema))).toEqual([])
  })

  it('explains each parameter in words, or as the hash it is', () => {
    const isExplained = (schema: Schema, text?: string): boolean =>
      (text ?? schema.description ?? schema.$ref ?? schema.allOf) !== undefined
    const sent = Object.entries(description.components.schemas).filter(
      ([, { additionalProperties }]) => additionalProperties === false,
    )
    expect(sent.length).toBeGreaterThan(15)
    const unexplained = [
      ...sent.flatMap(([name, { properties = {} }]) =>
        Object.keys(properties)
          .filter((key) => !isExplained(properties[key] ?? {}))
          .map((key) => `${name} ${key}`),
      ),
      ...operations.flatMap(([name, { parameters }]) =>
        parameters
          .filter((each) => each.in === 'query' && !isExplained(each.schema, each.description))
          .map((each) => `${name} ${each.name}`),
      ),
    ]
    expect(unexplained).toEqual([])
  })

  it('says what each operation answers when it went well', () => {
    expect(operations.length).toBeGreaterThan(40)
    const without = operations.filter(
      ([, { responses }]) => !Object.keys(responses).some((status) => /^2/.test(status)),
    )
    expect(without.map(([name]) => name)).toEqual([])
  })

  it('says the choices of a parameter, and how hashes and lists are written', () => {
    const { parameters } = operation('GET /v1/billing/meters/{id}/event_summaries')
    const parameter = (name: string) => parameters.find((each) => each.name === name)
    expect(parameter('value_grouping_window')).toMatchObject({ schema: { enum: ['hour', 'day'] } })
    expect(parameter('dimension_filters')).toMatchObject({ style: 'deepObject', schema: { type: 'object' } })
    expect(parameter('dimension_group_by_keys[]')).toMatchObject({ schema: { type: 'array' } })
    const records = operation('GET /meterbook/v1/meter_events').parameters
    expect(records.find(({ name }) => name === 'timestamp')).toMatchObject({ style: 'deepObject' })
    const bracketed = { style: 'deepObject', explode: true }
    expect(operation('POST /v1/billing/meter_events').requestBody?.content[FORM]?.encoding).toEqual({
      payload: bracketed,
      expand: bracketed,
    })
  })

  it('says which operations need no key: health, and signing in and out', () => {
    expect(operations.filter(([, { security }]) => security?.length === 0).map(([name]) => name)).toEqual([
      'POST /meterbook/v1/session',
      'DELETE /meterbook/v1/session',
      'GET /healthz',
      'GET /readyz',
    ])
    expect(description.security).toEqual([{ bearer: [] }, { basic: [] }])
    expect(description.components.securitySchemes['bearer']).not.toHaveProperty('bearerFormat')
  })

  it('says which bodies are taken', () => {
    const bodies = (name: string) => Object.keys(operation(name).requestBody?.content ?? {}).sort()
    expect(bodies('POST /meterbook/v1/session')).toEqual([JSON_TYPE, FORM])
    expect(bodies('POST /v1/billing/meters')).toEqual([FORM])
    expect(bodies('POST /v2/billing/meter_events')).toEqual([JSON_TYPE])
  })
})

describe("The description's page", () => {
  const FILES = ['/docs', '/docs/', '/docs/start.js', '/docs/swagger-ui-bundle.js', '/docs/swagger-ui.css']
  /** What the process has open of Swagger UI, which its requests share. */
  const openFiles = (): string[] =>
    readdirSync('/proc/self/fd').flatMap((handle) => {
      try {
        return readlinkSync(`/proc/self/fd/${handle}`)
      } catch {
        // The handle by which the folder itself is read, closed by now.
        return []
      }
    })

  it.each([...FILES, '/docs-json', '/docs-yaml'])('is bound by the policy of the dashboard: %s', async (path) => {
    const { status, headers } = await fetch(service.url + path)
    expect(status).toBe(200)
    expect(headers.get('content-security-policy')).toBe(CONTENT_SECURITY_POLICY)
    expect(CONTENT_SECURITY_POLICY).toContain("frame-ancestors 'none'")
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    const again = await fetch(service.url + path, { headers: { 'if-none-match': headers.get('etag') ?? '' } })
    expect(again.status).toBe(304)
  })

  it('holds no file open for those who ask and leave', async () => {
    const path = '/docs/swagger-ui-bundle.js'
    await exchange(service.port, rawRequest('GET', path).repeat(50), { then: 'hang-up' })
    // Asked for after them, so they are under way or over.
    expect((await fetch(service.url + path)).status).toBe(200)
    expect(openFiles().filter((file) => file.includes('swagger-ui-dist'))).toEqual([])
  })

  it('is the same in JSON and in YAML', async () => {
    const [json, yaml] = await Promise.all(['/docs-json', '/docs-yaml'].map((path) => fetch(service.url + path)))
    expect(yaml?.headers.get('content-type')).toBe('text/yaml; charset=utf-8')
    expect(await yaml?.text()).toBe(await json?.text())
  })
})
