/** Requests that Node, the router or a proxy would read in more than one way: whatever they are, they meet key and envelope. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { exchange, rawRequest, type ExchangeOptions, type RawAnswer } from '../raw-http.js'
import { startRunningService, stores, TEST_KEY, type RunningService } from '../running-service.js'

const KEY = `Authorization: Bearer ${TEST_KEY}`
const FORM = 'Content-Type: application/x-www-form-urlencoded'
const BIG = 64 * 1024 * 1024

let service: RunningService
beforeAll(async () => {
  service = await startRunningService(stores[0])
})
afterAll(() => service.close())

async function send(request: string, options?: ExchangeOptions): Promise<RawAnswer> {
  const { answers } = await exchange(service.port, request, options)
  expect(answers).toHaveLength(1)
  const [answer] = answers as [RawAnswer]
  expect(answer.headers.get('request-id')).toMatch(/^req_/)
  return answer
}

function errorOf({ body }: RawAnswer): Record<string, string> {
  return (JSON.parse(body.toString()) as { error: Record<string, string> }).error
}

describe('A path', () => {
  const spellings = [
    '/v1/billing/meters',
    '/%761/billing/meters',
    '/%76%31/billing/meters',
    '/v1/billing/%6D%65ters',
    'http://meterbook/v1/billing/meters',
    'HTTPS://other.example:1/%761/billing/meters',
    '/v1/billing/meters?limit=1',
  ]

  it.each(spellings)('is the same spelt %s: refused without a key', async (path) => {
    const answer = await send(rawRequest('GET', path))
    expect(answer.status).toBe(401)
    expect(errorOf(answer)).toMatchObject({ type: 'invalid_request_error', code: 'unauthenticated' })
  })

  it.each(spellings)('is the same spelt %s: answered with one', async (path) => {
    const answer = await send(rawRequest('GET', path, [KEY]))
    expect(answer.status).toBe(200)
    expect(JSON.parse(answer.body.toString())).toMatchObject({ object: 'list', url: '/v1/billing/meters' })
  })

  it.each([
    '//v1/billing/meters',
    '/v1//billing/meters',
    '/v1/../v1/billing/meters',
    '/v1/%2e%2e/v1/billing/meters',
    '/./v1/billing/meters',
    '/V1/billing/meters',
    '/v1/Billing/Meters',
    '/v1/billing/meters/',
    '/v1%2Fbilling/meters',
    '/v1/billing%2fmeters',
    '/%2576%2531/billing/meters',
    '/v1;/billing/meters',
    '/v1/billing/meters;a=b',
    '/v1?/billing/meters',
    '/healthz/../v1/billing/meters',
    '*',
  ])('%s is another one, and there is nothing', async (path) => {
    for (const headers of [[], [KEY]]) {
      const answer = await send(rawRequest('GET', path, headers))
      expect([401, 404]).toContain(answer.status)
      if (headers.length > 0) {
        expect(answer.status).toBe(404)
        expect(errorOf(answer)).toMatchObject({ type: 'invalid_request_error', code: 'url_invalid' })
      }
    }
  })

  it.each(['/%%37%361/billing/meters', '/%7%361/billing/meters', '/v1/billing/meters/%%34%31'])(
    '%s has no escape in it, and does not come to have one',
    async (path) => {
      const answer = await send(rawRequest('POST', path, [KEY, 'Content-Type: application/json'], '{}'))
      expect(answer.status).toBe(400)
      expect(errorOf(answer)).toMatchObject({ type: 'invalid_request_error', code: 'url_invalid' })
    },
  )

  it.each(['http://meterbook', 'http://meterbook?/v1/billing/meters'])('%s is the page, for anyone', async (path) => {
    const answer = await send(rawRequest('GET', path))
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
  })

  it('keeps an escaped slash within a name', async () => {
    const answer = await send(rawRequest('GET', '/v1/billing/meters/a%2Fdeactivate', [KEY]))
    expect(answer.status).toBe(404)
    expect(errorOf(answer)).toMatchObject({ code: 'resource_missing', message: "No such meter: 'a/deactivate'." })
  })

  it('of v2 has the envelope of v2 and takes JSON, however it is spelt', async () => {
    const headers = [KEY, 'Content-Type: application/json']
    for (const path of ['/v2/billing/meter_events', '/%762/billing/meter_events', 'http://a/v2/billing/meter_events']) {
      const answer = await send(rawRequest('POST', path, headers, '{"payload":{}}'))
      expect(answer.status).toBe(400)
      expect(Object.keys(errorOf(answer))[0]).toBe('code')
    }
  })
})

describe('A method', () => {
  it.each(['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'SEARCH'])('%s is no way in', async (method) => {
    expect((await send(rawRequest(method, '/v1/billing/meters'))).status).toBe(401)
    const answer = await send(rawRequest(method, '/v1/billing/meters', [KEY]))
    expect(answer.status).toBe(404)
    expect(errorOf(answer).message).toBe(
      `Unrecognized request URL (${method}: /v1/billing/meters). Please check the method and the path.`,
    )
  })

  it('HEAD is GET without the body, and needs the key', async () => {
    const head = (headers: string[]) => send(rawRequest('HEAD', '/v1/billing/meters', headers), { isHead: true })
    expect((await head([])).status).toBe(401)
    expect((await head([KEY])).status).toBe(200)
  })

  it('CONNECT finds no proxy', async () => {
    const answer = await send('CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n')
    expect(answer.status).toBe(405)
    expect(errorOf(answer).type).toBe('invalid_request_error')
  })
})

describe('An expectation', () => {
  it('other than 100-continue is refused in the envelope', async () => {
    const answer = await send(rawRequest('POST', '/v1/billing/meters', [KEY, FORM, 'Expect: foo'], 'a=b'))
    expect(answer.status).toBe(417)
    expect(errorOf(answer)).toEqual({
      type: 'invalid_request_error',
      message: 'The only expectation the service can meet is 100-continue. Leave Expect out.',
      code: 'expectation_failed',
    })
  })

  it('of 100-continue is met', async () => {
    const answer = await send(rawRequest('POST', '/v1/billing/meters', [KEY, FORM, 'Expect: 100-continue'], 'a=b'))
    expect(errorOf(answer).code).toBe('parameter_unknown')
  })
})

describe('A body', () => {
  it('is not waited for where the key is refused', async () => {
    const head = `POST /v1/billing/meter_events HTTP/1.1\r\nHost: a\r\n${FORM}\r\nContent-Length: ${BIG}\r\n\r\n`
    const answer = await send(`${head}event_name=`)
    expect(answer.status).toBe(401)
  })

  it('is not waited for where it is said to be too large', async () => {
    const head = `POST /v1/billing/meter_events HTTP/1.1\r\nHost: a\r\n${KEY}\r\n${FORM}\r\nContent-Length: ${BIG}\r\n\r\n`
    const answer = await send(`${head}event_name=`)
    expect(answer.status).toBe(413)
    expect(errorOf(answer).code).toBe('request_too_large')
    expect(answer.headers.get('connection')).toBe('close')
  })

  it.each([
    ['/nowhere', []],
    ['/v1/nowhere', [KEY]],
    ['/healthz', []],
  ])('is not waited for where nothing takes it: %s', async (path, headers) => {
    const head = ['Host: a', FORM, `Content-Length: ${BIG}`, ...headers]
    const answer = await send(`POST ${path} HTTP/1.1\r\n${head.join('\r\n')}\r\n\r\nevent_name=`)
    expect(answer.status).toBe(404)
    expect(errorOf(answer).code).toBe('url_invalid')
  })

  it('of a request that is refused does not get into the way of the next one', async () => {
    const body = `a=${'b'.repeat(500_000)}`
    const refused = rawRequest('POST', '/nowhere', [FORM], body)
    const { answers } = await exchange(service.port, refused + rawRequest('GET', '/healthz'), { answers: 2 })
    expect(answers.map(({ status }) => status)).toEqual([404, 200])
  })

  it('is short where it asks to sign in', async () => {
    const signIn = (length: number): Promise<RawAnswer> =>
      send(rawRequest('POST', '/meterbook/v1/session', [FORM], `api_key=${'+'.repeat(length)}`))
    expect((await signIn(4 * 1024)).status).toBe(413)
    expect((await signIn(2 * 1024)).status).not.toBe(413)
  })

  it.each(['gzip', 'br', 'x-odd'])('that is encoded as %s is refused, and the encoding is named', async (encoding) => {
    const answer = await send(
      rawRequest('POST', '/v1/billing/meter_events', [KEY, FORM, `Content-Encoding: ${encoding}`], '\x1f\x8b\x08'),
    )
    expect(answer.status).toBe(415)
    expect(answer.headers.get('accept-encoding')).toBe('identity')
    expect(errorOf(answer)).toEqual({
      type: 'invalid_request_error',
      message: `Invalid request: the body has the Content-Encoding ${encoding}. Send it unencoded.`,
      code: 'content_type_invalid',
    })
  })

  it.each(['gzip, chunked', 'deflate, chunked'])('that is encoded on its way as %s is refused', async (encoding) => {
    const head = ['POST /v1/billing/meters HTTP/1.1', 'Host: x', KEY, FORM, `Transfer-Encoding: ${encoding}`]
    const answer = await send(`${head.join('\r\n')}\r\n\r\n3\r\na=b\r\n0\r\n\r\n`)
    expect(answer.status).toBe(415)
    expect(errorOf(answer)).toEqual({
      type: 'invalid_request_error',
      message: `Invalid request: the body has the Transfer-Encoding ${encoding}. Send it unencoded.`,
      code: 'content_type_invalid',
    })
  })

  it.each([
    ['/v1/billing/meters', 'application/x-www-form-urlencoded; charset=iso-8859-1', 'iso-8859-1'],
    ['/v2/billing/meter_events', 'application/json; charset=utf-16', 'utf-16'],
    ['/v2/billing/meter_events', 'application/json;  boundary=x; Charset="Shift_JIS" ; q=1', '"Shift_JIS"'],
  ])('of %s that says it is not in UTF-8 is refused (%s)', async (path, type, charset) => {
    const answer = await send(rawRequest('POST', path, [KEY, `Content-Type: ${type}`], '{}'))
    expect(answer.status).toBe(415)
    expect(errorOf(answer)).toMatchObject({ code: 'content_type_invalid' })
    expect(errorOf(answer).message).toBe(`Invalid request: the body has the charset ${charset}. Send it in UTF-8.`)
  })

  it.each([
    ['Content-Encoding: identity', FORM],
    ['Transfer-Encoding: Chunked', FORM],
    ['X-Odd: 1', `${FORM}; charset=utf-8`],
    ['X-Odd: 1', `${FORM};charset="UTF-8"`],
    ['X-Odd: 1', `${FORM}; charset=utf8`],
    ['X-Odd: 1', `${FORM}; charset=us-ascii`],
    ['X-Odd: 1', `${FORM}; boundary=1`],
  ])('may say that it is as it is due (%s, %s)', async (header, type) => {
    const isChunked = header.includes('Chunked')
    const bytes = isChunked
      ? `POST /v1/billing/meters HTTP/1.1\r\nHost: x\r\n${KEY}\r\n${type}\r\n${header}\r\n\r\n3\r\na=b\r\n0\r\n\r\n`
      : rawRequest('POST', '/v1/billing/meters', [KEY, type, header], 'a=b')
    expect(errorOf(await send(bytes)).code).toBe('parameter_unknown')
  })

  it('is where a POST has its parameters, not the URL', async () => {
    const target = '/v1/billing/meter_events?event_name=tokens'
    const answer = await send(rawRequest('POST', target, [KEY, FORM], 'payload[value]=1'))
    expect(answer.status).toBe(400)
    expect(errorOf(answer)).toEqual({
      type: 'invalid_request_error',
      message: 'A POST takes its parameters in its body, not in the URL. Please move event_name there.',
      code: 'parameter_invalid',
      param: 'event_name',
    })
  })

  it('is not where a GET has its parameters', async () => {
    const target = '/v1/billing/meters?limit=1'
    const answer = await send(rawRequest('GET', target, [KEY, FORM], 'status=inactive'))
    expect(answer.status).toBe(400)
    expect(errorOf(answer)).toEqual({
      type: 'invalid_request_error',
      message: 'A GET takes its parameters in its URL, not in a body. Please move them there.',
      code: 'parameter_invalid',
    })
    const head = await send(rawRequest('HEAD', target, [KEY, FORM], 'status=inactive'), { isHead: true })
    expect(head.status).toBe(400)
  })

  it.each([
    ['empty', rawRequest('GET', '/v1/billing/meters', [KEY, FORM, 'Content-Length: 0'])],
    [
      'empty, in chunks',
      `GET /v1/billing/meters HTTP/1.1\r\nHost: x\r\n${KEY}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['where none has parameters', rawRequest('GET', '/healthz', [FORM], 'a=b')],
  ])('may come with a GET: %s', async (_, request) => {
    expect((await send(request)).status).toBe(200)
  })
})

it('A flood of unknown keys is refused, and a known one is answered meanwhile', async () => {
  const flood = Array.from({ length: 300 }, (_, index) =>
    send(rawRequest('GET', '/v1/billing/meters', [`Authorization: Bearer sk_test_unknown${index}`])),
  )
  expect((await send(rawRequest('GET', '/v1/billing/meters', [KEY]))).status).toBe(200)
  for (const answer of await Promise.all(flood)) expect(answer.status).toBe(401)
})
