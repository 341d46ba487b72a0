/** What covers an interval, over real cells of every minute, hour and day that has a record. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { bucketMs, bucketSizes, bucketStart, touchedBuckets } from '../../src/domain/time-bucket.js'
import { CellReader, type Cell } from '../../src/queries/cell-reader.js'
import type { ReadModel } from '../../src/read-model/read-model.js'
import { usageCells, type UsageCellRow } from '../../src/read-model/tables.js'
import { Workspace } from '../projections/projecting.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const meter = { formula: 'count', eventTimeWindow: null } as const
const utc = (text: string) => Date.parse(`${text}Z`)

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

async function withCells(use: (readModel: ReadModel) => Promise<void>): Promise<void> {
  await workspace.withReadModel(async (readModel) => {
    await readModel.prepare([{ projection: 'cells', schema: 1, tables: [usageCells] }])
    await use(readModel)
  })
}

/** One record at each of some instants. */
async function record(readModel: ReadModel, series: number, instants: readonly number[]): Promise<void> {
  const cells = instants.flatMap((instant) =>
    bucketSizes.map((size): UsageCellRow => ({
      series,
      size: bucketMs[size],
      start: bucketStart(size, instant),
      records: 1,
      state: '1',
      firstSequence: 1,
      changedSequence: 1,
    })),
  )
  await readModel.write((rows) => rows.add(usageCells, cells))
}

async function cover(reader: CellReader, all: readonly number[], start: number, end: number) {
  const { from, to } = touchedBuckets('day', start, end)
  const days = await reader.ofEach(
    'day',
    all.map((series) => ({ series, from, to })),
  )
  return reader.covering(days, 'day', start, end)
}

const everyMinute = (start: number, end: number) =>
  Array.from({ length: (end - start) / MINUTE }, (_, at) => start + at * MINUTE)

it.each([
  ['2026-01-01T22:58', '2026-01-04T01:02', [2, 1, 2, 1, 2]],
  ['2026-01-01T00:00', '2026-01-03T00:00', [0, 0, 2, 0, 0]],
  ['2026-01-01T10:00', '2026-01-01T12:00', [0, 2, 0, 0, 0]],
  ['2026-01-01T10:05', '2026-01-01T10:07', [2, 0, 0, 0, 0]],
  ['2026-01-01T10:59', '2026-01-01T11:01', [2, 0, 0, 0, 0]],
  ['2026-01-01T23:59', '2026-01-03T00:00', [1, 0, 1, 0, 0]],
] as const)('%s to %s is covered by the largest cells that lie in it, in time order', async (from, to, counts) => {
  const [start, end] = [utc(from), utc(to)]
  await withCells(async (readModel) => {
    await record(readModel, 1, everyMinute(utc('2026-01-01T00:00'), utc('2026-01-05T00:00')))
    const [cells] = await cover(new CellReader(readModel, meter), [1], start, end)
    let reached = start
    for (const { cell, size } of cells!) {
      expect(cell.start).toBe(reached)
      expect(cell.records).toBe(bucketMs[size] / MINUTE)
      reached += bucketMs[size]
    }
    expect(reached).toBe(end)
    const [before, hours, days, after, behind] = counts
    const sizes = [
      ...Array<string>(before).fill('minute'),
      ...Array<string>(hours).fill('hour'),
      ...Array<string>(days).fill('day'),
      ...Array<string>(after).fill('hour'),
      ...Array<string>(behind).fill('minute'),
    ]
    expect(cells!.map(({ size }) => size)).toEqual(sizes)
  })
})

it('Of several series each gets what was recorded of it in the interval, and nothing else', async () => {
  const instants = fc.array(fc.integer({ min: -2 * DAY, max: 3 * DAY }), { maxLength: 30 })
  const edge = fc.oneof(fc.integer({ min: -2 * 1440, max: 3 * 1440 }), fc.constantFrom(-1440, 0, 1440, 60, 90, 1500))
  await fc.assert(
    fc.asyncProperty(fc.array(instants, { minLength: 1, maxLength: 5 }), edge, edge, async (recorded, one, other) => {
      const [start, end] = [Math.min(one, other) * MINUTE, (Math.max(one, other) + 1) * MINUTE]
      await withCells(async (readModel) => {
        for (const [series, each] of recorded.entries()) await record(readModel, series, each)
        const reader = new CellReader(readModel, meter)
        const found = await cover(reader, [...recorded.keys()], start, end)
        const sum = (cells: readonly { readonly cell: Cell }[]) =>
          cells.reduce((records, { cell }) => records + cell.records, 0)
        const within = (each: readonly number[]) => each.filter((instant) => instant >= start && instant < end).length
        expect(found.map(sum)).toEqual(recorded.map(within))
        for (const cells of found) {
          const starts = cells.map(({ cell }) => cell.start)
          expect(starts).toEqual([...starts].sort((left, right) => left - right))
        }
      })
    }),
    { numRuns: 60 },
  )
})

it('Hours and minutes are looked for only where an edge cuts a day that has a cell', async () => {
  await withCells(async (readModel) => {
    await record(readModel, 1, [utc('2026-01-02T12:00')])
    const looks = async (from: string, to: string) => {
      const reader = new CellReader(readModel, meter)
      const [cells] = await cover(reader, [1], utc(from), utc(to))
      return reader.cellsRead - cells!.length
    }
    expect(await looks('2026-01-01T22:58', '2026-01-04T01:02')).toBe(1)
    // The day and one look for its hours, of which none is cut.
    expect(await looks('2026-01-02T11:30', '2026-01-04T01:02')).toBe(3)
    expect(await looks('2026-01-02T12:00', '2026-01-02T12:01')).toBe(5)
  })
})
