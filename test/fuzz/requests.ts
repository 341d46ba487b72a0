/** Requests of every bad kind, from random numbers alone. */
import { rawRequest, type ExchangeOptions } from '../raw-http.js'
import type { Random } from '../random.js'
import { TEST_KEY } from '../running-service.js'

export interface FuzzRequest extends ExchangeOptions {
  readonly bytes: Buffer
  /** Whether the service may close the connection without a word: nothing it could answer was sent. */
  readonly mayBeSilent?: boolean
}

const KEY = `Authorization: Bearer ${TEST_KEY}`
const FORM = 'Content-Type: application/x-www-form-urlencoded'
const JSON_TYPE = 'Content-Type: application/json'

export const METER_EVENT = '/v1/billing/meter_events'
const forms: readonly (readonly [path: string, body: string])[] = [
  [
    '/v1/billing/meters',
    'display_name=Fuzz&event_name=fuzz&default_aggregation[formula]=sum&customer_mapping[event_payload_key]=c&customer_mapping[type]=by_id&value_settings[event_payload_key]=v&event_time_window=hour&dimension_payload_keys[]=model',
  ],
  ['/v1/billing/meters/METER', 'display_name=Renamed'],
  ['/v1/billing/meters/METER/deactivate', 'expand[]=x'],
  [
    METER_EVENT,
    'event_name=fuzz_tokens&payload[stripe_customer_id]=cus_1&payload[value]=25&identifier=i1&timestamp=1768471200',
  ],
  ['/v1/billing/meter_event_adjustments', 'event_name=fuzz_tokens&type=cancel&cancel[identifier]=i1'],
]
const documents: readonly (readonly [path: string, body: string])[] = [
  [
    '/v2/billing/meter_events',
    '{"event_name":"fuzz_tokens","payload":{"stripe_customer_id":"cus_1","value":"25"},"identifier":"i2","timestamp":"2026-01-15T10:00:00.000Z"}',
  ],
  [
    '/meterbook/v1/meters/preview',
    '{"display_name":"P","event_name":"p","default_aggregation":{"formula":"sum"},"sample_events":[{"payload":{"stripe_customer_id":"c","value":"1"},"timestamp":1768471200}],"compare_to":"METER"}',
  ],
  ['/v2/billing/meter_event_adjustments', '{"event_name":"fuzz_tokens","type":"cancel","cancel":{"identifier":"i2"}}'],
]
const queries: readonly (readonly [path: string, query: string])[] = [
  ['/v1/billing/meters', 'limit=3&status=active&starting_after=METER'],
  ['/v1/billing/meters/METER', 'expand[]=x'],
  [
    '/v1/billing/meters/METER/event_summaries',
    'customer=cus_1&start_time=1768435200&end_time=1768521600&value_grouping_window=hour&limit=5&starting_after=mtrusg_test_1_a&dimension_filters[model]=a&dimension_group_by_keys[]=model',
  ],
  [
    '/meterbook/v1/meter_events',
    'limit=5&meter=METER&customer=cus_1&status=recorded&timestamp[gte]=0&created[lt]=1768521600',
  ],
  ['/meterbook/v1/meter_events/METER/i1', ''],
  ['/meterbook/v1/meter_event', 'meter=METER&identifier=i1'],
  ['/meterbook/v1/meter_activity', 'meter=METER'],
  ['/meterbook/v1/meters/METER/history', 'limit=2&starting_after=mtrchg_1'],
  [
    '/meterbook/v1/meters/METER/explain',
    'customer=cus_1&start_time=1768435200&end_time=1768521600&as_of=1768471200&limit=5&starting_after=METER.i1&dimension_filters[model]=a',
  ],
  ['/meterbook/v1/meter_events', 'as_of_position=1&limit=2'],
  ['/meterbook/v1/meter_events', 'include=fate&limit=2'],
  [
    '/meterbook/v1/meters/METER/usage',
    'start_time=1768435200&end_time=1768521600&value_grouping_window=hour&customer=cus_1&as_of=1768471200&dimension_filters[model]=a&dimension_group_by_keys[]=model',
  ],
  [
    '/meterbook/v1/meters/METER/customers',
    'start_time=1768435200&end_time=1768521600&order=-value&limit=5&starting_after=cus_1&search=c&format=csv&dimension_filters[model]=a',
  ],
  ['/meterbook/v1/customers/cus_1/usage', 'start_time=1768435200&end_time=1768521600&as_of_position=1'],
  ['/meterbook/v1/customer_usage', 'customer=cus_1&start_time=1768435200&end_time=1768521600&as_of_position=1'],
]
const methods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND', 'LINK', 'M-SEARCH']
const odd = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '__proto__[polluted]=1',
  'constructor[prototype][polluted]=1',
  '%00',
  '\0',
  '%ff%fe',
  '\xff\xfe',
  '%',
  '%zz',
  '%u0000',
  '%ed%a0%80',
  '\\ud800',
  '\\u0000',
  '1e999',
  'NaN',
  '-Infinity',
  '0x10',
  ' 5',
  '+5',
  '5 ',
  '1234567890123456',
  '0.0000000000000001',
  '-0',
  '9'.repeat(400),
  '-1',
  '1.5',
  '253402300800',
  '9007199254740993',
  '99999999999999999999',
  '2026-02-30T25:61:00Z',
  '../../../../etc/passwd',
  '..%2f..%2f',
  'mtrusg_test_zzzzzzzzzzz_0',
  'mtrusg_test_-zzzzzzzzzzz_ff',
  'mtr_test_nobody',
  "'; DROP TABLE events; --",
  '[',
  ']',
  '[]',
  '[][]',
  '[0]',
  '[4294967295]',
  '[7]',
  'payload[7]=x',
  'payload[0]=x',
  '[-1]',
  '=',
  '&',
  '&&&',
  '{}',
  'null',
  '[1]',
  '"',
  '\u00e9',
  '\r\n',
  'x'.repeat(5_000),
  'a[b]'.repeat(40),
]

