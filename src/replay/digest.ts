/**
 * The digest of usage records: SHA-256 over their canonical lines, in order of (meter id, identifier). It says nothing of
 * the order in which records came or of the store they are in, so the same commands give the same digest everywhere.
 * How to compute it without Meterbook: docs/digest.md.
 *
 * Memory does not grow with the number of records.
 */
import { createHash, type Hash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { canonicalLine, compareCodePoints } from '../domain/canonical-record.js'
import type { LedgerName } from '../domain/ledger.js'
import { METERS_MAX, type Meter } from '../domain/meter-catalogue.js'
import { payloadEntries } from '../domain/meter-event.js'
import { toMeter } from '../projections/meters.js'
import { seriesOf } from '../queries/usage-series-of.js'
import { LEAST_ROWS, PageLimit } from '../read-model/page-limit.js'
import type { Range, RowReader } from '../read-model/read-model.js'
import { meters, seriesOutlines, usageRecords, type UsageRecordRow } from '../read-model/tables.js'

export interface DigestSelection {
  readonly ledger: LedgerName
  readonly meterId: string | null
  readonly customer: string | null
  /** Of `occurredAt`, half-open: `[from, to)`. Milliseconds since the epoch; null: no bound. */
  readonly from: number | null
  readonly to: number | null
  /** As the records stood after this usage event of the log; null: as they stand now. */
  readonly sequence: number | null
}

export interface Digest {
  /** Lower-case hexadecimal. */
  readonly sha256: string
  readonly records: number
  /** Of these, cancelled. */
  readonly cancelled: number
}

/** What is read of each record. */
const COLUMNS = [
  'sequence',
  'identifier',
  'series',
  'value',
  'occurredAt',
  'recordedAt',
  'payload',
  'cancelledAt',
  'cancelledSequence',
] as const
type DigestedRow = Pick<UsageRecordRow, (typeof COLUMNS)[number]>
type DigestedValues = [
  sequence: number,
  identifier: string,
  series: number,
  value: string | null,
  occurredAt: number,
  recordedAt: number,
  payload: string | null,
  cancelledAt: number | null,
  cancelledSequence: number | null,
]

const PAGE_ROWS_MAX = 1_000
/** As small ones are: large ones, which may come as a surprise, take as long by the byte. */
const BYTES_PER_READ = 1024 * 1024
/** Of payloads that are written, before other requests are let in between. */
const CHARACTERS_PER_TURN = 256 * 1024
/** Records of one customer on one meter that are sorted in memory; with more or larger ones, the meter is walked in order. */
const SORTED_ROWS_MAX = 50_000
const SORTED_PAYLOAD_CHARACTERS_MAX = 32 * 1024 * 1024
/** Series whose customer is remembered. */
const KNOWN_SERIES_MAX = 100_000
/** Days whose date is remembered. */
const KNOWN_DAYS_MAX = 1_000
const DAY_MS = 86_400_000
/** Lines are hashed together: each call costs as much as a line does. */
const HASHED_CHARACTERS = 64 * 1024
const NOTHING_ELSE: Readonly<Record<string, string>> = {}

/** `onRecords` is told how many rows were read since it was last called. @throws what `signal` was aborted with. */
export async function digestUsage(
  rows: RowReader,
  selection: DigestSelection,
  { signal, onRecords }: { readonly signal?: AbortSignal; readonly onRecords?: (read: number) => void } = {},
): Promise<Digest> {
  const digest = new DigestOf(selection)
  for (const { number, meter } of await metersInOrder(rows, selection)) {
    for await (const page of recordsInOrder(rows, number, selection)) {
      signal?.throwIfAborted()
      let characters = 0
      for (const [row, customer] of page.records) {
        characters += row.payload?.length ?? 0
        if (characters > CHARACTERS_PER_TURN) {
          await nextTurn()
          signal?.throwIfAborted()
          characters = 0
        }
        digest.add(meter, row, customer)
      }
      onRecords?.(page.read)
      // Long walks let other requests in between.
      await nextTurn()
    }
  }
  return digest.end()
}

class DigestOf {
  private readonly hash: Hash = createHash('sha256')
  private readonly instants = new Instants()
  /** Not hashed yet. */
  private lines = ''
  private records = 0
  private cancelled = 0

  constructor(private readonly selection: DigestSelection) {}

  add(meter: Meter, row: DigestedRow, customer: string): void {
    const { from, to, sequence } = this.selection
    const { instants } = this
    const { identifier, value, occurredAt, recordedAt } = row
    if (sequence !== null && row.sequence > sequence) return
    if ((from !== null && occurredAt < from) || (to !== null && occurredAt >= to)) return
    const isCancelled = row.cancelledSequence !== null && (sequence === null || row.cancelledSequence <= sequence)
    const cancelledAt = isCancelled ? row.cancelledAt : null
    const payload = row.payload === null ? NOTHING_ELSE : (JSON.parse(row.payload) as Record<string, string>)
    this.lines += canonicalLine({
      meterId: meter.id,
      identifier,
      customer,
      value,
      occurredAt: instants.text(occurredAt),
      recordedAt: instants.text(recordedAt),
      cancelledAt: cancelledAt === null ? null : instants.text(cancelledAt),
      payload: payloadEntries(meter, { customer, value, payload }),
    })
    if (this.lines.length >= HASHED_CHARACTERS) this.hashLines()
    this.records++
    if (isCancelled) this.cancelled++
  }

  end(): Digest {
    this.hashLines()
    return { sha256: this.hash.digest('hex'), records: this.records, cancelled: this.cancelled }
  }

  private hashLines(): void {
    this.hash.update(this.lines, 'utf8')
    this.lines = ''
  }
}

/** Writes instants as `Date` does, which finds out the date of each anew. */
class Instants {
  private readonly dates = new Map<number, string>()
  /** The last one: records are often received together. */
  private ms = NaN
  private last = ''

  text(ms: number): string {
    if (ms === this.ms) return this.last
    const day = Math.floor(ms / DAY_MS)
    let date = this.dates.get(day)
    if (date === undefined) {
      if (this.dates.size >= KNOWN_DAYS_MAX) this.dates.clear()
      date = new Date(day * DAY_MS).toISOString().slice(0, -'00:00:00.000Z'.length)
      this.dates.set(day, date)
    }
    const within = ms - day * DAY_MS
    const seconds = Math.floor(within / 1000)
    const minutes = Math.floor(seconds / 60)
    const [hour, minute, second] = [Math.floor(minutes / 60), minutes % 60, seconds % 60]
    const thousandth = String(within % 1000).padStart(3, '0')
    this.ms = ms
    this.last = `${date}${twoDigits[hour]}:${twoDigits[minute]}:${twoDigits[second]}.${thousandth}Z`
    return this.last
  }
}

const twoDigits: readonly string[] = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'))

async function metersInOrder(
  rows: RowReader,
  { ledger, meterId }: DigestSelection,
): Promise<{ readonly number: number; readonly meter: Meter }[]> {
  const found = await rows.range(meters, { index: 'ledger', prefix: [ledger], limit: METERS_MAX })
  return found
    .filter((row) => meterId === null || row.meterId === meterId)
    .map((row) => ({ number: row.number, meter: toMeter(row) }))
    .sort((left, right) => compareCodePoints(left.meter.id, right.meter.id))
}

interface RecordPage {
  /** With their customers. */
  readonly records: readonly (readonly [DigestedRow, string])[]
  readonly read: number
}

/** The records of a meter in order of their identifiers, at least those that are selected. */
async function* recordsInOrder(
  rows: RowReader,
  meter: number,
  { customer }: DigestSelection,
): AsyncGenerator<RecordPage> {
  if (customer === null) {
    const customers = new Customers(rows)
    for await (const page of walkMeter(rows, meter)) {
      yield { records: await customers.of(page), read: page.length }
    }
    return
  }
  const series = new Set<number>()
  for await (const row of seriesOf(rows, meter, customer)) series.add(row.series)
  const few = await collectFew(rows, series)
  if (few) {
    yield { records: few.map((row) => [row, customer] as const), read: few.length }
    return
  }
  for await (const page of walkMeter(rows, meter)) {
    const own = page.filter((row) => series.has(row.series))
    yield { records: own.map((row) => [row, customer] as const), read: page.length }
  }
}

async function* walkMeter(rows: RowReader, meter: number): AsyncGenerator<DigestedRow[]> {
  let after: string | null = null
  const limit = new PageLimit(PAGE_ROWS_MAX, BYTES_PER_READ, LEAST_ROWS)
  for (;;) {
    const page: DigestedRow[] = await readRows(rows, limit, {
      index: 'identifier',
      prefix: [meter],
      ...(after === null ? {} : { after: [after] }),
    })
    const last = page.at(-1)
    if (!last) return
    yield page
    after = last.identifier
  }
}

async function readRows(
  rows: RowReader,
  limit: PageLimit,
  range: Omit<Range<UsageRecordRow>, 'limit'>,
): Promise<DigestedRow[]> {
  const found = await rows.values(usageRecords, COLUMNS, { ...range, limit: limit.rows })
  limit.saw(found)
  return found.map((values) => {
    const [sequence, identifier, series, value, occurredAt, recordedAt, payload, cancelledAt, cancelledSequence] =
      values as DigestedValues
    return { sequence, identifier, series, value, occurredAt, recordedAt, payload, cancelledAt, cancelledSequence }
  })
}

/** The records of these series in order of their identifiers; null where they are too many to be sorted. */
async function collectFew(rows: RowReader, series: ReadonlySet<number>): Promise<DigestedRow[] | null> {
  const found: DigestedRow[] = []
  const limit = new PageLimit(PAGE_ROWS_MAX, BYTES_PER_READ, LEAST_ROWS)
  let characters = 0
  for (const number of series) {
    let from = 0
    for (;;) {
      const page = await readRows(rows, limit, { index: 'series', prefix: [number], from })
      const last = page.at(-1)
      if (!last) break
      for (const row of page) {
        found.push(row)
        characters += row.payload?.length ?? 0
      }
      if (found.length > SORTED_ROWS_MAX || characters > SORTED_PAYLOAD_CHARACTERS_MAX) return null
      from = last.sequence + 1
      await nextTurn()
    }
  }
  return found.sort((left, right) => compareCodePoints(left.identifier, right.identifier))
}

class Customers {
  private readonly known = new Map<number, string>()

  constructor(private readonly rows: RowReader) {}

  async of(records: readonly DigestedRow[]): Promise<(readonly [DigestedRow, string])[]> {
    if (this.known.size > KNOWN_SERIES_MAX) this.known.clear()
    const missing = new Set<number>()
    for (const { series } of records) if (!this.known.has(series)) missing.add(series)
    const numbers = [...missing]
    const found = await this.rows.get(
      seriesOutlines,
      numbers.map((number) => [number]),
    )
    found.forEach((row, index) => {
      if (!row) throw new Error(`Usage records belong to series ${numbers[index]}, which is not in the read model.`)
      this.known.set(row.series, row.customer)
    })
    return records.map((row) => [row, this.known.get(row.series) as string] as const)
  }
}
