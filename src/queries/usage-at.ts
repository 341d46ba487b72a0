/**
 * What usage comes to, now or after any earlier usage event: covered with as few cells as possible, whatever the number of
 * records.
 *
 * A cell that nothing changed since then is taken as it is; one that began later was empty. Only what is left is looked at
 * more closely, down to the records of a minute (or of a window, on a pre-aggregated meter), by the same formulas.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { effectiveInWindow, formulas, type EffectiveRecord, type Formula } from '../domain/aggregation.js'
import type { Meter } from '../domain/meter-catalogue.js'
import { bucketMs, bucketStart, smallerBucket, touchedBuckets, type BucketSize } from '../domain/time-bucket.js'
import type { KeyValue, Range, RowReader } from '../read-model/read-model.js'
import {
  usageRecords,
  usageWindows,
  type RecordOutline,
  type Table,
  type UsageCellRow,
  type UsageRecordRow,
} from '../read-model/tables.js'
import { CellReader, type Cell, type SizedCell } from './cell-reader.js'

/** A bucket that has effective records. */
export interface Bucket {
  readonly start: number
  readonly records: number
  readonly state: unknown
}

/** How many records of a series are gone through as fast as one is found by its time. */
const SCANNED_PER_RECOUNTED = 4
const ROWS_PER_READ = 4_096
/** Cells that are asked for at once, and series they may be of. */
const CELLS_PER_QUESTION = 2_048
const SERIES_PER_QUESTION = 256
/** What was cancelled later is looked for among so many sequences at a time, but in at most so many reads. */
const SEQUENCES_PER_READ = 65_536
const READS_MAX = 256

/** Which way is taken where several lead to the same. */
export interface UsageAtCosts {
  /** Records that are counted again bucket by bucket; of more, the series may be gone through instead. */
  readonly recountedRecordsMax: number
  /** A record that is taken back costs a little more than one that is added: the others are then looked at too. */
  readonly takenBack: number
  /** Records of others that are passed over as fast as one is found by its entry in an index. */
  readonly passedPerFound: number
}

const COSTS: UsageAtCosts = { recountedRecordsMax: 20_000, takenBack: 4 / 3, passedPerFound: 3 }

type RecordValues = [sequence: number, occurredAt: number, value: string | null]

/** Records from one sequence to before another. */
interface Bounded extends Required<Pick<Range<UsageRecordRow>, 'from' | 'within'>> {
  readonly to?: number
  readonly where?: Partial<UsageRecordRow>
}

interface Span {
  readonly series: number
  /** Sequences of the first and of the last record. */
  readonly first: number
  readonly last: number
  readonly isDense: boolean
}

/** The cells that cover an interval, of one series; or that its records are gone through instead. */
interface Covered {
  readonly series: number
  readonly cells: readonly SizedCell[]
  readonly isScanned: boolean
}

/** A record as it stood after a usage event (null: as it stands); null where it was not recorded yet. */
export function recordAt<Row extends RecordOutline>(row: Row, sequence: number | null): Row | null {
  if (sequence === null) return row
  if (row.sequence > sequence) return null
  if (row.cancelledSequence === null || row.cancelledSequence <= sequence) return row
  return { ...row, cancelledAt: null, cancelledSequence: null, cancelledRevision: null }
}

export class UsageAt {
  private readonly cells: CellReader
  private readonly formula: Formula<unknown>
  private readonly winners = new Map<string, EffectiveRecord | null>()
  /** Rows read since other requests were last let in between. */
  private unbroken = 0
  private readElsewhere = 0

  constructor(
    private readonly rows: RowReader,
    private readonly meter: Pick<Meter, 'formula' | 'eventTimeWindow'>,
    /** The last usage event that had happened; null: as it stands. */
    readonly sequence: number | null,
    private readonly costs = COSTS,
  ) {
    this.formula = formulas[meter.formula]
    this.cells = new CellReader(rows, meter)
  }

