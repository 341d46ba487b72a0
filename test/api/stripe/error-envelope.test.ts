import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Body, Controller, Get, HttpException, Module, Param, Post } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { connect } from 'node:net'
import { Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import Stripe from 'stripe'
import { answers, ApiError } from '../../../src/api/stripe/api-error.js'
import { useBodyParsers } from '../../../src/api/stripe/body-parsers.js'
import { answerTo } from '../../../src/api/stripe/error-envelope.js'
import {
  clientErrorHandler,
  ErrorEnvelopeFilter,
  frameworkErrors,
} from '../../../src/api/stripe/error-envelope.filter.js'
import { DomainError, type ErrorCode } from '../../../src/domain/errors.js'
import { Overloaded } from '../../../src/overloaded.js'
import { EventStoreUnavailable } from '../../../src/event-store/event-store.js'
import { TransactionConflict } from '../../../src/event-store/transact.js'

const BODY_BYTES_MAX = 1000

const thrown: Record<string, unknown> = {
  string: 'a secret',
  null: null,
  undefined: undefined,
  number: 404,
  object: { statusCode: 418, message: 'a secret', error: 'a secret' },
  bug: new TypeError('a secret'),
  api: new ApiError({
    status: 401,
    type: 'temporary_session_expired',
    message: 'Expired.',
    code: 'billing_meter_event_session_expired',
    headers: { 'www-authenticate': 'Bearer' },
  }),
  duplicate: new DomainError('duplicate_meter_event', 'An event already exists with identifier i.', 'identifier'),
  value: new DomainError('meter_event_invalid_value', 'The payload must hold the value.', 'payload[value]'),
  missing: new DomainError('resource_missing', "No such meter: 'x'.", 'id'),
  store: new EventStoreUnavailable('The event log cannot be read.', { cause: new Error('disk I/O error') }),
  conflict: new TransactionConflict('Other writers changed it.'),
  overloaded: new Overloaded('Too many meter events are waiting to be stored.'),
  teapot: new HttpException({ statusCode: 418, message: 'x', error: "I'm a teapot" }, 418),
  broken: new HttpException('a secret', 502),
}

@Controller()
class ThrowingController {
  @Get(':version/throw/:what')
  get(@Param('what') what: string): never {
    throw thrown[what]
  }

  @Post(':version/throw/:what')
  post(@Param('what') what: string, @Body() body: unknown): unknown {
    if (what === 'nothing') return { body }

    throw thrown[what]
  }
}

@Module({ controllers: [ThrowingController] })
class ThrowingModule {}

let app: NestFastifyApplication
let base: string
let port: number
const logged: object[] = []
const warned: object[] = []

beforeAll(async () => {
  const log = {
    error: (fields: object) => void logged.push(fields),
    warn: (fields: object) => void warned.push(fields),
  }
  let requests = 0
  const newRequestId = () => `req_${++requests}`
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_BYTES_MAX,
    genReqId: newRequestId,
    frameworkErrors: frameworkErrors(log),
    clientErrorHandler: clientErrorHandler(newRequestId),
    return503OnClosing: false,
    http: { requireHostHeader: false },
    routerOptions: { querystringParser: () => ({}) },
  })
  app = await NestFactory.create<NestFastifyApplication>(ThrowingModule, adapter, { bodyParser: false, logger: false })
  useBodyParsers(adapter.getInstance())
  app.useGlobalFilters(new ErrorEnvelopeFilter(log))
  await app.listen(0, '127.0.0.1')
  port = (app.getHttpServer().address() as { port: number }).port
  base = `http://127.0.0.1:${port}`
})
afterAll(() => app.close())

interface Answered {
  status: number
  headers: Headers
  error: { type?: string; code?: string; message: string; param?: string }
}

async function request(method: string, path: string, headers: Record<string, string> = {}, body?: string | Buffer) {
  const response = await fetch(base + path, {
    method,
    headers,
    body: body === undefined ? null : new Uint8Array(Buffer.from(body)),
  })
  const { error } = (await response.json()) as Answered
  const answered: Answered = { status: response.status, headers: response.headers, error }
  expect(Object.keys(answered.error)).toEqual(expect.arrayContaining(['type', 'message']))
  expect(response.headers.get('content-type')).toContain('application/json')
  expect(response.headers.get('request-id')).toMatch(/^req_/)
  expect(JSON.stringify(answered)).not.toContain('secret')
  return answered
}

/** For what no HTTP client would send. */
function raw(text: string): Promise<{ head: string; error: Answered['error'] }> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    let received = ''
    socket.on('data', (chunk) => (received += chunk.toString()))
    socket.on('error', reject)
    socket.on('close', () => {
      const [head = '', body = ''] = received.split('\r\n\r\n')
      resolve({ head, error: (JSON.parse(body) as Answered).error })
    })
  })
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const JSON_TYPE = { 'content-type': 'application/json' }

