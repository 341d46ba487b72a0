import { afterAll, beforeAll, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { formulas } from '../../src/domain/aggregation.js'
import { formatDecimal } from '../../src/domain/decimal.js'
import { toMeter } from '../../src/projections/meters.js'
import { UsageAt, type UsageAtCosts } from '../../src/queries/usage-at.js'
import { meters, usageSeries } from '../../src/read-model/tables.js'
import { NOW } from '../controls.js'
import { histories, historyMeters, opening, recordedEntry } from '../projections/history.js'
import { Workspace } from '../projections/projecting.js'
import { asking } from './asking.js'

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

const rawMeters = historyMeters.filter(({ eventTimeWindow }) => eventTimeWindow === null)
const DAY = 86_400_000
const HOUR = 3_600_000

/** Bucket by bucket; through the series by its index or among all records; and taking back what came later, as well. */
const ways: readonly UsageAtCosts[] = [
  { recountedRecordsMax: Infinity, takenBack: 1, passedPerFound: 1 },
  ...[0, Infinity].flatMap((takenBack) =>
    [-1, Infinity].map((passedPerFound) => ({ recountedRecordsMax: 0, takenBack, passedPerFound })),
  ),
]

/** So that of series that are asked for together some are gone through. */
const someScanned: UsageAtCosts = { recountedRecordsMax: 2, takenBack: 1, passedPerFound: 1 }

/** Series that are asked for together are answered as each by itself. */
async function sameTogether(usage: UsageAt, all: readonly number[], start: number, end: number): Promise<void> {
  const lists = [all.slice(0, 2), [], all.slice(2), all]
  const together = usage.wholeOfEach(lists, start, end)
  for (const list of lists) expect((await together.next()).value).toEqual(await usage.whole(list, start, end))
  const hourly = usage.bucketsOfEach(all, 'hour', start - 60_000, end - 60_000)
  for (const series of all) {
    expect((await hourly.next()).value).toEqual(await usage.buckets(series, 'hour', start - 60_000, end - 60_000))
  }
  expect((await hourly.next()).done).toBe(true)
}

it('Usage of an earlier moment is the same whether buckets are counted again, the series is gone through, or what came later is taken back', async () => {
  await fc.assert(
    fc.asyncProperty(
      // Nothing but a raw meter's series is ever gone through.
      fc.oneof(histories(100), histories(100, 2, rawMeters)),
      fc.array(
        fc.record({ sequence: fc.nat({ max: 110 }), from: fc.integer({ min: -60, max: 30 }), hours: fc.nat() }),
        {
          minLength: 5,
          maxLength: 10,
        },
      ),
      async (history, moments) => {
        await asking(workspace, history, async ({ readModel }) => {
          const allMeters = new Map(
            (await readModel.range(meters, { limit: 100 })).map((row) => [row.number, toMeter(row)]),
          )
          const all = await readModel.range(usageSeries, { limit: 1000 })
          for (const [number, meter] of allMeters) {
            const ofMeter = all.filter((row) => row.meter === number).map(({ series }) => series)
            for (const { sequence, from, hours } of moments) {
              const start = Math.floor(NOW / HOUR) * HOUR + from * HOUR + 60_000
              const end = start + ((hours % 100) + 1) * HOUR
              await sameTogether(new UsageAt(readModel, meter, sequence, someScanned), ofMeter, start, end)
            }
          }
          for (const { series, meter: number } of all) {
            const meter = allMeters.get(number)!
            const formula = formulas[meter.formula]
            const text = (state: unknown) => formatDecimal(formula.value(state))
            for (const { sequence, from, hours } of moments) {
              const [byBucket, ...others] = ways.map((costs) => new UsageAt(readModel, meter, sequence, costs)) as [
                UsageAt,
                ...UsageAt[],
              ]
              const start = Math.floor(NOW / HOUR) * HOUR + from * HOUR
              const end = start + ((hours % 100) + 1) * HOUR
              const intervals: [number, number][] = [
                [start, end],
                [start - 60_000, end + 120_000],
                [0, NOW + 10 * DAY],
              ]
              for (const [from, to] of intervals) {
                const expected = text(await byBucket.state([series], from, to))
                for (const other of others) expect(text(await other.state([series], from, to))).toBe(expected)
              }
              for (const size of ['hour', 'minute'] as const) {
                const shown = async (usage: UsageAt) =>
                  (await usage.buckets(series, size, start, end)).map((bucket) => [
                    bucket.start,
                    bucket.records,
                    text(bucket.state),
                  ])
                const expected = await shown(byBucket)
                for (const other of others) expect(await shown(other)).toEqual(expected)
              }
            }
          }
        })
      },
    ),
    { numRuns: 10 },
  )
})

it('An hour of which everything came later is not there, whichever way is taken', async () => {
  const raw = rawMeters[0]!
  const now = ['a', 'b', 'c'].map((identifier) => recordedEntry(raw, identifier))
  const later = [NOW, NOW + HOUR].map((occurredAt) => recordedEntry(raw, `at ${occurredAt}`, { occurredAt }))
  await asking(workspace, [...opening([raw]), ...now, ...later], async ({ readModel }) => {
    const [meterRow] = await readModel.range(meters, { limit: 1 })
    const [seriesRow] = await readModel.range(usageSeries, { limit: 1 })
    for (const costs of ways) {
      const usage = new UsageAt(readModel, toMeter(meterRow!), now.length, costs)
      const buckets = await usage.buckets(seriesRow!.series, 'hour', NOW - HOUR, NOW + 2 * HOUR)
      expect(buckets.map(({ start, records }) => [start, records])).toEqual([[NOW, now.length]])
    }
  })
})

it('More records than are read at once are each counted once, whichever way is taken', async () => {
  const raw = rawMeters[0]!
  const count = 2 * 4_096 + 10
  // Some a millisecond, and some at one instant, so that a read ends amid them; each adds something else.
  const entries = Array.from({ length: count }, (_, n) =>
    recordedEntry(raw, `id-${n}`, { value: String(n), occurredAt: NOW + Math.min(n, 4_000) }),
  )
  await asking(workspace, [...opening([raw]), ...entries], async ({ readModel }) => {
    const [meterRow] = await readModel.range(meters, { limit: 1 })
    const [seriesRow] = await readModel.range(usageSeries, { limit: 1 })
    for (const sequence of [4_096, 4_097, count - 1, count]) {
      for (const costs of ways) {
        const usage = new UsageAt(readModel, toMeter(meterRow!), sequence, costs)
        const { records, state } = await usage.whole([seriesRow!.series], NOW, NOW + HOUR)
        const value = formatDecimal(formulas.sum.value(state))
        expect({ records, value }).toEqual({ records: sequence, value: String((sequence * (sequence - 1)) / 2) })
      }
    }
  })
})
