/**
 * A client that knows of the API what its description says, and holds every answer against it: the status, the type of the content,
 * and each field. Fields that are not described are wrong, too.
 */
import { Ajv, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import { expect } from '@jest/globals'

type Json = Readonly<Record<string, unknown>>

export interface Operation {
  readonly name: string
  readonly method: string
  readonly path: string
  readonly described: {
    readonly operationId: string
    readonly summary: string
    readonly requestBody?: { readonly content: Content }
    readonly responses: Readonly<Record<string, { readonly $ref?: string; readonly content?: Content }>>
    readonly security: readonly Json[]
  }
}
type Content = Readonly<Record<string, { readonly schema: { readonly $ref?: string; readonly type?: string } }>>

export interface Sent {
  /** In place of what the path has in braces. */
  readonly path?: Readonly<Record<string, string>>
  readonly query?: Readonly<Record<string, string>>
  readonly form?: Readonly<Record<string, string>>
  readonly json?: object
  readonly headers?: Readonly<Record<string, string>>
  /** null: without. */
  readonly key?: string | null
}

export interface Answered {
  readonly status: number
  /** Parsed where it is JSON. */
  readonly body: Body
}

/** What tests look at in an answer; each has some of it. All of it is held against the description. */
export interface Body {
  readonly id: string
  readonly status: string
  readonly authentication_token: string
  readonly data: readonly Body[]
  readonly identifier: string
  readonly fate: { readonly code: string }
  readonly events: readonly object[]
  readonly records: { readonly data: readonly object[] }
  readonly total: object | null
  readonly customers: readonly object[]
  readonly verdict: string | null
  readonly findings: readonly object[]
  readonly rebuild: { readonly status: string; readonly differences: readonly object[] } | null
}

const JSON_TYPE = 'application/json'

export class DescribedApi {
  readonly operations: readonly Operation[]
  /** Names of operations that were answered as described when all is well, with the type of the content. */
  readonly met = new Set<string>()
  private readonly ajv = new Ajv({ allErrors: true })

  private constructor(
    private readonly url: string,
    private readonly key: string,
    readonly description: Json & { readonly paths: Json; readonly components: Json & { readonly schemas: Json } },
  ) {
    this.operations = Object.entries(description.paths).flatMap(([path, methods]) =>
      Object.entries(methods as Record<string, Operation['described']>).map(([method, described]) => {
        return { name: described.operationId, method: method.toUpperCase(), path, described }
      }),
    )
    addFormats.default(this.ajv)
    this.ajv.addVocabulary(['components'])
    this.ajv.addSchema({ $id: 'api', components: { schemas: closed(description.components.schemas) } })
  }

  static async of(url: string, key: string): Promise<DescribedApi> {
    return new DescribedApi(url, key, (await (await fetch(`${url}/docs-json`)).json()) as never)
  }

  operation(name: string): Operation {
    const found = this.operations.find((each) => each.name === name)
    if (!found) throw new Error(`${name} is not described.`)
    return found
  }

  /** Calls what the description calls so; fails on an answer it does not describe, whether it is a success or not. */
  async call(
    name: string,
    { path = {}, query = {}, form, json, headers = {}, key = this.key }: Sent = {},
  ): Promise<Answered> {
    const { method, path: template, described } = this.operation(name)
    const place = template.replaceAll(/\{(\w+)\}/g, (_, part: string) => encodeURIComponent(path[part] ?? ''))
    const search = new URLSearchParams(query).toString()
    const response = await fetch(`${this.url}${place}${search === '' ? '' : `?${search}`}`, {
      method,
      headers: {
        ...(key !== null && { authorization: `Bearer ${key}` }),
        ...(json !== undefined && { 'content-type': JSON_TYPE }),
        ...headers,
      },
      body: json === undefined ? form && new URLSearchParams(form) : JSON.stringify(json),
    })
    const text = await response.text()
    const { status } = response
    const type = (response.headers.get('content-type') ?? '').split(';', 1)[0] as string
    const answer = described.responses[status] ?? this.resolved(described.responses['default'])
    const schema = answer?.content?.[type]?.schema
    if (!schema) throw new Error(`${name} answered ${status} ${type}, which is not described: ${text}`)
    const body: unknown = type === JSON_TYPE ? JSON.parse(text) : text
    this.expectDescribed(`${name} ${status}`, schema, body)
    if (response.ok) this.met.add(`${name} ${type}`)
    return { status, body: body as Body }
  }

  /** As `call`, where all goes well. */
  async succeed(name: string, sent: Sent = {}): Promise<Body> {
    const { status, body } = await this.call(name, sent)
    if (status >= 300) throw new Error(`${name} answered ${status}: ${JSON.stringify(body)}`)
    return body
  }

  expectDescribed(what: string, schema: { readonly $ref?: string; readonly type?: string }, body: unknown): void {
    const validate = this.validator(schema)
    expect({ what, body, wrong: validate(body) ? [] : validate.errors }).toMatchObject({ wrong: [] })
  }

  private resolved(reference: Operation['described']['responses'][string] | undefined): typeof reference {
    const $ref = reference?.$ref
    if ($ref === undefined) return reference
    const keys = $ref.split('/').slice(1)
    return keys.reduce<unknown>((at, each) => (at as Json)[each], this.description) as typeof reference
  }

  private validator(schema: { readonly $ref?: string }): ValidateFunction {
    const { $ref } = schema
    return $ref === undefined ? this.ajv.compile(schema) : this.ajv.compile({ $ref: `api${$ref}` })
  }
}

/** The same schemas, in which what is not named is wrong. */
function closed<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(closed) as Value
  const copy = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, closed(each as unknown)]))
  const isObject = copy['type'] === 'object' && 'properties' in copy && !('additionalProperties' in copy)
  return (isObject ? { ...copy, additionalProperties: false } : copy) as Value
}