  /** Where the meter's cells are. */
  get cellsTable(): Table<UsageCellRow> {
    return this.cells.table
  }

  /** The state of the formula over the effective records of the series in `[start, end)`, on full minutes. */
  async state(series: readonly number[], start: number, end: number): Promise<unknown> {
    let state = this.formula.empty
    for await (const covered of this.covering(series, start, end)) {
      state = this.formula.merge(state, await this.stateOf(covered, start, end))
    }
    return state
  }

  /** As `state`, with how many effective records there are, for which every cell is looked at. */
  async whole(series: readonly number[], start: number, end: number): Promise<Bucket> {
    const { value } = await this.wholeOfEach([series], start, end).next()
    return value as Bucket
  }

  /** As `whole`, of each of several lists of series. */
  async *wholeOfEach(lists: readonly (readonly number[])[], start: number, end: number): AsyncGenerator<Bucket, void> {
    const covering = this.covering(lists.flat(), start, end)
    for (const { length } of lists) {
      const parts: Bucket[] = []
      for (let at = 0; at < length; at++) {
        const { value } = await covering.next()
        for (const part of await this.bucketsOf(value as Covered, start, end)) parts.push(part)
      }
      yield this.add(start, parts)
    }
  }

  /** The buckets of one series and size in `[from, to)` that have effective records, in time order. */
  async buckets(series: number, size: BucketSize, from: number, to: number): Promise<Bucket[]> {
    const { value } = await this.bucketsOfEach([series], size, from, to).next()
    return value as Bucket[]
  }

  /** As `buckets`, of each of several series. */
  async *bucketsOfEach(
    series: readonly number[],
    size: BucketSize,
    from: number,
    to: number,
  ): AsyncGenerator<Bucket[], void> {
    for (const some of inQuestions(series, size, from, to)) {
      const days = this.mayScan ? await this.daysOf(some, from, to) : []
      const scanned: boolean[] = []
      for (const [at, each] of some.entries()) scanned.push(await this.isWorthScanning(each, from, to, days[at]))
      const runs = some.filter((_, at) => !scanned[at]).map((each) => ({ series: each, from, to }))
      const found = (await this.cells.ofEach(size, runs)).values()
      for (const [at, each] of some.entries()) {
        if (scanned[at]) {
          yield await this.scan(each, from, to, size)
          continue
        }
        const buckets: Bucket[] = []
        for (const cell of found.next().value as Cell[]) {
          const bucket = await this.bucket(cell, size)
          if (bucket.records > 0) buckets.push(bucket)
        }
        yield buckets
      }
    }
  }

  /** Cells that were read so far, and each look for some as one more. */
  get cellsRead(): number {
    return this.cells.cellsRead + this.readElsewhere
  }

  private async *covering(series: readonly number[], start: number, end: number): AsyncGenerator<Covered, void> {
    for (const some of inQuestions(series, 'day', start, end)) {
      const days = await this.daysOf(some, start, end)
      const scanned: boolean[] = []
      for (const [at, each] of some.entries()) scanned.push(await this.isWorthScanning(each, start, end, days[at]))
      const cells = await this.cells.covering(
        days.map((each, at) => (scanned[at] ? [] : each)),
        'day',
        start,
        end,
      )
      for (const [at, each] of some.entries()) {
        yield { series: each, cells: cells[at] as SizedCell[], isScanned: scanned[at] as boolean }
      }
    }
  }

  private daysOf(series: readonly number[], start: number, end: number): Promise<Cell[][]> {
    const days = touchedBuckets('day', start, end)
    return this.cells.ofEach(
      'day',
      series.map((each) => ({ series: each, ...days })),
    )
  }

  /** Latest first, so that a formula that needs no more is not given more. */
  private async stateOf({ series, cells, isScanned }: Covered, start: number, end: number): Promise<unknown> {
    if (isScanned) return this.add(start, await this.scan(series, start, end)).state
    let state = this.formula.empty
    for (let at = cells.length - 1; at >= 0 && !this.formula.isSettled(state); at--) {
      const { cell, size } = cells[at] as SizedCell
      state = this.formula.merge(state, (await this.bucket(cell, size)).state)
    }
    return state
  }

