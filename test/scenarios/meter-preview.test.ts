/** What a meter would count, before it is made: of samples with the fate of each, and of what was recorded. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type Stripe from 'stripe'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/time-bucket.js'
import { SAMPLE_EVENTS_MAX } from '../../src/queries/preview-meter.js'
import { NOW, uniqueName } from '../controls.js'
import { cancel, createMeter, CUSTOMER, EVER, report, total } from '../metered-usage.js'
import { FixedClock, onEachStore, seconds, TEST_KEY, type RunningService } from '../running-service.js'

interface Preview {
  readonly customers: { readonly customer: string; readonly aggregated_value_decimal: string }[]
  readonly events: { readonly code: string; readonly error_code: string | null; readonly contribution: string }[]
  readonly notes: object[]
  readonly refusals: object[]
  readonly [field: string]: unknown
}

onEachStore('A preview of a meter', (start) => {
  let service: RunningService
  let stripe: Stripe
  beforeAll(async () => {
    service = await start(new FixedClock())
    stripe = service.stripe
  })
  afterAll(() => service.close())

  async function post(body: object, key = TEST_KEY): Promise<{ status: number; body: unknown }> {
    const response = await fetch(`${service.url}/meterbook/v1/meters/preview`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return { status: response.status, body: await response.json() }
  }
  async function preview(body: object): Promise<Preview> {
    const answer = await post(body)
    expect(answer).toMatchObject({ status: 200 })
    return answer.body as Preview
  }
  const configuration = (formula: string, more: object = {}) => ({
    display_name: 'Previewed',
    event_name: uniqueName('event_'),
    default_aggregation: { formula },
    ...more,
  })
  const sample = (identifier: string, value: string, at: number, customer = CUSTOMER) => ({
    identifier,
    payload: { stripe_customer_id: customer, value },
    timestamp: seconds(at),
  })
  const ever = { start_time: seconds(EVER.start), end_time: seconds(EVER.end) }

  it('tells of each sample whether it counts and why not, and what all come to', async () => {
    const answer = await preview({
      ...configuration('sum', { event_time_window: 'hour' }),
      value_grouping_window: 'hour',
      sample_events: [
        sample('a', '1', NOW - 5 * MINUTE_MS),
        sample('b', '2', NOW - 10 * MINUTE_MS),
        sample('b', '2.0', NOW - 10 * MINUTE_MS),
        sample('b', '3', NOW - 10 * MINUTE_MS),
        sample('c', '0.1', NOW),
        sample('d', '40', NOW, 'cus_B'),
        sample('e', 'many', NOW),
        sample('f', '1', NOW - 36 * DAY_MS),
        { payload: { stripe_customer_id: CUSTOMER, value: '0.2' } },
      ],
    })
    expect(answer.events.map(({ code, error_code, contribution }) => [code, error_code, contribution])).toEqual([
      ['overwritten', null, '0'],
      ['counted', null, '2'],
      ['refused', 'duplicate_meter_event', '0'],
      ['refused', 'duplicate_meter_event', '0'],
      ['overwritten', null, '0'],
      ['counted', null, '40'],
      ['refused', 'meter_event_invalid_value', '0'],
      ['refused', 'timestamp_too_far_in_past', '0'],
      ['counted', null, '0.2'],
    ])
    expect(answer).toMatchObject({
      object: 'meterbook.meter_preview',
      codes: { counted: 3, overwritten: 2, refused: 4 },
      compare_to: null,
      complete: true,
      has_more_customers: false,
      livemode: false,
      meter: { default_aggregation: { formula: 'sum' }, event_time_window: 'hour', object: 'billing.meter' },
      notes: [],
      reached: null,
      source: 'sample_events',
    })
    expect(answer.meter).not.toHaveProperty('id')
    expect(answer.customers).toEqual([
      {
        aggregated_value: 2.2,
        aggregated_value_decimal: '2.2',
        compared_value_decimal: null,
        customer: CUSTOMER,
        difference_decimal: null,
        windows: [
          {
            aggregated_value_decimal: '2',
            start_time: seconds(NOW - HOUR_MS),
            end_time: seconds(NOW),
          },
          {
            aggregated_value_decimal: '0.2',
            start_time: seconds(NOW),
            end_time: seconds(NOW + HOUR_MS),
          },
        ],
      },
      expect.objectContaining({ customer: 'cus_B', aggregated_value_decimal: '40' }),
    ])
    expect(answer.events[0]).toEqual({
      by: 'b',
      code: 'overwritten',
      contribution: '0',
      customer: CUSTOMER,
      error_code: null,
      identifier: 'a',
      index: 0,
      param: null,
      reason: 'b was recorded later in the same hour, and of each hour only the event recorded last counts.',
    })
    expect(answer.events[6]).toMatchObject({ param: 'payload[value]' })
    expect(answer.refusals).toMatchObject([
      { code: 'duplicate_meter_event', count: 2, identifier: 'b' },
      { code: 'meter_event_invalid_value', count: 1, identifier: 'e' },
      { code: 'timestamp_too_far_in_past', count: 1, identifier: 'f' },
    ])
  })

  it('takes no sample without an identifier for another one, whatever that is called', async () => {
    const payload = { stripe_customer_id: CUSTOMER, value: '5' }
    const samples = [{ identifier: '(sample 1)', payload }, { payload }, { identifier: '((sample 1))', payload }]
    const { customers } = await preview({ ...configuration('sum'), sample_events: samples })
    expect(customers).toMatchObject([{ customer: CUSTOMER, aggregated_value: 15 }])
  })

  it('is what the meter counts once it is made and the samples are sent', async () => {
    for (const [formula, window] of [
      ['sum', undefined],
      ['count', 'hour'],
      ['last', undefined],
      ['last', 'day'],
    ] as const) {
      const wanted = configuration(formula, window ? { event_time_window: window } : {})
      const samples = [5, 3, 8, 1, 9].map((n) => sample(`n${n}`, `${n}.5`, NOW - n * 20 * MINUTE_MS))
      const { customers } = await preview({ ...wanted, sample_events: [...samples, samples[0]] })
      const meter = await stripe.billing.meters.create(wanted)
      for (const { identifier, payload, timestamp } of samples) {
        await stripe.billing.meterEvents.create({ event_name: wanted.event_name, identifier, payload, timestamp })
      }
      expect(customers[0]!.aggregated_value_decimal).toBe(await total(stripe, meter))
    }
  })

  it('over recorded events reads them as they were sent, and says how far a saved meter differs', async () => {
    const meter = await createMeter(stripe)
    await report(stripe, meter, '1', { payload: { seats: '10', team: 'red' }, identifier: 'a' })
    await report(stripe, meter, '2', { payload: { seats: '30', team: 'blue' }, customer: 'cus_B' })
    await report(stripe, meter, '4', { payload: { seats: 'many', team: 'red' } })
    await report(stripe, meter, '8', { payload: { seats: '50', team: 'red' }, identifier: 'wrong' })
    await report(stripe, meter, '16')
    await cancel(stripe, meter, 'wrong')
    const history = { ...ever, event_name: meter.event_name }
    const bySeats = { ...configuration('sum'), value_settings: { event_payload_key: 'seats' } }
    const answer = await preview({ ...bySeats, history, compare_to: meter.id })
    expect(answer).toMatchObject({
      codes: { cancelled: 1, counted: 2, refused: 2 },
      compare_to: meter.id,
      complete: true,
      events: [],
      position: expect.any(String),
      refusals: [{ code: 'meter_event_invalid_value', count: 2 }],
      source: 'history',
    })
    expect(answer.customers).toMatchObject([
      { customer: CUSTOMER, aggregated_value_decimal: '10', compared_value_decimal: '21', difference_decimal: '-11' },
      { customer: 'cus_B', aggregated_value_decimal: '30', compared_value_decimal: '2', difference_decimal: '28' },
    ])
    // The customer may be read from elsewhere too.
    const byTeam = { ...bySeats, customer_mapping: { event_payload_key: 'team', type: 'by_id' } }
    expect((await preview({ ...byTeam, history })).customers.map(({ customer }) => customer)).toEqual(['blue', 'red'])
    const red = await preview({ ...byTeam, history: { ...history, customer: 'red' } })
    expect(red.customers).toMatchObject([{ customer: 'red', aggregated_value_decimal: '10' }])
    // The same configuration gives the same numbers.
    const same = await preview({
      ...configuration('sum'),
      event_name: meter.event_name,
      history: { ...ever, customer: CUSTOMER },
      compare_to: meter.id,
    })
    expect(same.customers).toMatchObject([{ aggregated_value_decimal: '21', difference_decimal: '0' }])
    expect(same.notes).toMatchObject([{ code: 'event_name_taken', message: expect.stringContaining(meter.id) }])
  })

  it('of samples compares with a saved meter too', async () => {
    const meter = await createMeter(stripe, 'last')
    const samples = [sample('a', '5', NOW - HOUR_MS), sample('b', '3', NOW)]
    const { customers } = await preview({ ...configuration('sum'), sample_events: samples, compare_to: meter.id })
    expect(customers).toMatchObject([
      { aggregated_value_decimal: '8', compared_value_decimal: '3', difference_decimal: '5' },
    ])
  })

  it('stores nothing', async () => {
    const before = (await stripe.billing.meters.list({ limit: 100 })).data.length
    const records = await stripe.rawRequest('GET', `/meterbook/v1/meter_events?limit=100`)
    await preview({ ...configuration('sum'), sample_events: [sample('a', '1', NOW)] })
    expect((await stripe.billing.meters.list({ limit: 100 })).data).toHaveLength(before)
    expect(await stripe.rawRequest('GET', `/meterbook/v1/meter_events?limit=100`)).toEqual(records)
  })

  describe('is refused', () => {
    const samples = { sample_events: [sample('a', '1', NOW)] }
    it.each<[string, () => object, number, object]>([
      [
        'as creating it would be: a formula there is none of',
        () => ({ ...configuration('max'), ...samples }),
        400,
        { param: 'default_aggregation[formula]' },
      ],
      [
        'as creating it would be: one key for two things',
        () => ({ ...configuration('sum', { dimension_payload_keys: ['value'] }), ...samples }),
        400,
        { code: 'parameter_invalid', param: 'dimension_payload_keys' },
      ],
      [
        'as creating it would be: a blank name',
        () => ({ ...configuration('sum'), display_name: ' ', ...samples }),
        400,
        { code: 'parameter_invalid_empty', param: 'display_name' },
      ],
      [
        'without anything to try it on',
        () => configuration('sum'),
        400,
        { code: 'parameter_missing', param: 'sample_events' },
      ],
      [
        'with samples and history',
        () => ({ ...configuration('sum'), ...samples, history: ever }),
        400,
        { code: 'parameters_exclusive' },
      ],
      [
        'with no samples',
        () => ({ ...configuration('sum'), sample_events: [] }),
        400,
        { param: 'sample_events', message: 'Invalid sample_events: must be a list of at least one hash.' },
      ],
      [
        'with a sample without a payload',
        () => ({ ...configuration('sum'), sample_events: [{}] }),
        400,
        { code: 'parameter_missing', param: 'sample_events[0][payload]' },
      ],
      [
        'over a reversed interval',
        () => ({ ...configuration('sum'), history: { start_time: 120, end_time: 60 } }),
        400,
        { code: 'parameter_invalid', param: 'history[end_time]' },
      ],
      [
        'over an interval amid a minute',
        () => ({ ...configuration('sum'), history: { start_time: 61, end_time: 120 } }),
        400,
        { code: 'parameter_invalid', param: 'history[start_time]' },
      ],
      [
        'over an event name there never was',
        () => ({ ...configuration('sum'), history: { ...ever, event_name: 'never' } }),
        404,
        { code: 'resource_missing', param: 'history[event_name]' },
      ],
      [
        'beside an unknown meter',
        () => ({ ...configuration('sum'), ...samples, compare_to: 'mtr_test_x' }),
        404,
        { code: 'resource_missing', param: 'compare_to' },
      ],
    ])('%s', async (_, body, status, error) => {
      expect(await post(body())).toMatchObject({ status, body: { error } })
    })

    it('with more samples than it takes', async () => {
      for (const length of [SAMPLE_EVENTS_MAX + 1, 10_000]) {
        const sample_events = Array.from({ length }, (_, n) => ({
          payload: { stripe_customer_id: 'c', value: `${n}` },
        }))
        expect(await post({ ...configuration('sum'), sample_events })).toMatchObject({
          status: 400,
          body: { error: { message: 'Invalid sample_events: must be a list of at most 1000 entries.' } },
        })
      }
      const sample_events = Array.from({ length: SAMPLE_EVENTS_MAX }, () => samples.sample_events[0])
      expect((await preview({ ...configuration('sum'), sample_events })).codes).toEqual({
        counted: 1,
        duplicate: SAMPLE_EVENTS_MAX - 1,
      })
    })
  })
})
