/**
 * Aggregates by minute, hour and day of every series: a summary over any interval is a few hundred of these cells,
 * however many events there were.
 *
 * A cell holds exactly the effective records of its bucket: on a raw meter every record that is not cancelled, on a
 * pre-aggregated one the record of each window that was recorded last among those not cancelled (`usage_windows`).
 * What a formula cannot take out of a cell again is counted anew from what the log said at that very event, so cells do
 * not depend on where batches are cut, nor on how far ahead the usage index is.
 */
import { effectiveInWindow, type EffectiveRecord } from '../domain/aggregation.js'
import { bucketMs, bucketStart } from '../domain/time-bucket.js'
import type { RowWriter } from '../read-model/read-model.js'
import {
  meters,
  usageCells,
  usageRecords,
  usageSeries,
  usageWindows,
  type MeterRow,
  type UsageRecordRow,
  type UsageWindowRow,
} from '../read-model/tables.js'
import { toMeter } from './meters.js'
import { ProjectionStopped, type ProjectedEvent, type Projection } from './projection.js'
import { CellBook, type SeriesRule } from './usage-cell-book.js'

/** Records read at a time when a window or a minute is counted again. */
const RECOUNT_PAGE_ROWS = 500

/** A usage event with the row it made or changed. */
interface UsageChange {
  readonly type: 'recorded' | 'cancelled'
  readonly sequence: number
  readonly row: UsageRecordRow
}

export const usageCellsProjection: Projection = {
  projection: 'usage-cells',
  schema: 1,
  tables: [usageCells, usageWindows],

  async apply(events, rows) {
    const changes = await findChanges(events, rows)
    if (changes.length === 0) return
    const rules = await seriesRules(changes, rows)
    const book = await CellBook.open(
      rows,
      rules,
      changes.map(({ row }) => row),
    )
    const windows = await WindowBook.open(rows, rules, changes)
    for (const change of changes) {
      if (rules.get(change.row.series)?.window == null) await applyRaw(change, book, rows)
      else await windows.apply(change, book)
    }
    await windows.save()
    await book.save()
  },
}

async function applyRaw({ type, sequence, row }: UsageChange, book: CellBook, rows: RowWriter): Promise<void> {
  if (type === 'recorded') return book.add(row.series, row)
  await book.remove(row.series, row, (start, end, take) =>
    eachRecordBackwards(rows, row.series, start, end, (candidate) =>
      wasEffective(candidate, sequence) ? take(candidate) : true,
    ),
  )
}

/** The windows a batch touches, and which record is the effective one in each. */
class WindowBook {
  private readonly windows = new Map<string, UsageWindowRow | null>()

  private constructor(
    private readonly rows: RowWriter,
    private readonly rules: ReadonlyMap<number, SeriesRule>,
  ) {}

  static async open(
    rows: RowWriter,
    rules: ReadonlyMap<number, SeriesRule>,
    changes: readonly UsageChange[],
  ): Promise<WindowBook> {
    const book = new WindowBook(rows, rules)
    const keys = new Map<string, readonly [series: number, start: number]>()
    for (const { row } of changes) {
      const start = book.start(row)
      if (start !== null) keys.set(windowKey(row.series, start), [row.series, start])
    }
    const found = await rows.get(usageWindows, [...keys.values()])
    ;[...keys.keys()].forEach((key, index) => book.windows.set(key, found[index] ?? null))
    return book
  }

  async apply({ type, sequence, row }: UsageChange, book: CellBook): Promise<void> {
    const start = this.start(row)
    if (start === null) return
    const key = windowKey(row.series, start)
    const current = this.windows.get(key) ?? null
    // Only what was effective makes a difference when it is cancelled.
    if (type === 'cancelled' && current?.sequence !== row.sequence) return
    const next: EffectiveRecord | null =
      type === 'recorded'
        ? effectiveInWindow<EffectiveRecord>(current, row)
        : await this.effectiveBefore(row.series, start, sequence)
    // A window has one effective record, so the minute it leaves has nothing left to count again.
    if (current) await book.remove(row.series, current, async () => undefined)
    if (next) book.add(row.series, next)
    this.windows.set(
      key,
      next && { series: row.series, start, sequence: next.sequence, occurredAt: next.occurredAt, value: next.value },
    )
  }

  async save(): Promise<void> {
    const kept: UsageWindowRow[] = []
    const emptied: (readonly [number, number])[] = []
    for (const [key, window] of this.windows) {
      if (window) kept.push(window)
      else emptied.push(key.split(' ').map(Number) as [number, number])
    }
    await this.rows.put(usageWindows, kept)
    await this.rows.delete(usageWindows, emptied)
  }

  /** The effective record of a window as the log stood right after the event at `sequence`. */
  private async effectiveBefore(series: number, start: number, sequence: number): Promise<UsageRecordRow | null> {
    const window = this.rules.get(series)?.window
    if (!window) return null
    let effective: UsageRecordRow | null = null
    await eachRecordBackwards(this.rows, series, start, start + bucketMs[window], (candidate) => {
      if (wasEffective(candidate, sequence)) effective = effectiveInWindow(effective, candidate)
      return true
    })
    return effective
  }