  private async bucketsOf({ series, cells, isScanned }: Covered, start: number, end: number): Promise<Bucket[]> {
    if (isScanned) return this.scan(series, start, end)
    const buckets: Bucket[] = []
    for (const { cell, size } of cells) buckets.push(await this.bucket(cell, size))
    return buckets
  }

  /** A record as it stood; null where it was not recorded yet. */
  record<Row extends RecordOutline>(row: Row): Row | null {
    return recordAt(row, this.sequence)
  }

  /** Sequence of the record that counts in the window of each of these; null where none does. */
  async winnersOf(records: readonly RecordOutline[], window: BucketSize): Promise<(number | null)[]> {
    const starts = records.map(({ occurredAt }) => bucketStart(window, occurredAt))
    const keys = records.map(({ series }, index) => [series, starts[index] as number])
    const stored = await this.rows.get(usageWindows, keys)
    if (this.sequence === null) return stored.map((row) => row?.sequence ?? null)
    const cells = await this.rows.get(
      this.cellsTable,
      keys.map(([series = 0, start = 0]) => [bucketMs[window], series, start]),
    )
    const found: (number | null)[] = []
    for (const [index, { series }] of records.entries()) {
      const isUnchanged = (cells[index]?.changedSequence ?? 0) <= this.sequence
      const winner = isUnchanged ? stored[index] : await this.winner(series, window, starts[index] as number)
      found.push(winner?.sequence ?? null)
    }
    return found
  }

  private async bucket(cell: Cell, size: BucketSize): Promise<Bucket> {
    const { series, start, records, state, firstSequence, changedSequence } = cell
    if (this.sequence === null || changedSequence <= this.sequence) {
      return { start, records, state: this.formula.decode(state) }
    }
    if (firstSequence > this.sequence) return { start, records: 0, state: this.formula.empty }
    const window = this.meter.eventTimeWindow
    if (window !== null && bucketMs[size] <= bucketMs[window]) return this.countWindow(series, size, start, window)
    const part = smallerBucket[size]
    if (part === null) return this.countRecords(series, size, start)
    const cells = await this.cells.of(series, part, start, start + bucketMs[size])
    const changed = cells.reduce((sum, each) => sum + (this.isRecounted(each) ? each.records : 0), 0)
    // Where most of an hour is counted again, it is read as a whole.
    if (window === null && size === 'hour' && changed * 2 > records) return this.countRecords(series, size, start)
    const parts: Bucket[] = []
    for (const each of cells) parts.push(await this.bucket(each, part))
    return this.add(start, parts)
  }

  /** On a pre-aggregated meter buckets are counted again by their windows. */
  private get mayScan(): boolean {
    return this.sequence !== null && this.meter.eventTimeWindow === null
  }

  private isRecounted({ firstSequence, changedSequence }: Cell): boolean {
    return this.sequence !== null && firstSequence <= this.sequence && changedSequence > this.sequence
  }

