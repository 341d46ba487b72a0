/**
 * Cells of series as they are stored. What covers an interval is looked for from the largest cells to the smallest: the hours of a
 * day only where it has a cell and lies in the interval with a part of it, and so the minutes of an hour.
 *
 * Always of several series at once: where the rows are on a server each question is a way to it and back.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Meter } from '../domain/meter-catalogue.js'
import { bucketMs, isWithin, smallerBucket, touchedBuckets, type BucketSize } from '../domain/time-bucket.js'
import { cellsTable } from '../projections/cell-tables.js'
import type { RowReader } from '../read-model/read-model.js'
import type { Table, UsageCellRow } from '../read-model/tables.js'

export type Cell = Omit<UsageCellRow, 'size'>

export interface SizedCell {
  readonly cell: Cell
  readonly size: BucketSize
}

/** Cells of one series from one start to before another. */
export interface CellRun {
  readonly series: number
  readonly from: number
  readonly to: number
}

/** Cells read before other requests are let in. */
const CELLS_PER_TURN = 2_000

const CELL_COLUMNS = ['start', 'records', 'state', 'firstSequence', 'changedSequence'] as const
type CellValues = [start: number, records: number, state: string, firstSequence: number, changedSequence: number]

export class CellReader {
  /** Where the meter's cells are. */
  readonly table: Table<UsageCellRow>
  private read = 0
  private readAtLastTurn = 0

  constructor(
    private readonly rows: RowReader,
    meter: Pick<Meter, 'formula' | 'eventTimeWindow'>,
  ) {
    this.table = cellsTable(meter)
  }

  /** Cells that were read so far, and each look for some as one more. */
  get cellsRead(): number {
    return this.read
  }

  async of(series: number, size: BucketSize, from: number, to: number): Promise<Cell[]> {
    const [cells] = await this.ofEach(size, [{ series, from, to }])
    return cells as Cell[]
  }

  /** As values: where very many cells are read, making rows of all their columns is most of the cost. */
  async ofEach(size: BucketSize, runs: readonly CellRun[]): Promise<Cell[][]> {
    if (runs.length === 0) return []
    const ranges = runs.map(({ series, from, to }) => ({ prefix: [bucketMs[size], series], from, to }))
    const found = (await this.rows.valuesOfEach(this.table, CELL_COLUMNS, ranges)) as CellValues[][]
    this.read += runs.length
    for (const cells of found) this.read += cells.length
    if (this.read - this.readAtLastTurn >= CELLS_PER_TURN) {
      this.readAtLastTurn = this.read
      await nextTurn()
    }
    return found.map((cells, at) => {
      const { series } = runs[at] as CellRun
      return cells.map(([start, records, state, firstSequence, changedSequence]) => ({
        series,
        start,
        records,
        state,
        firstSequence,
        changedSequence,
      }))
    })
  }

  /** What covers `[start, end)`, on full minutes, of each list of cells of one size that it touches; in time order. */
  async covering(
    lists: readonly (readonly Cell[])[],
    size: BucketSize,
    start: number,
    end: number,
  ): Promise<SizedCell[][]> {
    const part = smallerBucket[size]
    const isWhole = (cell: Cell): boolean => part === null || isWithin(size, cell.start, start, end)
    const cut: Cell[] = []
    for (const cells of lists) for (const cell of cells) if (!isWhole(cell)) cut.push(cell)
    const parts = part === null ? [] : await this.partsOf(cut, size, part, start, end)
    let taken = 0
    return lists.map((cells) => {
      const covering: SizedCell[] = []
      for (const cell of cells) {
        if (isWhole(cell)) covering.push({ cell, size })
        else for (const each of parts[taken++] as SizedCell[]) covering.push(each)
      }
      return covering
    })
  }

  private async partsOf(
    cut: readonly Cell[],
    size: BucketSize,
    part: BucketSize,
    start: number,
    end: number,
  ): Promise<SizedCell[][]> {
    const touched = touchedBuckets(part, start, end)
    const runs = cut.map((cell) => ({
      series: cell.series,
      from: Math.max(cell.start, touched.from),
      to: Math.min(cell.start + bucketMs[size], touched.to),
    }))
    return this.covering(await this.ofEach(part, runs), part, start, end)
  }
}
