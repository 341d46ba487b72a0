/**
 * Whether everything agrees is told on a shorter way than what differs: on every history, with every change of what is
 * stored, both ways must come to the same.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type Database from 'better-sqlite3'
import fc from 'fast-check'
import { copyFileSync } from 'node:fs'
import { EmbeddedReadModel } from '../../src/read-model/embedded-read-model.js'
import type { EventStore } from '../../src/event-store/event-store.js'
import { packColumns, unpackColumns } from '../../src/read-model/packed-columns.js'
import type { ReadModel } from '../../src/read-model/read-model.js'
import { Audit, type AuditSelection, type AuditVerdict, type DigestRecords } from '../../src/replay/audit.js'
import { digestUsage } from '../../src/replay/digest.js'
import { SqliteDatabase } from '../../src/sqlite.js'
import { NOW } from '../controls.js'
import {
  histories,
  historyCustomers,
  historyMeters,
  opening,
  recordedEntry,
  withoutRepeats,
  writeLog,
  type Entry,
  type HistoryMeter,
} from '../projections/history.js'
import { Workspace, bySeven, project } from '../projections/projecting.js'
import { agree, everything } from './agreeing.js'

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

const digestOf =
  (rows: ReadModel): DigestRecords =>
  (selections, { signal }) =>
    Promise.all(selections.map((selection) => rows.snapshot((read) => digestUsage(read, selection, { signal }))))

interface Answers {
  /** null: it does not simply agree, for this reason. */
  readonly agreed: AuditVerdict | null
  readonly doubt: string | null
  readonly audited: AuditVerdict
}

async function askBoth(store: EventStore, live: ReadModel, selection: AuditSelection): Promise<Answers> {
  let doubt: string | null = null
  const options = {
    signal: new AbortController().signal,
    onProgress: () => undefined,
    onEffect: null,
    onDoubt: (why: string) => void (doubt = why),
  }
  const agreed = await agree(workspace, store, { live, stored: live }, selection, options)
  const audited = await withScratch((scratch) =>
    new Audit(store, live, scratch, digestOf(scratch), selection, options).run(),
  )
  return { agreed, doubt, audited }
}

async function withScratch<Result>(use: (scratch: ReadModel) => Promise<Result>): Promise<Result> {
  const scratch = new EmbeddedReadModel(workspace.file('scratch.db'), 'scratch')
  try {
    return await use(scratch)
  } finally {
    await scratch.close()
  }
}

const selections: fc.Arbitrary<Partial<AuditSelection>> = fc.oneof(
  fc.constant({}),
  fc.nat({ max: 80 }).map((sequence) => ({ sequence })),
  fc.constantFrom(...historyCustomers).map((customer) => ({ customer })),
  fc.constantFrom(...historyMeters).map(({ ledger, meterId }) => ({ ledger, meterId })),
)

const RECORDS = 'usage_records_1'