export const kinds: Readonly<Record<string, (random: Random, meter: string) => FuzzRequest>> = {
  'random bytes': (random) => ({
    bytes: random.bytes(random.integer(1, 2_000)),
    then: 'half-close',
    mayBeSilent: true,
  }),
  'a random body': (random, meter) => {
    const [path] = random.pick([...forms, ...documents])
    const type = path.startsWith('/v2') ? JSON_TYPE : FORM
    return post(path.replace('METER', meter), [KEY, type], random.bytes(random.integer(1, 3_000)).toString('latin1'))
  },
  'a mutated form': (random, meter) => {
    const [path, body] = random.pick(forms)
    return post(path.replace('METER', meter), [KEY, FORM], mutate(random, body))
  },
  'mutated JSON': (random) => {
    const [path, body] = random.pick(documents)
    return post(path, [KEY, JSON_TYPE], mutate(random, body))
  },
  'JSON of other types': (random) => {
    const [path, body] = random.pick(documents)
    return post(path, [KEY, JSON_TYPE], otherTypes(random, body))
  },
  'a mutated query': (random, meter) => {
    const [path, query] = random.pick(queries)
    const target = `${path.replace('METER', meter)}?${mutate(random, query.replace('METER', meter))}`
    return plain(rawRequest('GET', inTarget(target), [KEY]))
  },
  'a mutated path': (random, meter) => {
    const [path] = random.pick([...queries, ...forms])
    const target = mutate(random, path.replace('METER', meter))
    return { ...plain(rawRequest('GET', inTarget(target), [random.pick([KEY, 'X: y'])])), mayBeSilent: true }
  },
  'a wrong method, type or path': (random, meter) => {
    const [path, body] = random.pick([...forms, ...documents, ...queries])
    const type = random.pick([
      FORM,
      JSON_TYPE,
      'Content-Type: text/plain',
      'Content-Type: ;',
      'Content-Type: a/b;c="',
      'X: y',
    ])
    const target = random.chance(0.7)
      ? path.replace('METER', meter)
      : random.pick(['/', '/v1', '/v3/x', '/docs/..', '*'])
    return plain(rawRequest(random.pick(methods), target, [random.pick([KEY, 'X: y']), type], body))
  },
  'odd headers': (random) => {
    const value = random.pick([headerText(random), random.pick(odd).replace(/[\r\n\0]/g, ''), ''])
    const name = random.pick([
      'Authorization',
      'Idempotency-Key',
      'Stripe-Version',
      'Meterbook-Min-Position',
      'Content-Length',
      'Transfer-Encoding',
      'Host',
      'Expect',
      'Upgrade',
      'Content-Type',
      'Connection',
    ])
    const headers = [name === 'Authorization' ? 'X: y' : KEY, FORM, `${name}: ${value}`]
    if (random.chance(0.3)) headers.push(`${name}: ${headerText(random)}`)
    // An unknown event name, so that nothing is recorded whatever the headers do.
    return {
      ...plain(rawRequest('POST', METER_EVENT, headers, 'event_name=unknown')),
      then: 'half-close',
      mayBeSilent: true,
    }
  },
  'a malformed key': (random) => {
    const credentials = random.pick([
      'Bearer',
      'Bearer ',
      'Basic',
      'Basic ====',
      `Basic ${headerText(random)}`,
      `bearer  ${TEST_KEY}x`,
      `Token ${TEST_KEY}`,
      'Bearer undefined',
      `Bearer ${'k'.repeat(9_000)}`,
      `Basic ${Buffer.from(`:${TEST_KEY}`).toString('base64')}`,
      `Bearer ${headerText(random)}`,
    ])
    return plain(rawRequest('GET', '/v1/billing/meters', [`Authorization: ${credentials}`]))
  },
  'too much of it': (random) => {
    const body = random.pick([
      () => 'x'.repeat(1024 * 1024 + random.integer(1, 100_000)),
      () => Array.from({ length: random.integer(1_001, 20_000) }, (_, index) => `p${index}=1`).join('&'),
      () => `payload${'[a]'.repeat(random.integer(8, 2_000))}=1`,
      () => `event_name=unknown&payload[${'k'.repeat(random.integer(101, 9_000))}]=1`,
      () => `event_name=unknown${Array.from({ length: 600 }, (_, index) => `&expand[${index}]=x`).join('')}`,
      () => `event_name=unknown&${'payload[__proto__][__proto__]=x&'.repeat(300)}`,
    ])()
    return post(METER_EVENT, [KEY, FORM], body)
  },
  'deep JSON': (random) => {
    const depth = random.integer(10, 50_000)
    const body = random.pick([
      () => '['.repeat(depth) + ']'.repeat(depth),
      () => '{"payload":'.repeat(depth) + '1' + '}'.repeat(depth),
      () => `{"event_name":"unknown","payload":${'{"a":'.repeat(depth)}`,
      () => `{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"event_name":"unknown"}`,
    ])()
    return post('/v2/billing/meter_events', [KEY, JSON_TYPE], body)
  },
  chunks: (random) => {
    const chunk = (): string => {
      const text = 'a=b&'.repeat(random.integer(1, 50))
      const size = random.pick([
        text.length.toString(16),
        text.length.toString(16),
        'zz',
        '-1',
        '0x5',
        'ffffffffffffffff',
        '',
        `${text.length.toString(16)};ext=1`,
      ])
      return `${size}\r\n${text}\r\n`
    }
    const chunks = Array.from({ length: random.integer(0, 8) }, chunk).join('')
    const head = ['POST ' + METER_EVENT + ' HTTP/1.1', 'Host: a', KEY, FORM, 'Transfer-Encoding: chunked']
    return {
      bytes: latin1(`${head.join('\r\n')}\r\n\r\n${chunks}${random.pick(['0\r\n\r\n', '', '0\r\nX: y\r\n\r\n'])}`),
      then: 'half-close',
      mayBeSilent: true,
    }
  },
  'half a request': (random) => {
    const whole = rawRequest('POST', METER_EVENT, [KEY, FORM], 'event_name=unknown&payload[value]=1')
    return {
      bytes: latin1(whole.slice(0, random.integer(0, whole.length - 1))),
      then: random.pick(['half-close', 'hang-up'] as const),
      mayBeSilent: true,
    }
  },
  'a pipeline': (random, meter) => {
    const count = random.integer(2, 20)
    const requests = Array.from({ length: count }, () => {
      const [path, query] = random.pick(queries)
      return rawRequest('GET', `${path.replace('METER', meter)}?${query.replace('METER', meter)}`, [
        random.pick([KEY, KEY, 'X: y']),
      ])
    })
    return { bytes: latin1(requests.join('')), answers: count }
  },
}

