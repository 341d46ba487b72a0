/** The bad-input list: what is refused, under which status, code and parameter, and with which advice. Nothing of it counts. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { ApiKeyRing } from '../../src/commands/api-key-ring.js'
import { randomIds, systemClock } from '../../src/commands/environment.js'
import { issueApiKey } from '../../src/commands/issue-api-key.js'
import { EmbeddedEventStore } from '../../src/event-store/embedded-event-store.js'
import { join } from 'node:path'
import { NOW } from '../controls.js'
import { FixedClock, seconds, startRunningService, stores, TEST_KEY, type RunningService } from '../running-service.js'

const FORM = 'application/x-www-form-urlencoded'
const JSON_TYPE = 'application/json'
const EVENTS = '/v1/billing/meter_events'
const V2_EVENTS = '/v2/billing/meter_events'
const DAY_S = 86_400
const TODAY = Math.floor(seconds(NOW) / DAY_S) * DAY_S

let service: RunningService
let meterId: string
let foreignKey: string
beforeAll(async () => {
  service = await startRunningService(stores[0], new FixedClock(NOW))
  const { billing } = service.stripe
  meterId = (
    await billing.meters.create({
      display_name: 'Tokens',
      event_name: 'tokens',
      default_aggregation: { formula: 'sum' },
    })
  ).id
  await billing.meterEvents.create({
    event_name: 'tokens',
    identifier: 'taken',
    payload: { stripe_customer_id: 'cus_A', value: '1' },
  })
  foreignKey = await keyOfAnotherAccount(service.dataDir)
})
afterAll(async () => {
  expect(await usage()).toEqual([1])
  await service.close()
})

/** Issued by another process, while the service runs. */
async function keyOfAnotherAccount(dataDir: string): Promise<string> {
  const store = new EmbeddedEventStore(join(dataDir, 'events.db'))
  try {
    const { key } = await issueApiKey(
      new ApiKeyRing(store, randomUUID),
      { account: 'other', mode: 'test', role: 'secret', name: 'other' },
      { clock: systemClock, ids: randomIds },
      { requestId: 'req_control', actor: 'system', idempotency: null },
    )
    return key
  } finally {
    await store.close()
  }
}

async function usage(): Promise<number[]> {
  const range = { customer: 'cus_A', start_time: TODAY, end_time: TODAY + DAY_S }
  const { data } = await service.stripe.billing.meters.listEventSummaries(meterId, range)
  return data.map(({ aggregated_value }) => aggregated_value)
}

interface Bad {
  readonly method?: string
  readonly path: string
  readonly body?: string | Buffer
  readonly type?: string
  readonly key?: string
}

type Refusal = readonly [status: number, code: string | undefined, param: string | undefined, message: string]

async function refusalOf({ method, path, body, type, key = TEST_KEY }: Bad): Promise<Refusal> {
  const response = await fetch(service.url + path.replace('METER', meterId), {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: { authorization: `Bearer ${key}`, ...(type === undefined ? {} : { 'content-type': type }) },
    body: body === undefined ? null : new Uint8Array(Buffer.from(body)),
  })
  const { error } = (await response.json()) as {
    error: { code?: string; param?: string; type: string; message: string }
  }
  expect(error.type).toBe('invalid_request_error')
  expect(response.headers.get('request-id')).toMatch(/^req_/)
  return [response.status, error.code, error.param, error.message]
}

/** A v1 meter event that would count, but for what is given. */
function event(changes: Record<string, string> = {}): Bad {
  const good = { event_name: 'tokens', 'payload[stripe_customer_id]': 'cus_A', 'payload[value]': '1' }
  return { path: EVENTS, type: FORM, body: new URLSearchParams({ ...good, ...changes }).toString() }
}

function rawEvent(body: string | Buffer): Bad {
  return { path: EVENTS, type: FORM, body }
}

function v2(body: string | Buffer): Bad {
  return { path: V2_EVENTS, type: JSON_TYPE, body }
}

function v2Event(changes: object): Bad {
  return v2(JSON.stringify({ event_name: 'tokens', payload: { stripe_customer_id: 'cus_A', value: '1' }, ...changes }))
}

