/** Records of one bucket, folded: what is known of it, or what a batch adds to it. */
import type { Formula } from '../domain/aggregation.js'
import { bucketMs, type BucketSize } from '../domain/time-bucket.js'
import type { UsageCellRow } from '../read-model/tables.js'

export interface Cell {
  /** Of the bucket, milliseconds since the epoch. */
  readonly start: number
  records: number
  state: unknown
  /** Of the events that made records effective, or took them out, the first and the last. */
  firstSequence: number
  changedSequence: number
}

/** By the starts of their buckets. */
export type Cells = Map<number, Cell>

/** The cell of the bucket that starts there; an empty one where there was none. */
export function cellAt(cells: Cells, start: number, formula: Formula<unknown>): Cell {
  let cell = cells.get(start)
  if (!cell) {
    cell = emptyCell(start, formula)
    cells.set(start, cell)
  }
  return cell
}

export function emptyCell(start: number, formula: Formula<unknown>): Cell {
  return { start, records: 0, state: formula.empty, firstSequence: Infinity, changedSequence: 0 }
}

export function touch(cell: Cell, first: number, changed: number): void {
  if (first < cell.firstSequence) cell.firstSequence = first
  if (changed > cell.changedSequence) cell.changedSequence = changed
}

/** Takes into `cell` what `part` has, whose bucket lies within its own. */
export function mergeInto(cell: Cell, part: Cell, formula: Formula<unknown>): void {
  cell.records += part.records
  cell.state = formula.merge(cell.state, part.state)
  touch(cell, part.firstSequence, part.changedSequence)
}

export function cellRow(series: number, size: BucketSize, cell: Cell, formula: Formula<unknown>): UsageCellRow {
  const { start, records, state, firstSequence, changedSequence } = cell
  return { series, size: bucketMs[size], start, records, state: formula.encode(state), firstSequence, changedSequence }
}
