/**
 * The log folded again, by `meterbook rebuild` and `meterbook audit` as processes of their own, against a bare loop that
 * only reads the same rows of the log and parses them; and against one that also stores the records, each under its unique
 * identifier: no fold that keeps records in tables can do less.
 */
import type Database from 'better-sqlite3'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { usagePartition } from '../src/domain/usage-partition.js'
import { encodeEvent } from '../src/event-store/codec.js'
import { EmbeddedEventStore } from '../src/event-store/embedded-event-store.js'
import { APPEND_EVENTS_MAX, type NewEvent } from '../src/event-store/event-store.js'
import { EVENT_LOG_FILE } from '../src/event-store/open-event-store.js'
import { metersStream, usageStream } from '../src/event-store/streams.js'
import { createStatements } from '../src/read-model/embedded-sql.js'
import { usageRecords } from '../src/read-model/tables.js'
import { SqliteDatabase } from '../src/sqlite.js'
import type { Case } from './case.js'
import { alone, besides, type Figure, type Target } from './figures.js'
import { PARTITIONS, targets } from './settings.js'
import { usageEvent, type EventPlan } from './usage-events.js'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const LEDGER = 'default~test'
const METER = 'mtr_test_benchmark'
const DAY_MS = 86_400_000
const NOW = 1_790_000_000_000
const CUSTOMERS = 1_000
const MEMORY_POLL_MS = 100
const ROWS_PER_TRANSACTION = 4_000
const ROWS_PER_STATEMENT = 32
/** As the read model's own. */
const BARE_CACHE_KIB = 64 * 1024

function foldingCase(name: 'rebuild' | 'audit', what: string, target: Target): Case {
  return {
    name,
    what,
    run: async ({ foldingRuns, foldedRecords: records }) => {
      const dataDir = mkdtempSync(join(tmpdir(), 'meterbook-bench-'))
      try {
        await fill(dataDir, records)
        await meterbook('digest', dataDir)
        const bare: number[] = []
        const storing: number[] = []
        const ours: number[] = []
        const resident: number[] = []
        for (let run = 0; run < foldingRuns; run++) {
          bare.push(records / parseAll(dataDir))
          storing.push(records / storeAll(dataDir))
          const { seconds, residentMiB } = await meterbook(name, dataDir)
          ours.push(records / seconds)
          resident.push(residentMiB)
        }
        return figures(name, records, { ours, bare, storing, resident }, target)
      } finally {
        rmSync(dataDir, { recursive: true })
      }
    },
  }
}

function figures(
  name: string,
  records: number,
  { ours, bare, storing, resident }: Readonly<Record<'ours' | 'bare' | 'storing' | 'resident', readonly number[]>>,
  target: Target,
): Figure[] {
  const of = `${name} ${records.toLocaleString('en')}`
  return [
    besides(of, 'events/s', ours, { name: 'bare loop', runs: bare }, target),
    besides(of, 'events/s', ours, { name: 'and storing', runs: storing }),
    alone(of, 'resident at most MiB', resident, targets.foldingResidentMiB),
  ]
}

async function fill(dataDir: string, records: number): Promise<void> {
  const store = new EmbeddedEventStore(join(dataDir, EVENT_LOG_FILE))
  const metadata = { correlationId: 'req_benchmark0001', causationId: 'req_benchmark0001', actor: 'key_benchmark' }
  const plan: EventPlan = {
    first: 0,
    duplicatesOfTen: 0,
    bigOfHundred: 10,
    customers: CUSTOMERS,
    from: NOW - 30 * DAY_MS,
    spreadMs: 30 * DAY_MS,
  }
  const opened = { type: 'LedgerOpened', data: { usagePartitions: PARTITIONS, at: NOW } } as const
  const meter = {
    meterId: METER,
    displayName: 'Benchmark',
    eventName: 'benchmark',
    formula: 'sum',
    eventTimeWindow: null,
    valueKey: 'value',
    customerKey: 'stripe_customer_id',
    dimensionKeys: [],
    createdAt: NOW,
  } as const
  const first = [
    encodeEvent(opened, randomUUID(), metadata),
    encodeEvent({ type: 'MeterCreated', data: meter }, randomUUID(), metadata),
  ]
  await store.append([{ stream: metersStream(LEDGER), expectedRevision: 0, events: first }])
  const revisions = new Array<number>(PARTITIONS).fill(0)
  for (let from = 0; from < records; from += PARTITIONS * APPEND_EVENTS_MAX) {
    const batches = Array.from({ length: PARTITIONS }, (): NewEvent[] => [])
    for (let n = from; n < Math.min(records, from + PARTITIONS * APPEND_EVENTS_MAX); n++) {
      const { identifier, customer, value, occurredAt } = usageEvent(n, plan)
      const record = {
        meterId: METER,
        identifier,
        customer,
        value: String(value),
        occurredAt,
        recordedAt: NOW,
        payload: {},
      }
      const partition = batches[usagePartition(METER, identifier, PARTITIONS)]
      partition?.push(encodeEvent({ type: 'UsageRecorded', data: record }, randomUUID(), metadata))
    }
    for (const [partition, all] of batches.entries()) {
      for (let at = 0; at < all.length; at += APPEND_EVENTS_MAX) {
        const events = all.slice(at, at + APPEND_EVENTS_MAX)
        const expectedRevision = revisions[partition] ?? 0
        const [outcome] = await store.append([{ stream: usageStream(LEDGER, partition), expectedRevision, events }])
        if (outcome?.status !== 'appended') throw new Error(`An append was ${outcome?.status}.`)
        revisions[partition] = outcome.revision
      }
    }
  }
  await store.close()
}