function value(text: string): Bad {
  return event({ 'payload[value]': text })
}

function summaries(changes: Record<string, string>): Bad {
  const good = { customer: 'cus_A', start_time: String(TODAY), end_time: String(TODAY + DAY_S) }
  return { path: `/v1/billing/meters/METER/event_summaries?${new URLSearchParams({ ...good, ...changes }).toString()}` }
}

function refuses(what: string, table: readonly (readonly [string, () => Bad, ...Refusal])[]): void {
  describe(what, () => {
    it.each(table)('%s', async (_, bad, status, code, param, message) => {
      const refusal = await refusalOf(bad())
      expect(refusal).toEqual([status, code, param, expect.stringContaining(message)])
    })
  })
}

// A row each: what it is, the request, then status, code, param and advice of its refusal.
// prettier-ignore
refuses('A body that cannot be read', [
  ['a malformed percent escape', () => rawEvent('event_name=%zz'), 400, 'parameter_invalid', 'event_name', 'malformed percent escape'],
  ['a name with both a value and more names', () => rawEvent('payload=x&payload[value]=1'), 400, 'parameter_invalid', 'payload[value]', 'both as a value and as a hash'],
  ['brackets that do not match', () => rawEvent('payload[value=1'), 400, 'parameter_invalid', 'payload[value', 'unbalanced brackets'],
  ['bytes that are not UTF-8', () => rawEvent(Buffer.from('event_name=\xff', 'latin1')), 400, 'invalid_request', undefined, 'not valid UTF-8'],
  ['escapes that are not UTF-8', () => rawEvent('event_name=%ff'), 400, 'parameter_invalid', 'event_name', 'is not valid UTF-8'],
  ['a NUL character', () => event({ 'payload[note]': 'a\0b' }), 400, 'parameter_invalid', 'payload[note]', 'contains a NUL character'],
  ['half a JSON document', () => v2('{"event_name":'), 400, 'invalid_request', undefined, 'the body is not valid JSON'],
  ['a byte order mark', () => v2('\ufeff{}'), 400, 'invalid_request', undefined, 'the body is not valid JSON'],
  ['JSON that is no object', () => v2('[1]'), 400, 'invalid_request', undefined, 'must be a JSON object'],
  ['half a surrogate pair', () => v2Event({ identifier: '\ud800' }), 400, 'parameter_invalid', undefined, 'not well-formed Unicode'],
  ['JSON for v1', () => ({ path: EVENTS, type: JSON_TYPE, body: '{}' }), 415, 'content_type_invalid', undefined, `check that your POST content type is ${FORM}`],
  ['a form for v2', () => ({ path: V2_EVENTS, type: FORM, body: 'a=b' }), 415, 'content_type_invalid', undefined, `check that your POST content type is ${JSON_TYPE}`],
  ['no content type', () => ({ path: EVENTS, body: Buffer.from('a=b') }), 415, 'content_type_invalid', undefined, 'check that your POST content type'],
  ['more than a mebibyte', () => rawEvent('x'.repeat(1024 * 1024 + 1)), 413, 'request_too_large', undefined, 'Send less in one request'],
  ['a thousand and one parameters', () => rawEvent('a=1&'.repeat(1_001)), 400, 'invalid_request', undefined, 'at most 1000 parameters'],
])

