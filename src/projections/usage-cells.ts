/**
 * Aggregates by minute, hour and day of every series: a summary over any interval is a few hundred of these cells,
 * however many events there were.
 *
 * A cell holds exactly the effective records of its bucket: on a raw meter every record that is not cancelled, on a
 * pre-aggregated one the record of each window that was recorded last among those not cancelled (`usage_windows`).
 * What a formula cannot take out of a cell again is counted anew from what the log said at that very event, so cells do
 * not depend on where batches are cut, nor on how far ahead the usage index is.
 */
import { effectiveInWindow, formulas, type EffectiveRecord, type Formula } from '../domain/aggregation.js'
import { bucketMs, bucketStart } from '../domain/time-bucket.js'
import type { RowWriter } from '../read-model/read-model.js'
import {
  usageCells,
  usageRecords,
  usageRecountedCells,
  usageWindows,
  type UsageRecordRow,
  type UsageWindowRow,
} from '../read-model/tables.js'
import { CellAdditions } from './cell-additions.js'
import { isAddedUp } from './cell-tables.js'
import { ProjectionStopped, type ProjectedEvent, type Projection } from './projection.js'
import { CellBook, type SeriesRule } from './usage-cell-book.js'
import { findChanges, FoldedMeters, type UsageChange, type UsageChanges } from './usage-changes.js'

/** Records read at a time when a window or a minute is counted again. */
const RECOUNT_PAGE_ROWS = 500

export class UsageCellsProjection implements Projection {
  readonly projection = 'usage-cells'
  readonly schema = 4
  readonly tables = [usageCells, usageRecountedCells, usageWindows]

  private readonly meters = new FoldedMeters()

  /** What the usage events up to `addedElsewhereUpTo` add to `usage_cells` is left out: somebody else adds it. */
  constructor(
    private readonly changes: UsageChanges,
    private readonly addedElsewhereUpTo = 0,
  ) {}

  async apply(events: readonly ProjectedEvent[], rows: RowWriter): Promise<void> {
    const changes = this.changes.of(events) ?? (await findChanges(events, this.meters, rows))
    if (changes.length === 0) return
    const rules = await this.rulesOf(changes, rows)
    const book = new CellBook(rows, rules)
    const windows = await WindowBook.open(rows, rules, changes)
    const additions = new CellAdditions()
    for (const change of changes) {
      const rule = rules.get(change.row.series) as SeriesRule
      if (isAddedUp(rule.formula, rule.window)) {
        if (change.sequence > this.addedElsewhereUpTo) addUp(change, formulas[rule.formula], additions)
        continue
      }
      const applied = rule.window === null ? applyRaw(change, book, rows) : windows.apply(change, book)
      if (applied) await applied
    }
    await windows.save()
    await book.save()
    await additions.save(rows)
  }

  forget(): void {
    this.meters.forget()
  }

  private async rulesOf(changes: readonly UsageChange[], rows: RowWriter): Promise<Map<number, SeriesRule>> {
    const meters = await this.meters.ofNumbers(new Set(changes.map(({ row }) => row.meter)), rows)
    const rules = new Map<number, SeriesRule>()
    for (const { row } of changes) {
      if (rules.has(row.series)) continue
      const meter = meters.get(row.meter)
      if (!meter) throw new ProjectionStopped(`Series ${row.series} belongs to no meter.`)
      rules.set(row.series, { formula: meter.formula, window: meter.eventTimeWindow })
    }
    return rules
  }
}

function addUp({ type, sequence, row }: UsageChange, formula: Formula<unknown>, additions: CellAdditions): void {
  if (type === 'recorded') additions.add(row.series, formula, row, sequence)
  else additions.remove(row.series, formula, row, sequence)
}

/** Answers no promise where nothing has to be read: one for each record would be most of its cost. */
function applyRaw({ type, sequence, row }: UsageChange, book: CellBook, rows: RowWriter): Promise<void> | undefined {
  if (type === 'recorded') {
    book.add(row.series, row, sequence)
    return undefined
  }
  return book.remove(row.series, row, sequence, (start, end, take) =>
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
    if (current) await book.remove(row.series, current, sequence, async () => undefined)
    if (next) book.add(row.series, next, sequence)
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
