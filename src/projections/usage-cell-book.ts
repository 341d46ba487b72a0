/**
 * The cells one batch of events touches, loaded once, folded in memory and written back once.
 *
 * A day is always the merge of its hours and an hour of its minutes, because every record goes into all three.
 */
import { formulas, type EffectiveRecord, type Formula, type FormulaName } from '../domain/aggregation.js'
import { bucketMs, bucketSizes, bucketStart, type BucketSize } from '../domain/time-bucket.js'
import type { RowWriter } from '../read-model/read-model.js'
import { usageCells, type UsageCellRow } from '../read-model/tables.js'
import { ProjectionStopped } from './projection.js'

/** How the records of a series add up. */
export interface SeriesRule {
  readonly formula: FormulaName
  /** null for a raw meter. */
  readonly window: BucketSize | null
}

/**
 * Offers the effective records of `[start, end)`, latest (occurredAt, sequence) first, until `take` answers that it has
 * seen enough.
 */
export type Recount = (start: number, end: number, take: (record: EffectiveRecord) => boolean) => Promise<void>

interface Cell {
  readonly series: number
  readonly size: BucketSize
  readonly start: number
  records: number
  state: unknown
}

export class CellBook {
  private readonly cells = new Map<string, Cell>()

  private constructor(
    private readonly rows: RowWriter,
    private readonly rules: ReadonlyMap<number, SeriesRule>,
  ) {}

  /** Loads the cells of these records; others are loaded when they come up. */
  static async open(
    rows: RowWriter,
    rules: ReadonlyMap<number, SeriesRule>,
    records: readonly { readonly series: number; readonly occurredAt: number }[],
  ): Promise<CellBook> {
    const book = new CellBook(rows, rules)
    const missing = new Map<string, Cell>()
    for (const { series, occurredAt } of records) {
      for (const size of bucketSizes) {
        const cell = book.emptyCell(series, size, bucketStart(size, occurredAt))
        missing.set(cellKey(cell), cell)
      }
    }
    await book.load([...missing.values()])
    return book
  }

  add(series: number, record: EffectiveRecord): void {
    const formula = this.formula(series)
    for (const size of bucketSizes) {
      const cell = this.cell(series, size, bucketStart(size, record.occurredAt))
      cell.state = formula.add(cell.state, record)
      cell.records++
    }
  }

  async remove(series: number, record: EffectiveRecord, recount: Recount): Promise<void> {
    const formula = this.formula(series)
    for (const size of bucketSizes) {
      const start = bucketStart(size, record.occurredAt)
      await this.loadMissing(series, size, start)
      const cell = this.cell(series, size, start)
      cell.records--
      if (cell.records < 0) throw new ProjectionStopped(`A record was taken out of an empty cell of series ${series}.`)
      cell.state =
        cell.records === 0
          ? formula.empty
          : (formula.remove(cell.state, record) ?? (await this.countAgain(formula, cell, recount)))
    }
  }

  async save(): Promise<void> {
    const kept: UsageCellRow[] = []
    const emptied: (readonly [number, number, number])[] = []
    for (const { series, size, start, records, state } of this.cells.values()) {
      if (records === 0) emptied.push([series, bucketMs[size], start])
      else kept.push({ series, size: bucketMs[size], start, records, state: this.formula(series).encode(state) })
    }
    await this.rows.put(usageCells, kept)
    await this.rows.delete(usageCells, emptied)
  }

  /** A minute from its records, an hour from its minutes, a day from its hours. */
  private async countAgain(formula: Formula<unknown>, cell: Cell, recount: Recount): Promise<unknown> {
    const end = cell.start + bucketMs[cell.size]
    let state = formula.empty
    if (cell.size === 'minute') {
      await recount(cell.start, end, (record) => {
        state = formula.add(state, record)
        return !formula.isSettled(state)
      })
      return state
    }
    const part: BucketSize = cell.size === 'hour' ? 'minute' : 'hour'
    const stored = await this.rows.range(usageCells, {
      prefix: [cell.series, bucketMs[part]],
      from: cell.start,
      to: end,
      limit: bucketMs.day / bucketMs.minute,
    })
    for (const row of stored) this.remember(row, part)
    for (let start = cell.start; start < end; start += bucketMs[part]) {
      const known = this.cells.get(cellKey({ series: cell.series, size: part, start }))
      if (known && known.records > 0) state = formula.merge(state, known.state)
    }
    return state
  }

  private async loadMissing(series: number, size: BucketSize, start: number): Promise<void> {
    const cell = this.emptyCell(series, size, start)
    if (!this.cells.has(cellKey(cell))) await this.load([cell])
  }

  private async load(empty: readonly Cell[]): Promise<void> {
    const found = await this.rows.get(
      usageCells,
      empty.map(({ series, size, start }) => [series, bucketMs[size], start]),
    )
    empty.forEach((cell, index) => {
      const row = found[index]
      if (row) this.remember(row, cell.size)
      else this.cells.set(cellKey(cell), cell)
    })
  }

  /** What this batch already changed is newer than what is stored. */
  private remember({ series, start, records, state }: UsageCellRow, size: BucketSize): void {
    const cell: Cell = { series, size, start, records, state: this.formula(series).decode(state) }
    const key = cellKey(cell)
    if (!this.cells.has(key)) this.cells.set(key, cell)
  }

  private cell(series: number, size: BucketSize, start: number): Cell {
    const key = cellKey({ series, size, start })
    let cell = this.cells.get(key)
    if (!cell) {
      cell = this.emptyCell(series, size, start)
      this.cells.set(key, cell)
    }
    return cell
  }

  private emptyCell(series: number, size: BucketSize, start: number): Cell {
    return { series, size, start, records: 0, state: this.formula(series).empty }
  }

  private formula(series: number): Formula<unknown> {
    const rule = this.rules.get(series)
    if (!rule) throw new ProjectionStopped(`Series ${series} has no rule.`)
    return formulas[rule.formula]
  }
}

function cellKey({ series, size, start }: Pick<Cell, 'series' | 'size' | 'start'>): string {
  return `${series} ${size} ${start}`
}