/** Changes of one record that leave it plausible; `?` is its sequence. */
const forgeries = {
  cancelled: {
    of: 'cancelled_sequence IS NULL',
    change: `UPDATE ${RECORDS} SET cancelled_at = recorded_at, cancelled_sequence = sequence + 1, cancelled_revision = revision + 1
      WHERE sequence = ?`,
  },
  'given a time of cancellation and nothing else': {
    of: 'cancelled_sequence IS NULL',
    change: `UPDATE ${RECORDS} SET cancelled_at = recorded_at WHERE sequence = ?`,
  },
  'given a revision of cancellation and nothing else': {
    of: 'cancelled_sequence IS NULL',
    change: `UPDATE ${RECORDS} SET cancelled_revision = revision + 1 WHERE sequence = ?`,
  },
  'cancelled later than it was': {
    of: 'cancelled_sequence IS NOT NULL',
    change: `UPDATE ${RECORDS} SET cancelled_at = cancelled_at + 1 WHERE sequence = ?`,
  },
  'made to count again': {
    of: 'cancelled_sequence IS NOT NULL',
    change: `UPDATE ${RECORDS} SET cancelled_at = NULL, cancelled_sequence = NULL, cancelled_revision = NULL WHERE sequence = ?`,
  },
  'made up, where a cancellation stands': {
    of: 'cancelled_sequence IS NOT NULL',
    change: `INSERT INTO ${RECORDS} (sequence, meter, identifier, series, value, occurred_at, recorded_at, payload, partition, revision)
      SELECT cancelled_sequence, meter, identifier || ' made up', series, value, occurred_at, recorded_at, payload, partition, revision
      FROM ${RECORDS} WHERE sequence = ?`,
  },
  'made up, behind all others': {
    of: 'true',
    change: `INSERT INTO ${RECORDS} (sequence, meter, identifier, series, value, occurred_at, recorded_at, payload, partition, revision)
      SELECT sequence + 1000, meter, identifier || ' made up', series, value, occurred_at, recorded_at, payload, partition, revision
      FROM ${RECORDS} WHERE sequence = ?`,
  },
  'made up, before all others': {
    of: 'true',
    change: `INSERT INTO ${RECORDS} (sequence, meter, identifier, series, value, occurred_at, recorded_at, payload, partition, revision)
      SELECT -sequence, meter, identifier || ' made up', series, value, occurred_at, recorded_at, payload, partition, revision
      FROM ${RECORDS} WHERE sequence = ?`,
  },
  'taken out': { of: 'true', change: `DELETE FROM ${RECORDS} WHERE sequence = ?` },
} as const

describe('An audit that finds nothing', () => {
  it('says the same on the short way as on the long one, for everything, an earlier moment or a selection', () =>
    fc.assert(
      fc.asyncProperty(histories(80).map(withoutRepeats), fc.tuple(selections, selections), async (entries, all) => {
        await workspace.withStore(async (store) => {
          await writeLog(store, entries)
          await workspace.withReadModel(async (live) => {
            await project(store, live, { cut: bySeven })
            const usageEvents = entries.filter(({ event }) => /^Usage(Recorded|Cancelled)$/.test(event.type)).length
            for (const selected of all) {
              const { agreed, doubt, audited } = await askBoth(store, live, { ...everything, ...selected })
              expect(doubt).toBeNull()
              expect(audited.verdict).toBe('agrees')
              // Of an earlier moment the short way compares fewer rows: what cells held then is nowhere stored.
              const isEarlier = (selected.sequence ?? Infinity) <= usageEvents
              expect(agreed).toEqual(isEarlier ? { ...audited, rows: agreed?.rows } : audited)
            }
          })
        })
      }),
      { numRuns: 10 },
    ))

  it('follows rows that go on meanwhile, and says that the log goes on behind them', () =>
    fc.assert(
      fc.asyncProperty(
        histories(80).map(withoutRepeats),
        fc.nat({ max: 100 }),
        fc.nat({ max: 100 }),
        async (entries, percent, ofRest) => {
          const first = Math.floor((entries.length * percent) / 100)
          const second = first + Math.floor(((entries.length - first) * ofRest) / 100)
          const revisions = new Map<string, number>()
          await workspace.withStore(async (store) => {
            await writeLog(store, entries.slice(0, first), revisions)
            await workspace.withReadModel(async (live) => {
              await project(store, live)
              let steps = [entries.slice(first, second), entries.slice(second)]
              const moving = Object.create(live, {
                snapshot: {
                  value: async (...args: Parameters<ReadModel['snapshot']>) => {
                    const [next, rest] = steps as [Entry[], Entry[]]
                    steps = [[], []]
                    await writeLog(store, next, revisions)
                    await project(store, live)
                    await writeLog(store, rest, revisions)
                    return live.snapshot(...args)
                  },
                },
              }) as ReadModel
              const options = { signal: new AbortController().signal, onProgress: () => undefined, onDoubt: fail }
              const agreed = await agree(workspace, store, { live: moving, stored: live }, everything, options)
              expect(agreed).toMatchObject({ verdict: 'agrees', logGoesOn: second < entries.length })
              const usage = entries.slice(0, second).filter(({ event }) => event.type.startsWith('Usage'))
              expect(agreed?.checkpoint.sequence).toBe(usage.length)
              const audited = await withScratch(async (scratch) => {
                await project(store, live)
                const selection = { ...everything, sequence: usage.length }
                const audit = new Audit(store, live, scratch, digestOf(scratch), selection, {
                  ...options,
                  onEffect: null,
                })
                return audit.run()
              })
              // A ledger that came without usage is among those of then.
              expect(audited.digests).toEqual(expect.arrayContaining([...(agreed?.digests ?? [])]))
              if (usage.length > 0) expect(agreed?.digests).not.toHaveLength(0)
            })
          })
        },
      ),
      { numRuns: 10 },
    ))
})