/** Seconds that reading and parsing every event takes. */
function parseAll(dataDir: string): number {
  const startedAt = performance.now()
  eachEvent(dataDir, () => undefined)
  return (performance.now() - startedAt) / 1000
}

/** Seconds that it takes with each record stored as well, in as large transactions and statements as a rebuild uses. */
function storeAll(dataDir: string): number {
  const file = join(dataDir, 'bare-read-model.db')
  const rows = new SqliteDatabase(file)
  rows.pragma('journal_mode = WAL')
  rows.pragma('synchronous = NORMAL')
  rows.pragma(`cache_size = ${-BARE_CACHE_KIB}`)
  for (const statement of createStatements(usageRecords as unknown as Parameters<typeof createStatements>[0], 1))
    rows.exec(statement)
  const columns = Object.keys(usageRecords.columns)
  const place = `(${columns.map(() => '?').join(', ')})`
  const insert = (count: number): Database.Statement =>
    rows.prepare(`INSERT INTO ${usageRecords.name}_1 VALUES ${new Array(count).fill(place).join(', ')}`)
  const [many, one] = [insert(ROWS_PER_STATEMENT), insert(1)]
  let values: unknown[][] = []
  const flush = rows.transaction(() => {
    let at = 0
    for (; values.length - at >= ROWS_PER_STATEMENT; at += ROWS_PER_STATEMENT) {
      many.run(...values.slice(at, at + ROWS_PER_STATEMENT).flat())
    }
    for (; at < values.length; at++) one.run(...(values[at] as unknown[]))
    values = []
  })
  let sequence = 0
  const startedAt = performance.now()
  eachEvent(dataDir, (type, data, revision) => {
    if (type !== 'UsageRecorded') return
    const { identifier, value, occurredAt, recordedAt } = data
    values.push([++sequence, 1, identifier, 1, value, occurredAt, recordedAt, null, 0, revision, null, null, null])
    if (values.length === ROWS_PER_TRANSACTION) flush()
  })
  flush()
  const seconds = (performance.now() - startedAt) / 1000
  rows.close()
  for (const suffix of ['', '-wal', '-shm']) rmSync(`${file}${suffix}`, { force: true })
  return seconds
}

function eachEvent(
  dataDir: string,
  visit: (type: string, data: Readonly<Record<string, unknown>>, revision: number) => void,
): void {
  const log = new SqliteDatabase(join(dataDir, EVENT_LOG_FILE), { readonly: true })
  const rows = log.prepare<[], { type: string; revision: number; data: string; metadata: string }>(
    'SELECT position, stream_id, revision, id, type, data, metadata FROM events ORDER BY position',
  )
  for (const { type, revision, data, metadata } of rows.iterate()) {
    JSON.parse(metadata)
    visit(type, JSON.parse(data) as Record<string, unknown>, revision)
  }
  log.close()
}

async function meterbook(command: string, dataDir: string): Promise<{ seconds: number; residentMiB: number }> {
  const startedAt = performance.now()
  const child = spawn(process.execPath, [MAIN, command, '--data-dir', dataDir, '--quiet'], { stdio: 'ignore' })
  let residentMiB = 0
  const poll = setInterval(() => {
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]
    residentMiB = Math.max(residentMiB, Number(peak ?? 0) / 1024)
  }, MEMORY_POLL_MS)
  const [code] = (await once(child, 'exit')) as [number | null]
  clearInterval(poll)
  if (code !== 0) throw new Error(`meterbook ${command} ended with ${code}.`)
  return { seconds: (performance.now() - startedAt) / 1000, residentMiB }
}

export const rebuildCase = foldingCase(
  'rebuild',
  'all projections built anew, every row compared and switched, against reading and parsing the log',
  targets.rebuild,
)
export const auditCase = foldingCase(
  'audit',
  'the log folded again, every row compared and all of it digested, against reading and parsing the log',
  targets.audit,
)
