/** What is read of stored rows as they stood after an earlier usage event is what rows that go no further give. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { EmbeddedReadModel } from '../../src/read-model/embedded-read-model.js'
import type { ReadModel } from '../../src/read-model/read-model.js'
import { usageCells, usageRecords, type UsageCellRow } from '../../src/read-model/tables.js'
import { addUpRecords } from '../../src/replay/cells-of-records.js'
import { EntrySum, newSumKeys } from '../../src/replay/entry-sum.js'
import { scatteredIndexes, sumIndexes } from '../../src/replay/summed-indexes.js'
import { histories, withoutRepeats, writeLog, type Entry } from '../projections/history.js'
import { bySeven, project, Workspace } from '../projections/projecting.js'

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

const { signal } = new AbortController()
const all = { limit: Number.MAX_SAFE_INTEGER }

/** Up to and with so many usage events. */
function upTo(entries: readonly Entry[], usage: number): Entry[] {
  let count = 0
  return entries.filter(({ event }) => {
    const isUsage = event.type === 'UsageRecorded' || event.type === 'UsageCancelled'
    if (isUsage) count++
    return count <= usage
  })
}

function folded<Result>(entries: readonly Entry[], use: (rows: ReadModel) => Promise<Result>): Promise<Result> {
  return workspace.withStore(async (store) => {
    await writeLog(store, entries)
    return workspace.withReadModel(async (rows) => {
      await project(store, rows, { cut: bySeven })
      return use(rows)
    })
  })
}

async function cellsUpTo(rows: ReadModel, until: number): Promise<UsageCellRow[]> {
  const cells = new EmbeddedReadModel(workspace.file('cells.db'), 'small-scratch')
  try {
    await addUpRecords(rows, cells, until, { signal, onRecords: () => undefined })
    return await cells.range(usageCells, all)
  } finally {
    await cells.close()
  }
}

describe('As they stood after any usage event, stored records', () => {
  const cases = fc.tuple(histories(60).map(withoutRepeats), fc.nat({ max: 60 }))

  it('come to the cells that the log up to there gives', () =>
    fc.assert(
      fc.asyncProperty(cases, async ([entries, until]) => {
        const expected = await folded(upTo(entries, until), (rows) => rows.range(usageCells, all))
        expect(await folded(entries, (rows) => cellsUpTo(rows, until))).toEqual(expected)
      }),
      { numRuns: 25 },
    ))

  it('have the entries in their indexes that the log up to there gives, and all later ones are counted', () =>
    fc.assert(
      fc.asyncProperty(cases, async ([entries, until]) => {
        const keys = newSumKeys()
        const expected = await folded(upTo(entries, until), async (rows) => {
          const records = await rows.range(usageRecords, all)
          return scatteredIndexes.map(({ columns }) => {
            const sum = new EntrySum(keys)
            for (const record of records) sum.add(columns.map((column) => record[column] as number))
            return { sums: sum.values, entries: records.length }
          })
        })
        const { records, found, whole } = await folded(entries, async (rows) => ({
          records: await rows.count(usageRecords),
          found: await sumIndexes(rows, keys, until, signal),
          whole: await sumIndexes(rows, keys, null, signal),
        }))
        expect(found).toEqual(expected.map((each) => ({ ...each, later: records - each.entries })))
        expect(whole).toMatchObject(scatteredIndexes.map(() => ({ entries: records, later: 0 })))
      }),
      { numRuns: 25 },
    ))
})