/**
 * Each change is made to a copy of the file with the rows, and answers whether there was anything to change: it is expected
 * never to agree.
 */
async function expectNoAgreement(
  entries: readonly Entry[],
  changes: readonly ((file: string) => boolean)[],
): Promise<void> {
  await workspace.withStore(async (store) => {
    await writeLog(store, entries)
    const file = workspace.file('read-model.db')
    const before = new EmbeddedReadModel(file)
    await project(store, before, { cut: bySeven })
    await before.close()
    let changed = 0
    for (const change of changes) {
      const copy = workspace.file('read-model.db')
      copyFileSync(file, copy)
      if (!change(copy)) continue
      changed++
      const live = new EmbeddedReadModel(copy)
      try {
        const { agreed, audited } = await askBoth(store, live, everything)
        expect(audited.verdict).toBe('differs')
        expect(agreed).toBeNull()
      } finally {
        await live.close()
      }
    }
    fc.pre(changed > 0)
  })
}

describe('An audit of rows that somebody changed', () => {
  it('never agrees, and then names what differs', () =>
    fc.assert(
      fc.asyncProperty(
        histories(80).map(withoutRepeats),
        fc.array(fc.array(fc.nat(), { minLength: 4, maxLength: 4 }), { minLength: 5, maxLength: 5 }),
        (entries, all) =>
          expectNoAgreement(
            entries,
            all.map((picks) => (file) => tamper(file, picks)),
          ),
      ),
      { numRuns: 12 },
    ))

  it.each(Object.keys(forgeries) as (keyof typeof forgeries)[])('never agrees where a record was %s', (forgery) =>
    fc.assert(
      fc.asyncProperty(histories(60).map(withoutRepeats), fc.tuple(fc.nat(), fc.nat()), (entries, rows) =>
        expectNoAgreement(
          entries,
          rows.map((ofRow) => (file) => forge(file, forgery, ofRow)),
        ),
      ),
      { numRuns: 4 },
    ),
  )

  it.each(['series', 'occurred'])('never agrees where the index by %s has an entry behind all others', (index) => {
    const meter = historyMeters[0] as HistoryMeter
    const change = (file: string): true => {
      addEntry(file, `${RECORDS}_${index}`, index === 'series' ? [1, 1000] : [1, NOW, 1000])
      return true
    }
    return expectNoAgreement([...opening([meter]), recordedEntry(meter, 'one')], [change])
  })

  it('of a log that contradicts itself says so on the long way', () =>
    fc.assert(
      fc.asyncProperty(histories(60), async (entries) => {
        fc.pre(withoutRepeats(entries).length < entries.length)
        await workspace.withStore(async (store) => {
          await writeLog(store, entries)
          await workspace.withReadModel(async (live) => {
            await project(store, live)
            const { agreed, audited } = await askBoth(store, live, everything)
            expect(audited.verdict).toBe('damaged')
            expect(agreed).toBeNull()
          })
        })
      }),
      { numRuns: 10 },
    ))
})

function fail(why: string): never {
  throw new Error(why)
}

/** One row of a table, by its key. */
interface Picked {
  readonly table: string
  readonly match: string
  readonly key: readonly unknown[]
}

