/** Two read models side by side, row by row in order of their keys. Memory does not grow with the number of rows. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { compareCodePoints } from '../domain/canonical-record.js'
import type { KeyValue, RowReader } from '../read-model/read-model.js'
import type { ProjectionTables, Table } from '../read-model/tables.js'

export type Row = Readonly<Record<string, KeyValue>>

export interface RowDifference {
  readonly table: string
  readonly key: Row
  /** What folding the log gives; null where it gives no such row. */
  readonly expected: Row | null
  /** What is stored; null where nothing is. */
  readonly found: Row | null
}

export interface CompareOptions {
  readonly signal: AbortSignal
  /** What of a stored row counts; null where the row does not. Everything by default. */
  readonly seen?: (table: string, row: Row) => Row | null
  readonly onDifference: (difference: RowDifference) => Promise<void>
  readonly onRows: (rows: number) => void
}

const PAGE_ROWS = 2_000

export async function compareProjection(
  expected: RowReader,
  found: RowReader,
  { tables }: Pick<ProjectionTables, 'tables'>,
  options: CompareOptions,
): Promise<void> {
  for (const table of tables as readonly unknown[] as readonly Table<Row>[]) {
    await compareTable(expected, found, table, options)
  }
}

async function compareTable(
  expected: RowReader,
  found: RowReader,
  table: Table<Row>,
  { signal, seen, onDifference, onRows }: CompareOptions,
): Promise<void> {
  const columns = Object.keys(table.columns)
  const differ = (left: Row | null, right: Row | null): Promise<void> => {
    const key = Object.fromEntries(table.key.map((column) => [column, (left ?? right)?.[column] ?? null]))
    return onDifference({ table: table.name, key, expected: left, found: right })
  }
  const ours = new Walk(expected, table, null)
  const theirs = new Walk(found, table, seen ?? null)
  for (;;) {
    signal.throwIfAborted()
    if (ours.isSpent && (await ours.fill())) {
      onRows(ours.length)
      await nextTurn()
    }
    if (theirs.isSpent) await theirs.fill()
    const left = ours.row
    const right = theirs.row
    if (!left && !right) return
    const order = !left ? 1 : !right ? -1 : compareKeys(table.key, left, right)
    if (order === 0 && left && right) {
      if (!columns.every((column) => left[column] === right[column])) await differ(left, right)
      ours.next()
      theirs.next()
    } else if (order < 0) {
      await differ(left ?? null, null)
      ours.next()
    } else {
      await differ(null, right ?? null)
      theirs.next()
    }
  }
}

class Walk {
  private page: readonly Row[] = []
  private index = 0
  private after: readonly KeyValue[] | null = null
  private isAtEnd = false

  constructor(
    private readonly rows: RowReader,
    private readonly table: Table<Row>,
    private readonly seen: ((table: string, row: Row) => Row | null) | null,
  ) {}

  get row(): Row | undefined {
    return this.page[this.index]
  }

  get length(): number {
    return this.page.length
  }

  get isSpent(): boolean {
    return this.index >= this.page.length
  }

  next(): void {
    this.index++
  }

  /** Reads on where all that was read has been looked at. Answers whether it did. */
  async fill(): Promise<boolean> {
    let hasRead = false
    while (this.index >= this.page.length && !this.isAtEnd) {
      const page: readonly Row[] = await this.rows.range(this.table, {
        ...(this.after === null ? {} : { after: this.after }),
        limit: PAGE_ROWS,
      })
      const last = page.at(-1)
      this.isAtEnd = page.length < PAGE_ROWS
      if (last) this.after = this.table.key.map((column) => last[column] ?? null)
      const { seen } = this
      this.page = seen ? page.map((row) => seen(this.table.name, row)).filter((row) => row !== null) : page
      this.index = 0
      hasRead = true
    }
    return hasRead
  }
}

/** As the read model orders them: numbers by value, texts by their bytes. */
function compareKeys(key: readonly string[], left: Row, right: Row): number {
  for (const column of key) {
    const one = left[column]
    const other = right[column]
    if (one === other) continue
    if (typeof one === 'number' && typeof other === 'number') return one - other
    return compareCodePoints(String(one), String(other))
  }
  return 0
}