// prettier-ignore
refuses('A parameter', [
  ['of the wrong type', () => v2Event({ event_name: 5 }), 400, 'parameter_invalid', undefined, 'Invalid event_name: must be a string'],
  ['that should be a hash', () => rawEvent('event_name=tokens&payload=x'), 400, 'parameter_invalid', 'payload', 'must be a hash'],
  ['within which is no text', () => event({ 'payload[value][x]': '1', 'payload[value]': '' }), 400, 'parameter_invalid', 'payload[value][x]', 'given both as'],
  ['nobody knows', () => event({ colour: 'red' }), 400, 'parameter_unknown', 'colour', 'Received unknown parameter: colour'],
  ['that is misspelt', () => event({ indentifier: 'x' }), 400, 'parameter_unknown', 'indentifier', 'Did you mean identifier?'],
  ['named __proto__', () => event({ '__proto__[x]': '1' }), 400, 'parameter_unknown', '__proto__', 'Received unknown parameter: __proto__'],
  ['named constructor', () => event({ 'constructor[prototype][x]': '1' }), 400, 'parameter_unknown', 'constructor', 'Received unknown parameter: constructor'],
  ['named __proto__ in JSON', () => v2('{"__proto__":{"event_name":"tokens"}}'), 400, 'parameter_unknown', undefined, 'Received unknown parameter: __proto__'],
  ['that is missing', () => rawEvent('payload[value]=1'), 400, 'parameter_missing', 'event_name', 'Missing required param: event_name'],
  ['that is empty', () => event({ event_name: '' }), 400, 'parameter_invalid_empty', 'event_name', 'supply a value'],
  ['that is too long: event_name', () => event({ event_name: 'x'.repeat(101) }), 400, 'parameter_too_long', 'event_name', 'at most 100 characters'],
  ['that is too long: identifier', () => event({ identifier: 'x'.repeat(101) }), 400, 'parameter_too_long', 'identifier', 'at most 100 characters'],
  ['that is too long: a payload value', () => event({ 'payload[note]': 'x'.repeat(501) }), 400, 'parameter_too_long', 'payload[note]', 'at most 500 characters'],
  ['that is too long: a payload key', () => event({ [`payload[${'k'.repeat(101)}]`]: 'x' }), 400, 'parameter_too_long', 'payload', 'at most 100 characters'],
  [
    'that is too long: display_name',
    () => ({
      path: '/v1/billing/meters',
      type: FORM,
      body: `display_name=${'x'.repeat(251)}&event_name=a&default_aggregation[formula]=sum`,
    }),
    400,
    'parameter_too_long',
    'display_name',
    'at most 250 characters',
  ],
  ['in the URL of a POST', () => ({ ...event(), path: `${EVENTS}?event_name=tokens` }), 400, 'parameter_invalid', 'event_name', 'Please move event_name there'],
  ['in the URL of a POST beside those of Stripe', () => ({ path: '/meterbook/v1/audits?meter=METER', type: FORM, body: '' }), 400, 'parameter_invalid', 'meter', 'Please move meter there'],
])

// prettier-ignore
refuses('A value', [
  ...['1e999', '1e15', '-1e15'].map((text) => [text, () => value(text), 400, 'meter_event_invalid_value', 'payload[value]', 'must be between -1000000000000000 and 1000000000000000'] as const),
  ...['NaN', 'Infinity', '0x10', ' 5', '5 ', '+5', '1,5', '.5', '5.', '1e', '--1', 'five'].map((text) => [JSON.stringify(text), () => value(text), 400, 'meter_event_invalid_value', 'payload[value]', 'must be a number such as 25, -4 or 0.5'] as const),
  ['of 16 digits', () => value('1234567890123456'), 400, 'meter_event_value_too_many_digits', 'payload[value]', 'at most 15 digits'],
  ['of 16 decimal places', () => value('1e-16'), 400, 'meter_event_value_too_many_digits', 'payload[value]', 'at most 15 decimal places'],
  ['that is not there', () => rawEvent('event_name=tokens&payload[stripe_customer_id]=cus_A'), 400, 'meter_event_invalid_value', 'payload[value]', 'must hold the value under the key value'],
  ['that is a JSON number', () => v2Event({ payload: { stripe_customer_id: 'cus_A', value: 1 } }), 400, 'parameter_invalid', undefined, 'payload[value]: must be a string'],
  ['without a customer', () => rawEvent('event_name=tokens&payload[value]=1'), 400, 'meter_event_no_customer_defined', 'payload[stripe_customer_id]', 'must name the customer'],
  ['of v2 without a customer', () => v2Event({ payload: { value: '1' } }), 400, 'payload_no_customer_defined', undefined, 'must name the customer'],
  ['of v2 that is not there', () => v2Event({ payload: { stripe_customer_id: 'cus_A' } }), 400, 'payload_no_value_defined', undefined, 'must hold the value under the key value'],
  ['of a meter there is not', () => event({ event_name: 'unknown' }), 400, 'no_meter', 'event_name', 'No active meter found for event name'],
  ['with a taken identifier', () => event({ identifier: 'taken' }), 400, undefined, 'identifier', 'An event already exists with identifier taken'],
])

