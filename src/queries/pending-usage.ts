/**
 * A customer's usage that is in the log and not yet in the rows, on top of what the rows give: an answer need not wait for
 * the projector.
 *
 * How far the rows are in each stream is read in the snapshot everything else is read from, so none is counted twice or
 * left out wherever the projector stands. Only for raw meters and formulas that do not look at
 * the order of recording; everything else waits.
 */
import { formulas, type Formula } from '../domain/aggregation.js'
import { dimensionValues } from '../domain/meter-event.js'
import type { Meter } from '../domain/meter-catalogue.js'
import { bucketStart, type BucketSize } from '../domain/time-bucket.js'
import type { UsageRecord } from '../domain/usage-record.js'
import type { UnprojectedRecord } from '../event-store/unprojected-usage.js'
import type { RowReader } from '../read-model/read-model.js'
import { usageRecords, usageSeries, usageStreams, type MeterRow, type UsageSeriesRow } from '../read-model/tables.js'
import type { Bucket, UsageAt } from './usage-at.js'

/** What a summary asks of usage. */
export type CurrentUsage = Pick<UsageAt, 'state' | 'wholeOfEach' | 'bucketsOfEach'>

/** A record the rows lack, or one they have that was cancelled since. */
interface Change {
  readonly record: UsageRecord
  readonly isTakenOut: boolean
}

export class PendingUsage {
  private constructor(
    private readonly formula: Formula<unknown>,
    private readonly changes: ReadonlyMap<number, readonly Change[]>,
    /** Series that have no row yet; their numbers are below zero. */
    readonly newSeries: readonly UsageSeriesRow[],
  ) {}

  /** null where the records must be in the rows before they can be counted. */
  static async find(
    rows: RowReader,
    meter: Meter,
    { number }: MeterRow,
    records: readonly UnprojectedRecord[],
  ): Promise<PendingUsage | null> {
    const formula = formulas[meter.formula]
    const missing = await notInRows(rows, records)
    if (missing.length > 0 && (!formula.isOrderFree || meter.eventTimeWindow !== null)) return null
    const series = new SeriesOfRecords(rows, meter, number)
    const changes = new Map<number, Change[]>()
    for (const { record, isCancelled } of missing) {
      // There may be thousands: nothing is awaited where nothing has to be read.
      const found = series.of(record)
      const of = typeof found === 'number' ? found : await found
      // Of what came and went again since, the rows have nothing.
      if (isCancelled && !(await isInRows(rows, number, record))) continue
      const ofSeries = changes.get(of)
      if (ofSeries) ofSeries.push({ record, isTakenOut: isCancelled })
      else changes.set(of, [{ record, isTakenOut: isCancelled }])
    }
    return new PendingUsage(formula, changes, series.added)
  }

  /** What the rows say, with these records. */
  over(usage: UsageAt): CurrentUsage {
    return {
      state: (series, start, end) => this.state(usage, series, start, end),
      wholeOfEach: (lists, start, end) => this.wholeOfEach(usage, lists, start, end),
      bucketsOfEach: (series, size, from, to) => this.bucketsOfEach(usage, series, size, from, to),
    }
  }

  private async state(usage: UsageAt, series: readonly number[], start: number, end: number): Promise<unknown> {
    let state = await usage.state(series.filter(hasRow), start, end)
    for (const { record, isTakenOut } of this.changesOf(series, start, end))
      state = this.apply(state, record, isTakenOut)
    return state
  }

  private async *wholeOfEach(
    usage: UsageAt,
    lists: readonly (readonly number[])[],
    start: number,
    end: number,
  ): AsyncGenerator<Bucket> {
    const ofRows = usage.wholeOfEach(
      lists.map((series) => series.filter(hasRow)),
      start,
      end,
    )
    for (const series of lists) {
      let { records, state } = (await ofRows.next()).value as Bucket
      for (const { record, isTakenOut } of this.changesOf(series, start, end)) {
        records += isTakenOut ? -1 : 1
        state = this.apply(state, record, isTakenOut)
      }
      yield { start, records, state }
    }
  }

  private async *bucketsOfEach(
    usage: UsageAt,
    all: readonly number[],
    size: BucketSize,
    from: number,
    to: number,
  ): AsyncGenerator<Bucket[]> {
    const ofRows = usage.bucketsOfEach(all.filter(hasRow), size, from, to)
    for (const series of all) {
      const buckets = hasRow(series) ? ((await ofRows.next()).value as Bucket[]) : []
      yield this.withChanges(buckets, series, size, from, to)
    }
  }

  private withChanges(ofRows: readonly Bucket[], series: number, size: BucketSize, from: number, to: number): Bucket[] {
    const buckets = new Map(ofRows.map((bucket) => [bucket.start, bucket]))
    for (const { record, isTakenOut } of this.changesOf([series], from, to)) {
      const start = bucketStart(size, record.occurredAt)
      const { records, state } = buckets.get(start) ?? { records: 0, state: this.formula.empty }
      buckets.set(start, {
        start,
        records: records + (isTakenOut ? -1 : 1),
        state: this.apply(state, record, isTakenOut),
      })
    }
    return [...buckets.values()].filter(({ records }) => records > 0).sort((left, right) => left.start - right.start)
  }

  private *changesOf(series: readonly number[], from: number, to: number): Iterable<Change> {
    for (const number of series) {
      for (const change of this.changes.get(number) ?? []) {
        if (change.record.occurredAt >= from && change.record.occurredAt < to) yield change
      }
    }
  }

  private apply(state: unknown, { value, occurredAt }: UsageRecord, isTakenOut: boolean): unknown {
    // Its place in the log is not known yet, and nothing here looks at it.
    const record = { value, occurredAt, sequence: Infinity }
    return isTakenOut ? this.formula.remove(state, record) : this.formula.add(state, record)
  }
}

/** Those whose last event the rows do not have. */
async function notInRows(
  rows: RowReader,
  records: readonly UnprojectedRecord[],
): Promise<readonly UnprojectedRecord[]> {
  const streams = [...new Set(records.map(({ stream }) => stream))]
  const projected = await rows.get(
    usageStreams,
    streams.map((stream) => [stream]),
  )
  const revisions = new Map(streams.map((stream, index) => [stream, projected[index]?.revision ?? 0]))
  return records.filter(({ stream, revision }) => revision > (revisions.get(stream) ?? 0))
}

async function isInRows(rows: RowReader, meter: number, { identifier }: UsageRecord): Promise<boolean> {
  const [row] = await rows.get(usageRecords, [[meter, identifier]], 'identifier')
  return row !== undefined
}

/** The series of records that may be the first of theirs. */
class SeriesOfRecords {
  readonly added: UsageSeriesRow[] = []
  private readonly numbers = new Map<string, number>()

  constructor(
    private readonly rows: RowReader,
    private readonly meter: Meter,
    private readonly meterNumber: number,
  ) {}

  of(record: UsageRecord): number | Promise<number> {
    const { dimensionKeys } = this.meter
    const dimensions = dimensionKeys.length === 0 ? '[]' : JSON.stringify(dimensionValues(this.meter, record))
    return this.numbers.get(dimensions) ?? this.find(record.customer, dimensions)
  }

  private async find(customer: string, dimensions: string): Promise<number> {
    const [row] = await this.rows.get(usageSeries, [[this.meterNumber, customer, dimensions]], 'combination')
    const series = row?.series ?? -1 - this.added.length
    if (!row) this.added.push({ series, meter: this.meterNumber, customer, dimensions })
    this.numbers.set(dimensions, series)
    return series
  }
}

function hasRow(series: number): boolean {
  return series >= 0
}