  private start(row: UsageRecordRow): number | null {
    const window = this.rules.get(row.series)?.window
    return window ? bucketStart(window, row.occurredAt) : null
  }
}

function windowKey(series: number, start: number): string {
  return `${series} ${start}`
}

/** Whether a record counted once the event at `sequence` had happened. */
function wasEffective({ sequence, cancelledSequence }: UsageRecordRow, at: number): boolean {
  return sequence <= at && (cancelledSequence === null || cancelledSequence > at)
}

/** Walks a series' records of `[start, end)`, latest (occurredAt, sequence) first, until `take` answers false. */
async function eachRecordBackwards(
  rows: RowWriter,
  series: number,
  start: number,
  end: number,
  take: (row: UsageRecordRow) => boolean,
): Promise<void> {
  let to = end
  for (;;) {
    const page: UsageRecordRow[] = await rows.range(usageRecords, {
      index: 'occurred',
      prefix: [series],
      from: start,
      to,
      reverse: true,
      limit: RECOUNT_PAGE_ROWS,
    })
    const oldest = page.at(-1)
    if (!oldest) return
    if (page.length < RECOUNT_PAGE_ROWS) {
      for (const row of page) if (!take(row)) return
      return
    }
    // The page may end amid records of one instant: those are read again, whole, as an instant of their own.
    for (const row of page) if (row.occurredAt > oldest.occurredAt && !take(row)) return
    if (!(await eachRecordOfInstant(rows, series, oldest.occurredAt, take))) return
    to = oldest.occurredAt
  }
}

async function eachRecordOfInstant(
  rows: RowWriter,
  series: number,
  occurredAt: number,
  take: (row: UsageRecordRow) => boolean,
): Promise<boolean> {
  let to = Number.MAX_SAFE_INTEGER
  for (;;) {
    const page: UsageRecordRow[] = await rows.range(usageRecords, {
      index: 'occurred',
      prefix: [series, occurredAt],
      to,
      reverse: true,
      limit: RECOUNT_PAGE_ROWS,
    })
    for (const row of page) if (!take(row)) return false
    const oldest = page.at(-1)
    if (!oldest || page.length < RECOUNT_PAGE_ROWS) return true
    to = oldest.sequence
  }
}

/** Leaves out what the index did not take: a second record or cancellation of the same identifier. */
async function findChanges(events: readonly ProjectedEvent[], rows: RowWriter): Promise<UsageChange[]> {
  const usage = events.filter(({ event }) => event.type === 'UsageRecorded' || event.type === 'UsageCancelled')
  if (usage.length === 0) return []
  const cancelled = usage.filter(({ event }) => event.type === 'UsageCancelled')
  const found = new Map<number, UsageRecordRow>()
  // A batch's usage events are numbered without a gap, so their rows are one run of the table.
  const from = usage[0]?.sequence ?? 0
  const to = (usage.at(-1)?.sequence ?? 0) + 1
  const own = await rows.range(usageRecords, { from, to, limit: to - from })
  for (const row of own) found.set(row.sequence, row)
  const numbers = await meterNumbers(cancelled, rows)
  const theirs = await rows.get(
    usageRecords,
    cancelled.map(({ event }) =>
      event.type === 'UsageCancelled' ? [numbers.get(event.data.meterId) ?? null, event.data.identifier] : [null, null],
    ),
    'identifier',
  )
  theirs.forEach((row, index) => {
    const sequence = cancelled[index]?.sequence
    if (row && sequence !== undefined && row.cancelledSequence === sequence) found.set(sequence, row)
  })
  const changes: UsageChange[] = []
  for (const { sequence, event } of usage) {
    const row = found.get(sequence)
    if (row) changes.push({ type: event.type === 'UsageRecorded' ? 'recorded' : 'cancelled', sequence, row })
  }
  return changes
}

async function meterNumbers(events: readonly ProjectedEvent[], rows: RowWriter): Promise<Map<string, number>> {
  const ids = [...new Set(events.flatMap(({ event }) => (event.type === 'UsageCancelled' ? [event.data.meterId] : [])))]
  const found = await rows.get(
    meters,
    ids.map((id) => [id]),
    'meterId',
  )
  return new Map(found.flatMap((row) => (row ? [[row.meterId, row.number]] : [])))
}

async function seriesRules(changes: readonly UsageChange[], rows: RowWriter): Promise<Map<number, SeriesRule>> {
  const series = [...new Set(changes.map(({ row }) => row.series))]
  const seriesRows = await rows.get(
    usageSeries,
    series.map((number) => [number]),
  )
  const numbers = [...new Set(seriesRows.flatMap((row) => (row ? [row.meter] : [])))]
  const meterRows = await rows.get(
    meters,
    numbers.map((number) => [number]),
  )
  const byNumber = new Map<number, MeterRow>()
  for (const row of meterRows) if (row) byNumber.set(row.number, row)
  return new Map(
    seriesRows.map((row, index) => {
      const meter = row && byNumber.get(row.meter)
      if (!meter) throw new ProjectionStopped(`Series ${series[index]} belongs to no meter.`)
      return [row.series, ruleOf(meter)]
    }),
  )
}

function ruleOf(row: MeterRow): SeriesRule {
  const { formula, eventTimeWindow } = toMeter(row)
  return { formula, window: eventTimeWindow }
}