function plain(text: string): FuzzRequest {
  return { bytes: latin1(text) }
}

function post(path: string, headers: readonly string[], body: string): FuzzRequest {
  return plain(rawRequest('POST', path, headers, body))
}

function latin1(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

/** What would end the request line is left out: then it would be another request, not another target. */
function inTarget(text: string): string {
  return text.replace(/[\s\0]/g, '')
}

/** Any byte a header may hold, and a few it may not. */
function headerText(random: Random): string {
  return Array.from({ length: random.integer(0, 60) }, () =>
    String.fromCharCode(random.chance(0.02) ? random.integer(1, 31) : random.integer(32, 255)),
  )
    .join('')
    .replace(/[\r\n]/g, '')
}

function mutate(random: Random, text: string): string {
  let mutated = text
  for (let change = random.integer(1, 4); change > 0; change--) {
    const at = random.integer(0, mutated.length)
    const to = random.integer(at, Math.min(mutated.length, at + 20))
    const piece = random.pick([
      '',
      random.pick(odd),
      String.fromCharCode(random.integer(0, 255)),
      mutated.slice(at, to).repeat(2),
      `&${random.pick(odd)}=${random.pick(odd)}`,
    ])
    // A whole value, as often as any stretch of text.
    const value = /=[^&]*/.exec(mutated.slice(at))
    if (value && random.chance(0.4)) {
      const start = at + value.index + 1
      mutated = mutated.slice(0, start) + random.pick(odd) + mutated.slice(start + value[0].length - 1)
    } else {
      mutated = mutated.slice(0, at) + piece + mutated.slice(to)
    }
  }
  return mutated
}

/** The document with some of its values of another type, or under another name. */
function otherTypes(random: Random, text: string): string {
  const values = [
    'null',
    'true',
    '0',
    '-1',
    '1e400',
    '1.5',
    '[]',
    '{}',
    '""',
    '"x"',
    '[[]]',
    '{"__proto__":{"a":1}}',
    '"\\ud800"',
    '"\\u0000"',
  ]
  return text.replace(/"([^"]*)"(:?)/g, (whole, name: string, colon: string) => {
    if (!random.chance(0.2)) return whole
    return colon === '' ? random.pick(values) : `"${random.pick([name, '__proto__', 'constructor', 'Payload', ''])}":`
  })
}
