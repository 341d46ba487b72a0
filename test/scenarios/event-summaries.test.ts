/** What a customer's usage comes to: as a whole, by hour, by day, by dimension, page by page. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type Stripe from 'stripe'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/time-bucket.js'
import { NOW } from '../controls.js'
import {
  byWindow,
  cancel,
  createMeter,
  CUSTOMER,
  report,
  summaries,
  total,
  type Meter,
  type Summary,
} from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import { FixedClock, onEachStore, seconds, TEST_KEY, type RunningService } from '../running-service.js'

const TODAY = Math.floor(NOW / DAY_MS) * DAY_MS
const YESTERDAY = TODAY - DAY_MS
const BOTH_DAYS = { start: YESTERDAY, end: TODAY + DAY_MS }

onEachStore('Event summaries', (start) => {
  let service: RunningService
  let stripe: Stripe
  beforeAll(async () => {
    service = await start(new FixedClock())
    stripe = service.stripe
  })
  afterAll(() => service.close())

  const list = (meter: Meter, parameters: string): Promise<Stripe.ApiList<Stripe.Billing.MeterEventSummary>> =>
    stripe.rawRequest('GET', `/v1/billing/meters/${meter.id}/event_summaries?${parameters}`) as never
  const interval = ({ start, end } = BOTH_DAYS): string =>
    `customer=${CUSTOMER}&start_time=${seconds(start)}&end_time=${seconds(end)}`

  describe('As a whole', () => {
    it('is the sum of what the Stripe client recorded, right after it recorded it', async () => {
      const meter = await stripe.billing.meters.create({
        display_name: 'Alpaca AI tokens',
        event_name: 'alpaca_ai_tokens',
        default_aggregation: { formula: 'sum' },
      })
      for (const value of ['100', '250', '50']) {
        await stripe.billing.meterEvents.create({
          event_name: 'alpaca_ai_tokens',
          payload: { stripe_customer_id: 'cus_A', value },
        })
      }
      const { data } = await stripe.billing.meters.listEventSummaries(meter.id, {
        customer: 'cus_A',
        start_time: seconds(TODAY),
        end_time: seconds(TODAY + DAY_MS),
      })
      expect(data.map(({ aggregated_value }) => aggregated_value)).toEqual([400])
    })

    it('is one summary, with every field', async () => {
      const meter = await createMeter(stripe)
      const reported = await report(stripe, meter, '2.5')
      const position = reported.lastResponse.headers['meterbook-position']
      const answer = await list(meter, interval())
      expect(answer).toEqual({
        object: 'list',
        data: [
          {
            id: expect.stringMatching(/^mtrusg_test_\w+$/),
            object: 'billing.meter_event_summary',
            aggregated_value: 2.5,
            aggregated_value_decimal: '2.5',
            dimensions: null,
            end_time: seconds(BOTH_DAYS.end),
            livemode: false,
            meter: meter.id,
            position,
            start_time: seconds(BOTH_DAYS.start),
          },
        ],
        has_more: false,
        url: `/v1/billing/meters/${meter.id}/event_summaries`,
      })
      expect(position).toBeDefined()
    })

    it('is one summary of 0 where nothing was reported', async () => {
      for (const formula of ['sum', 'count', 'last'] as const) {
        const meter = await createMeter(stripe, formula)
        const empty = await summaries(stripe, meter)
        expect(empty).toMatchObject([{ aggregated_value: 0, aggregated_value_decimal: '0' }])
      }
    })

    it('takes in its start and not its end, to the minute', async () => {
      const meter = await createMeter(stripe)
      const noon = YESTERDAY + 12 * HOUR_MS
      await report(stripe, meter, 1, { at: noon - 1000 })
      await report(stripe, meter, 20, { at: noon })
      await report(stripe, meter, 300, { at: noon + MINUTE_MS - 1000 })
      await report(stripe, meter, 4000, { at: noon + MINUTE_MS })
      expect(await total(stripe, meter, { start: noon, end: noon + MINUTE_MS })).toBe('320')
      expect(await total(stripe, meter, { start: noon - MINUTE_MS, end: noon + MINUTE_MS })).toBe('321')
      expect(await total(stripe, meter, { start: noon, end: noon + 2 * MINUTE_MS })).toBe('4320')
    })

    it('takes the last event inside the interval, and carries nothing over from before', async () => {
      const meter = await createMeter(stripe, 'last')
      await report(stripe, meter, 8, { at: YESTERDAY })
      expect(await total(stripe, meter, { start: TODAY })).toBe('0')
      expect(await total(stripe, meter, { start: YESTERDAY })).toBe('8')
    })

    it('takes the later received of two last events at one time', async () => {
      const meter = await createMeter(stripe, 'last')
      for (const value of [9, 3, 5]) await report(stripe, meter, value, { at: YESTERDAY })
      expect(await total(stripe, meter)).toBe('5')
    })

    it('reaches into the future', async () => {
      const meter = await createMeter(stripe)
      await report(stripe, meter, 1)
      expect(await total(stripe, meter, { start: TODAY, end: TODAY + 5000 * DAY_MS })).toBe('1')
    })
  })

  describe('Exactly', () => {
    const literal = async (meter: Meter): Promise<string | undefined> => {
      const response = await fetch(`${service.url}/v1/billing/meters/${meter.id}/event_summaries?${interval()}`, {
        headers: { authorization: `Bearer ${TEST_KEY}` },
      })
      return /"aggregated_value":([^,}]*)/.exec(await response.text())?.[1]
    }

    it('makes ten times 0.1 one', async () => {
      const meter = await createMeter(stripe)
      await Promise.all(Array.from({ length: 10 }, () => report(stripe, meter, '0.1')))
      expect(await total(stripe, meter)).toBe('1')
      expect(await literal(meter)).toBe('1')
    })

    it.each([
      [['0.1', '0.2'], '0.3'],
      [['999999999999999', '999999999999999', '0.000000000000001'], '1999999999999998.000000000000001'],
      [['1e-7', '1E3', '-0.5'], '999.5000001'],
      [['25.0', '-25'], '0'],
      [['-0.000000000000001'], '-0.000000000000001'],
      [['0012.50'], '12.5'],
    ])('makes %j exactly %s, also as a JSON number', async (values, expected) => {
      const meter = await createMeter(stripe)
      for (const value of values) await report(stripe, meter, value)
      expect(await total(stripe, meter)).toBe(expected)
      expect(await literal(meter)).toBe(expected)
    })
  })

  describe('By window', () => {
    it('has one summary for each hour or day with usage, newest first', async () => {
      const meter = await createMeter(stripe)
      await report(stripe, meter, 1, { at: YESTERDAY + 3 * HOUR_MS })
      await report(stripe, meter, 2, { at: YESTERDAY + 4 * HOUR_MS - 1000 })
      await report(stripe, meter, 4, { at: YESTERDAY + 4 * HOUR_MS })
      await report(stripe, meter, -8, { at: TODAY })
      expect(await byWindow(stripe, meter, 'hour', BOTH_DAYS)).toEqual([
        [new Date(TODAY).toISOString(), -8],
        [new Date(YESTERDAY + 4 * HOUR_MS).toISOString(), 4],
        [new Date(YESTERDAY + 3 * HOUR_MS).toISOString(), 3],
      ])
      expect(await byWindow(stripe, meter, 'day', BOTH_DAYS)).toEqual([
        [new Date(TODAY).toISOString(), -8],
        [new Date(YESTERDAY).toISOString(), 7],
      ])
      const [newest] = await summaries(stripe, meter, BOTH_DAYS, { value_grouping_window: 'hour' })
      expect(newest).toMatchObject({ start_time: seconds(TODAY), end_time: seconds(TODAY + HOUR_MS) })
    })

    it('is empty where nothing was reported', async () => {
      const meter = await createMeter(stripe)
      expect(await byWindow(stripe, meter, 'day', BOTH_DAYS)).toEqual([])
      expect(await byWindow(stripe, meter, 'hour', BOTH_DAYS)).toEqual([])
    })

    it('loses a window with its only event', async () => {
      const meter = await createMeter(stripe)
      await report(stripe, meter, 1, { at: YESTERDAY })
      const { identifier } = await report(stripe, meter, 2, { at: TODAY })
      await cancel(stripe, meter, identifier)
      expect(await byWindow(stripe, meter, 'day', BOTH_DAYS)).toEqual([[new Date(YESTERDAY).toISOString(), 1]])
    })

    it('keeps a window whose events come to 0', async () => {
      const meter = await createMeter(stripe)
      for (const value of [3, -3]) await report(stripe, meter, value, { at: YESTERDAY })
      expect(await byWindow(stripe, meter, 'day', BOTH_DAYS)).toEqual([[new Date(YESTERDAY).toISOString(), 0]])
    })
  })

  describe('Page by page', () => {
    let meter: Meter
    /** Newest first. */
    let all: Stripe.Billing.MeterEventSummary[]
    const hours = { start: YESTERDAY, end: TODAY }
    const page = (choices: object): Promise<Stripe.ApiList<Stripe.Billing.MeterEventSummary>> => {
      const { start, end } = hours
      const parameters = { customer: CUSTOMER, start_time: seconds(start), end_time: seconds(end) }
      return stripe.billing.meters.listEventSummaries(meter.id, {
        ...parameters,
        value_grouping_window: 'hour',
        ...choices,
      })
    }
    beforeAll(async () => {
      meter = await createMeter(stripe)
      // Every other hour.
      for (let hour = 0; hour < 24; hour += 2) await report(stripe, meter, hour, { at: YESTERDAY + hour * HOUR_MS })
      all = (await page({ limit: 100 })).data
    })

    it('has ten to a page, each with an id of its own that stays the same', async () => {
      const first = await page({})
      expect(first).toMatchObject({ data: all.slice(0, 10), has_more: true })
      expect(new Set(all.map(({ id }) => id)).size).toBe(12)
      expect(all.map(({ aggregated_value }) => aggregated_value)).toEqual([22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0])
    })

    it('goes on after a cursor and back before one', async () => {
      const id = (index: number): string => all[index]?.id ?? ''
      expect(await page({ starting_after: id(8) })).toMatchObject({ data: all.slice(9), has_more: false })
      expect(await page({ starting_after: id(2), limit: 3 })).toMatchObject({ data: all.slice(3, 6), has_more: true })
      expect(await page({ ending_before: id(8), limit: 3 })).toMatchObject({ data: all.slice(5, 8), has_more: true })
      expect(await page({ ending_before: id(2) })).toMatchObject({ data: all.slice(0, 2), has_more: false })
      expect(await page({ starting_after: id(11) })).toMatchObject({ data: [], has_more: false })
      expect(await page({ ending_before: id(0) })).toMatchObject({ data: [], has_more: false })
    })

    it('is walked whole by the client itself, forwards and backwards', async () => {
      const walk = async (choices: object): Promise<Stripe.Billing.MeterEventSummary[]> => {
        const walked: Stripe.Billing.MeterEventSummary[] = []
        for await (const summary of stripe.billing.meters.listEventSummaries(meter.id, {
          customer: CUSTOMER,
          start_time: seconds(hours.start),
          end_time: seconds(hours.end),
          value_grouping_window: 'hour',
          limit: 5,
          ...choices,
        })) {
          walked.push(summary)
        }
        return walked
      }
      expect(await walk({})).toEqual(all)
      expect(await walk({ ending_before: all[11]?.id })).toEqual(all.slice(0, 11).reverse())
    })

    it('keeps ids after further usage and a restart', async () => {
      const other = await createMeter(stripe)
      await report(stripe, other, 1, { at: YESTERDAY })
      const [before] = await summaries(stripe, other)
      await report(stripe, other, 1, { at: YESTERDAY })
      await service.restart()
      stripe = service.stripe
      const [after] = await summaries(stripe, other)
      expect(after).toMatchObject({ id: before?.id, aggregated_value: 2 })
      expect((await page({ limit: 100 })).data.map(({ id }) => id)).toEqual(all.map(({ id }) => id))
    })

    it('goes on behind a window that was cancelled while the list was walked', async () => {
      const meter = await createMeter(stripe, 'sum', { dimension_payload_keys: ['model'] })
      const days = Array.from({ length: 6 }, (_, index) => TODAY - index * DAY_MS)
      for (const [index, at] of days.entries()) {
        for (const model of ['large', 'small']) {
          await report(stripe, meter, index + 1, { at, identifier: `${model} ${index}`, payload: { model } })
        }
      }
      const walked: string[] = []
      for await (const each of stripe.billing.meters.listEventSummaries(meter.id, {
        customer: CUSTOMER,
        start_time: seconds(TODAY - 6 * DAY_MS),
        end_time: seconds(TODAY + DAY_MS),
        value_grouping_window: 'day',
        limit: 3,
        ...{ dimension_group_by_keys: ['model'] },
      })) {
        const { dimensions, aggregated_value } = each as Summary
        walked.push(`${dimensions?.['model']} ${aggregated_value}`)
        // What the next page begins behind is gone by then.
        if (walked.length === 3) await cancel(stripe, meter, 'large 1')
      }
      expect(walked).toEqual(days.flatMap((_, index) => [`large ${index + 1}`, `small ${index + 1}`]))
    })

    it('refuses a cursor that is no summary of this list', async () => {
      const other = await createMeter(stripe)
      await report(stripe, other, 1, { at: YESTERDAY })
      const [foreign] = await summaries(stripe, other, hours, { value_grouping_window: 'hour' })
      await report(stripe, meter, 1, { at: YESTERDAY - HOUR_MS })
      await report(stripe, meter, 1, { at: TODAY })
      const around = { start: YESTERDAY - HOUR_MS, end: TODAY + HOUR_MS }
      const wider = await summaries(stripe, meter, around, { value_grouping_window: 'hour', limit: 100 })
      expect(wider).toHaveLength(all.length + 2)
      // Right before the interval, and right behind it.
      const outside = [wider[0]?.id, wider.at(-1)?.id]
      for (const cursor of ['mtrusg_test_unknown', foreign?.id, ...outside]) {
        for (const param of ['starting_after', 'ending_before']) {
          const refusal = await refusalOf(page({ [param]: cursor }))
          expect(refusal).toMatchObject({ statusCode: 404, code: 'resource_missing', param })
        }
      }
    })
  })

  describe('By dimension', () => {
    let meter: Meter
    const dimensions = (model: string, region: string) => ({ payload: { model, region } })
    beforeAll(async () => {
      meter = await createMeter(stripe, 'sum', { dimension_payload_keys: ['model', 'region'] })
      await report(stripe, meter, 1, { ...dimensions('large', 'eu'), at: YESTERDAY })
      await report(stripe, meter, 20, { ...dimensions('large', 'us'), at: YESTERDAY })
      await report(stripe, meter, 300, { ...dimensions('small', 'eu'), at: TODAY })
      await report(stripe, meter, 4000, { ...dimensions('large', 'eu'), at: TODAY })
    })
    const values = async (parameters: string): Promise<unknown[]> => {
      const { data } = await list(meter, `${interval()}&${parameters}`)
      return data.map((each) => [each.aggregated_value, (each as { dimensions?: unknown }).dimensions])
    }

    it('filters', async () => {
      expect(await values('dimension_filters[model]=large')).toEqual([[4021, null]])
      expect(await values('dimension_filters[model]=large&dimension_filters[region]=eu')).toEqual([[4001, null]])
      expect(await values('dimension_filters[model]=medium')).toEqual([[0, null]])
    })

    it('groups', async () => {
      expect(await values('dimension_group_by_keys[]=model')).toEqual([
        [4021, { model: 'large' }],
        [300, { model: 'small' }],
      ])
      expect(await values('dimension_group_by_keys[0]=region&dimension_group_by_keys[1]=model')).toEqual([
        [4001, { region: 'eu', model: 'large' }],
        [300, { region: 'eu', model: 'small' }],
        [20, { region: 'us', model: 'large' }],
      ])
    })

    it('filters, groups and splits by day at once', async () => {
      expect(
        await values('dimension_group_by_keys[]=region&dimension_filters[model]=large&value_grouping_window=day'),
      ).toEqual([
        [4000, { region: 'eu' }],
        [1, { region: 'eu' }],
        [20, { region: 'us' }],
      ])
    })

    it('pages through groups', async () => {
      const grouped = 'dimension_group_by_keys[]=model&dimension_group_by_keys[]=region&value_grouping_window=day'
      const { data: all } = await list(meter, `${interval()}&${grouped}`)
      expect(all).toHaveLength(4)
      const seen = []
      for (let after = ''; seen.length < 4;) {
        const { data } = await list(meter, `${interval()}&${grouped}&limit=1${after}`)
        seen.push(...data)
        after = `&starting_after=${data[0]?.id}`
      }
      expect(seen).toEqual(all)
    })

    it('leaves out groups without usage in the interval, also as a whole', async () => {
      const of = await createMeter(stripe, 'sum', { dimension_payload_keys: ['region'] })
      await report(stripe, of, 1, { payload: { region: 'eu' }, at: YESTERDAY })
      await report(stripe, of, 0, { payload: { region: 'us' }, at: YESTERDAY })
      await report(stripe, of, 2, { payload: { region: 'tokyo' }, at: TODAY })
      await report(stripe, of, 3, { payload: { region: 'tokio' }, at: YESTERDAY, identifier: 'mistyped' })
      await cancel(stripe, of, 'mistyped')
      const grouped = await summaries(
        stripe,
        of,
        { start: YESTERDAY, end: TODAY },
        { dimension_group_by_keys: ['region'] },
      )
      expect(grouped.map(({ dimensions, aggregated_value }) => [dimensions?.['region'], aggregated_value])).toEqual([
        ['eu', 1],
        ['us', 0],
      ])
    })

    it('keeps one window for each combination of a pre-aggregated meter', async () => {
      const hourly = await createMeter(stripe, 'sum', {
        event_time_window: 'hour',
        dimension_payload_keys: ['model'],
      })
      const at = YESTERDAY
      await report(stripe, hourly, 5, { payload: { model: 'large' }, at })
      await report(stripe, hourly, 7, { payload: { model: 'small' }, at })
      await report(stripe, hourly, 6, { payload: { model: 'large' }, at })
      expect(await total(stripe, hourly)).toBe('13')
    })

    it('refuses what is no dimension of the meter', async () => {
      for (const [parameters, param] of [
        ['dimension_filters[colour]=red', 'dimension_filters[colour]'],
        ['dimension_group_by_keys[]=colour', 'dimension_group_by_keys'],
      ]) {
        const refusal = await refusalOf(list(meter, `${interval()}&${parameters}`))
        expect(refusal).toMatchObject({ statusCode: 400, rawType: 'invalid_request_error', param })
      }
    })

    it('refuses an event without one of them', async () => {
      const refusal = await refusalOf(report(stripe, meter, 1, { payload: { model: 'large' } }))
      expect(refusal).toMatchObject({
        statusCode: 400,
        code: 'missing_dimension_payload_keys',
        param: 'payload[region]',
      })
    })
  })

  describe('Asked for wrongly', () => {
    it.each([
      ['start_time', { start: YESTERDAY + 1000, end: TODAY }, ''],
      ['end_time', { start: YESTERDAY, end: TODAY + 59_000 }, ''],
      ['start_time', { start: YESTERDAY + MINUTE_MS, end: TODAY }, 'hour'],
      ['end_time', { start: YESTERDAY, end: TODAY + 30 * MINUTE_MS }, 'hour'],
      ['start_time', { start: YESTERDAY + HOUR_MS, end: TODAY }, 'day'],
      ['end_time', { start: YESTERDAY, end: TODAY + 23 * HOUR_MS }, 'day'],
      ['end_time', { start: TODAY, end: TODAY }, ''],
      ['end_time', { start: TODAY, end: YESTERDAY }, 'day'],
    ])('refuses a %s that does not fit (%j, %s)', async (param, bounds, window) => {
      const meter = await createMeter(stripe)
      const grouping = window === '' ? '' : `&value_grouping_window=${window}`
      const refusal = await refusalOf(list(meter, interval(bounds) + grouping))
      expect(refusal).toMatchObject({ statusCode: 400, rawType: 'invalid_request_error', param })
    })

    it.each([
      ['customer', 'start_time=0&end_time=60', 'parameter_missing'],
      ['start_time', 'customer=cus_A&end_time=60', 'parameter_missing'],
      ['end_time', 'customer=cus_A&start_time=0', 'parameter_missing'],
      ['start_time', 'customer=cus_A&start_time=soon&end_time=60', 'parameter_invalid_integer'],
      [
        'value_grouping_window',
        'customer=cus_A&start_time=0&end_time=60&value_grouping_window=week',
        'parameter_invalid',
      ],
      ['customers', 'customers=cus_A&start_time=0&end_time=60', 'parameter_unknown'],
      ['limit', 'customer=cus_A&start_time=0&end_time=60&limit=101', 'parameter_invalid_integer'],
    ])('refuses a wrong or missing %s', async (param, parameters, code) => {
      const meter = await createMeter(stripe)
      expect(await refusalOf(list(meter, parameters))).toMatchObject({ statusCode: 400, code, param })
    })
  })
})
