/** What the stream refuses is data: it is seen, counted, reported, and counts once its cause is mended. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { pino } from 'pino'
import type Stripe from 'stripe'
import type { JsonValue } from '../../src/domain/json.js'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/time-bucket.js'
import type { NewEvent } from '../../src/event-store/event-store.js'
import { openEventStore } from '../../src/event-store/open-event-store.js'
import { rejectionsStream } from '../../src/event-store/streams.js'
import { NOW, uniqueName } from '../controls.js'
import { cancel, createMeter, CUSTOMER, total, type Meter } from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import {
  FixedClock,
  onEachStore,
  seconds,
  startRunningService,
  stores,
  TEST_KEY,
  type RunningService,
} from '../running-service.js'

interface Rejection {
  readonly id: string
  readonly code: string
  readonly identifier: string
  readonly index: number
  readonly status: string
  readonly meter: string | null
  readonly event_name: string | null
  readonly event: unknown
  readonly usage_record: string | null
}

const PATH = '/meterbook/v1/rejections'

describe('Rejections of earlier versions', () => {
  let service: RunningService
  beforeAll(async () => {
    service = await startRunningService(stores[0], new FixedClock())
  })
  afterAll(() => service.close())

  it('are not taken for events without a time or an identifier where a number was lost', async () => {
    const { stripe } = service
    const meter = await createMeter(stripe)
    const { event_name } = meter
    const payload = { stripe_customer_id: CUSTOMER, value: '1' }
    const mistakes: { event: JsonValue; message: string }[] = [
      { event: { event_name, payload, timestamp: null }, message: 'The timestamp must be an RFC 3339 text.' },
      { event: { event_name, payload, identifier: null }, message: 'identifier must be a string.' },
      { event: { event_name, payload, timestamp: null, identifier: null }, message: 'No active meter found.' },
    ]
    const events = mistakes.map(({ event, message }, index): NewEvent => {
      const code = index === 2 ? 'no_meter' : 'parameter_invalid'
      const data = { eventName: event_name, meterId: null, identifier: `old-${index}`, code, message, event, index }
      const metadata = { schema: 1, correlationId: 'req_1', causationId: 'req_1', actor: 'key_1' }
      return { id: randomUUID(), type: 'UsageRejected', data: { ...data, receivedAt: NOW }, metadata }
    })
    const store = await openEventStore('embedded:', service.dataDir, pino({ level: 'silent' }))
    await store.append([{ stream: rejectionsStream('default~test'), expectedRevision: 0, events }])
    await store.close()
    await service.restart()
    const retryAll = await service.stripe.rawRequest('POST', `${PATH}/retry`, { event_name })
    expect(retryAll).toMatchObject({ retried: 3, counted: 1, still_rejected: 2 })
    const { data } = (await service.stripe.rawRequest('GET', PATH)) as unknown as { data: Rejection[] }
    expect(data.map(({ identifier, status }) => [identifier, status])).toEqual([
      ['old-2', 'resolved'],
      ['old-1', 'open'],
      ['old-0', 'open'],
    ])
    expect(data.map(({ event }) => event)).toEqual(mistakes.map(({ event }) => event).reverse())
    expect(await total(service.stripe, meter)).toBe('1')
  })
})

onEachStore('Rejections', (start) => {
  let service: RunningService
  let clock: FixedClock
  let stripe: Stripe
  beforeAll(async () => {
    clock = new FixedClock()
    service = await start(clock)
    stripe = service.stripe
  })
  afterAll(() => service.close())

  /** Streams with a session of its own, as the clock may have passed the end of another. */
  async function stream(events: readonly unknown[], client = stripe): Promise<void> {
    const { authentication_token } = await client.v2.billing.meterEventSession.create()
    await service.client(authentication_token).v2.billing.meterEventStream.create({ events } as never)
  }

  /** As no client writes it: the events as JSON. Answers the status and the body. */
  async function streamJson(events: string): Promise<[number, unknown]> {
    const { authentication_token } = await stripe.v2.billing.meterEventSession.create()
    const response = await fetch(`${service.url}/v2/billing/meter_event_stream`, {
      method: 'POST',
      headers: { authorization: `Bearer ${authentication_token}`, 'content-type': 'application/json' },
      body: `{"events":[${events}]}`,
    })
    return [response.status, await response.json()]
  }

  function event(eventName: string, value: string, more: object = {}) {
    return { event_name: eventName, payload: { stripe_customer_id: CUSTOMER, value }, ...more }
  }

  async function get<T>(path: string, client = stripe): Promise<T> {
    return (await client.rawRequest('GET', `${PATH}${path}`)) as T
  }

  async function rejections(query: Record<string, string>, client = stripe): Promise<Rejection[]> {
    const { data } = await get<{ data: Rejection[] }>(`?${new URLSearchParams(query).toString()}`, client)
    return data
  }

  function retry(id: string, client = stripe, options: { idempotencyKey?: string } = {}): Promise<unknown> {
    return client.rawRequest('POST', `${PATH}/${id}/retry`, {}, options)
  }

  function retryAll(parameters: object, client = stripe): Promise<unknown> {
    return client.rawRequest('POST', `${PATH}/retry`, parameters)
  }

  async function countOf(meter: Pick<Meter, 'id'>): Promise<object> {
    return get(`/counts?meter=${meter.id}`)
  }

  describe('of an event without a meter', () => {
    it('count once, at their own time, after the meter was created', async () => {
      const event_name = uniqueName('event_')
      const happened = NOW - 3 * DAY_MS
      const timestamp = new Date(happened).toISOString()
      await stream([event(event_name, '25', { identifier: 'early', timestamp })])
      const [rejection, ...others] = await rejections({ event_name })
      expect(others).toEqual([])
      expect(rejection).toEqual({
        id: expect.stringMatching(/^rej_\d+$/),
        object: 'meterbook.rejection',
        code: 'no_meter',
        created: seconds(NOW),
        event: event(event_name, '25', { identifier: 'early', timestamp }),
        event_name,
        identifier: 'early',
        index: 0,
        livemode: false,
        message: `No active meter found for event name ${event_name}. Create a meter with this event name and send the event again.`,
        meter: null,
        received_at: '2026-01-15T10:00:00.000Z',
        resolved_at: null,
        status: 'open',
        usage_record: null,
      })
      expect(await refusalOf(retry(rejection!.id))).toMatchObject({ statusCode: 400, code: 'no_meter' })
      expect(await get(`/${rejection!.id}`)).toEqual(rejection)

      const meter = await createMeter(stripe, 'sum', { event_name })
      const resolved = await retry(rejection!.id)
      expect(resolved).toMatchObject({
        ...rejection,
        status: 'resolved',
        resolved_at: '2026-01-15T10:00:00.000Z',
        usage_record: `${meter.id}.early`,
      })
      expect(await retry(rejection!.id)).toEqual(resolved)
      const day = { start: NOW - 10 * HOUR_MS - 3 * DAY_MS, end: NOW - 10 * HOUR_MS - 2 * DAY_MS }
      expect(await total(stripe, meter, day)).toBe('25')
      expect(await total(stripe, meter)).toBe('25')
      expect(await rejections({ event_name, status: 'open' })).toEqual([])
      expect(await rejections({ event_name, status: 'resolved' })).toEqual([resolved])
    })

    it.each(['last', 'day'] as const)('keep their order where it decides the number: %s', async (rule) => {
      const event_name = uniqueName('event_')
      const customers = Array.from({ length: 20 }, (_, n) => `cus_${n}`)
      const events = ['1', '2', '3'].flatMap((value) =>
        customers.map((customer) => ({ event_name, payload: { stripe_customer_id: customer, value } })),
      )
      await stream(events)
      const meter = await createMeter(stripe, rule === 'last' ? 'last' : 'sum', {
        event_name,
        ...(rule === 'day' && { event_time_window: 'day' }),
      })
      expect(await retryAll({ event_name, limit: 100 })).toMatchObject({ retried: 60, counted: 60 })
      const totals = await Promise.all(customers.map((customer) => total(stripe, meter, { customer })))
      expect(totals).toEqual(customers.map(() => '3'))
    })

    it('are retried anew under the key of a retry that the service forgot, and count once', async () => {
      const event_name = uniqueName('event_')
      await stream([event(event_name, '1')])
      const meter = await createMeter(stripe, 'sum', { event_name })
      const options = { idempotencyKey: uniqueName('retry_') }
      const retried = () => service.stripe.rawRequest('POST', `${PATH}/retry`, { event_name }, options)
      expect(await retried()).toMatchObject({ retried: 1, counted: 1 })
      expect(await retried()).toMatchObject({ retried: 1, counted: 1 })
      await service.restart()
      stripe = service.stripe
      expect(await retried()).toMatchObject({ retried: 0, counted: 0 })
      expect(await total(stripe, meter)).toBe('1')
    })

    it('count once when two retries come at the same moment', async () => {
      const event_name = uniqueName('event_')
      await stream([event(event_name, '1')])
      const meter = await createMeter(stripe, 'sum', { event_name })
      const [rejection] = await rejections({ event_name })
      const answers = await Promise.all([retry(rejection!.id), retry(rejection!.id), retryAll({ event_name })])
      expect(answers[0]).toEqual(answers[1])
      expect(await total(stripe, meter)).toBe('1')
      expect(await get(`/${rejection!.id}`)).toMatchObject({ status: 'resolved' })
    })

    it('are resolved without counting again where the caller sent the event again meanwhile', async () => {
      const event_name = uniqueName('event_')
      await stream([event(event_name, '4', { identifier: 'again' })])
      const meter = await createMeter(stripe, 'sum', { event_name })
      await stream([event(event_name, '4', { identifier: 'again' })])
      expect(await retryAll({ event_name })).toMatchObject({ retried: 1, counted: 0, duplicates: 1 })
      expect(await total(stripe, meter)).toBe('4')
      expect(await rejections({ event_name, status: 'open' })).toEqual([])
    })
  })

  it('of an archived meter count once it is active again', async () => {
    const meter = await createMeter(stripe)
    const { event_name } = meter
    await stripe.billing.meters.deactivate(meter.id)
    await stream([event(event_name, '7')])
    const [rejection] = await rejections({ meter: meter.id })
    expect(rejection).toMatchObject({ code: 'archived_meter', meter: meter.id })
    await stripe.billing.meters.reactivate(meter.id)
    await retry(rejection!.id)
    expect(await total(stripe, meter)).toBe('7')
  })

  it('keep what was right of a wrong event, with its place among the good ones', async () => {
    const meter = await createMeter(stripe, 'sum', { dimension_payload_keys: ['region'] })
    const { event_name } = meter
    const regional = (value: unknown) => ({ stripe_customer_id: CUSTOMER, value, region: 'eu' })
    const at = (instant: number) => ({ timestamp: new Date(instant).toISOString() })
    await stream([
      { event_name, payload: regional('1') },
      { event_name, payload: regional(2), identifier: 'number' },
      { event_name, payload: regional('3'), identifer: 'misspelt' },
      { event_name, payload: regional('4'), ...at(NOW - 35 * DAY_MS) },
      { event_name, payload: regional('5'), ...at(NOW - 35 * DAY_MS - 1) },
      { event_name, payload: regional('6'), ...at(NOW + 5 * MINUTE_MS + 1) },
      event(event_name, '7'),
      { event_name, payload: regional('many') },
      { event_name, payload: { value: '8', region: 'eu' } },
      { event_name, payload: regional('9'), timestamp: 'yesterday' },
      { event_name, payload: regional('10'), identifier: 'taken' },
      { event_name, payload: regional('11'), identifier: 'taken' },
      { event_name, payload: regional('10'), identifier: 'taken' },
    ])
    const found = (await rejections({ meter: meter.id })).sort((a, b) => a.index - b.index)
    expect(found.map(({ index, code }) => [index, code])).toEqual([
      [1, 'parameter_invalid'],
      [2, 'parameter_unknown'],
      [4, 'timestamp_too_far_in_past'],
      [5, 'timestamp_in_future'],
      [6, 'missing_dimension_payload_keys'],
      [7, 'meter_event_invalid_value'],
      [8, 'meter_event_no_customer_defined'],
      [9, 'parameter_invalid'],
      [11, 'duplicate_meter_event'],
    ])
    expect(found[0]).toMatchObject({ identifier: 'number', event: { payload: { value: 2 } } })
    expect(await total(stripe, meter)).toBe('15')

    const answer = await retryAll({ meter: meter.id })
    expect(answer).toMatchObject({ retried: 9, counted: 0, duplicates: 0, still_rejected: 9, has_more: false })
    expect(await refusalOf(retry(found.at(-1)!.id))).toMatchObject({
      statusCode: 400,
      message: expect.stringContaining('An event already exists with identifier taken, and its value differs.'),
    })
    expect(await rejections({ meter: meter.id, status: 'resolved' })).toEqual([])
  })

  it('keep what is no event at all', async () => {
    await stream(['text', 5, null, [1]])
    const found = await rejections({ code: 'parameter_invalid', limit: '4' })
    expect(found.map((each) => each.event)).toEqual([[1], null, 5, 'text'])
    expect(found.map((each) => each.event_name)).toEqual([null, null, null, null])
  })

  it.each(['timestamp', 'identifier'])('of a number beyond all doubles for a %s stay refused', async (field) => {
    const meter = await createMeter(stripe)
    const { event_name } = meter
    const sent = `{"event_name":"${event_name}","payload":{"stripe_customer_id":"c","value":"1"},"${field}":1e400}`
    expect(await streamJson(sent)).toEqual([200, {}])
    const [rejection] = await rejections({ event_name })
    expect(await refusalOf(retry(rejection!.id))).toMatchObject({ statusCode: 400, param: field })
    expect(await retryAll({ event_name })).toMatchObject({ retried: 1, counted: 0, still_rejected: 1 })
    expect(await total(stripe, meter, { customer: 'c' })).toBe('0')
  })

  it('show what was sent to the letter', async () => {
    const event_name = uniqueName('event_')
    const numbers = ['12345678901234567890', '1e400', '-0.10', '-0', '1E+2', '0.1000000000000000055511151231257827']
    const sent = [
      ...numbers.map(
        (value) => `{"event_name":"${event_name}","payload":{"value":${value},"k":[${value},"${value}"]}}`,
      ),
      `{ "b" : "] \\"1.0,\\\\",\n "1":"é\\u00e9", "__proto__":{}, "event_name":"lost", "event_name" :"${event_name}" }`,
      `{"event_name":"${event_name}","payload":{"value":"1.0"}}`,
    ]
    expect(await streamJson(sent.join(' ,\n '))).toEqual([200, {}])
    const response = await fetch(`${service.url}${PATH}?event_name=${event_name}`, {
      headers: { authorization: `Bearer ${TEST_KEY}` },
    })
    const answer = await response.text()
    const shown = [...answer.matchAll(/"event":([^]*?),"event_name":"[^"]*","identifier"/g)]
    expect(shown.map(([, event]) => event).reverse()).toEqual(sent)
    expect(JSON.parse(answer)).toMatchObject({ data: { length: sent.length } })
    expect(await retryAll({ event_name })).toMatchObject({ retried: sent.length, counted: 0 })
  })

  it('are not made of an event that is too long to be kept to the letter', async () => {
    const event_name = uniqueName('event_')
    const event = `{"event_name":"${event_name}","timestamp":${'1'.repeat(65_536)}}`
    expect(await streamJson(`{},${event}`)).toMatchObject([400, { error: { code: 'parameter_too_long' } }])
    expect(await rejections({ event_name })).toEqual([])
  })

  it('are listed by every filter and walked both ways', async () => {
    const event_name = uniqueName('event_')
    const names = ['one', 'two', 'three', 'four', 'five']
    for (const identifier of names) await stream([event(event_name, '1', { identifier })])
    const [five, four, three, two, one] = await rejections({ event_name })
    expect([one, two, three, four, five].map((each) => each!.identifier)).toEqual(names)
    const page = (query: string) => get<{ data: Rejection[]; has_more: boolean }>(`?event_name=${event_name}&${query}`)
    expect(await page('limit=2')).toMatchObject({ data: [five, four], has_more: true, url: PATH })
    expect(await page(`limit=2&starting_after=${four!.id}`)).toMatchObject({ data: [three, two], has_more: true })
    expect(await page(`limit=2&starting_after=${two!.id}`)).toMatchObject({ data: [one], has_more: false })
    expect(await page(`limit=2&ending_before=${two!.id}`)).toMatchObject({ data: [four, three], has_more: true })
    expect(await page(`limit=2&ending_before=${four!.id}`)).toMatchObject({ data: [five], has_more: false })
    expect(await rejections({ event_name, identifier: 'two' })).toEqual([two])
    expect(await rejections({ event_name, code: 'archived_meter' })).toEqual([])
    expect(await rejections({ event_name, 'created[gt]': String(seconds(NOW)) })).toEqual([])
    expect(await rejections({ event_name, 'created[lte]': String(seconds(NOW)) })).toHaveLength(5)
    for (const cursor of ['rej_999999', 'rej_x']) {
      expect(await refusalOf(page(`starting_after=${cursor}`))).toMatchObject({ param: 'starting_after' })
    }
    expect(await refusalOf(get('/rej_999999'))).toMatchObject({ statusCode: 404, code: 'resource_missing' })
    expect(await refusalOf(retry('rej_999999'))).toMatchObject({ statusCode: 404 })
    expect(await refusalOf(rejections({ meter: 'mtr_none' }))).toMatchObject({ statusCode: 404, param: 'meter' })
  })

  it('are listed and retried by the customer, under the key of the meter that refused or would take them', async () => {
    const [mine, other] = [uniqueName('cus_'), uniqueName('cus_')]
    const [unknown, own] = [uniqueName('event_'), uniqueName('event_')]
    const named = (event_name: string, identifier: string, payload: object): object => ({
      event_name,
      identifier,
      payload,
    })
    await stream([
      named(unknown, 'usual key', { stripe_customer_id: mine, value: '1' }),
      named(unknown, 'of another', { stripe_customer_id: other, value: '1' }),
      named(own, 'before its meter', { account: mine, value: '1' }),
    ])
    const customer_mapping = { type: 'by_id', event_payload_key: 'account' } as const
    const meter = await createMeter(stripe, 'sum', { event_name: own, customer_mapping })
    await stream([
      named(own, 'own key', { account: mine, stripe_customer_id: other, value: 'x' }),
      named(own, 'usual key of another meter', { stripe_customer_id: mine, value: 'x' }),
      { ...event(unknown, '1'), identifier: 'as no customer', payload: [mine] },
    ])
    const found = async (query: Record<string, string>): Promise<string[]> =>
      (await rejections(query)).map(({ identifier }) => identifier)
    expect(await found({ customer: mine })).toEqual(['own key', 'before its meter', 'usual key'])
    expect(await found({ customer: other })).toEqual(['of another'])
    expect(await found({ customer: mine, event_name: own })).toEqual(['own key', 'before its meter'])
    expect(await found({ customer: mine, meter: meter.id })).toEqual(['own key'])
    expect(await found({ customer: mine, status: 'resolved' })).toEqual([])
    expect(await get(`?customer=${mine}&limit=2`)).toMatchObject({ has_more: true })
    expect(await get(`?customer=${mine}&limit=3`)).toMatchObject({ has_more: false })
    expect(await found({ customer: `${mine}x` })).toEqual([])

    await createMeter(stripe, 'sum', { event_name: unknown })
    expect(await retryAll({ customer: mine })).toMatchObject({ retried: 3, counted: 2, still_rejected: 1 })
    expect(await found({ customer: mine, status: 'open' })).toEqual(['own key'])
    expect(await found({ customer: other, status: 'open' })).toEqual(['of another'])
  })

  it('are retried oldest first, call by call, past those that are still refused', async () => {
    const event_name = uniqueName('event_')
    await stream(['1', 'x', '3', '4', '5'].map((value) => event(event_name, value)))
    const meter = await createMeter(stripe, 'last', { event_name })
    const first = (await retryAll({ event_name, limit: 2 })) as { last: string }
    expect(first).toMatchObject({ retried: 2, counted: 1, still_rejected: 1, has_more: true })
    const second = (await retryAll({ event_name, limit: 2, starting_after: first.last })) as { last: string }
    expect(second).toMatchObject({ retried: 2, counted: 2, still_rejected: 0, has_more: true })
    const third = await retryAll({ event_name, limit: 2, starting_after: second.last })
    expect(third).toMatchObject({ retried: 1, counted: 1, has_more: false })
    expect(await retryAll({ event_name, code: 'no_such' })).toMatchObject({ retried: 0, has_more: false, last: null })
    expect(await rejections({ event_name, status: 'open' })).toHaveLength(1)
    expect(await total(stripe, meter)).toBe('5')
    expect(await refusalOf(retryAll({ limit: 1001 }))).toMatchObject({ statusCode: 400, param: 'limit' })
    expect(await refusalOf(retryAll({ status: 'resolved' }))).toMatchObject({ statusCode: 400, param: 'status' })
  })

  it('take a bulk retry as JSON too', async () => {
    const event_name = uniqueName('event_')
    await stream([event(event_name, '1'), event(event_name, '2')])
    await createMeter(stripe, 'sum', { event_name })
    const response = await fetch(`${service.url}${PATH}/retry`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TEST_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ event_name, limit: 1, created: { gte: seconds(NOW) } }),
    })
    expect(await response.json()).toMatchObject({ retried: 1, counted: 1, has_more: true })
  })

  it('are counted and reported by meter and window of ten seconds', async () => {
    const meter = await createMeter(stripe)
    const { event_name } = meter
    clock.advance(DAY_MS)
    const day = clock.now()
    const bad = (identifier: string) => event(event_name, 'x', { identifier })
    const nobody = { event_name, payload: { value: '1' }, identifier: 'nobody' }
    await stream([...Array.from({ length: 12 }, (_, index) => bad(`bad ${index}`)), nobody])
    clock.advance(9_999)
    await stream([bad('late')])
    clock.advance(1)
    await stream([bad('later')])
    const { data } = await get<{ data: { id: string }[] }>(`/reports?meter=${meter.id}`)
    expect(data).toHaveLength(2)
    expect(data[1]).toEqual({
      id: expect.any(String),
      object: 'meterbook.rejection_report',
      developer_message_summary: 'There are 14 invalid events.',
      livemode: false,
      meter: meter.id,
      reason: {
        error_count: 14,
        error_types: [
          {
            code: 'meter_event_invalid_value',
            error_count: 13,
            sample_errors: Array.from({ length: 10 }, (_, index) => ({
              error_message: 'The value under the payload key value must be a number such as 25, -4 or 0.5.',
              request: { identifier: `bad ${index}` },
            })),
          },
          {
            code: 'meter_event_no_customer_defined',
            error_count: 1,
            sample_errors: [
              {
                error_message: 'The payload must name the customer under the key stripe_customer_id.',
                request: { identifier: 'nobody' },
              },
            ],
          },
        ],
      },
      validation_start: '2026-01-16T10:00:00.000Z',
      validation_end: '2026-01-16T10:00:10.000Z',
    })
    expect(data[0]).toMatchObject({ developer_message_summary: 'There is 1 invalid event.' })
    const reports = (query: string) => get(`/reports?limit=1&meter=${meter.id}&${query}`)
    expect(await reports('')).toMatchObject({ data: [data[0]], has_more: true })
    expect(await reports(`starting_after=${data[0]!.id}`)).toMatchObject({ data: [data[1]], has_more: false })
    expect(await reports(`ending_before=${data[1]!.id}`)).toMatchObject({ data: [data[0]], has_more: false })
    expect(await reports(`created[lt]=${seconds(day) + 10}`)).toMatchObject({ data: [data[1]], has_more: false })
    expect(await refusalOf(reports('starting_after=rejrep_0.x'))).toMatchObject({ param: 'starting_after' })

    expect(await countOf(meter)).toEqual({
      object: 'meterbook.rejection_counts',
      codes: [
        { code: 'meter_event_invalid_value', error_count: 14, open_count: 14, resolved_count: 0 },
        { code: 'meter_event_no_customer_defined', error_count: 1, open_count: 1, resolved_count: 0 },
      ],
      error_count: 15,
      livemode: false,
      meter: meter.id,
      open_count: 15,
      resolved_count: 0,
    })
    const counts = (query: string) => get(`/counts?meter=${meter.id}&${query}`)
    const from = seconds(day)
    expect(await counts(`created[gte]=${from + 10}`)).toMatchObject({ error_count: 1 })
    expect(await counts(`created[lt]=${from + 10}`)).toMatchObject({ error_count: 14 })
    expect(await counts(`created[gte]=${from - 86400}&created[lt]=${from + 86400}`)).toMatchObject({ error_count: 15 })
    expect(await refusalOf(counts(`created[gte]=${from + 1}`))).toMatchObject({ statusCode: 400, param: 'created' })
  })

  it('count those resolved since, and report what happened as it was', async () => {
    const meter = await createMeter(stripe)
    await stripe.billing.meters.deactivate(meter.id)
    await stream([event(meter.event_name, '1'), event(meter.event_name, '2')])
    const before = await get(`/reports?meter=${meter.id}`)
    await stripe.billing.meters.reactivate(meter.id)
    expect(await retryAll({ meter: meter.id, limit: 1 })).toMatchObject({ counted: 1, has_more: true })
    expect(await countOf(meter)).toMatchObject({ error_count: 2, open_count: 1, resolved_count: 1 })
    expect(await get(`/reports?meter=${meter.id}`)).toEqual(before)
  })

  it('count at their own time 40 days later, and can be cancelled for 24 hours from then', async () => {
    const event_name = uniqueName('event_')
    const received = clock.now()
    const happened = received - 30 * DAY_MS
    await stream([
      event(event_name, '8', { timestamp: new Date(happened).toISOString(), identifier: 'timed' }),
      event(event_name, '16', { identifier: 'untimed' }),
    ])
    clock.advance(40 * DAY_MS)
    const meter = await createMeter(stripe, 'sum', { event_name })
    expect(await retryAll({ event_name })).toMatchObject({ retried: 2, counted: 2 })
    const minute = (instant: number) => {
      const from = instant - (instant % MINUTE_MS)
      return { start: from, end: from + MINUTE_MS }
    }
    expect(await total(stripe, meter, minute(happened))).toBe('8')
    expect(await total(stripe, meter, minute(received))).toBe('16')
    clock.advance(24 * HOUR_MS)
    await cancel(stripe, meter, 'timed')
    expect(await total(stripe, meter)).toBe('16')
    clock.advance(1)
    expect(await refusalOf(cancel(stripe, meter, 'untimed'))).toMatchObject({ statusCode: 400 })
  })

  it('are of the event that was sent again later where it had no time, and of another one where it had', async () => {
    const event_name = uniqueName('event_')
    const timestamp = new Date(clock.now()).toISOString()
    await stream([event(event_name, '4', { identifier: 'untimed' })])
    await stream([event(event_name, '5', { identifier: 'timed', timestamp })])
    const meter = await createMeter(stripe, 'sum', { event_name })
    clock.advance(MINUTE_MS)
    await stream(['untimed', 'timed'].map((identifier, n) => event(event_name, String(4 + n), { identifier })))
    expect(await retryAll({ event_name })).toMatchObject({ retried: 2, counted: 0, duplicates: 1 })
    expect(await rejections({ event_name, status: 'open' })).toMatchObject([{ identifier: 'timed' }])
    expect(await total(stripe, meter)).toBe('9')
  })

  it('are read by read keys, retried by ingest keys, and seen by no other ledger', async () => {
    const event_name = uniqueName('event_')
    await stream([event(event_name, '1')])
    const [rejection] = await rejections({ event_name })
    const read = await service.clientWithNewKey({ role: 'read' })
    const ingest = await service.clientWithNewKey({ role: 'ingest' })
    const live = await service.clientWithNewKey({ mode: 'live' })
    expect(await rejections({ event_name }, read)).toEqual([rejection])
    for (const denied of [retry(rejection!.id, read), retryAll({ event_name }, read), rejections({}, ingest)]) {
      expect(await refusalOf(denied)).toMatchObject({ statusCode: 403 })
    }
    expect(await rejections({}, live)).toEqual([])
    expect(await refusalOf(get(`/${rejection!.id}`, live))).toMatchObject({ statusCode: 404 })
    expect(await refusalOf(retry(rejection!.id, live))).toMatchObject({ statusCode: 404 })
    expect(await get('/counts', live)).toMatchObject({ error_count: 0 })
    expect(await get('/reports', live)).toMatchObject({ data: [] })
    await createMeter(stripe, 'sum', { event_name })
    expect(await retry(rejection!.id, ingest)).toMatchObject({ status: 'resolved', event: null })
    const again = { idempotencyKey: 'a key that another one knows' }
    expect(await retry(rejection!.id, stripe, again)).toMatchObject({ status: 'resolved', event: rejection!.event })
    expect(await retry(rejection!.id, ingest, again)).toMatchObject({ status: 'resolved', event: null })
  })

  it('are the same after a restart', async () => {
    const all = await get('?limit=100')
    const counts = await get('/counts')
    await service.restart()
    stripe = service.stripe
    expect(await get('?limit=100')).toEqual(all)
    expect(await get('/counts')).toEqual(counts)
  })
})
