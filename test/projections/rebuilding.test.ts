/** Building projections anew: the rows come out the same, however it is interrupted, and what was wrong is named and mended. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type Database from 'better-sqlite3'
import fc from 'fast-check'
import { EmbeddedEventStore } from '../../src/event-store/embedded-event-store.js'
import type { RebuildRequest, RebuildState } from '../../src/projections/rebuilding.js'
import { EmbeddedReadModel } from '../../src/read-model/embedded-read-model.js'
import { ReadModelDamaged, type Checkpoint } from '../../src/read-model/read-model.js'
import { meters } from '../../src/read-model/tables.js'
import { projectionNames } from '../../src/replay/projection-names.js'
import { SqliteDatabase } from '../../src/sqlite.js'
import { histories, historyMeters, opening, recordedEntry, writeLog, type Entry } from './history.js'
import { changeCells, deleteEvents, flipBitOfRuns } from '../tampering.js'
import { Workspace, bySeven, dump, project, rebuildRows, type RebuildOptions } from './projecting.js'

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

const everything: RebuildRequest = { projections: [], keep: false }

function rebuild(
  logFile: string,
  rowsFile: string,
  request: RebuildRequest | null,
  options?: RebuildOptions,
): Promise<RebuildState | null> {
  return rebuildRows(new EmbeddedEventStore(logFile), new EmbeddedReadModel(rowsFile), request, options)
}

async function inFiles(
  entries: readonly Entry[],
  use: (logFile: string, rowsFile: string) => Promise<void>,
): Promise<void> {
  const logFile = workspace.file('events.db')
  const rowsFile = workspace.file('read-model.db')
  const store = new EmbeddedEventStore(logFile)
  const readModel = new EmbeddedReadModel(rowsFile)
  await writeLog(store, entries)
  await project(store, readModel, { cut: bySeven })
  await store.close()
  await readModel.close()
  await use(logFile, rowsFile)
}

async function rowsOf(rowsFile: string): Promise<unknown> {
  const readModel = new EmbeddedReadModel(rowsFile)
  try {
    return await dump(readModel)
  } finally {
    await readModel.close()
  }
}

function inDatabase<Result>(file: string, use: (database: Database.Database) => Result): Result {
  const database = new SqliteDatabase(file)
  try {
    return use(database)
  } finally {
    database.close()
  }
}

async function checkpointsIn(rowsFile: string): Promise<Record<string, Checkpoint>> {
  const readModel = new EmbeddedReadModel(rowsFile)
  try {
    const found: Record<string, Checkpoint> = {}
    for (const name of projectionNames) found[name] = await readModel.checkpoint(name)
    return found
  } finally {
    await readModel.close()
  }
}

const tablesIn = (file: string): string[] =>
  inDatabase(file, (database) =>
    database
      .prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
      .all()
      .map(({ name }) => name),
  )

const record = (n: number): Entry => recordedEntry(historyMeters[0]!, `new ${n}`)
const records = (count: number): Entry[] => Array.from({ length: count }, (_, n) => record(n))

const OUT_OF_ORDER = expect.stringMatching(
  /^Event \d+ of stream (usage|meters)-.* stands where \d+ must be\. .*: restore it from a backup\.$/,
) as unknown

describe('A rebuild', () => {
  it('gives the same rows, and no difference, whatever the history and wherever it is interrupted', () =>
    fc.assert(
      fc.asyncProperty(
        histories(60),
        fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 3 }),
        fc.constantFrom([], ['usage-cells'], ['usage-index'], ['usage-index', 'usage-cells']),
        async (entries, interruptions, projections) => {
          await inFiles(entries, async (logFile, rowsFile) => {
            const before = await rowsOf(rowsFile)
            const request = { projections, keep: false }
            let state: RebuildState | null = null
            for (const [index, stepsMax] of interruptions.entries()) {
              // The first begins it; later ones find it begun, or over.
              state = await rebuild(logFile, rowsFile, index === 0 ? request : null, {
                stepsMax: index === 0 ? stepsMax : 1,
              })
              expect(await rowsOf(rowsFile)).toEqual(before)
              if (state?.status === 'completed') break
            }
            if (state?.status !== 'completed') state = await rebuild(logFile, rowsFile, request)
            expect(state).toMatchObject({ status: 'completed', differenceCount: 0, rows: state?.wantedRows })
            expect(await rowsOf(rowsFile)).toEqual(before)
          })
        },
      ),
      { numRuns: 25 },
    ))

  it('keeps up with what comes in meanwhile', () => {
    const used = [historyMeters[0]!]
    return inFiles([...opening(used), record(0)], async (logFile, rowsFile) => {
      const beside = new EmbeddedEventStore(logFile)
      const revisions = new Map<string, number>()
      for await (const page of beside.readAll({ after: null, categories: ['meters', 'usage'] })) {
        for (const { stream, revision } of page) revisions.set(stream, revision)
      }
      const state = await rebuild(logFile, rowsFile, everything, {
        during: async (steps) => {
          if (steps <= 20) await writeLog(beside, [record(steps), record(steps + 100)], revisions)
        },
      })
      await beside.close()
      expect(state).toMatchObject({ status: 'completed', differenceCount: 0 })
      // Whatever came too late for it is folded like any other.
      await workspace.withReadModel(async (fresh) => {
        const store = new EmbeddedEventStore(logFile)
        const mended = new EmbeddedReadModel(rowsFile)
        await project(store, mended)
        await project(store, fresh)
        expect(await dump(mended)).toEqual(await dump(fresh))
        await store.close()
        await mended.close()
      })
    })
  })

  it('names and mends rows that are not what the log says', () =>
    inFiles([...opening(historyMeters), ...[1, 2, 3].map(record)], async (logFile, rowsFile) => {
      const before = await rowsOf(rowsFile)
      expect(await changeCells(rowsFile, ({ size }) => size === 60_000, '666')).toBe(1)
      inDatabase(rowsFile, (database) => {
        database.exec(`DELETE FROM usage_records_1 WHERE identifier = 'new 2'`)
        database.exec(`UPDATE meters_1 SET formula = 'last' WHERE meter_id = '${historyMeters[0]!.meterId}'`)
      })
      const state = await rebuild(logFile, rowsFile, everything)
      expect(state).toMatchObject({ status: 'completed', differenceCount: 3 })
      expect(state?.differences).toMatchObject([
        { table: 'meters', expected: { formula: 'sum' }, found: { formula: 'last' } },
        { table: 'usage_records', expected: { identifier: 'new 2' }, found: null },
        { table: 'usage_cells', expected: { state: '3' }, found: { state: '666' } },
      ])
      expect(await rowsOf(rowsFile)).toEqual(before)
    }))

  it.each([
    ['of usage', 'UsageRecorded', 1],
    ['of a meter', 'MeterCreated', 0],
  ])('fails where the log lacks an event %s, and the old rows stay', (_, type, offset) =>
    inFiles([...opening(historyMeters), ...records(30)], async (logFile, rowsFile) => {
      const before = await rowsOf(rowsFile)
      deleteEvents(logFile, `position = (SELECT position FROM events WHERE type = '${type}' LIMIT 1 OFFSET ${offset})`)
      expect(await rebuild(logFile, rowsFile, everything)).toMatchObject({ status: 'failed', failure: OUT_OF_ORDER })
      expect(await rowsOf(rowsFile)).toEqual(before)
    }),
  )

  it('fails where it was interrupted right before the event that the log lacks', () =>
    inFiles([...opening(historyMeters), ...records(4_100)], async (logFile, rowsFile) => {
      const before = await rowsOf(rowsFile)
      await rebuild(logFile, rowsFile, everything, { stepsMax: 1 })
      const readModel = new EmbeddedReadModel(rowsFile)
      const [built] = (await readModel.builds()).values()
      await readModel.close()
      deleteEvents(logFile, `position = ${Number(built?.position) + 1}`)
      expect(await rebuild(logFile, rowsFile, null)).toMatchObject({ status: 'failed', failure: OUT_OF_ORDER })
      expect(await rowsOf(rowsFile)).toEqual(before)
    }))

  it('fails where the log lacks the end of a stream, and the old rows stay', () =>
    inFiles([...opening(historyMeters), ...records(30)], async (logFile, rowsFile) => {
      const before = await rowsOf(rowsFile)
      const [{ stream }] = inDatabase(logFile, (database) =>
        database
          .prepare<[], { stream: string }>('SELECT stream_id AS stream FROM events ORDER BY position DESC LIMIT 1')
          .all(),
      ) as [{ stream: string }]
      deleteEvents(logFile, `position = (SELECT max(position) FROM events WHERE stream_id <> ${stream})`)
      expect(await rebuild(logFile, rowsFile, everything)).toMatchObject({
        status: 'failed',
        failure: expect.stringMatching(/^The event log has 29 usage events .* were made from 30\./) as unknown,
      })
      expect(await rowsOf(rowsFile)).toEqual(before)
    }))

  const EVENT = `'7 b5dd8f0e-7a1b-4bd9-9d6c-1d4f4bbd1d3a usage-default~test.0'`
  it.each([
    ['the position of one', `position = '3'`, ['meters']],
    ['a position that none has', `position = '9876'`, ['usage-cells']],
    ['no position', `position = NULL`, ['usage-index']],
    ['the number of usage events', `sequence = 2`, ['meters']],
    ['an event that the log does not have', `event = ${EVENT}`, ['usage-cells', 'meters']],
    ['the position of all', `position = '3'`, projectionNames],
  ])('names and mends checkpoints that were changed: %s', (_, change, changed) =>
    inFiles([...opening(historyMeters), ...records(3)], async (logFile, rowsFile) => {
      const before = await checkpointsIn(rowsFile)
      const names = changed.map((name) => `'${name}'`).join()
      inDatabase(rowsFile, (database) => database.exec(`UPDATE projections SET ${change} WHERE name IN (${names})`))
      const wrong = await checkpointsIn(rowsFile)
      // What goes on from there would be folded twice, or under the numbers of others.
      await expect(rebuild(logFile, rowsFile, null)).rejects.toThrow(
        /^The read model does not say rightly how far .* `meterbook rebuild` mends it\.$/,
      )
      expect(await checkpointsIn(rowsFile)).toEqual(wrong)
      const state = await rebuild(logFile, rowsFile, everything)
      expect(state).toMatchObject({ status: 'completed', differenceCount: changed.length })
      const told = state?.differences.map(({ table, key, expected, found }) => {
        expect([table, expected, found]).toEqual([
          'projections',
          before[String(key.projection)],
          wrong[String(key.projection)],
        ])
        return key.projection
      })
      expect(told?.sort()).toEqual([...changed].sort())
      expect(await checkpointsIn(rowsFile)).toEqual(before)
    }),
  )

  it('of other projections does not go on from a checkpoint that was changed', () =>
    inFiles([...opening(historyMeters), ...records(3)], async (logFile, rowsFile) => {
      inDatabase(rowsFile, (database) => database.exec(`UPDATE projections SET sequence = 2 WHERE name = 'meters'`))
      const request = { projections: ['usage-index', 'usage-cells'], keep: false }
      await expect(rebuild(logFile, rowsFile, request)).rejects.toThrow(/how far meters is/)
    }))

  it('names and mends what of the live rows cannot be read any more', () =>
    inFiles([...opening(historyMeters), ...[1, 2, 3].map(record)], async (logFile, rowsFile) => {
      const before = await rowsOf(rowsFile)
      flipBitOfRuns(rowsFile, 'usage_cells_1')
      flipBitOfRuns(rowsFile, 'usage_records_1_occurred')
      await expect(rowsOf(rowsFile)).rejects.toThrow(ReadModelDamaged)
      const state = await rebuild(logFile, rowsFile, everything)
      expect(state).toMatchObject({ status: 'completed', differenceCount: 2 })
      expect(state?.differences).toMatchObject([
        { table: 'usage_records_occurred', found: { damage: expect.stringContaining('is damaged') as unknown } },
        { table: 'usage_cells', found: { damage: expect.stringContaining('is damaged') as unknown } },
      ])
      expect(await rowsOf(rowsFile)).toEqual(before)
    }))

  it('is noticed by readers that were there before', () =>
    inFiles([...opening(historyMeters), record(1)], async (logFile, rowsFile) => {
      const reader = new EmbeddedReadModel(rowsFile)
      const read = (): Promise<unknown> =>
        Promise.all([reader.range(meters, { limit: 1 }), reader.snapshot((rows) => rows.range(meters, { limit: 1 }))])
      inDatabase(rowsFile, (database) => database.exec(`UPDATE meters_1 SET display_name = 'wrong'`))
      expect(await read()).toMatchObject([[{ displayName: 'wrong' }], [{ displayName: 'wrong' }]])
      await rebuild(logFile, rowsFile, everything)
      const { displayName } = historyMeters[0]!
      expect(await read()).toMatchObject([[{ displayName }], [{ displayName }]])
      await reader.close()
    }))

  it('leaves no tables behind but those it was told to keep', () =>
    inFiles([...opening(historyMeters), record(1)], async (logFile, rowsFile) => {
      const count = tablesIn(rowsFile).length
      await rebuild(logFile, rowsFile, { projections: ['usage-cells'], keep: true })
      expect(tablesIn(rowsFile)).toEqual(expect.arrayContaining(['usage_cells_1_blocks', 'usage_cells_2_blocks']))
      await rebuild(logFile, rowsFile, { projections: ['usage-cells'], keep: false })
      const readModel = new EmbeddedReadModel(rowsFile)
      while (await readModel.dropReplaced(true));
      await readModel.close()
      expect(tablesIn(rowsFile)).toHaveLength(count)
      expect(tablesIn(rowsFile)).toContain('usage_cells_3_blocks')
    }))
})
