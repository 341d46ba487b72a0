/** Reporting usage through v1 and v2: what is answered, what is refused, and that everything counts once. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type Stripe from 'stripe'
import { DAY_MS, MINUTE_MS } from '../../src/domain/time-bucket.js'
import { uniqueName } from '../controls.js'
import { cancel, createMeter, EVER, report, summaries, total, type Meter } from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import { FixedClock, onEachStore, seconds, TEST_KEY, type RunningService } from '../running-service.js'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

onEachStore('Meter events', (start) => {
  // Within a second, so that v1 has something to cut off.
  const clock = new FixedClock()
  clock.advance(123)
  let service: RunningService
  let stripe: Stripe
  beforeAll(async () => {
    service = await start(clock)
    stripe = service.stripe
  })
  afterAll(() => service.close())

  const payload = (value: string, more = {}) => ({ stripe_customer_id: 'cus_A', value, ...more })

  describe('of v1', () => {
    it('answer what was sent, and when it was received', async () => {
      const { event_name } = await createMeter(stripe)
      const sent = {
        event_name,
        identifier: 'invocation 1',
        timestamp: seconds(clock.now() - 10 * MINUTE_MS),
        payload: payload('25.00', { region: 'eu west', note: '東京 & [more]=%41+🚀', empty: '' }),
      }
      const event = await stripe.billing.meterEvents.create(sent)
      expect(event).toEqual({
        object: 'billing.meter_event',
        created: seconds(clock.now()),
        livemode: false,
        ...sent,
      })
      expect(event.lastResponse.statusCode).toBe(200)
      expect(event.lastResponse.headers).toHaveProperty('meterbook-position')
    })

    it('get an identifier and the time of receipt where they have none', async () => {
      const meter = await createMeter(stripe)
      const [one, other] = [await report(stripe, meter, 1), await report(stripe, meter, 1)]
      expect(one).toMatchObject({ timestamp: seconds(clock.now()), created: seconds(clock.now()) })
      expect(one.identifier).toMatch(UUID)
      expect(other.identifier).not.toBe(one.identifier)
      expect(await total(stripe, meter)).toBe('2')
    })

    it('keep payload keys that are names of every object', async () => {
      const meter = await createMeter(stripe)
      const strange = JSON.parse('{"__proto__":"a","constructor":"b","toString":"c","hasOwnProperty":"d"}') as object
      const body = new URLSearchParams({ event_name: meter.event_name })
      for (const [key, value] of Object.entries(payload('1', strange))) body.append(`payload[${key}]`, String(value))
      const response = await fetch(`${service.url}/v1/billing/meter_events`, {
        method: 'POST',
        headers: { authorization: `Bearer ${TEST_KEY}`, 'content-type': 'application/x-www-form-urlencoded' },
        body,
      })
      const answer = (await response.json()) as { payload: object }
      expect(Object.entries(answer.payload).sort()).toEqual(
        [...Object.entries(payload('1')), ...Object.entries(strange)].sort(),
      )
    })

    it('keep payload keys that are whole numbers, and count and group by them', async () => {
      const meter = await createMeter(stripe, 'sum', {
        customer_mapping: { type: 'by_id', event_payload_key: '0' },
        value_settings: { event_payload_key: '1' },
        dimension_payload_keys: ['2', '2026'],
      })
      const sent = { 0: 'cus_A', 1: '25', 2: 'eu', 2026: 'x' }
      const event = await stripe.billing.meterEvents.create({ event_name: meter.event_name, payload: sent })
      expect(event.payload).toEqual(sent)
      await report(stripe, meter, 4, { payload: { 2: 'us', 2026: 'x', note: 'y' } })
      expect(await total(stripe, meter)).toBe('29')
      const [eu] = await summaries(stripe, meter, EVER, { dimension_filters: { 2: 'eu' } })
      expect(eu?.aggregated_value).toBe(25)
      const [both] = await summaries(stripe, meter, EVER, { dimension_filters: { 2: 'us', 2026: 'x' } })
      expect(both?.aggregated_value).toBe(4)
      const groups = await summaries(stripe, meter, EVER, { dimension_group_by_keys: ['2', '2026'] })
      expect(groups.map(({ dimensions }) => dimensions)).toEqual(
        expect.arrayContaining([
          { 2: 'eu', 2026: 'x' },
          { 2: 'us', 2026: 'x' },
        ]),
      )
      // Without other keys they are numbered like the entries of a list.
      const bare = await createMeter(stripe, 'count', { customer_mapping: { type: 'by_id', event_payload_key: '0' } })
      await stripe.billing.meterEvents.create({ event_name: bare.event_name, payload: { 0: 'cus_A', 1: 'x' } })
      expect(await total(stripe, bare)).toBe('1')
    })

    it.each([
      ['event_name', { event_name: '' }, 'parameter_invalid_empty'],
      ['event_name', { event_name: undefined }, 'parameter_missing'],
      ['event_name', { event_name: 'x'.repeat(101) }, 'parameter_too_long'],
      ['payload', { payload: undefined }, 'parameter_missing'],
      ['payload[value][a]', { payload: { stripe_customer_id: 'cus_A', value: { a: '1' } } }, null],
      ['payload[stripe_customer_id]', { payload: { value: '1' } }, 'meter_event_no_customer_defined'],
      [
        'payload[stripe_customer_id]',
        { payload: { stripe_customer_id: ' ', value: '1' } },
        'meter_event_no_customer_defined',
      ],
      ['payload[value]', { payload: { stripe_customer_id: 'cus_A' } }, 'meter_event_invalid_value'],
      ['identifier', { identifier: 'x'.repeat(101) }, 'parameter_too_long'],
      ['identifier', { identifier: '' }, 'parameter_invalid_empty'],
      ['timestamp', { timestamp: 'yesterday' }, 'parameter_invalid_integer'],
      ['timestamp', { timestamp: '1.5' }, 'parameter_invalid_integer'],
      ['customer', { customer: 'cus_A' }, 'parameter_unknown'],
    ])('are refused for a wrong or missing %s', async (param, wrong, code) => {
      const meter = await createMeter(stripe)
      const event = { event_name: meter.event_name, payload: payload('1'), ...wrong }
      const refusal = await refusalOf(stripe.rawRequest('POST', '/v1/billing/meter_events', event))
      expect(refusal).toMatchObject({ statusCode: 400, rawType: 'invalid_request_error' })
      if (code !== null) expect(refusal).toMatchObject({ code, param })
      expect(await total(stripe, meter)).toBe('0')
    })

    it.each(['', ' ', '1 ', '+1', '1,5', '.5', '5.', '0x10', 'NaN', 'Infinity', 'one', '1e', '٣', '1e15'])(
      'are refused for the value %j',
      async (value) => {
        const meter = await createMeter(stripe)
        const refusal = await refusalOf(report(stripe, meter, value))
        expect(refusal).toMatchObject({
          statusCode: 400,
          code: 'meter_event_invalid_value',
          param: 'payload[value]',
        })
        expect(await total(stripe, meter)).toBe('0')
      },
    )

    it.each(['1234567890123456', '0.1234567890123456', '1e-16', '10000000000000.001'])(
      'are refused for the digits of %s, not rounded',
      async (value) => {
        const meter = await createMeter(stripe)
        const refusal = await refusalOf(report(stripe, meter, value))
        expect(refusal).toMatchObject({ statusCode: 400, code: 'meter_event_value_too_many_digits' })
        expect(await total(stripe, meter)).toBe('0')
      },
    )

    it('count up to 35 days back and 5 minutes ahead of the second in which they come', async () => {
      const meter = await createMeter(stripe)
      clock.advance(999)
      const second = clock.now() - (clock.now() % 1000)
      const [oldest, newest] = [second - 35 * DAY_MS, second + 5 * MINUTE_MS]
      await report(stripe, meter, 5, { at: oldest })
      await report(stripe, meter, 5, { at: newest })
      expect(await refusalOf(report(stripe, meter, 5, { at: oldest - 1000 }))).toMatchObject({
        code: 'timestamp_too_far_in_past',
      })
      expect(await refusalOf(report(stripe, meter, 5, { at: newest + 1000 }))).toMatchObject({
        code: 'timestamp_in_future',
      })
    })

    it('are refused for a payload larger than the limits, and taken at them', async () => {
      const { event_name } = await createMeter(stripe, 'count')
      const send = (more: Record<string, string>) =>
        stripe.billing.meterEvents.create({ event_name, payload: { stripe_customer_id: 'cus_A', ...more } })
      const keys = (count: number) =>
        Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']))
      await send(keys(49))
      await send({ ['k'.repeat(100)]: 'v'.repeat(500) })
      for (const tooMuch of [keys(50), { ['k'.repeat(101)]: 'v' }, { k: 'v'.repeat(501) }]) {
        const refusal = await refusalOf(send(tooMuch))
        expect(refusal.statusCode).toBe(400)
        expect(refusal.param).toMatch(/^payload/)
      }
    })
  })

  describe('sent again', () => {
    const doNotRetry = expect.objectContaining({ 'stripe-should-retry': 'false' })

    it('are refused and counted once', async () => {
      const meter = await createMeter(stripe)
      await report(stripe, meter, 5, { identifier: 'once' })
      clock.advance(2 * 24 * 60 * MINUTE_MS)
      const refusal = await refusalOf(report(stripe, meter, 5, { identifier: 'once' }))
      expect(refusal).toMatchObject({ statusCode: 400, rawType: 'invalid_request_error', headers: doNotRetry })
      expect(refusal.code).toBeUndefined()
      expect(refusal.message).toContain('An event already exists with identifier once')
      expect(await total(stripe, meter)).toBe('5')
    })

    it('are known once they are too old to be counted, and once they were cancelled', async () => {
      const meter = await createMeter(stripe)
      const oldest = clock.now() - 35 * DAY_MS + 1000
      await report(stripe, meter, 5, { identifier: 'late', at: oldest })
      clock.advance(MINUTE_MS)
      const again = await refusalOf(report(stripe, meter, 5, { identifier: 'late', at: oldest }))
      expect(again.message).toContain('It was counted once')
      await cancel(stripe, meter, 'late')
      const cancelled = await refusalOf(report(stripe, meter, 5, { identifier: 'late', at: oldest }))
      expect(cancelled.message).toContain('It was cancelled and does not count')
      expect(await refusalOf(report(stripe, meter, 5, { at: oldest }))).toMatchObject({
        code: 'timestamp_too_far_in_past',
      })
    })

    it('are told apart from others under their identifier', async () => {
      const meter = await createMeter(stripe)
      const at = clock.now() - MINUTE_MS
      await report(stripe, meter, 5, { identifier: 'once', at, payload: { region: 'eu' } })
      for (const [difference, value, other] of [
        ['value', 6, { at, payload: { region: 'eu' } }],
        ['customer', 5, { at, payload: { region: 'eu' }, customer: 'cus_B' }],
        ['timestamp', 5, { at: at - 1000, payload: { region: 'eu' } }],
        ['payload', 5, { at, payload: { region: 'us' } }],
        ['payload', 5, { at }],
      ] as const) {
        const refusal = await refusalOf(report(stripe, meter, value, { identifier: 'once', ...other }))
        expect(refusal).toMatchObject({ statusCode: 400, headers: doNotRetry })
        expect(refusal.message).toContain('An event already exists with identifier once')
        expect(refusal.message).toContain(`its ${difference} differs`)
      }
      expect(await total(stripe, meter)).toBe('5')
      expect(await total(stripe, meter, { customer: 'cus_B' })).toBe('0')
    })

    it('count once from many senders at once', async () => {
      const meter = await createMeter(stripe)
      const outcomes = await Promise.allSettled(
        Array.from({ length: 20 }, () => report(stripe, meter, 5, { identifier: 'race' })),
      )
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      expect(await total(stripe, meter)).toBe('5')
    })

    it('count for each meter alone', async () => {
      const [one, other] = [await createMeter(stripe), await createMeter(stripe)]
      await report(stripe, one, 1, { identifier: 'shared' })
      await report(stripe, other, 2, { identifier: 'shared' })
      expect([await total(stripe, one), await total(stripe, other)]).toEqual(['1', '2'])
    })

    it('through the other version are known too', async () => {
      const meter = await createMeter(stripe)
      await report(stripe, meter, 5, { identifier: 'from v1' })
      const refusal = await refusalOf(
        stripe.v2.billing.meterEvents.create({
          event_name: meter.event_name,
          identifier: 'from v1',
          payload: payload('5'),
        }),
      )
      expect(refusal).toMatchObject({ statusCode: 400, code: 'duplicate_meter_event' })
      expect(await total(stripe, meter)).toBe('5')
    })
  })

  describe('of v2', () => {
    let meter: Meter
    beforeAll(async () => {
      meter = await createMeter(stripe)
    })
    const send = (event: object): Promise<Stripe.Response<Stripe.V2.Billing.MeterEvent>> =>
      stripe.v2.billing.meterEvents.create({ event_name: meter.event_name, payload: payload('1'), ...event })

    it('answer what was sent, in RFC 3339', async () => {
      const sent = {
        identifier: 'v2 1',
        timestamp: new Date(clock.now() - MINUTE_MS).toISOString(),
        payload: payload('1.50', { region: 'eu', note: '東京 "quoted" \\ 🚀' }),
      }
      const event = await send(sent)
      expect(event).toEqual({
        object: 'v2.billing.meter_event',
        created: new Date(clock.now()).toISOString(),
        event_name: meter.event_name,
        livemode: false,
        ...sent,
      })
      expect(event.lastResponse.statusCode).toBe(200)
    })

    it('get an identifier and the time of receipt where they have none', async () => {
      const event = await send({})
      expect(event.identifier).toMatch(UUID)
      expect(event.timestamp).toBe(new Date(clock.now()).toISOString())
    })

    it.each([
      ['payload_no_value_defined', { payload: { stripe_customer_id: 'cus_A' } }],
      ['payload_invalid_value', { payload: payload('many') }],
      ['payload_invalid_value', { payload: payload('1234567890123456') }],
      ['payload_no_customer_defined', { payload: { value: '1' } }],
      ['no_meter', { event_name: 'no such event' }],
      ['timestamp_too_far_in_past', { timestamp: '2020-01-01T00:00:00Z' }],
      ['timestamp_in_future', { timestamp: '2035-01-01T00:00:00Z' }],
      ['parameter_invalid', { timestamp: '1768471200' }],
      ['parameter_missing', { event_name: undefined }],
      ['parameter_unknown', { customer: 'cus_A' }],
    ])('are refused with the code %s', async (code, wrong) => {
      const before = await total(stripe, meter)
      const refusal = await refusalOf(send(wrong))
      expect(refusal).toMatchObject({ statusCode: 400, code })
      expect(refusal.requestId).toMatch(/^req_/)
      expect(await total(stripe, meter)).toBe(before)
    })

    it('are refused on an inactive meter as archived', async () => {
      const inactive = await createMeter(stripe)
      await stripe.billing.meters.deactivate(inactive.id)
      expect(await refusalOf(send({ event_name: inactive.event_name }))).toMatchObject({
        statusCode: 400,
        code: 'archived_meter',
      })
    })

    it('sent again are refused with a code of their own, and counted once', async () => {
      const other = await createMeter(stripe)
      const event = { event_name: other.event_name, identifier: uniqueName('v2_'), payload: payload('5') }
      await send(event)
      for (const again of [event, { ...event, payload: payload('6') }]) {
        const refusal = await refusalOf(send(again))
        expect(refusal).toMatchObject({ statusCode: 400, code: 'duplicate_meter_event' })
        expect(refusal.headers).toMatchObject({ 'stripe-should-retry': 'false' })
      }
      expect(await total(stripe, other)).toBe('5')
    })

    it('take only JSON, and v1 only forms', async () => {
      const post = (path: string, type: string, body: string) =>
        fetch(service.url + path, {
          method: 'POST',
          headers: { authorization: `Bearer ${TEST_KEY}`, 'content-type': type },
          body,
        })
      for (const [path, type, body] of [
        ['/v2/billing/meter_events', 'application/x-www-form-urlencoded', 'event_name=a'],
        ['/v1/billing/meter_events', 'application/json', '{"event_name":"a"}'],
      ] as const) {
        const response = await post(path, type, body)
        expect(response.status).toBe(415)
        expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error' } })
      }
      const broken = await post('/v2/billing/meter_events', 'application/json', '{"event_name":')
      expect(broken.status).toBe(400)
      expect(await broken.json()).toMatchObject({ error: { message: expect.any(String) } })
    })
  })
})
