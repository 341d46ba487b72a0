/** Usage of a whole meter: by window, by customer, as a file, and of one customer on all meters. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { parse } from 'csv-parse/sync'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import type Stripe from 'stripe'
import { STREAM_EVENTS_MAX } from '../../src/api/v2-meter-event-stream.controller.js'
import { DAY_MS, HOUR_MS } from '../../src/domain/time-bucket.js'
import { NOW } from '../controls.js'
import { cancel, createMeter, CUSTOMER, EVER, report, total, usageProjected, type Meter } from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import { FixedClock, onEachStore, seconds, TEST_KEY, type RunningService } from '../running-service.js'

const TODAY = Math.floor(NOW / DAY_MS) * DAY_MS
const ever = { start_time: `${seconds(EVER.start)}`, end_time: `${seconds(EVER.end)}` }
const byDay = { ...ever, value_grouping_window: 'day' }

interface Sum {
  readonly aggregated_value_decimal: string
  readonly records: number
}
interface Group extends Sum {
  readonly dimensions: Record<string, string> | null
}
interface Usage extends Sum {
  readonly customers: number
  readonly groups: readonly Group[]
  readonly position: string
  readonly windows: readonly (Sum & { readonly start_time: number; readonly groups: readonly Group[] })[]
}
interface Customers extends Stripe.ApiList<Sum & { readonly customer: string }> {
  readonly total: (Sum & { readonly customers: number }) | null
  readonly position: string
}
interface OfCustomer {
  readonly meters: readonly (Sum & {
    readonly meter: Meter
    readonly groups: readonly Group[]
    readonly has_more_groups: boolean
  })[]
}

onEachStore('Usage across customers', (start) => {
  let service: RunningService
  let clock: FixedClock
  let stripe: Stripe
  beforeAll(async () => {
    clock = new FixedClock()
    service = await start(clock)
    stripe = service.stripe
  })
  afterAll(() => service.close())

  const get = <T>(path: string, parameters: Record<string, string>, by = stripe): Promise<T> =>
    by.rawRequest('GET', `/meterbook/v1/${path}?${new URLSearchParams(parameters).toString()}`) as never
  const usage = ({ id }: Pick<Meter, 'id'>, more: Record<string, string> = {}) =>
    get<Usage>(`meters/${id}/usage`, { ...byDay, ...more })
  const customers = ({ id }: Pick<Meter, 'id'>, more: Record<string, string> = {}) =>
    get<Customers>(`meters/${id}/customers`, { ...ever, ...more })
  const csv = async ({ id }: Pick<Meter, 'id'>, more: Record<string, string> = {}, accept = '*/*'): Promise<Response> =>
    fetch(
      `${service.url}/meterbook/v1/meters/${id}/customers?${new URLSearchParams({ ...ever, ...more }).toString()}`,
      {
        headers: { authorization: `Bearer ${TEST_KEY}`, accept },
      },
    )
  const sums = (list: readonly (Sum & { readonly customer: string })[]) =>
    list.map(({ customer, aggregated_value_decimal, records }) => [customer, aggregated_value_decimal, records])

  it('adds up customers by day, less what was cancelled, negative or not', async () => {
    const meter = await createMeter(stripe)
    await report(stripe, meter, '0.1', { customer: 'cus_A', at: TODAY - HOUR_MS })
    await report(stripe, meter, '0.2', { customer: 'cus_B', at: TODAY - HOUR_MS })
    await report(stripe, meter, '-4', { customer: 'cus_B', at: TODAY })
    const reported = await report(stripe, meter, '40', { customer: 'cus_C', identifier: 'wrong', at: TODAY })
    const asked = { as_of_position: reported.lastResponse.headers['meterbook-position']! }
    await cancel(stripe, meter, 'wrong')
    const answer = await usage(meter)
    expect(answer).toMatchObject({
      object: 'meterbook.meter_usage',
      aggregated_value: -3.7,
      aggregated_value_decimal: '-3.7',
      customer: null,
      customers: 2,
      dimension_filters: {},
      groups: [],
      livemode: false,
      meter: meter.id,
      position: expect.any(String),
      records: 3,
      value_grouping_window: 'day',
    })
    expect(answer.windows).toMatchObject([
      { start_time: seconds(TODAY - DAY_MS), end_time: seconds(TODAY), aggregated_value_decimal: '0.3', records: 2 },
      { start_time: seconds(TODAY), end_time: seconds(TODAY + DAY_MS), aggregated_value_decimal: '-4', records: 1 },
    ])
    expect(await usage(meter, { customer: 'cus_B' })).toMatchObject({ aggregated_value_decimal: '-3.8', customers: 1 })
    expect(await usage(meter, asked)).toMatchObject({ aggregated_value_decimal: '36.3', customers: 3, records: 4 })
    expect((await customers(meter, asked)).total).toMatchObject({ aggregated_value_decimal: '36.3', customers: 3 })
    expect(sums((await customers(meter)).data)).toEqual([
      ['cus_A', '0.1', 1],
      ['cus_B', '-3.8', 2],
    ])
  })

  it('takes the last value of each customer, in each window and in all', async () => {
    const meter = await createMeter(stripe, 'last', { dimension_payload_keys: ['region'] })
    const of = (region: string) => ({ payload: { region } })
    await report(stripe, meter, 5, { customer: 'cus_A', at: TODAY - HOUR_MS, ...of('eu') })
    await report(stripe, meter, 7, { customer: 'cus_A', at: TODAY, ...of('us') })
    await report(stripe, meter, 9, { customer: 'cus_B', at: TODAY - HOUR_MS, ...of('eu') })
    const answer = await usage(meter, { 'dimension_group_by_keys[]': 'region' })
    expect(answer.windows.map((each) => each.aggregated_value_decimal)).toEqual(['14', '7'])
    expect(answer.aggregated_value_decimal).toBe('16')
    expect(answer.groups).toMatchObject([
      { dimensions: { region: 'eu' }, aggregated_value_decimal: '14', records: 2 },
      { dimensions: { region: 'us' }, aggregated_value_decimal: '7', records: 1 },
    ])
    expect(await usage(meter, { 'dimension_filters[region]': 'eu' })).toMatchObject({ aggregated_value_decimal: '14' })
  })

  it('names the highest groups, and adds the others up', async () => {
    const meter = await createMeter(stripe, 'sum', { dimension_payload_keys: ['model'] })
    for (let n = 1; n <= 23; n++) await report(stripe, meter, n, { payload: { model: `m${n}` } })
    const { groups, windows } = await usage(meter, { 'dimension_group_by_keys[]': 'model' })
    expect(groups).toHaveLength(21)
    expect(groups[0]).toMatchObject({ dimensions: { model: 'm23' }, aggregated_value_decimal: '23' })
    expect(groups.at(-1)).toMatchObject({ dimensions: null, aggregated_value_decimal: '6', records: 3 })
    expect(windows[0]!.groups).toHaveLength(21)
    const { meters } = await get<OfCustomer>(`customers/${CUSTOMER}/usage`, ever)
    const shown = meters.find((each) => each.meter.id === meter.id)!
    expect([shown.groups.length, shown.has_more_groups]).toEqual([20, true])
  })

  it('lists customers by value or by name, page by page, and searches them', async () => {
    const meter = await createMeter(stripe)
    const values = { cus_d: '1', cus_a: '10', cus_c: '9', cus_b: '10', Cus_E: '0' }
    for (const [customer, value] of Object.entries(values)) await report(stripe, meter, value, { customer })
    const names = (list: Customers) => list.data.map(({ customer }) => customer)
    const first = await customers(meter, { limit: '2' })
    expect(first).toMatchObject({
      object: 'list',
      has_more: true,
      order: '-value',
      total: { aggregated_value_decimal: '30', records: 5, customers: 5 },
      url: `/meterbook/v1/meters/${meter.id}/customers`,
    })
    expect(names(first)).toEqual(['cus_a', 'cus_b'])
    expect(names(await customers(meter, { limit: '3', starting_after: 'cus_b' }))).toEqual(['cus_c', 'cus_d', 'Cus_E'])
    const byName = await customers(meter, { order: 'customer', limit: '3' })
    expect([names(byName), byName.has_more, byName.total]).toEqual([['Cus_E', 'cus_a', 'cus_b'], true, null])
    const rest = await customers(meter, { order: 'customer', starting_after: 'cus_b' })
    expect([names(rest), rest.has_more]).toEqual([['cus_c', 'cus_d'], false])
    for (const order of ['-value', 'customer']) {
      expect(names(await customers(meter, { order, search: 'S_E' }))).toEqual(['Cus_E'])
    }
    const { data } = await customers(meter)
    for (const { customer, aggregated_value_decimal } of data) {
      expect(aggregated_value_decimal).toBe(await total(stripe, meter, { customer }))
    }
  })

  it('writes a CSV that no spreadsheet takes for formulas', async () => {
    const meter = await createMeter(stripe)
    const odd = [
      '=1+1',
      '+1',
      '-1',
      '@SUM(A1)',
      ' =1',
      'a"b',
      'a,b',
      'a\r\nb',
      '顧客',
      'plain',
      "it's",
      '＝1',
      "'=1+1",
      "''=1+1",
      "'\t1",
    ]
    for (const customer of odd) await report(stripe, meter, '-2.5', { customer })
    const response = await csv(meter, { format: 'csv' })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present')
    expect(response.headers.get('content-disposition')).toMatch(
      /^attachment; filename="usage-mtr_test_\w+-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d\.csv"$/,
    )
    expect(response.headers.get('meterbook-position')).toEqual(expect.any(String))
    const whole = await response.text()
    expect(response.headers.get('content-length')).toBe(`${Buffer.byteLength(whole)}`)
    expect(whole.startsWith('customer,value,records\r\n')).toBe(true)
    const lines = parse<{ customer: string; value: string; records: string }>(whole, { columns: true })
    const unchanged = ['a"b', 'a,b', 'a\r\nb', '顧客', 'plain', "it's"]
    expect(lines.map(({ customer }) => customer).sort()).toEqual(
      odd.map((customer) => (unchanged.includes(customer) ? customer : `'${customer}`)).sort(),
    )
    expect(lines.every(({ value, records }) => value === '-2.5' && records === '1')).toBe(true)
    expect(await (await csv(meter, {}, 'text/csv')).text()).toBe(whole)
    for (const [more, accept] of [
      [{}, 'text/html,*/*'],
      [{ format: 'json' }, 'text/csv'],
    ] as const) {
      expect((await csv(meter, more, accept)).headers.get('content-type')).toContain('application/json')
    }
    const marked = await csv(meter, { format: 'csv', byte_order_mark: 'true' })
    expect(Buffer.from(await marked.arrayBuffer())).toEqual(Buffer.from(`\ufeff${whole}`))
    const unmarked = await csv(meter, { format: 'csv', byte_order_mark: 'false' })
    expect(Buffer.from(await unmarked.arrayBuffer())).toEqual(Buffer.from(whole))
    const none = await csv(await createMeter(stripe), { format: 'csv' })
    expect(await none.text()).toBe('customer,value,records\r\n')
  })

  it('writes a CSV as of its first line, however slowly it is read', async () => {
    const meter = await createMeter(stripe)
    // 6 MB, more than the 4.4 MB that a connection holds while nobody reads: the rest is not made when the first line is read.
    const all = Array.from({ length: 6_000 }, (_, number) => `${number}`.padStart(5, '0') + '𠮷'.repeat(248))
    for (let from = 0; from < all.length; from += STREAM_EVENTS_MAX) {
      const events = all.slice(from, from + STREAM_EVENTS_MAX).map((customer) => ({
        event_name: meter.event_name,
        payload: { stripe_customer_id: customer, value: '1' },
      }))
      await stripe.rawRequest('POST', '/meterbook/v1/usage_imports', { events })
      // Step by step: a read waits for what was acknowledged, and not for long.
      if (from % 1_000 === 0) await usageProjected(stripe)
    }
    const path = `/meterbook/v1/meters/${meter.id}/customers?${new URLSearchParams({ ...ever, format: 'csv' }).toString()}`
    const asked = request(new URL(path, service.url), { headers: { authorization: `Bearer ${TEST_KEY}` } }).end()
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    expect(answer.statusCode).toBe(200)
    const changed = all.at(-1)!
    await report(stripe, meter, 5, { customer: changed })
    await report(stripe, meter, 7, { customer: `${changed.slice(0, -2)}too` })
    const file = await text(answer)
    // By which a file that was cut off is told from a whole one, whatever is between.
    expect(answer.headers['content-length']).toBe(`${Buffer.byteLength(file)}`)
    const lines = file.split('\r\n')
    const expected = ['customer,value,records', ...all.map((customer) => `"${customer}",1,1`), '']
    const differing = lines.findIndex((line, index) => line !== expected[index])
    expect({ differing, line: lines[differing] }).toEqual({ differing: -1, line: undefined })
    expect(lines).toHaveLength(expected.length)
    expect(await total(stripe, meter, { customer: changed })).toBe('6')
  })

  it('names a CSV of an earlier moment after the moment', async () => {
    const meter = await createMeter(stripe)
    const first = await report(stripe, meter, 1, { customer: 'cus_A' })
    await report(stripe, meter, 2, { customer: 'cus_A' })
    const position = first.lastResponse.headers['meterbook-position']!
    const file = async (asOf: Record<string, string>) => {
      const answer = await csv(meter, { format: 'csv', ...asOf })
      const named = /filename="usage-mtr_test_\w+?-[\d-]{21}(.*)\.csv"/.exec(answer.headers.get('content-disposition')!)
      return [named?.[1], (await answer.text()).split('\r\n')[1]]
    }
    expect(await file({})).toEqual(['', '"cus_A",3,2'])
    expect(await file({ as_of_position: position })).toEqual([`-as_of_${position}`, '"cus_A",1,1'])
    const now = new Date(NOW).toISOString().slice(0, 19).replaceAll(/\W/g, '_')
    expect(await file({ as_of: `${seconds(NOW)}` })).toEqual([`-as_of_${now}Z`, '"cus_A",3,2'])
  })

  it('shows one customer on every meter of the ledger', async () => {
    const customer = 'cus one/of #many?'
    const meter = await createMeter(stripe, 'sum', { dimension_payload_keys: ['region'] })
    const other = await createMeter(stripe, 'count')
    await report(stripe, meter, '-2.5', { customer, payload: { region: 'eu' } })
    await report(stripe, meter, 1, { customer, payload: { region: 'us' } })
    const second = await report(stripe, other, 1, { customer })
    await report(stripe, other, 1, { customer })
    const path = `customers/${encodeURIComponent(customer)}/usage`
    const answer = await get<OfCustomer>(path, ever)
    expect(answer).toMatchObject({ object: 'meterbook.usage_of_customer', customer, position: expect.any(String) })
    expect(await get('customer_usage', { ...ever, customer })).toEqual(answer)
    const on = ({ meters }: OfCustomer) =>
      meters.map((each) => [each.meter.id, each.aggregated_value_decimal, each.records, each.groups.length])
    expect(on(answer)).toEqual([
      [meter.id, '-1.5', 2, 2],
      [other.id, '2', 2, 0],
    ])
    expect(answer.meters.map(({ has_more_groups }) => has_more_groups)).toEqual([false, false])
    const then = { as_of_position: second.lastResponse.headers['meterbook-position']! }
    expect(on(await get(path, { ...ever, ...then }))).toEqual([
      [meter.id, '-1.5', 2, 2],
      [other.id, '1', 1, 0],
    ])
    expect(on(await get('customers/nobody/usage', ever))).toEqual([])
    const elsewhere = await service.clientWithNewKey({ account: 'other' })
    expect(on(await get(path, ever, elsewhere))).toEqual([])
    const long = '𠮷'.repeat(255)
    await report(stripe, other, 1, { customer: long })
    expect(on(await get(`customers/${encodeURIComponent(long)}/usage`, ever))).toHaveLength(1)
  })

  it('shows a customer whose name no path can carry', async () => {
    const meter = await createMeter(stripe)
    for (const customer of ['.', '..']) {
      await report(stripe, meter, 1, { customer })
      const { meters } = await get<OfCustomer>('customer_usage', { ...ever, customer })
      expect(meters.map(({ aggregated_value_decimal }) => aggregated_value_decimal)).toEqual(['1'])
    }
  })

  describe('is refused', () => {
    let meter: Meter
    beforeAll(async () => {
      meter = await createMeter(stripe)
    })
    const amidAMinute = { start_time: `${seconds(TODAY) + 1}` }

    it.each<[string, Record<string, string>, object]>([
      ['without a window', { value_grouping_window: '' }, { param: 'value_grouping_window' }],
      ['by week', { value_grouping_window: 'week' }, { param: 'value_grouping_window' }],
      ['by day from an hour', { start_time: `${seconds(TODAY + HOUR_MS)}` }, { param: 'start_time' }],
      ['with a reversed interval', { end_time: ever.start_time }, { param: 'end_time' }],
      ['over too many hours', { value_grouping_window: 'hour' }, { code: 'parameter_invalid', param: 'end_time' }],
      ['by no dimension', { 'dimension_group_by_keys[]': 'x' }, { param: 'dimension_group_by_keys' }],
      ['filtered by no dimension', { 'dimension_filters[x]': 'x' }, { param: 'dimension_filters[x]' }],
      ['as of tomorrow', { as_of: `${seconds(NOW + DAY_MS)}` }, { param: 'as_of' }],
      ['as of nowhere', { as_of_position: 'nowhere' }, { param: 'as_of_position' }],
      ['with a limit', { limit: '2' }, { code: 'parameter_unknown', param: 'limit' }],
    ])('by window, %s', async (_, more, refusal) => {
      expect(await refusalOf(usage(meter, more))).toMatchObject({ statusCode: 400, ...refusal })
    })

    it.each<[string, Record<string, string>, object]>([
      ['amid a minute', amidAMinute, { statusCode: 400, param: 'start_time' }],
      ['with too long a page', { limit: '1001' }, { statusCode: 400, param: 'limit' }],
      ['in no order', { order: 'value' }, { statusCode: 400, param: 'order' }],
      ['after nobody', { starting_after: 'nobody' }, { statusCode: 404, param: 'starting_after' }],
      ['as of before it was there', { as_of: '1' }, { statusCode: 404, param: 'id' }],
      ['in another format', { format: 'xml' }, { statusCode: 400, param: 'format' }],
      ['as CSV by value', { format: 'csv', order: '-value' }, { statusCode: 400, param: 'order' }],
      ['as JSON with a mark', { byte_order_mark: 'true' }, { statusCode: 400, param: 'byte_order_mark' }],
      ['as JSON without a mark', { byte_order_mark: 'false' }, { statusCode: 400, param: 'byte_order_mark' }],
      ['as a page of CSV', { format: 'csv', starting_after: 'cus_A' }, { statusCode: 400, param: 'starting_after' }],
      ['as CSV amid a minute', { format: 'csv', ...amidAMinute }, { statusCode: 400, param: 'start_time' }],
    ])('by customer, %s', async (_, more, refusal) => {
      expect(await refusalOf(customers(meter, more))).toMatchObject(refusal)
    })

    it("of another ledger's meter, and without a key that reads", async () => {
      const other = await service.clientWithNewKey({ mode: 'live' })
      for (const [path, parameters] of [
        [`meters/${meter.id}/usage`, byDay],
        [`meters/${meter.id}/customers`, ever],
        [`meters/${meter.id}/customers`, { ...ever, format: 'csv' }],
      ] as const) {
        expect(await refusalOf(get(path, parameters, other))).toMatchObject({ statusCode: 404, param: 'id' })
      }
      const ingest = await service.clientWithNewKey({ role: 'ingest' })
      expect(await refusalOf(get(`meters/${meter.id}/usage`, byDay, ingest))).toMatchObject({ statusCode: 403 })
      for (const path of ['customers/cus_A/usage', 'customer_usage']) {
        expect(await refusalOf(get(path, ever, ingest))).toMatchObject({ statusCode: 403 })
      }
      expect(await refusalOf(get('customer_usage', ever))).toMatchObject({ statusCode: 400, param: 'customer' })
      const twice = { ...ever, customer: 'cus_A' }
      expect(await refusalOf(get('customers/cus_A/usage', twice))).toMatchObject({ code: 'parameter_unknown' })
    })
  })
})
