/** Events of a file through the running service: each is answered for, and history may be among them. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type Stripe from 'stripe'
import { DAY_MS, MINUTE_MS } from '../../src/domain/time-bucket.js'
import { NOW } from '../controls.js'
import { byWindow, createMeter, CUSTOMER, total, type Meter } from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import { FixedClock, onEachStore, TEST_KEY, type RunningService } from '../running-service.js'

const PATH = '/meterbook/v1/usage_imports'
const IMPORT_CALL_EVENTS_MAX = 1000

onEachStore('Importing through the service', (start) => {
  let service: RunningService
  let clock: FixedClock
  let stripe: Stripe
  let meter: Meter
  beforeAll(async () => {
    clock = new FixedClock()
    service = await start(clock)
    stripe = service.stripe
    meter = await createMeter(stripe)
  })
  afterAll(() => service.close())

  const eventOf = (
    { event_name }: Meter,
    identifier: string,
    value = '1',
    timestamp: number | string = NOW / 1000,
  ) => ({
    event_name,
    identifier,
    timestamp,
    payload: { stripe_customer_id: CUSTOMER, value },
  })

  async function send(body: object, idempotencyKey?: string): Promise<{ status: number; body: object }> {
    const answer = await fetch(service.url + PATH, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${TEST_KEY}`,
        'content-type': 'application/json',
        ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
      },
      body: JSON.stringify(body),
    })
    return { status: answer.status, body: (await answer.json()) as object }
  }

  async function imported(body: object, idempotencyKey?: string): Promise<object> {
    const answer = await send(body, idempotencyKey)
    expect(answer).toMatchObject({ status: 200 })
    return answer.body
  }

  it('answers for each event, and counts it once', async () => {
    const before = Number(await total(stripe, meter))
    const events = [
      eventOf(meter, 'first', '2'),
      'no hash',
      { ...eventOf(meter, 'nowhere'), event_name: 'nowhere' },
      eventOf(meter, 'second', 'many'),
      eventOf(meter, 'first', '3'),
      eventOf(meter, 'first', '2'),
      eventOf(meter, 'third', '40', new Date(NOW).toISOString()),
    ]
    const answer = await imported({ events })
    expect(answer).toMatchObject({
      object: 'meterbook.usage_import',
      counted: 2,
      duplicates: 1,
      livemode: false,
      rejected: 4,
      results: [
        { status: 'counted' },
        { status: 'rejected', code: 'parameter_invalid' },
        { status: 'rejected', code: 'no_meter' },
        { status: 'rejected', code: 'meter_event_invalid_value', param: 'payload[value]' },
        { status: 'rejected', code: 'duplicate_meter_event' },
        { status: 'duplicate' },
        { status: 'counted' },
      ],
    })
    expect(await total(stripe, meter)).toBe(String(before + 42))
    expect(await imported({ events })).toMatchObject({ counted: 0, duplicates: 3, rejected: 4 })
    expect(await total(stripe, meter)).toBe(String(before + 42))
    const { data } = (await stripe.rawRequest('GET', '/meterbook/v1/rejections')) as unknown as { data: unknown[] }
    expect(data).toEqual([])
  })

  it('takes an event without a time for the same one whenever it comes, and with another time for another one', async () => {
    const own = await createMeter(stripe)
    const timed = eventOf(own, 'timed', '5')
    const { timestamp: _, ...untimed } = eventOf(own, 'untimed', '4')
    expect(await imported({ events: [timed, untimed] })).toMatchObject({ counted: 2 })
    clock.advance(MINUTE_MS)
    const moved = { ...timed, timestamp: NOW / 1000 + 60 }
    const again = await imported({ events: [timed, untimed, moved] })
    expect(again).toMatchObject({ counted: 0, duplicates: 2, rejected: 1 })
    expect(again).toMatchObject({ results: [{}, {}, { status: 'rejected', code: 'duplicate_meter_event' }] })
    expect(await total(stripe, own)).toBe('9')
  })

  it('takes what is older than 35 days only as backfill, and never the future', async () => {
    const old = await createMeter(stripe, 'sum', { event_time_window: 'day' })
    const day = Math.floor((NOW - 60 * DAY_MS) / DAY_MS) * DAY_MS
    const events = [eventOf(old, 'old', '5', day / 1000), eventOf(old, 'future', '6', NOW / 1000 + 3600)]
    expect(await imported({ events })).toMatchObject({
      results: [{ code: 'timestamp_too_far_in_past' }, { code: 'timestamp_in_future' }],
    })
    expect(await imported({ events, backfill: true })).toMatchObject({
      results: [{ status: 'counted' }, { code: 'timestamp_in_future' }],
    })
    expect(await byWindow(stripe, old, 'day', { start: day, end: day + DAY_MS })).toEqual([
      [new Date(day).toISOString(), 5],
    ])
  })

  it.each([NOW, String(NOW), NOW / 1000 + 0.5, 2 ** 53, 253_402_300_800, -62_167_219_201, '1e9'])(
    'says what a timestamp must be: %p is not it',
    async (timestamp) => {
      const message =
        'The timestamp must be an RFC 3339 text such as 2026-01-15T10:00:00.000Z, or whole Unix seconds (not milliseconds) between 0 and 253402300799.'
      expect(await imported({ events: [eventOf(meter, 'untimely', '1', timestamp)], backfill: true })).toMatchObject({
        results: [{ status: 'rejected', code: 'parameter_invalid', param: 'timestamp', message }],
      })
    },
  )

  it('takes a form, as the SDK sends it', async () => {
    const own = await createMeter(stripe)
    const old = eventOf(own, 'old', '5', NOW / 1000 - 60 * 86_400)
    const send = (backfill: boolean) => stripe.rawRequest('POST', PATH, { events: [old], backfill })
    expect(await send(false)).toMatchObject({ results: [{ code: 'timestamp_too_far_in_past' }] })
    expect(await send(true)).toMatchObject({ results: [{ status: 'counted' }] })
    expect(await total(stripe, own)).toBe('5')
  })

  it('keeps the order of a call where it decides a number', async () => {
    const hourly = await createMeter(stripe, 'sum', { event_time_window: 'hour' })
    const last = await createMeter(stripe, 'last')
    const events = [hourly, last].flatMap((of) =>
      Array.from({ length: 200 }, (_, n) => eventOf(of, `ordered-${n}`, String(n))),
    )
    expect(await imported({ events })).toMatchObject({ counted: 400 })
    expect(await total(stripe, hourly)).toBe('199')
    expect(await total(stripe, last)).toBe('199')
  })

  it('makes identifiers of an idempotency key, and refuses events without either', async () => {
    const before = Number(await total(stripe, meter))
    const { identifier: _, ...unnamed } = eventOf(meter, '', '1')
    expect(await imported({ events: [unnamed, unnamed] }, 'import-key')).toMatchObject({ counted: 2 })
    expect(await imported({ events: [unnamed, unnamed] }, 'import-key')).toMatchObject({ counted: 0, duplicates: 2 })
    expect(await total(stripe, meter)).toBe(String(before + 2))
    expect(await imported({ events: [unnamed] })).toMatchObject({ rejected: 1, results: [{ param: 'identifier' }] })
  })

  it('takes 1 to 1000 events, and nothing of a call of another shape', async () => {
    const many = (length: number) => Array.from({ length }, (_, n) => eventOf(meter, `many-${n}`))
    const before = Number(await total(stripe, meter))
    for (const body of [
      {},
      { events: [] },
      { events: 'text' },
      { events: many(IMPORT_CALL_EVENTS_MAX + 1) },
      { events: many(1), backfill: 'yes' },
      { events: many(1), source: 'file' },
    ]) {
      expect(await send(body)).toMatchObject({ status: 400, body: { error: { type: 'invalid_request_error' } } })
    }
    expect(await total(stripe, meter)).toBe(String(before))
    expect(await imported({ events: many(IMPORT_CALL_EVENTS_MAX) })).toMatchObject({ counted: IMPORT_CALL_EVENTS_MAX })
    expect(await total(stripe, meter)).toBe(String(before + IMPORT_CALL_EVENTS_MAX))
  })

  it('is for secret keys, and for the ledger of the key', async () => {
    const form = { events: [eventOf(meter, 'elsewhere')] }
    for (const role of ['ingest', 'read'] as const) {
      const client = await service.clientWithNewKey({ role })
      expect(await refusalOf(client.rawRequest('POST', PATH, form))).toMatchObject({ statusCode: 403 })
    }
    const live = await service.clientWithNewKey({ mode: 'live' })
    expect(await live.rawRequest('POST', PATH, form)).toMatchObject({ livemode: true, results: [{ code: 'no_meter' }] })
  })
})
