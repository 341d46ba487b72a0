/** What was answered at any earlier moment can be asked for again: numbers, explanations and records. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type Stripe from 'stripe'
import { DAY_MS, HOUR_MS } from '../../src/domain/time-bucket.js'
import { NOW } from '../controls.js'
import { byWindow, cancel, createMeter, CUSTOMER, EVER, report, summaries, type Meter } from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import { FixedClock, onEachStore, seconds, type RunningService } from '../running-service.js'

interface Explanation {
  readonly position: string
  readonly meter: Meter
  readonly summary: { readonly aggregated_value_decimal: string }
  readonly records: Stripe.ApiList<{ readonly identifier: string; readonly code: string; readonly status: string }>
  readonly rejections: Stripe.ApiList<object>
}
interface UsageOfCustomer {
  readonly meters: readonly { readonly aggregated_value_decimal: string; readonly meter: Meter }[]
}
type Then = { readonly as_of: number } | { readonly as_of_position: string }

onEachStore('As of an earlier moment', (start, store) => {
  let service: RunningService
  let clock: FixedClock
  let stripe: Stripe
  beforeAll(async () => {
    clock = new FixedClock()
    service = await start(clock)
    stripe = service.stripe
  })
  afterAll(() => service.close())

  const ever = { customer: CUSTOMER, start_time: `${seconds(EVER.start)}`, end_time: `${seconds(EVER.end)}` }
  const get = <T>(path: string, parameters: object): Promise<T> =>
    stripe.rawRequest('GET', `${path}?${new URLSearchParams(parameters as Record<string, string>).toString()}`) as never
  const explain = (meter: Meter, then: object): Promise<Explanation> =>
    get(`/meterbook/v1/meters/${meter.id}/explain`, { ...ever, ...then })
  const ofCustomer = async (meter: Meter, then: object): Promise<object> => {
    const { meters } = await get<UsageOfCustomer>('/meterbook/v1/customer_usage', { ...ever, ...then })
    const on = meters.find((each) => each.meter.id === meter.id)!
    return { value: on.aggregated_value_decimal, name: on.meter.display_name, status: on.meter.status }
  }
  const records = async (meter: Meter, then: object): Promise<string[]> => {
    const path = '/meterbook/v1/meter_events'
    const { data } = await get<Stripe.ApiList<{ identifier: string; status: string }>>(path, {
      meter: meter.id,
      ...then,
    })
    return data.map(({ identifier, status }) => `${identifier} ${status}`)
  }
  const totalThen = async (meter: Meter, then: object): Promise<string> => {
    const [summary, ...others] = await summaries(stripe, meter, EVER, then)
    expect(others).toEqual([])
    return summary!.aggregated_value_decimal
  }
  const positionOf = (written: Stripe.Response<object>): string => written.lastResponse.headers['meterbook-position']!

  it('is the moment of a write, which has its event in it also where others came at the same time', async () => {
    const meter = await createMeter(stripe)
    const identifiers = Array.from({ length: 20 }, (_, n) => `together-${n}`)
    const written = await Promise.all(identifiers.map((identifier) => report(stripe, meter, 1, { identifier })))
    for (const [n, identifier] of identifiers.entries()) {
      const limit = identifiers.length
      const listed = `${identifier} recorded`
      expect(await records(meter, { limit, as_of_position: positionOf(written[n]!) })).toContain(listed)
      // Its own position is the moment at which it was the last one.
      const path = `/meterbook/v1/meter_events/${meter.id}/${identifier}`
      const { events } = await get<{ events: { position: string }[] }>(path, {})
      expect((await records(meter, { limit, as_of_position: events[0]!.position }))[0]).toBe(listed)
    }
  })

  it('a total, its explanation and the records are what they were', async () => {
    const meter = await createMeter(stripe)
    const at: number[] = []
    const positions: string[] = []
    const then = (written: Stripe.Response<object>) => {
      positions.push(positionOf(written))
      at.push(seconds(clock.now()))
      clock.advance(HOUR_MS)
    }
    then(await report(stripe, meter, 1, { identifier: 'a', at: clock.now() - DAY_MS }))
    then(await report(stripe, meter, 10, { identifier: 'b', at: clock.now() }))
    await stripe.billing.meters.update(meter.id, { display_name: 'Renamed' })
    then(await cancel(stripe, meter, 'a'))
    // Late: it happened before all the others.
    then(await report(stripe, meter, 100, { identifier: 'late', at: clock.now() - 10 * DAY_MS }))
    await stripe.billing.meters.deactivate(meter.id)

    const expected = [
      ['1', ['a counted'], ['a recorded'], meter.display_name],
      ['11', ['a counted', 'b counted'], ['b recorded', 'a recorded'], meter.display_name],
      ['10', ['a cancelled', 'b counted'], ['b recorded', 'a cancelled'], 'Renamed'],
      ['110', ['late counted', 'a cancelled', 'b counted'], ['late recorded', 'b recorded', 'a cancelled'], 'Renamed'],
    ] as const
    for (const [n, [total, explained, listed, name]] of expected.entries()) {
      const moments: Then[] = [{ as_of: at[n]! }, { as_of: at[n]! + 1800 }, { as_of_position: positions[n]! }]
      for (const moment of moments) {
        expect(await totalThen(meter, moment)).toBe(total)
        const explanation = await explain(meter, moment)
        expect(explanation.records.data.map(({ identifier, code }) => `${identifier} ${code}`)).toEqual(explained)
        expect(explanation.summary.aggregated_value_decimal).toBe(total)
        expect(explanation.position).toBe(positions[n])
        expect(explanation.meter.display_name).toBe(name)
        expect(await records(meter, moment)).toEqual(listed)
        expect(await ofCustomer(meter, moment)).toEqual({ value: total, name, status: 'active' })
      }
    }
    // The answer says which position it is of, and asking for that gives the same.
    const [summary] = await summaries(stripe, meter, EVER, { as_of: at[1]! } as object)
    expect(summary!.position).toBe(positions[1])
    expect((await summaries(stripe, meter, EVER, { as_of_position: summary!.position } as object))[0]).toEqual(summary)
  })

  it('windows are what they were, by hour and of pre-aggregated meters', async () => {
    const meter = await createMeter(stripe, 'sum', { event_time_window: 'day', dimension_payload_keys: ['region'] })
    const payload = { region: 'eu' }
    const day = Math.floor(clock.now() / DAY_MS) * DAY_MS
    await report(stripe, meter, 5, { at: day, identifier: 'first', payload })
    const first = seconds(clock.now())
    clock.advance(1000)
    await report(stripe, meter, 7, { at: day + HOUR_MS, identifier: 'second', payload: { region: 'eu' } })
    await report(stripe, meter, 70, { at: day + HOUR_MS, payload: { region: 'us' } })
    const second = seconds(clock.now())
    clock.advance(1000)
    await cancel(stripe, meter, 'second')
    const third = seconds(clock.now())
    const hours = async (as_of: number) => {
      const choices = { value_grouping_window: 'hour', as_of } as const
      const interval = { start: day, end: day + DAY_MS }
      return (await summaries(stripe, meter, interval, choices)).map(({ aggregated_value }) => aggregated_value)
    }
    expect([await hours(first), await hours(second), await hours(third)]).toEqual([[5], [77], [70, 5]])
    const codes = async (as_of: number) => (await explain(meter, { as_of })).records.data.map(({ code }) => code)
    expect(await codes(first)).toEqual(['counted'])
    expect(await codes(second)).toEqual(['overwritten', 'counted', 'counted'])
    expect(await codes(third)).toEqual(['counted', 'cancelled', 'counted'])
    // A combination of dimensions that had never been seen is no group of its own.
    const groups = async (as_of: number) =>
      (await summaries(stripe, meter, EVER, { dimension_group_by_keys: ['region'], as_of } as object)).length
    expect([await groups(first), await groups(second)]).toEqual([1, 2])
    expect(await byWindow(stripe, meter, 'day', { start: day, end: day + DAY_MS })).toHaveLength(1)
  })

  it('is answered in the same way later, also where usage was still being recorded when it was asked for', async () => {
    const meter = await createMeter(stripe)
    const asked: { readonly then: Then; readonly total: Promise<string>; readonly listed: Promise<string[]> }[] = []
    for (let round = 0; round < 4; round++) {
      const under = Array.from({ length: 40 }, () => report(stripe, meter, 1))
      // Some of them are received before the second is over, some after, and most are not recorded yet.
      await under[round]
      clock.advance(1000)
      const then = { as_of: seconds(clock.now()) - 1 }
      asked.push({ then, total: totalThen(meter, then), listed: records(meter, { ...then, limit: 100 }) })
      await Promise.all(under)
    }
    for (const { then, total, listed } of asked) {
      expect(await totalThen(meter, then)).toBe(await total)
      expect(await records(meter, { ...then, limit: 100 })).toEqual(await listed)
    }
  })

  it('is the same after a restart', async () => {
    const meter = await createMeter(stripe)
    const position = positionOf(await report(stripe, meter, 3))
    await report(stripe, meter, 4)
    await service.restart()
    stripe = service.stripe
    expect(await totalThen(meter, { as_of_position: position })).toBe('3')
  })

  it('is of the usage that had been received by the full second', async () => {
    clock.advance(10_000 - (clock.now() % 1000))
    const meter = await createMeter(stripe)
    await report(stripe, meter, 1)
    const second = seconds(clock.now())
    clock.advance(1)
    await report(stripe, meter, 10)
    expect(await totalThen(meter, { as_of: second })).toBe('1')
    clock.advance(999)
    expect(await totalThen(meter, { as_of: second + 1 })).toBe('11')
  })

  describe('is refused', () => {
    let meter: Meter
    beforeAll(async () => {
      clock.advance(DAY_MS)
      meter = await createMeter(stripe)
      await report(stripe, meter, 1)
    })
    const each = async (then: object): Promise<object[]> =>
      Promise.all([
        refusalOf(summaries(stripe, meter, EVER, then)),
        refusalOf(explain(meter, then)),
        refusalOf(records(meter, then)),
      ])

    it.each<[string, () => object, object]>([
      ['in the future', () => ({ as_of: seconds(clock.now()) + 1 }), { code: 'parameter_invalid', param: 'as_of' }],
      ['at a negative time', () => ({ as_of: -1 }), { code: 'parameter_invalid_integer', param: 'as_of' }],
      ['at what is no time', () => ({ as_of: 'yesterday' }), { code: 'parameter_invalid_integer', param: 'as_of' }],
      ['at no position', () => ({ as_of_position: 'x' }), { code: 'parameter_invalid', param: 'as_of_position' }],
      [
        'at an empty position',
        () => ({ as_of_position: '' }),
        { code: 'parameter_invalid_empty', param: 'as_of_position' },
      ],
      ['at both', () => ({ as_of: 1, as_of_position: '1' }), { code: 'parameters_exclusive', param: 'as_of_position' }],
      ['before the meter was made', () => ({ as_of: seconds(NOW) - 1 }), { statusCode: 404, code: 'resource_missing' }],
    ])('%s', async (_, then, refusal) => {
      for (const refused of await each(then())) expect(refused).toMatchObject(refusal)
    })

    it('at a position beyond the end of the log', async () => {
      // Of the store's own kind, but larger than any it has given.
      const [summary] = await summaries(stripe, meter)
      const beyond = summary!.position!.replace(/\d+/g, (digits) => `${digits}999`)
      for (const refused of await each({ as_of_position: beyond })) {
        expect(refused).toMatchObject({ statusCode: 400, param: 'as_of_position' })
      }
    })

    it('at a position where no event stands, such as one that another store gave', async () => {
      const [summary] = await summaries(stripe, meter)
      const position = BigInt(summary!.position!)
      // The embedded store counts events from 1. Elsewhere a position is an offset, and none follows another at once.
      const none = store.name === 'the embedded store' ? 0n : position - 1n
      for (const refused of await each({ as_of_position: `${none}` })) {
        expect(refused).toMatchObject({ statusCode: 400, code: 'parameter_invalid', param: 'as_of_position' })
      }
      expect(await totalThen(meter, { as_of_position: `${position}` })).toBe(summary!.aggregated_value_decimal)
    })

    it('after a record that was not there yet', async () => {
      const before = seconds(clock.now())
      clock.advance(2000)
      await report(stripe, meter, 1, { identifier: 'later' })
      const cursor = { starting_after: `${meter.id}.later`, as_of: before }
      expect(await refusalOf(explain(meter, cursor))).toMatchObject({ statusCode: 404, param: 'starting_after' })
      expect(await refusalOf(records(meter, cursor))).toMatchObject({ statusCode: 404, param: 'starting_after' })
    })
  })
})