  /**
   * Whether so many records were to be found by their time that going through the series in the order of recording is
   * faster: usage that came in random order.
   */
  private async isWorthScanning(
    series: number,
    from: number,
    to: number,
    /** Those that the interval touches. */
    all: readonly Cell[] = [],
  ): Promise<boolean> {
    if (!this.mayScan) return false
    const days = all.filter((cell) => this.isRecounted(cell))
    if (recordsOf(days) < this.costs.recountedRecordsMax) return false
    let recounted = 0
    for (const day of days) {
      const [first, last] = [Math.max(day.start, from), Math.min(day.start + bucketMs.day, to)]
      const minutes = await this.cells.of(series, 'minute', first, last)
      recounted += recordsOf(minutes.filter((cell) => this.isRecounted(cell)))
    }
    if (recounted < this.costs.recountedRecordsMax) return false
    const ever = await this.cells.of(series, 'day', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
    return recordsOf(ever) <= recounted * SCANNED_PER_RECOUNTED
  }

  /** Where the records of a series begin and end in the order of recording, and whether few others stand between them. */
  private async spanOf(series: number): Promise<Span> {
    const end = async (reverse: boolean): Promise<number | null> => {
      const range = { index: 'series', prefix: [series], reverse, limit: 1 }
      const [entry] = (await this.rows.values(usageRecords, ['sequence'], range)) as [number][]
      return entry?.[0] ?? null
    }
    const [first, last] = [(await end(false)) ?? 1, (await end(true)) ?? 0]
    const all = await this.cells.of(series, 'day', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
    return { series, first, last, isDense: last - first < recordsOf(all) * (1 + this.costs.passedPerFound) }
  }

  /** Of a raw meter, its records gone through in the order of recording, in buckets of one size (null: one for all). */
  private async scan(series: number, start: number, end: number, size: BucketSize | null = null): Promise<Bucket[]> {
    const at = this.sequence ?? Number.MAX_SAFE_INTEGER - 1
    const buckets = new Map<number, { start: number; records: number; state: unknown }>()
    const bucketOf = (occurredAt: number): { start: number; records: number; state: unknown } => {
      const bucketAt = size === null ? start : bucketStart(size, occurredAt)
      let bucket = buckets.get(bucketAt)
      if (!bucket) buckets.set(bucketAt, (bucket = { start: bucketAt, records: 0, state: this.formula.empty }))
      return bucket
    }
    const add = (record: EffectiveRecord): void => {
      const bucket = bucketOf(record.occurredAt)
      bucket.records++
      bucket.state = this.formula.add(bucket.state, record)
    }
    const within = { column: 'occurredAt', from: start, to: end } as const
    const span = await this.spanOf(series)
    if (!this.formula.isOrderFree || !this.isLate(span, at)) {
      const cancelled = { column: 'cancelledSequence', from: at + 1, orNull: true } as const
      await this.eachRecord(span, { from: span.first, to: at + 1, within: [within, cancelled] }, add)
      return inTimeOrder(buckets)
    }
    // As it stands, without what came later, with what was cancelled later.
    const now = new UsageAt(this.rows, this.meter, null)
    const cells = size === null ? [await now.whole([series], start, end)] : await now.buckets(series, size, start, end)
    for (const cell of cells) buckets.set(cell.start, { ...cell })
    this.readElsewhere += now.cellsRead
    await this.eachRecord(span, { from: at + 1, where: { cancelledSequence: null }, within: [within] }, (record) => {
      const bucket = bucketOf(record.occurredAt)
      bucket.records--
      bucket.state = this.formula.remove(bucket.state, record)
    })
    const step = Math.max(SEQUENCES_PER_READ, Math.ceil((at - span.first) / READS_MAX))
    for (let from = span.first; from <= at; from += step) {
      const cancelledLater = [within, { column: 'cancelledSequence', from: at + 1 } as const]
      await this.eachRecord(span, { from, to: Math.min(from + step, at + 1), within: cancelledLater }, add)
    }
    return inTimeOrder(buckets)
  }

  /** Whether taking back what a series recorded later costs less than adding up what it had recorded by then. */
  private isLate({ first, last }: Span, at: number): boolean {
    return (last - at) * this.costs.takenBack < at - first
  }

  /** The records of a series from one place in the order of recording to another. */
  private async eachRecord(
    { series, first, last, isDense }: Span,
    { from, to, where, within }: Bounded,
    take: (record: EffectiveRecord) => void,
  ): Promise<void> {
    const range = {
      to: Math.min(to ?? Infinity, last + 1),
      within,
      limit: ROWS_PER_READ,
      ...(isDense ? { where: { ...where, series } } : { index: 'series', prefix: [series], ...(where && { where }) }),
    }
    for (let next = Math.max(from, first); next < range.to;) {
      const columns = ['sequence', 'occurredAt', 'value'] as const
      const page = (await this.rows.values(usageRecords, columns, { ...range, from: next })) as RecordValues[]
      for (const [sequence, occurredAt, value] of page) take({ sequence, occurredAt, value })
      // Long counts let other requests in between.
      await nextTurn()
      const newest = page.at(-1)
      if (!newest || page.length < ROWS_PER_READ) return
      next = newest[0] + 1
    }
  }

  private add(start: number, parts: readonly Bucket[]): Bucket {
    return parts.reduce<Bucket>(
      (whole, { records, state }) => ({
        start,
        records: whole.records + records,
        state: this.formula.merge(whole.state, state),
      }),
      { start, records: 0, state: this.formula.empty },
    )
  }

  /** A bucket within one window, which has at most one effective record. */
  private async countWindow(series: number, size: BucketSize, start: number, window: BucketSize): Promise<Bucket> {
    const winner = await this.winner(series, window, bucketStart(window, start))
    const { empty } = this.formula
    if (winner === null || bucketStart(size, winner.occurredAt) !== start) return { start, records: 0, state: empty }
    return { start, records: 1, state: this.formula.add(empty, winner) }
  }

  private async winner(series: number, window: BucketSize, start: number): Promise<EffectiveRecord | null> {
    const key = `${series} ${start}`
    const known = this.winners.get(key)
    if (known !== undefined) return known
    let winner: EffectiveRecord | null = null
    await this.eachEffective(series, start, start + bucketMs[window], (record) => {
      winner = effectiveInWindow(winner, record)
    })
    this.winners.set(key, winner)
    return winner
  }

  private async countRecords(series: number, size: BucketSize, start: number): Promise<Bucket> {
    let records = 0
    let state = this.formula.empty
    await this.eachEffective(series, start, start + bucketMs[size], (record) => {
      records++
      state = this.formula.add(state, record)
    })
    return { start, records, state }
  }

  /** The records of `[start, end)` that were recorded and not cancelled then. */
  private async eachEffective(
    series: number,
    start: number,
    end: number,
    take: (record: EffectiveRecord) => void,
  ): Promise<void> {
    const at = this.sequence ?? Number.MAX_SAFE_INTEGER
    const range = { index: 'occurred', prefix: [series], to: end, limit: ROWS_PER_READ }
    let after: KeyValue[] | null = null
    for (;;) {
      const page: KeyValue[][] = await this.rows.values(
        usageRecords,
        ['occurredAt', 'sequence', 'value', 'cancelledSequence'],
        after === null ? { ...range, from: start } : { ...range, after },
      )
      for (const [occurredAt, sequence, value, cancelledSequence] of page as [
        number,
        number,
        string | null,
        number | null,
      ][]) {
        if (sequence > at || (cancelledSequence !== null && cancelledSequence <= at)) continue
        take({ occurredAt, sequence, value })
      }
      this.unbroken += page.length
      if (this.unbroken >= ROWS_PER_READ) {
        this.unbroken = 0
        await nextTurn()
      }
      const last = page.at(-1)
      if (!last || page.length < ROWS_PER_READ) return
      after = last.slice(0, 2)
    }
  }
}

/** Series, so many at a time as one question may be about. */
function* inQuestions(
  series: readonly number[],
  size: BucketSize,
  from: number,
  to: number,
): Generator<readonly number[]> {
  const cells = Math.max(1, Math.ceil((to - from) / bucketMs[size]))
  const step = Math.min(SERIES_PER_QUESTION, Math.max(1, Math.floor(CELLS_PER_QUESTION / cells)))
  for (let at = 0; at < series.length; at += step) yield series.slice(at, at + step)
}

function inTimeOrder(buckets: ReadonlyMap<number, Bucket>): Bucket[] {
  return [...buckets.values()].filter(({ records }) => records > 0).sort((left, right) => left.start - right.start)
}

function recordsOf(cells: readonly Cell[]): number {
  return cells.reduce((sum, { records }) => sum + records, 0)
}