// prettier-ignore
refuses('A timestamp', [
  ['more than 35 days back', () => event({ timestamp: String(seconds(NOW) - 35 * DAY_S - 1) }), 400, 'timestamp_too_far_in_past', 'timestamp', 'within the past 35 calendar days'],
  ['more than 5 minutes ahead', () => event({ timestamp: String(seconds(NOW) + 301) }), 400, 'timestamp_in_future', 'timestamp', 'at most 5 minutes in the future'],
  ['before 1970', () => event({ timestamp: '-1' }), 400, 'timestamp_too_far_in_past', 'timestamp', 'within the past 35'],
  ['beyond every calendar', () => event({ timestamp: '999999999999999' }), 400, 'parameter_invalid_integer', 'timestamp', 'Invalid integer for timestamp'],
  ...['1768471200.5', '1e9', 'now', '0x10', ' 5', '2026-01-15T10:00:00Z'].map((text) => [JSON.stringify(text), () => event({ timestamp: text }), 400, 'parameter_invalid_integer', 'timestamp', `Invalid integer for timestamp: ${text}`] as const),
  ['of v2 that is a number', () => v2Event({ timestamp: 1768471200 }), 400, 'parameter_invalid', undefined, 'such as 2026-01-15T10:00:00.000Z'],
  ['of v2 on 30 February', () => v2Event({ timestamp: '2026-02-30T10:00:00Z' }), 400, 'parameter_invalid', undefined, 'must be an RFC 3339 timestamp'],
])

// prettier-ignore
refuses('A summary', [
  ['from within a minute', () => summaries({ start_time: String(TODAY + 1) }), 400, 'parameter_invalid', 'start_time', 'start_time must be at a full minute'],
  ['to within a minute', () => summaries({ end_time: String(TODAY + 59) }), 400, 'parameter_invalid', 'end_time', 'end_time must be at a full minute'],
  ['by hour, from within one', () => summaries({ start_time: String(TODAY + 60), value_grouping_window: 'hour' }), 400, 'parameter_invalid', 'start_time', 'at a full hour (UTC) when value_grouping_window is hour'],
  ['by day, to within one', () => summaries({ end_time: String(TODAY + 3600), value_grouping_window: 'day' }), 400, 'parameter_invalid', 'end_time', 'at 00:00 UTC of a day'],
  ['by week', () => summaries({ value_grouping_window: 'week' }), 400, 'parameter_invalid', 'value_grouping_window', 'must be one of hour or day'],
  ['that ends before it begins', () => summaries({ end_time: String(TODAY - 60) }), 400, 'parameter_invalid', 'end_time', 'end_time must be after start_time'],
  ['over nothing', () => summaries({ end_time: String(TODAY) }), 400, 'parameter_invalid', 'end_time', 'end_time must be after start_time'],
  ['of an unknown dimension', () => summaries({ 'dimension_filters[model]': 'a' }), 400, 'parameter_invalid', 'dimension_filters[model]', 'model'],
  ['of nobody', () => ({ path: `/v1/billing/meters/METER/event_summaries?start_time=0&end_time=60` }), 400, 'parameter_missing', 'customer', 'Missing required param: customer'],
  ['after the cursor of another list', () => summaries({ starting_after: meterId }), 404, 'resource_missing', 'starting_after', 'No such item'],
])

// prettier-ignore
refuses('A list', [
  ['of no items', () => ({ path: '/v1/billing/meters?limit=0' }), 400, 'parameter_invalid_integer', 'limit', 'must be from 1 to 100'],
  ['of too many', () => ({ path: '/v1/billing/meters?limit=101' }), 400, 'parameter_invalid_integer', 'limit', 'must be from 1 to 100'],
  ['both ways', () => ({ path: '/v1/billing/meters?starting_after=METER&ending_before=METER' }), 400, 'parameters_exclusive', 'ending_before', 'only specify one of these'],
  ['after the cursor of another list', () => ({ path: '/v1/billing/meters?starting_after=mtrusg_test_1_a' }), 404, 'resource_missing', 'starting_after', 'No such item'],
])

