import { afterAll, beforeAll, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { formulas } from '../../src/domain/aggregation.js'
import { formatDecimal } from '../../src/domain/decimal.js'
import { toMeter } from '../../src/projections/meters.js'
import { UsageAt } from '../../src/queries/usage-at.js'
import { meters, usageSeries } from '../../src/read-model/tables.js'
import { NOW } from '../controls.js'
import { histories } from '../projections/history.js'
import { Workspace } from '../projections/projecting.js'
import { asking } from './asking.js'

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

const DAY = 86_400_000
const HOUR = 3_600_000

it('Usage of an earlier moment is the same whether buckets are counted again, the series is gone through, or what came later is taken back', async () => {
  await fc.assert(
    fc.asyncProperty(
      histories(100),
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
          for (const { series, meter: number } of await readModel.range(usageSeries, { limit: 1000 })) {
            const meter = allMeters.get(number)!
            const formula = formulas[meter.formula]
            const text = (state: unknown) => formatDecimal(formula.value(state))
            for (const { sequence, from, hours } of moments) {
              const byBucket = new UsageAt(readModel, meter, sequence, Infinity)
              const byScan = new UsageAt(readModel, meter, sequence, 0, Infinity)
              const byTakingBack = new UsageAt(readModel, meter, sequence, 0, 0)
              const start = Math.floor(NOW / HOUR) * HOUR + from * HOUR
              const end = start + ((hours % 100) + 1) * HOUR
              const intervals: [number, number][] = [
                [start, end],
                [start - 60_000, end + 120_000],
                [0, NOW + 10 * DAY],
              ]
              for (const [from, to] of intervals) {
                const expected = text(await byBucket.state([series], from, to))
                expect(text(await byScan.state([series], from, to))).toBe(expected)
                expect(text(await byTakingBack.state([series], from, to))).toBe(expected)
              }
              for (const size of ['hour', 'minute'] as const) {
                const shown = async (usage: UsageAt) =>
                  (await usage.buckets(series, size, start, end)).map((bucket) => [
                    bucket.start,
                    bucket.records,
                    text(bucket.state),
                  ])
                const expected = await shown(byBucket)
                expect(await shown(byScan)).toEqual(expected)
                expect(await shown(byTakingBack)).toEqual(expected)
              }
            }
          }
        })
      },
    ),
    { numRuns: 20 },
  )
})