describe('Every failure is answered with the envelope', () => {
  it.each([
    ['GET', '/v1/unknown?key=x', 404, 'Unrecognized request URL (GET: /v1/unknown).'],
    ['GET', '/', 404, 'Unrecognized request URL (GET: /).'],
    ['PUT', '/v1/throw/null', 404, 'Unrecognized request URL (PUT: /v1/throw/null).'],
    ['DELETE', '/v1/throw/null', 404, 'Unrecognized request URL (DELETE: /v1/throw/null).'],
    ['OPTIONS', '/v1/throw/null', 404, 'Unrecognized request URL (OPTIONS: /v1/throw/null).'],
    ['GET', '/%ff', 400, 'malformed or not UTF-8'],
    ['GET', '/v1/throw/%zz', 400, 'malformed or not UTF-8'],
    ['GET', `/v1/throw/${'x'.repeat(200)}`, 414, 'longer than the service accepts'],
  ])('%s %s', async (method, path, status, fragment) => {
    const { error, ...answered } = await request(method, path)
    expect(answered.status).toBe(status)
    expect(error).toMatchObject({ type: 'invalid_request_error', code: 'url_invalid' })
    expect(error.message).toContain(fragment)
  })

  it.each([
    ['v1', FORM, 'a=%zz', 400, 'parameter_invalid', 'malformed percent escape'],
    ['v1', FORM, Buffer.from([0x61, 0x3d, 0xff]), 400, 'invalid_request', 'not valid UTF-8'],
    ['v1', FORM, `a=${'x'.repeat(BODY_BYTES_MAX)}`, 413, 'request_too_large', 'larger than'],
    ['v1', JSON_TYPE, '{}', 415, 'content_type_invalid', 'application/x-www-form-urlencoded'],
    ['v1', { 'content-type': 'text/plain' }, 'a=b', 415, 'content_type_invalid', 'application/x-www-form-urlencoded'],
    ['v1', { 'content-type': 'nonsense' }, 'a=b', 415, 'content_type_invalid', 'application/x-www-form-urlencoded'],
    ['v2', FORM, 'a=b', 415, 'content_type_invalid', 'application/json'],
    ['v2', JSON_TYPE, '{', 400, 'invalid_request', 'not valid JSON'],
    ['v2', JSON_TYPE, '[]', 400, 'invalid_request', 'must be a JSON object'],
  ])('to %s, %j with the body %.20s', async (version, headers, body, status, code, fragment) => {
    const { error, ...answered } = await request('POST', `/${version}/throw/nothing`, headers, body)
    expect(answered.status).toBe(status)
    expect(error.message).toContain(fragment)
    expect(error.code).toBe(code)
  })

  it.each(['string', 'null', 'undefined', 'number', 'object', 'bug'])('thrown %s', async (what) => {
    logged.length = 0
    const { status, error, headers } = await request('GET', `/v1/throw/${what}`)
    expect({ status, type: error.type }).toEqual({ status: 500, type: 'api_error' })
    expect(logged).toEqual([{ requestId: headers.get('request-id'), err: thrown[what] }])
    expect((await request('GET', `/v2/throw/${what}`)).error.code).toBe('internal_error')
  })

  it('refusals say what, with their headers', async () => {
    expect(await request('GET', '/v2/throw/api')).toMatchObject({
      status: 401,
      error: { code: 'billing_meter_event_session_expired', type: 'temporary_session_expired', message: 'Expired.' },
    })
    expect((await request('GET', '/v1/throw/api')).headers.get('www-authenticate')).toBe('Bearer')
    const duplicate = await request('POST', '/v1/throw/duplicate')
    expect(duplicate).toMatchObject({ status: 400, error: { param: 'identifier' } })
    expect(duplicate.error).not.toHaveProperty('code')
    expect(duplicate.headers.get('stripe-should-retry')).toBe('false')
    expect((await request('POST', '/v2/throw/duplicate')).error.code).toBe('duplicate_meter_event')
    expect((await request('GET', '/v1/throw/teapot')).status).toBe(418)
    expect(await request('GET', '/v1/throw/broken')).toMatchObject({ status: 500, error: { type: 'api_error' } })
  })

  it('a value that is missing and one that is wrong have a code each in v2', async () => {
    const post = (body: object) => request('POST', '/v2/throw/value', JSON_TYPE, JSON.stringify(body))
    expect((await post({ payload: { value: 'x' } })).error.code).toBe('payload_invalid_value')
    expect((await post({ payload: { other: 'x' } })).error.code).toBe('payload_no_value_defined')
  })

  it.each([
    ['store', 503, 'EventStoreUnavailable: The event log cannot be read. (disk I/O error)'],
    ['overloaded', 429, 'Overloaded: Too many meter events are waiting to be stored.'],
    ['conflict', 409, 'TransactionConflict: Other writers changed it.'],
  ])('what passes by itself is a line in the log, without a stack: %s', async (what, status, reason) => {
    logged.length = warned.length = 0
    const answered = await request('GET', `/v1/throw/${what}`)
    expect(answered.status).toBe(status)
    const line = { requestId: answered.headers.get('request-id'), status, reason }
    // That nothing can be stored is for somebody to mend.
    expect([logged, warned]).toEqual(what === 'store' ? [[line], []] : [[], [line]])
  })

  it.each(['missing', 'api', 'teapot', 'nothing'])("the caller's own mistakes are not in the log: %s", async (what) => {
    logged.length = warned.length = 0
    await request('GET', `/v1/${what === 'nothing' ? 'nothing' : `throw/${what}`}`)
    expect([...logged, ...warned]).toEqual([])
  })

  it('a store that cannot be reached asks to be tried again', async () => {
    const { status, headers, error } = await request('GET', '/v1/throw/store')
    expect({ status, type: error.type }).toEqual({ status: 503, type: 'api_error' })
    expect(headers.get('retry-after')).toBe('1')
    expect(headers.get('stripe-should-retry')).toBe('true')
  })

  it.each(['v1', 'v2'])('%s: a full queue asks to be tried again, as a rate limit does', async (version) => {
    const { status, headers, error } = await request('GET', `/${version}/throw/overloaded`)
    expect({ status, code: error.code }).toEqual({ status: 429, code: 'rate_limit' })
    expect(headers.get('retry-after')).toBe('1')
    expect(headers.get('stripe-should-retry')).toBe('true')
  })

  it.each([
    ['BLAH / HTTP/1.1\r\n\r\n', '400'],
    ['\x16\x03\x01 not http at all\r\n\r\n', '400'],
    ['GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n', '400'],
    ['GET / HTTP/1.1\r\nconnection: close\r\n\r\n', '404'],
    [`GET / HTTP/1.1\r\nhost: x\r\na: ${'x'.repeat(20_000)}\r\n\r\n`, '431'],
  ])('to what is not HTTP: %j', async (text, status) => {
    const { head, error } = await raw(text)
    expect(head.split(' ')[1]).toBe(status)
    expect(head).toMatch(/request-id: req_/)
    expect(error.type).toBe('invalid_request_error')
  })

  it('answers what is well-formed', async () => {
    const post = async (path: string, headers: Record<string, string>, body?: string) =>
      (await fetch(base + path, { method: 'POST', headers, body: body ?? null })).json()
    expect(await post('/v1/throw/nothing', FORM, 'a[]=b')).toEqual({ body: { a: ['b'] } })
    expect(await post('/v1/throw/nothing', FORM)).toEqual({ body: {} })
    expect(await post('/v2/throw/nothing', JSON_TYPE)).toEqual({ body: {} })
    expect(await post('/v2/throw/nothing', { 'content-type': 'application/json; charset=utf-8' }, '{"a":1}')).toEqual({
      body: { a: 1 },
    })
  })

  it('is the error the SDK expects', async () => {
    const stripe = new Stripe('sk_test_local', { host: '127.0.0.1', port, protocol: 'http', maxNetworkRetries: 0 })
    const failure = (path: string): Promise<unknown> =>
      stripe.rawRequest('GET', path).then(
        () => null,
        (error: unknown) => error,
      )
    expect(await failure('/v1/unknown')).toBeInstanceOf(Stripe.errors.StripeInvalidRequestError)
    expect(await failure('/v1/throw/missing')).toMatchObject({ code: 'resource_missing', param: 'id', statusCode: 404 })
    expect(await failure('/v2/throw/missing')).toBeInstanceOf(Stripe.errors.StripeInvalidRequestError)
    expect(await failure('/v2/throw/api')).toBeInstanceOf(Stripe.errors.TemporarySessionExpiredError)
    expect(await failure('/v1/throw/bug')).toBeInstanceOf(Stripe.errors.StripeAPIError)
  })
})

it('A client that left before it took anything of its answer is no failure of the service', async () => {
  const taken = new Writable({ write: () => undefined })
  const piping = pipeline(Readable.from(['answer']), taken).catch((error: unknown) => error)
  taken.destroy()
  const left = await piping
  expect(left).toMatchObject({ code: 'ERR_STREAM_PREMATURE_CLOSE' })
  expect(answerTo(left, { method: 'GET', url: '/v1/x' }).trouble).toBeNull()
  expect(answerTo(new Error('A bug.'), { method: 'GET', url: '/v1/x' }).trouble).toBe('bug')
})

describe('The codes of the domain', () => {
  it.each(Object.keys(answers) as ErrorCode[])('%s is a 4xx in both versions', (code) => {
    for (const url of ['/v1/x', '/v2/x']) {
      const { status, trouble } = answerTo(new DomainError(code, 'Refused.'), { method: 'POST', url })
      expect(status).toBe(code === 'resource_missing' ? 404 : 400)
      expect(trouble).toBeNull()
    }
  })
})