// prettier-ignore
refuses('What is not there', [
  ['a meter', () => ({ path: '/v1/billing/meters/mtr_test_nobody' }), 404, 'resource_missing', 'id', "No such meter: 'mtr_test_nobody'"],
  ['a meter to rename', () => ({ path: '/v1/billing/meters/__proto__', type: FORM, body: 'display_name=x' }), 404, 'resource_missing', 'id', 'No such meter'],
  [
    'an event to cancel',
    () => ({
      path: '/v1/billing/meter_event_adjustments',
      type: FORM,
      body: 'event_name=tokens&type=cancel&cancel[identifier]=nobody',
    }),
    404,
    'resource_missing',
    'cancel[identifier]',
    'No meter event with identifier nobody',
  ],
  ['an event to look at', () => ({ path: '/meterbook/v1/meter_events/METER/nobody' }), 404, 'resource_missing', 'identifier', "No such meter event: 'nobody'"],
  ['an event to look at by name', () => ({ path: '/meterbook/v1/meter_event?meter=METER&identifier=nobody' }), 404, 'resource_missing', 'identifier', "No such meter event: 'nobody'"],
  ['an event without an identifier', () => ({ path: '/meterbook/v1/meter_event?meter=METER' }), 400, 'parameter_missing', 'identifier', 'Missing required param: identifier'],
  ["another account's meter", () => ({ path: '/v1/billing/meters/METER', key: foreignKey }), 404, 'resource_missing', 'id', 'No such meter'],
  ["another account's meter, to rename", () => ({ path: '/v1/billing/meters/METER', type: FORM, body: 'display_name=x', key: foreignKey }), 404, 'resource_missing', 'id', 'No such meter'],
  ["another account's summaries", () => ({ ...summaries({}), key: foreignKey }), 404, 'resource_missing', 'id', 'No such meter'],
  ["another account's event", () => ({ path: '/meterbook/v1/meter_events/METER/taken', key: foreignKey }), 404, 'resource_missing', 'meter', 'No such meter'],
  ["another account's event by name", () => ({ path: '/meterbook/v1/meter_event?meter=METER&identifier=taken', key: foreignKey }), 404, 'resource_missing', 'meter', 'No such meter'],
  ["another account's event name", () => ({ ...event(), key: foreignKey }), 400, 'no_meter', 'event_name', 'No active meter found'],
  [
    "another account's event, to cancel",
    () => ({
      path: '/v1/billing/meter_event_adjustments',
      type: FORM,
      body: 'event_name=tokens&type=cancel&cancel[identifier]=taken',
      key: foreignKey,
    }),
    404,
    'resource_missing',
    'cancel[identifier]',
    'No meter event',
  ],
  ['a path', () => ({ path: '/v1/billing/metres' }), 404, 'url_invalid', undefined, 'Unrecognized request URL (GET: /v1/billing/metres)'],
  ['a path of v2', () => ({ path: '/v2/billing/metres' }), 404, 'not_found', undefined, 'Please check the method and the path'],
  ['a method', () => ({ method: 'DELETE', path: '/v1/billing/meters/METER' }), 404, 'url_invalid', undefined, 'Unrecognized request URL (DELETE'],
  ['a path with a malformed escape', () => ({ path: '/v1/billing/meters/%zz' }), 400, 'url_invalid', undefined, 'percent escape'],
  ['a path with a NUL character', () => ({ path: '/v1/billing/meters/mtr_%00' }), 400, 'parameter_invalid', 'id', 'contains a NUL character'],
  ['a customer with a NUL character', () => ({ path: '/meterbook/v1/customers/%00/usage?start_time=0&end_time=60' }), 400, 'parameter_invalid', 'customer', 'contains a NUL character'],
])

// prettier-ignore
refuses('A key', [
  ['nobody has', () => ({ path: '/v1/billing/meters', key: 'sk_test_nobody' }), 401, 'unauthenticated', undefined, 'Invalid API Key provided'],
  ['that is empty', () => ({ path: '/v1/billing/meters', key: '' }), 401, 'unauthenticated', undefined, 'API'],
])
