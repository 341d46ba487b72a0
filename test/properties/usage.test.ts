import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { formulas, type FormulaName } from '../../src/domain/aggregation.js'
import { formatDecimal, parseDecimal } from '../../src/domain/decimal.js'
import { histories, historyMeters, writeLog, type Entry } from '../projections/history.js'
import { Workspace, dump, project } from '../projections/projecting.js'

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

/** What each cell that holds anything says, by names that do not depend on when anything was recorded. */
async function cells(history: readonly Entry[]): Promise<Map<string, { records: number; value: string }>> {
  return workspace.withStore(async (store) => {
    await writeLog(store, history)
    return workspace.withReadModel(async (readModel) => {
      await project(store, readModel)
      const rows = await dump(readModel)
      const meters = new Map(rows.meters.map((row) => [row.number, row]))
      const series = new Map(rows.usage_series.map((row) => [row.series, row]))
      return new Map(
        rows.usage_cells
          .filter(({ records }) => records > 0)
          .map(({ series: number, size, start, records, state }) => {
            const { meter, customer, dimensions } = series.get(number)!
            const { meterId, formula } = meters.get(meter)!
            const { value, decode } = readingOf(formula as FormulaName)
            return [
              JSON.stringify([meterId, customer, dimensions, size, start]),
              { records, value: formatDecimal(value(decode(state))) },
            ]
          }),
      )
    })
  })
}

function readingOf(name: FormulaName) {
  const formula = formulas[name]
  return {
    value: (state: unknown) => formula.value(state),
    decode: (text: string) => formula.decode(text),
  }
}

function isUsage({ event }: Entry): boolean {
  return event.type === 'UsageRecorded' || event.type === 'UsageCancelled'
}

/** Meter and identifier of a usage event. */
function recordOf({ event: { data } }: Entry): string {
  return 'identifier' in data ? JSON.stringify([data.meterId, data.identifier]) : ''
}

describe('Usage that was cancelled', () => {
  it('leaves no trace in any number of any formula and window', async () => {
    await fc.assert(
      fc.asyncProperty(histories(100), async (history) => {
        const cancelled = new Set(history.filter(({ event }) => event.type === 'UsageCancelled').map(recordOf))
        const without = history.filter((entry) => !isUsage(entry) || !cancelled.has(recordOf(entry)))
        expect(await cells(history)).toEqual(await cells(without))
      }),
      { numRuns: 15 },
    )
  })
})

describe('Usage of a raw meter', () => {
  const raw = new Set(historyMeters.filter(({ eventTimeWindow }) => eventTimeWindow === null).map((m) => m.meterId))

  it('gives the same sums and counts in whatever order it arrives, and last by (occurredAt, arrival)', async () => {
    await fc.assert(
      fc.asyncProperty(histories(80, 10), fc.infiniteStream(fc.nat()), async (history, random) => {
        const recorded = new Set<string>()
        const usage = history.filter((entry) => {
          const { event } = entry
          if (event.type !== 'UsageRecorded' || !raw.has(event.data.meterId) || recorded.has(recordOf(entry))) return
          return recorded.add(recordOf(entry))
        })
        const rest = history.filter((entry) => !isUsage(entry))
        const shuffled = usage
          .map((entry) => ({ entry, rank: random.next().value as number }))
          .sort((a, b) => a.rank - b.rank)
          .map(({ entry }) => entry)
        const [first, second] = [await cells([...rest, ...usage]), await cells([...rest, ...shuffled])]
        const settled = (each: typeof first) =>
          [...each].filter(([name]) => !name.includes('last')).sort(([a], [b]) => (a < b ? -1 : 1))
        expect(settled(second)).toEqual(settled(first))
        for (const arrived of [usage, shuffled]) {
          const lasts = (arrived === usage ? first : second).entries()
          for (const [name, { value }] of [...lasts].filter(([each]) => each.includes('last'))) {
            expect(value).toBe(lastOf(arrived, name))
          }
        }
      }),
      { numRuns: 12 },
    )
  })

  it('adds up exactly, whatever the order', () => {
    const values = fc.array(fc.constantFrom('0.1', '0.2', '-0.3', '1e0', '999999999999999', '0.000000000000001'))
    fc.assert(
      fc.property(values, fc.infiniteStream(fc.nat()), (texts, random) => {
        const add = (list: readonly string[]) =>
          list.reduce<unknown>(
            (state, value, sequence) =>
              formulas.sum.add(state, { value: value === '1e0' ? '1' : value, occurredAt: 0, sequence }),
            formulas.sum.empty,
          )
        const shuffled = texts
          .map((text) => ({ text, rank: random.next().value as number }))
          .sort((a, b) => a.rank - b.rank)
          .map(({ text }) => text)
        expect(add(shuffled)).toBe(add(texts))
      }),
      { numRuns: 200 },
    )
  })

  it('of 0.1 + 0.2 is 0.3', () => {
    expect(formatDecimal(parseDecimal('0.1') + parseDecimal('0.2'))).toBe('0.3')
  })
})

/** The value that arrived last among the greatest timestamps of a cell. */
function lastOf(arrived: readonly Entry[], cell: string): string {
  const [meterId, customer, dimensions, size, start] = JSON.parse(cell) as [string, string, string, number, number]
  let latest = -Infinity
  let value = ''
  const keys = historyMeters.find((meter) => meter.meterId === meterId)!.dimensionKeys
  for (const { event } of arrived) {
    if (event.type !== 'UsageRecorded' || event.data.meterId !== meterId || event.data.customer !== customer) continue
    const { payload, occurredAt } = event.data
    const combination = keys.map((key) => new Map(Object.entries(payload)).get(key))
    if (JSON.stringify(combination) !== dimensions || occurredAt < start || occurredAt >= start + size) continue
    if (occurredAt >= latest) {
      latest = occurredAt
      value = event.data.value!
    }
  }
  return value
}
