/** Stripe's page "Create and configure a meter", statement by statement. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type Stripe from 'stripe'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/time-bucket.js'
import { NOW, uniqueName } from '../controls.js'
import { byWindow, cancel, createMeter, report, summaries, total } from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import { FixedClock, onEachStore, seconds, type RunningService } from '../running-service.js'

const TODAY = Math.floor(NOW / DAY_MS) * DAY_MS
const at = (time: string, day = TODAY - DAY_MS): number =>
  Date.parse(`${new Date(day).toISOString().slice(0, 11)}${time}Z`)

onEachStore('Create and configure a meter', (start) => {
  const clock = new FixedClock()
  let service: RunningService
  let stripe: Stripe
  beforeAll(async () => {
    service = await start(clock)
    stripe = service.stripe
  })
  afterAll(() => service.close())

  describe('Before and after the configuration', () => {
    it('records no usage before a meter exists', async () => {
      const event_name = uniqueName('nobody_')
      const refusal = await refusalOf(
        stripe.billing.meterEvents.create({ event_name, payload: { stripe_customer_id: 'cus_A', value: '1' } }),
      )
      expect(refusal).toMatchObject({ statusCode: 400, rawType: 'invalid_request_error', param: 'event_name' })
      expect(refusal.message).toContain('No active meter found for event name')
      const later = await createMeter(stripe, 'sum', { event_name })
      expect(await total(stripe, later)).toBe('0')
    })

    it('changes nothing after the configuration but the display name', async () => {
      const meter = await createMeter(stripe)
      clock.advance(5_000)
      const renamed = await stripe.billing.meters.update(meter.id, { display_name: 'Another name' })
      expect(renamed).toEqual({ ...meter, display_name: 'Another name', updated: meter.updated + 5 })
      for (const change of [
        { event_name: 'other' },
        { default_aggregation: { formula: 'count' } },
        { customer_mapping: { type: 'by_id', event_payload_key: 'other' } },
        { value_settings: { event_payload_key: 'other' } },
        { event_time_window: 'day' },
        { display_name: 'Not taken either', status: 'inactive' },
      ]) {
        const refusal = await refusalOf(stripe.billing.meters.update(meter.id, change))
        expect(refusal).toMatchObject({ statusCode: 400, code: 'parameter_unknown' })
        expect(Object.keys(change)).toContain(refusal.param)
      }
      expect(await stripe.billing.meters.retrieve(meter.id)).toEqual(renamed)
    })

    it('adds events up over a period for each customer alone', async () => {
      const meter = await createMeter(stripe)
      await report(stripe, meter, 5, { customer: 'cus_one' })
      await report(stripe, meter, 7, { customer: 'cus_two' })
      expect(await total(stripe, meter, { customer: 'cus_one' })).toBe('5')
      expect(await total(stripe, meter, { customer: 'cus_two' })).toBe('7')
      expect(await total(stripe, meter, { customer: 'cus_three' })).toBe('0')
    })

    it('sums the tokens of Alpaca AI by month', async () => {
      const meter = await stripe.billing.meters.create({
        display_name: 'Alpaca AI tokens',
        event_name: 'alpaca_ai_tokens',
        default_aggregation: { formula: 'sum' },
      })
      const january = { start: Date.UTC(2026, 0), end: Date.UTC(2026, 1) }
      const december = { start: Date.UTC(2025, 11), end: january.start }
      await report(stripe, meter, 100, { at: january.start })
      await report(stripe, meter, 250)
      await report(stripe, meter, 50)
      await report(stripe, meter, 999, { at: december.end - 1000 })
      expect(await total(stripe, meter, january)).toBe('400')
      expect(await total(stripe, meter, december)).toBe('999')
      expect(await total(stripe, meter, { start: january.end, end: Date.UTC(2026, 2) })).toBe('0')
    })
  })

  describe('Event name', () => {
    it('routes an event to the one meter of its name', async () => {
      const [one, other] = [await createMeter(stripe), await createMeter(stripe)]
      await report(stripe, one, 3)
      await report(stripe, other, 4)
      expect([await total(stripe, one), await total(stripe, other)]).toEqual(['3', '4'])
    })

    it('serves one meter only, until that one is deactivated', async () => {
      const first = await createMeter(stripe)
      const { event_name } = first
      const refusal = await refusalOf(createMeter(stripe, 'count', { event_name }))
      expect(refusal).toMatchObject({ statusCode: 400, rawType: 'invalid_request_error', param: 'event_name' })
      expect(refusal.message).toContain('An active meter already exists for event name')
      await stripe.billing.meters.deactivate(first.id)
      const second = await createMeter(stripe, 'count', { event_name })
      await report(stripe, second, 3)
      expect([await total(stripe, first), await total(stripe, second)]).toEqual(['0', '1'])
    })
  })

  describe('Event ingestion', () => {
    it('is raw by default: each event stands alone, also at the same time', async () => {
      const [sum, count] = [await createMeter(stripe, 'sum'), await createMeter(stripe, 'count')]
      expect(sum.event_time_window).toBeNull()
      for (const meter of [sum, count]) {
        for (const value of [2, 3]) await report(stripe, meter, value, { at: at('10:00:00') })
      }
      expect([await total(stripe, sum), await total(stripe, count)]).toEqual(['5', '2'])
    })

    it('by the hour counts only what was received last in each UTC hour', async () => {
      const meter = await createMeter(stripe, 'sum', { event_time_window: 'hour' })
      const day = { start: at('00:00:00'), end: TODAY }
      await report(stripe, meter, 4, { at: at('10:05:00') })
      await report(stripe, meter, 9, { at: at('10:50:00') })
      expect(await total(stripe, meter)).toBe('9')
      // Earlier in time, received later.
      await report(stripe, meter, 1, { at: at('10:01:00') })
      expect(await total(stripe, meter)).toBe('1')
      await report(stripe, meter, 20, { at: at('10:59:59') })
      await report(stripe, meter, 300, { at: at('11:00:00') })
      await report(stripe, meter, 7, { at: at('11:00:00'), customer: 'cus_other' })
      expect(await byWindow(stripe, meter, 'hour', day)).toEqual([
        [new Date(at('11:00:00')).toISOString(), 300],
        [new Date(at('10:00:00')).toISOString(), 20],
      ])
      expect(await total(stripe, meter)).toBe('320')
    })

    it('by the day begins a window at 00:00 UTC', async () => {
      const meter = await createMeter(stripe, 'sum', { event_time_window: 'day' })
      const yesterday = at('00:00:00')
      await report(stripe, meter, 1, { at: at('00:00:00') })
      await report(stripe, meter, 2, { at: at('23:59:59') })
      await report(stripe, meter, 40, { at: TODAY })
      expect(await byWindow(stripe, meter, 'day', { start: yesterday, end: TODAY + DAY_MS })).toEqual([
        [new Date(TODAY).toISOString(), 40],
        [new Date(yesterday).toISOString(), 2],
      ])
    })

    it('counts one for each window of a pre-aggregated count, and takes the last window for last', async () => {
      const count = await createMeter(stripe, 'count', { event_time_window: 'hour' })
      const last = await createMeter(stripe, 'last', { event_time_window: 'hour' })
      for (const meter of [count, last]) {
        await report(stripe, meter, 1, { at: at('12:00:00') })
        await report(stripe, meter, 2, { at: at('12:30:00') })
        await report(stripe, meter, 3, { at: at('11:30:00') })
      }
      expect([await total(stripe, count), await total(stripe, last)]).toEqual(['2', '2'])
    })
  })

  describe('Aggregation', () => {
    it.each([
      ['sum', '15'],
      ['count', '3'],
      ['last', '7'],
    ] as const)('%s of 5, 3 and 7 is %s', async (formula, expected) => {
      const meter = await createMeter(stripe, formula)
      for (const [index, value] of [5, 3, 7].entries()) {
        await report(stripe, meter, value, { at: at('10:00:00') + index * MINUTE_MS })
      }
      expect(await total(stripe, meter)).toBe(expected)
    })

    it('sum takes in all usage of the period', async () => {
      const meter = await createMeter(stripe)
      const period = { start: at('00:00:00'), end: TODAY }
      await report(stripe, meter, 1, { at: period.start - 1000 })
      for (let hour = 0; hour < 24; hour++) await report(stripe, meter, hour, { at: period.start + hour * HOUR_MS })
      await report(stripe, meter, 1, { at: period.end })
      expect(await total(stripe, meter, period)).toBe('276')
    })

    it('count needs no value', async () => {
      const meter = await createMeter(stripe, 'count')
      const { event_name } = meter
      await stripe.billing.meterEvents.create({ event_name, payload: { stripe_customer_id: 'cus_A' } })
      await report(stripe, meter, 'a few')
      expect(await total(stripe, meter)).toBe('2')
    })

    it('last takes the latest event in time, in whatever order they arrive', async () => {
      const meter = await createMeter(stripe, 'last')
      await report(stripe, meter, 30, { at: at('12:00:00') })
      await report(stripe, meter, 10, { at: at('10:00:00') })
      await report(stripe, meter, 20, { at: at('11:00:00') })
      expect(await total(stripe, meter)).toBe('30')
      expect(await total(stripe, meter, { end: at('12:00:00') })).toBe('20')
    })
  })

  describe('Payload keys', () => {
    it('reads the value from the key of the value settings', async () => {
      const meter = await createMeter(stripe, 'sum', { value_settings: { event_payload_key: 'tokens' } })
      await report(stripe, meter, 7)
      const refusal = await refusalOf(
        stripe.billing.meterEvents.create({
          event_name: meter.event_name,
          payload: { stripe_customer_id: 'cus_A', value: '7' },
        }),
      )
      expect(refusal).toMatchObject({ statusCode: 400, code: 'meter_event_invalid_value', param: 'payload[tokens]' })
      expect(await total(stripe, meter)).toBe('7')
    })

    it('reads the customer from the key of the customer mapping', async () => {
      const meter = await createMeter(stripe, 'sum', {
        customer_mapping: { type: 'by_id', event_payload_key: 'customer_id' },
      })
      await report(stripe, meter, 7)
      const refusal = await refusalOf(
        stripe.billing.meterEvents.create({
          event_name: meter.event_name,
          payload: { stripe_customer_id: 'cus_A', value: '7' },
        }),
      )
      expect(refusal).toMatchObject({
        statusCode: 400,
        code: 'meter_event_no_customer_defined',
        param: 'payload[customer_id]',
      })
      expect(await total(stripe, meter)).toBe('7')
    })

    it('keeps further keys, and breaks usage down by those that are dimensions', async () => {
      const meter = await createMeter(stripe, 'sum', { dimension_payload_keys: ['model'] })
      const event = await report(stripe, meter, 5, { payload: { model: 'large', region: 'eu' } })
      expect(event.payload).toEqual({ stripe_customer_id: 'cus_A', value: '5', model: 'large', region: 'eu' })
      await report(stripe, meter, 2, { payload: { model: 'small' } })
      const large = { dimension_filters: { model: 'large' } }
      expect((await summaries(stripe, meter, undefined, large)).map((each) => each.aggregated_value)).toEqual([5])
      expect(await total(stripe, meter)).toBe('7')
    })
  })

  describe('Cancelling', () => {
    it.each([
      ['sum', '4'],
      ['count', '1'],
      ['last', '4'],
    ] as const)('takes a wrong event out of the %s', async (formula, expected) => {
      const meter = await createMeter(stripe, formula)
      await report(stripe, meter, 4, { at: at('10:00:00') })
      const { identifier } = await report(stripe, meter, 9, { at: at('11:00:00') })
      expect(await cancel(stripe, meter, identifier)).toMatchObject({ status: 'complete', cancel: { identifier } })
      expect(await total(stripe, meter)).toBe(expected)
    })

    it('makes the report before it count again in a pre-aggregated window', async () => {
      const meter = await createMeter(stripe, 'sum', { event_time_window: 'hour' })
      await report(stripe, meter, 4, { at: at('10:40:00') })
      const { identifier } = await report(stripe, meter, 9, { at: at('10:20:00') })
      await cancel(stripe, meter, identifier)
      expect(await total(stripe, meter)).toBe('4')
    })

    it('refuses an identifier that was never reported', async () => {
      const meter = await createMeter(stripe)
      await report(stripe, meter, 4)
      const refusal = await refusalOf(cancel(stripe, meter, 'never reported'))
      expect(refusal).toMatchObject({ statusCode: 404, code: 'resource_missing', param: 'cancel[identifier]' })
      expect(await total(stripe, meter)).toBe('4')
    })

    it('reaches only what was received in the last 24 hours, to the millisecond', async () => {
      const meter = await createMeter(stripe)
      await report(stripe, meter, 1, { identifier: 'in time' })
      await report(stripe, meter, 2, { identifier: 'too late' })
      clock.advance(24 * HOUR_MS)
      await cancel(stripe, meter, 'in time')
      clock.advance(1)
      const refusal = await refusalOf(cancel(stripe, meter, 'too late'))
      expect(refusal).toMatchObject({
        statusCode: 400,
        rawType: 'invalid_request_error',
        param: 'cancel[identifier]',
      })
      expect(await total(stripe, meter)).toBe('2')
    })

    it('goes by the receipt: an old event that was just received can be cancelled', async () => {
      const meter = await createMeter(stripe)
      const { identifier } = await report(stripe, meter, 8, { at: clock.now() - 30 * DAY_MS })
      await cancel(stripe, meter, identifier)
      expect(await total(stripe, meter)).toBe('0')
    })
  })

  describe('Negative quantities', () => {
    it('correct what was recorded before', async () => {
      const meter = await createMeter(stripe)
      await report(stripe, meter, 10)
      await report(stripe, meter, -4)
      expect(await total(stripe, meter)).toBe('6')
    })

    it('may make a total negative', async () => {
      const meter = await createMeter(stripe)
      await report(stripe, meter, 3)
      await report(stripe, meter, -5)
      const [summary] = await summaries(stripe, meter)
      expect(summary).toMatchObject({ aggregated_value: -2, aggregated_value_decimal: '-2' })
    })
  })

  describe('Timestamps', () => {
    const THE_PAST = 35 * 24 * HOUR_MS
    const THE_FUTURE = 5 * MINUTE_MS

    it.each([
      ['35 days back', -THE_PAST, -1000, 'timestamp_too_far_in_past'],
      ['5 minutes ahead', THE_FUTURE, 1000, 'timestamp_in_future'],
    ])('reach %s, that very instant included', async (_, edge, beyond, code) => {
      // v1 speaks in whole seconds, so the clock stands on one.
      clock.advance(1000 - (clock.now() % 1000))
      const meter = await createMeter(stripe)
      const event = await report(stripe, meter, 1, { at: clock.now() + edge })
      expect(event.timestamp).toBe(seconds(clock.now() + edge))
      const refusal = await refusalOf(report(stripe, meter, 1, { at: clock.now() + edge + beyond }))
      expect(refusal).toMatchObject({ statusCode: 400, code, param: 'timestamp' })
      expect(await total(stripe, meter)).toBe('1')
    })

    it.each([
      ['35 days before the second', -1 - THE_PAST, -1, 'timestamp_too_far_in_past'],
      ['5 minutes ahead of the millisecond', THE_FUTURE, 1, 'timestamp_in_future'],
    ])('reach %s of the receipt in v2', async (_, edge, beyond, code) => {
      clock.advance(1001 - (clock.now() % 1000))
      const { event_name } = await createMeter(stripe)
      const send = (instant: number) =>
        stripe.v2.billing.meterEvents.create({
          event_name,
          payload: { stripe_customer_id: 'cus_A', value: '1' },
          timestamp: new Date(instant).toISOString(),
        })
      expect((await send(clock.now() + edge)).timestamp).toBe(new Date(clock.now() + edge).toISOString())
      expect(await refusalOf(send(clock.now() + edge + beyond))).toMatchObject({ statusCode: 400, code })
    })
  })
})
