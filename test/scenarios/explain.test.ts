/** Why a number is what it is: every record that was looked at, its fate, and contributions that add up to the number. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import Big from 'big.js'
import type Stripe from 'stripe'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/domain/time-bucket.js'
import { NOW } from '../controls.js'
import { cancel, createMeter, CUSTOMER, EVER, report, total, type Interval, type Meter } from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import { FixedClock, onEachStore, seconds, type RunningService } from '../running-service.js'

interface Explained {
  readonly id: string
  readonly identifier: string
  readonly code: string
  readonly by: string | null
  readonly contribution: string
  readonly running_total: string
  readonly reason: string
}
interface Explanation {
  readonly position: string
  readonly meter: Meter
  readonly summary: { readonly aggregated_value_decimal: string; readonly id: string }
  readonly records: Stripe.ApiList<Explained>
  readonly rejections: Stripe.ApiList<{ readonly identifier: string; readonly code: string }>
}

const DAY = Math.floor(NOW / DAY_MS) * DAY_MS

onEachStore('An explanation', (start) => {
  let service: RunningService
  let clock: FixedClock
  let stripe: Stripe
  beforeAll(async () => {
    clock = new FixedClock()
    service = await start(clock)
    stripe = service.stripe
  })
  afterAll(() => service.close())

  function explain(
    meter: Pick<Meter, 'id'>,
    more: Record<string, string> = {},
    { start, end }: Interval = EVER,
  ): Promise<Explanation> {
    const interval = { customer: CUSTOMER, start_time: `${seconds(start)}`, end_time: `${seconds(end)}` }
    const query = new URLSearchParams({ ...interval, ...more }).toString()
    return stripe.rawRequest('GET', `/meterbook/v1/meters/${meter.id}/explain?${query}`) as never
  }
  const lines = ({ records }: Explanation) =>
    records.data.map(({ identifier, code, contribution, running_total }) =>
      [identifier, code, contribution, running_total].join(' '),
    )

  it('of a sum counts and cancels, in the order things happened', async () => {
    const meter = await createMeter(stripe)
    await report(stripe, meter, '0.1', { identifier: 'second', at: NOW - HOUR_MS })
    await report(stripe, meter, '0.2', { identifier: 'first', at: NOW - 2 * HOUR_MS })
    await report(stripe, meter, '40', { identifier: 'wrong', at: NOW - MINUTE_MS })
    await report(stripe, meter, '-4', { identifier: 'last', at: NOW })
    await report(stripe, meter, '99', { identifier: 'theirs', at: NOW, customer: 'cus_B' })
    await cancel(stripe, meter, 'wrong')
    const explanation = await explain(meter)
    expect(lines(explanation)).toEqual([
      'first counted 0.2 0.2',
      'second counted 0.1 0.3',
      'wrong cancelled 0 0.3',
      'last counted -4 -3.7',
    ])
    expect(explanation).toMatchObject({
      object: 'meterbook.explanation',
      customer: CUSTOMER,
      dimension_filters: {},
      livemode: false,
      meter: { id: meter.id, default_aggregation: { formula: 'sum' }, event_time_window: null },
      position: expect.any(String),
      records: { object: 'list', has_more: false, url: `/meterbook/v1/meters/${meter.id}/explain` },
      rejections: { object: 'list', data: [], has_more: false },
      summary: { aggregated_value_decimal: await total(stripe, meter), object: 'billing.meter_event_summary' },
    })
    expect(explanation.records.data[2]).toMatchObject({
      id: `${meter.id}.wrong`,
      object: 'meterbook.explained_record',
      by: null,
      reason: `It was cancelled at ${new Date(NOW).toISOString()}.`,
      value: '40',
      payload: { stripe_customer_id: CUSTOMER, value: '40' },
      status: 'cancelled',
    })
    expect(explanation.records.data[0]!.reason).toBe('It counts, and gives 0.2 to the total.')
  })

  it('of a pre-aggregated meter names what overwrote each record, also across the bounds of the interval', async () => {
    const meter = await createMeter(stripe, 'sum', { event_time_window: 'hour' })
    const hour = DAY + 8 * HOUR_MS
    await report(stripe, meter, 1, { identifier: 'a', at: hour + 5 * MINUTE_MS })
    await report(stripe, meter, 2, { identifier: 'b', at: hour + MINUTE_MS })
    await report(stripe, meter, 3, { identifier: 'c', at: hour + HOUR_MS + 30 * MINUTE_MS })
    await report(stripe, meter, 5, { identifier: 'd', at: hour + HOUR_MS + 45 * MINUTE_MS })
    const cut = { start: hour, end: hour + HOUR_MS + 40 * MINUTE_MS }
    const explanation = await explain(meter, {}, cut)
    expect(lines(explanation)).toEqual(['b counted 2 2', 'a overwritten 0 2', 'c overwritten 0 2', 'd outside 0 2'])
    expect(explanation.records.data.map(({ by }) => by)).toEqual([null, `${meter.id}.b`, `${meter.id}.d`, null])
    expect(explanation.records.data[1]!.reason).toBe(
      'b was recorded later in the same hour, and of each hour only the event recorded last counts.',
    )
    expect(explanation.summary.aggregated_value_decimal).toBe(await total(stripe, meter, cut))
    await cancel(stripe, meter, 'd')
    expect(lines(await explain(meter, {}, cut))).toEqual([
      'b counted 2 2',
      'a overwritten 0 2',
      'c counted 3 5',
      'd outside 0 5',
    ])
  })

  it('of the last value names the record that is it', async () => {
    const meter = await createMeter(stripe, 'last', { dimension_payload_keys: ['region'] })
    const of = (region: string) => ({ payload: { region } })
    await report(stripe, meter, 7, { identifier: 'a', at: NOW - HOUR_MS, ...of('eu') })
    await report(stripe, meter, 9, { identifier: 'b', at: NOW, ...of('us') })
    await report(stripe, meter, 8, { identifier: 'c', at: NOW - MINUTE_MS, ...of('eu') })
    const explanation = await explain(meter)
    expect(lines(explanation)).toEqual(['a not_last 0 0', 'c not_last 0 0', 'b counted 9 9'])
    expect(explanation.records.data[0]).toMatchObject({
      by: `${meter.id}.b`,
      reason: 'b is later, and only the latest value of the interval counts.',
    })
    const filtered = await explain(meter, { 'dimension_filters[region]': 'eu' })
    expect(lines(filtered)).toEqual(['a not_last 0 0', 'c counted 8 8'])
    expect(filtered.summary.aggregated_value_decimal).toBe('8')
  })

  it('goes on page by page with running totals that go on too', async () => {
    const meter = await createMeter(stripe, 'count')
    for (let n = 0; n < 25; n++) {
      await report(stripe, meter, 1, { identifier: `call-${n}`, at: NOW - (n % 4) * 40_000 })
    }
    let sum = new Big(0)
    let cursor: string | undefined
    const seen: string[] = []
    for (;;) {
      const { records } = await explain(meter, { limit: '4', ...(cursor ? { starting_after: cursor } : {}) })
      for (const { identifier, contribution, running_total } of records.data) {
        seen.push(identifier)
        sum = sum.plus(contribution)
        expect(running_total).toBe(sum.toFixed())
      }
      cursor = records.data.at(-1)?.id
      if (!records.has_more) break
    }
    expect(new Set(seen).size).toBe(25)
    expect(sum.toFixed()).toBe('25')
    const { records } = await explain(meter, { limit: '3', ending_before: `${meter.id}.${seen[10]}` })
    expect(records.data.map(({ identifier }) => identifier)).toEqual(seen.slice(7, 10))
    expect(records.data.at(-1)!.running_total).toBe('10')
  })

  it('of the last value has the running total of each page from the pages before', async () => {
    const meter = await createMeter(stripe, 'last')
    for (const [n, value] of [7, 9, 8].entries()) {
      await report(stripe, meter, value, { identifier: `at-${n}`, at: NOW + (n - 4) * MINUTE_MS })
    }
    await report(stripe, meter, 99, { identifier: 'at-3', at: NOW })
    await cancel(stripe, meter, 'at-3')
    const onPageAfter = async (n: number) =>
      lines(await explain(meter, { limit: '1', starting_after: `${meter.id}.at-${n}` }))
    expect(await onPageAfter(0)).toEqual(['at-1 not_last 0 0'])
    expect(await onPageAfter(1)).toEqual(['at-2 counted 8 8'])
    expect(await onPageAfter(2)).toEqual(['at-3 cancelled 0 8'])
  })

  it('leaves out rejections whose dimension has another value than was asked about', async () => {
    const meter = await createMeter(stripe, 'sum', { dimension_payload_keys: ['region'] })
    const { authentication_token } = await stripe.v2.billing.meterEventSession.create()
    const event = (identifier: string, more: object) => ({
      event_name: meter.event_name,
      identifier,
      payload: { stripe_customer_id: CUSTOMER, value: 'many', ...more },
    })
    await service.client(authentication_token).v2.billing.meterEventStream.create({
      events: [event('east', { region: 'east' }), event('west', { region: 'west' }), event('nowhere', {})],
    })
    const of = async (more: Record<string, string>) =>
      (await explain(meter, more)).rejections.data.map(({ identifier }) => identifier).sort()
    expect(await of({})).toEqual(['east', 'nowhere', 'west'])
    expect(await of({ 'dimension_filters[region]': 'east' })).toEqual(['east', 'nowhere'])
  })

  it('lists the rejections of this customer and interval', async () => {
    const meter = await createMeter(stripe)
    const reported = await report(stripe, meter, 1, { identifier: 'taken' })
    const { authentication_token } = await stripe.v2.billing.meterEventSession.create()
    clock.advance(1000)
    const event = (identifier: string, value: string, more: object = {}, customer = CUSTOMER) => ({
      event_name: meter.event_name,
      identifier,
      payload: { stripe_customer_id: customer, value },
      ...more,
    })
    const yesterday = new Date(NOW - DAY_MS).toISOString()
    await service.client(authentication_token).v2.billing.meterEventStream.create({
      events: [
        event('taken', '2'),
        event('bad', 'many'),
        event('earlier', 'many', { timestamp: yesterday }),
        event('theirs', 'many', {}, 'cus_B'),
      ],
    })
    const today = { start: DAY, end: DAY + DAY_MS }
    const { rejections } = await explain(meter, {}, today)
    expect(rejections.data.map(({ identifier, code }) => `${identifier} ${code}`).sort()).toEqual([
      'bad meter_event_invalid_value',
      'taken duplicate_meter_event',
    ])
    expect(rejections).toMatchObject({
      has_more: false,
      url: `/meterbook/v1/rejections?event_name=${meter.event_name}&customer=${CUSTOMER}`,
    })
    const then = await explain(meter)
    expect(then.rejections.data).toHaveLength(3)
    // As of a position it lists what was stored by then, also behind the last event that counted.
    clock.advance(1000)
    await service.client(authentication_token).v2.billing.meterEventStream.create({ events: [event('worse', 'more')] })
    const latest = await explain(meter)
    expect(latest.rejections.data).toHaveLength(4)
    // The position of the last rejection is late enough for it, and so is its instant.
    expect((await explain(meter, { as_of_position: latest.position })).rejections).toEqual(latest.rejections)
    expect((await explain(meter, { as_of: `${seconds(clock.now())}` })).rejections).toEqual(latest.rejections)
    // However many are refused later, and whatever becomes of those.
    for (let call = 0; call < 11; call++) {
      await service.client(authentication_token).v2.billing.meterEventStream.create({
        events: Array.from({ length: 100 }, (_, n) => event(`other ${call} ${n}`, 'x', {}, 'cus_B')),
      })
    }
    const asOf = (position: string) => explain(meter, { as_of_position: position })
    expect((await explain(meter, { as_of: `${seconds(clock.now()) - 1}` })).rejections).toEqual(then.rejections)
    expect((await asOf(then.position)).rejections).toEqual(then.rejections)
    expect((await asOf(reported.lastResponse.headers['meterbook-position']!)).rejections.data).toEqual([])
  })

  it('shows a rejection of an earlier moment as it stood then, whatever became of it', async () => {
    const meter = await createMeter(stripe)
    const { authentication_token } = await stripe.v2.billing.meterEventSession.create()
    await stripe.billing.meters.deactivate(meter.id)
    const payload = { stripe_customer_id: CUSTOMER, value: '3' }
    await service.client(authentication_token).v2.billing.meterEventStream.create({
      events: [{ event_name: meter.event_name, identifier: 'early', payload }],
    })
    await stripe.billing.meters.reactivate(meter.id)
    const before = await explain(meter)
    const then = seconds(clock.now())
    expect(before.rejections.data).toMatchObject([{ identifier: 'early', status: 'open' }])
    clock.advance(2000)
    await stripe.rawRequest('POST', '/meterbook/v1/rejections/retry', { event_name: meter.event_name })
    const after = await explain(meter)
    expect(after.rejections.data).toMatchObject([{ identifier: 'early', status: 'resolved' }])
    const asOf = async (moment: Record<string, string>) => (await explain(meter, moment)).rejections
    expect(await asOf({ as_of_position: before.position })).toEqual(before.rejections)
    expect(await asOf({ as_of: `${then}` })).toEqual(before.rejections)
    expect(await asOf({ as_of: `${then + 1}` })).toEqual(before.rejections)
    expect(await asOf({ as_of_position: after.position })).toEqual(after.rejections)
    expect(await asOf({ as_of: `${then + 2}` })).toEqual(after.rejections)
  })

  it('is empty of a customer without usage', async () => {
    const meter = await createMeter(stripe)
    const { records, summary } = await explain(meter, { customer: 'cus_nobody' })
    expect([records.data, summary.aggregated_value_decimal]).toEqual([[], '0'])
  })

  describe('is refused', () => {
    let meter: Meter
    beforeAll(async () => {
      meter = await createMeter(stripe)
      await report(stripe, meter, 1, { identifier: 'now' })
      await report(stripe, meter, 1, { identifier: 'theirs', customer: 'cus_B' })
    })
    const today = { start: DAY, end: DAY + DAY_MS }

    it.each<[string, Record<string, string>, object]>([
      ['with a reversed interval', { end_time: `${seconds(DAY)}` }, { code: 'parameter_invalid', param: 'end_time' }],
      ['amid a minute', { start_time: `${seconds(DAY) + 1}` }, { code: 'parameter_invalid', param: 'start_time' }],
      ['without a customer', { customer: '' }, { code: 'parameter_invalid_empty', param: 'customer' }],
      ['by no dimension', { 'dimension_filters[x]': '1' }, { param: 'dimension_filters[x]' }],
      ['with more than a page', { limit: '101' }, { code: 'parameter_invalid_integer', param: 'limit' }],
      ['with an unknown parameter', { value_grouping_window: 'day' }, { code: 'parameter_unknown' }],
      ['after an unknown record', { starting_after: 'METER.unknown' }, { statusCode: 404, param: 'starting_after' }],
      [
        "before another customer's record",
        { ending_before: 'METER.theirs' },
        { statusCode: 404, param: 'ending_before' },
      ],
      ['after what is no id', { starting_after: 'now' }, { statusCode: 404, param: 'starting_after' }],
    ])('%s', async (_, more, refusal) => {
      const given = Object.fromEntries(
        Object.entries(more).map(([key, text]) => [key, text.replace('METER', meter.id)]),
      )
      expect(await refusalOf(explain(meter, given, today))).toMatchObject(refusal)
    })

    it('after a record outside of the interval, and of an unknown meter', async () => {
      const tomorrow = { start: DAY + DAY_MS, end: DAY + 2 * DAY_MS }
      expect(await refusalOf(explain(meter, { starting_after: `${meter.id}.now` }, tomorrow))).toMatchObject({
        statusCode: 404,
        code: 'resource_missing',
      })
      // The end of an interval is outside of it, its start is inside.
      await report(stripe, meter, 1, { identifier: 'nine', at: DAY + 9 * HOUR_MS })
      const nine = { starting_after: `${meter.id}.nine` }
      const before = { start: DAY, end: DAY + 9 * HOUR_MS }
      expect(await refusalOf(explain(meter, nine, before))).toMatchObject({ statusCode: 404 })
      const from = { start: before.end, end: DAY + DAY_MS }
      expect((await explain(meter, nine, from)).records.data).toMatchObject([{ identifier: 'now' }])
      expect(await refusalOf(explain({ id: 'mtr_test_x' }))).toMatchObject({ statusCode: 404, param: 'id' })
    })
  })
})