/** Changes one value, or takes away one row or entry. Answers whether there was any. */
function tamper(file: string, picks: readonly number[]): boolean {
  const database = new SqliteDatabase(file)
  try {
    const [ofTable = 0, ofRow = 0, ofColumn = 0, how = 0] = picks
    const names = database
      .prepare<[], string>(`SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB '*_[0-9]*'`)
      .pluck()
      .all()
    const tables = names.filter((name) => !name.endsWith('_runs') && countOf(database, name) > 0)
    const table = tables[ofTable % tables.length]
    if (table === undefined) return false
    const picked = pick(database, table, ofRow)
    if (isOfRuns(table)) changeBlock(database, picked, ofColumn)
    else if (how % 3 > 0) changeValue(database, picked, ofColumn)
    else database.prepare(`DELETE FROM ${table} WHERE ${picked.match}`).run(...picked.key)
    return true
  } finally {
    database.close()
  }
}

function forge(file: string, forgery: keyof typeof forgeries, ofRow: number): boolean {
  const { of, change } = forgeries[forgery]
  const database = new SqliteDatabase(file)
  try {
    const found = database.prepare<[], number>(`SELECT sequence FROM ${RECORDS} WHERE ${of}`).pluck().all()
    if (found.length === 0) return false
    return database.prepare(change).run(found[ofRow % found.length]).changes > 0
  } finally {
    database.close()
  }
}

/** As a run of its own. */
function addEntry(file: string, name: string, entry: readonly number[]): void {
  const database = new SqliteDatabase(file)
  try {
    const number = 1_000_000
    const keys = entry.map(() => '?').join(', ')
    database.prepare(`INSERT INTO ${name}_runs VALUES (?, ?, 0, 1, 1)`).run(number, number)
    database
      .prepare(`INSERT INTO ${name}_blocks VALUES (?, ?, ${keys}, ?)`)
      .run(number, number, ...entry, packColumns(Float64Array.from(entry), 1, entry.length, number))
  } finally {
    database.close()
  }
}

function isOfRuns(table: string): boolean {
  return /_\d+(_[a-z]+)?_blocks$/.test(table)
}

function countOf(database: Database.Database, table: string): number {
  return database.prepare<[], number>(`SELECT count(*) FROM ${table}`).pluck().get() as number
}

function pick(database: Database.Database, table: string, ofRow: number): Picked {
  const columns = database.pragma(`table_info(${table})`) as { name: string; pk: number }[]
  const names = columns.filter(({ pk }) => pk > 0).map(({ name }) => `"${name}"`)
  const key = database
    .prepare<[number], unknown[]>(`SELECT ${names.join(', ')} FROM ${table} LIMIT 1 OFFSET ?`)
    .raw()
    .get(ofRow % countOf(database, table)) as unknown[]
  return { table, match: names.map((name) => `${name} = ?`).join(' AND '), key }
}

function changeValue(database: Database.Database, { table, match, key }: Picked, ofColumn: number): void {
  const columns = database.pragma(`table_info(${table})`) as { name: string; type: string }[]
  const { name, type } = columns[ofColumn % columns.length] as { name: string; type: string }
  const changed = type === 'INTEGER' ? `coalesce("${name}", 0) + 1000003` : `coalesce("${name}", '') || '1'`
  database.prepare(`UPDATE ${table} SET "${name}" = ${changed} WHERE ${match}`).run(...key)
}

/** One number of one entry; of cells how many records there are, which no other run can hide. */
function changeBlock(database: Database.Database, { table, match, key }: Picked, ofNumber: number): void {
  const { block, entries } = database
    .prepare<unknown[], { block: number; entries: Buffer }>(`SELECT block, entries FROM ${table} WHERE ${match}`)
    .get(...key) as { block: number; entries: Buffer }
  const columns = database.pragma(`table_info(${table})`) as { name: string }[]
  const keys = columns.filter(({ name }) => name.startsWith('key')).length
  const isCells = table.startsWith('usage_cells')
  const width = isCells ? keys + 6 : keys
  const values = unpackColumns(entries, width, block) as Float64Array
  const entry = ofNumber % (values.length / width)
  const at = width * entry + (isCells ? keys : ofNumber % width)
  values[at] = (values[at] as number) + 1
  database
    .prepare(`UPDATE ${table} SET entries = ? WHERE block = ?`)
    .run(packColumns(values, values.length / width, width, block), block)
}
