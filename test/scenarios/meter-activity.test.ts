/** How much each meter received lately, by the service's clock. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { HOUR_MS, MINUTE_MS } from '../../src/domain/time-bucket.js'
import { NOW } from '../controls.js'
import { cancel, createMeter, report, type Meter } from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import { FixedClock, onEachStore, type RunningService } from '../running-service.js'

const PATH = '/meterbook/v1/meter_activity'

interface Activity {
  readonly last_day_from: string
  readonly last_hour_from: string
  readonly meters: readonly {
    readonly meter: string
    readonly hours: readonly number[]
    readonly last_hour: { readonly recorded_count: number; readonly cancelled_count: number }
    readonly last_day: { readonly recorded_count: number; readonly cancelled_count: number }
  }[]
}

onEachStore('The activity of meters', (start) => {
  const clock = new FixedClock(Math.floor(NOW / HOUR_MS) * HOUR_MS + 30 * MINUTE_MS)
  let service: RunningService
  let meter: Meter
  beforeAll(async () => {
    service = await start(clock)
    meter = await createMeter(service.stripe)
  })
  afterAll(() => service.close())

  const activity = (query = '', client = service.stripe): Promise<Activity> =>
    client.rawRequest('GET', `${PATH}${query}`) as never
  const ofMeter = async ({ id } = meter) => (await activity()).meters.find((each) => each.meter === id)

  it('counts what was received in each hour, whenever it happened', async () => {
    expect(await ofMeter()).toBeUndefined()
    await report(service.stripe, meter, 5, { at: clock.now() - 48 * HOUR_MS, identifier: 'late' })
    await cancel(service.stripe, meter, 'late')
    clock.advance(59 * MINUTE_MS)
    await report(service.stripe, meter, 5)
    await report(service.stripe, meter, 5)
    const found = await ofMeter()
    expect(found?.last_hour).toEqual({ recorded_count: 3, cancelled_count: 1 })
    expect(found?.last_day).toEqual({ recorded_count: 3, cancelled_count: 1 })
    expect(found?.hours).toEqual([...new Array<number>(22).fill(0), 1, 2])
    clock.advance(MINUTE_MS)
    expect((await ofMeter())?.last_hour).toEqual({ recorded_count: 2, cancelled_count: 0 })
    const { last_day_from, last_hour_from } = await activity()
    expect(last_hour_from).toBe(new Date(clock.now() - 59 * MINUTE_MS).toISOString())
    expect(last_day_from).toBe(new Date(clock.now() - 30 * MINUTE_MS - 23 * HOUR_MS).toISOString())
  })

  it('forgets what is longer ago', async () => {
    clock.advance(23 * HOUR_MS)
    expect(await ofMeter()).toMatchObject({
      last_hour: { recorded_count: 0, cancelled_count: 0 },
      last_day: { recorded_count: 2, cancelled_count: 0 },
    })
    clock.advance(2 * HOUR_MS)
    expect(await ofMeter()).toBeUndefined()
  })

  it('is of one meter where one is named, and never of another ledger', async () => {
    const other = await createMeter(service.stripe)
    await report(service.stripe, meter, 1)
    await report(service.stripe, other, 1)
    expect((await activity()).meters.map((each) => each.meter).sort()).toEqual([meter.id, other.id].sort())
    expect((await activity(`?meter=${other.id}`)).meters.map((each) => each.meter)).toEqual([other.id])
    const elsewhere = await service.clientWithNewKey({ account: 'other', role: 'read' })
    expect((await activity('', elsewhere)).meters).toEqual([])
    expect(await refusalOf(activity(`?meter=${meter.id}`, elsewhere))).toMatchObject({
      code: 'resource_missing',
      param: 'meter',
    })
    const reporter = await service.clientWithNewKey({ role: 'ingest' })
    expect(await refusalOf(activity('', reporter))).toMatchObject({ code: 'more_permissions_required' })
    expect(await refusalOf(activity('?since=1'))).toMatchObject({ statusCode: 400, param: 'since' })
  })

  it('survives a restart', async () => {
    const before = await activity()
    await service.restart()
    expect((await activity()).meters).toEqual(before.meters)
  })
})
