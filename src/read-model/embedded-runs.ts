/**
 * What of the embedded read model is kept in sorted runs: scattered indexes, and tables that are added to. One for each
 * connection, so that everything on it knows the same runs. Blocks of the committed ones may be remembered together with others
 * that only read.
 */
import type Database from 'better-sqlite3'
import { AddedRows } from './added-rows.js'
import { compareEntries } from './entry-order.js'
import { ReadModelDamaged, type KeyValue, type Range, type RowsImage } from './read-model.js'
import type { RememberedBlocks } from './remembered-blocks.js'
import type { Bounds, Entries } from './run-walk.js'
import { MENDING, SortedRuns, type KeptRuns } from './sorted-runs.js'
import type { Table } from './tables.js'

type Row = Record<string, KeyValue>

export class EmbeddedRuns {
  private readonly runs = new Map<string, SortedRuns>()

  constructor(
    private readonly database: Database.Database,
    private readonly remembered: RememberedBlocks,
  ) {}

  of(kept: KeptRuns): SortedRuns {
    let runs = this.runs.get(kept.name)
    if (!runs) {
      runs = new SortedRuns(this.database, kept, this.remembered)
      this.runs.set(kept.name, runs)
    }
    return runs
  }

  /** Another connection may have committed. */
  lookAgain(): void {
    for (const runs of this.runs.values()) runs.lookAgain()
  }

  /** What this connection wrote since its last commit is not there, or tables are others. */
  forget(): void {
    for (const runs of this.runs.values()) runs.forget()
  }

  /** Tables are others, and nobody who uses the connection remembers runs of those before. */
  clear(): void {
    this.runs.clear()
  }

  /** To be called before a commit. */
  tend(): void {
    for (const runs of this.runs.values()) runs.tend()
  }
}

/** Shape and name of a scattered index: entries are the values of its columns and nothing else. */
export function scatteredRuns(table: Table<Row>, index: string, physical: string): KeptRuns {
  const { length } = table.indexes[index]?.columns ?? []
  return { name: `${physical}_${index}`, width: length, keyColumns: length, add: keepOne }
}

/** An entry is its key: entered twice it is there once. */
const keepOne = (): void => undefined

export function addedRuns({ width, keyColumns, add }: AddedRows, physical: string): KeptRuns {
  return { name: physical, width, keyColumns, add }
}

/** null where the range can hold nothing: an entry has no nulls and no texts. */
export function boundsOfRange(
  { prefix = [], from, to, after }: Pick<Range<Row>, 'prefix' | 'from' | 'to' | 'after'>,
  keyColumns: number,
): Bounds | null {
  const given = [...prefix, ...(after ?? [])]
  if (!given.every((value): value is number => typeof value === 'number')) return null
  const begin = given.slice(0, prefix.length)
  const first = from === undefined ? begin : [...begin, from]
  const next = after ? behind(given, keyColumns) : first
  const lower = compareEntries(next, 0, first, 0, first.length) < 0 ? first : next
  const upper = to === undefined ? behind(begin, keyColumns) : [...begin, to]
  return {
    lower: lower.length === 0 ? null : filled(lower, -Infinity, keyColumns),
    upper: upper.length === 0 ? null : filled(upper, to === undefined ? Infinity : -Infinity, keyColumns),
  }
}

/** Keys are whole numbers: what lies behind a whole one begins with the next. */
function behind(key: readonly number[], keyColumns: number): readonly number[] {
  return key.length < keyColumns ? key : key.map((value, column) => (column === keyColumns - 1 ? value + 1 : value))
}

function filled(values: readonly number[], rest: number, keyColumns: number): number[] {
  return [...values, ...new Array<number>(keyColumns - values.length).fill(rest)]
}

/** Entries as they stand one behind the other. `range` has no filters and is not reverse. */
export function imageOf(
  runs: SortedRuns,
  range: Pick<Range<Row>, 'from' | 'to' | 'after' | 'limit'>,
  { width, keyColumns }: Pick<KeptRuns, 'width' | 'keyColumns'>,
): RowsImage {
  const bounds = boundsOfRange(range, keyColumns)
  const walk = bounds && runs.walk(bounds)
  const entries = new Float64Array(Math.min(range.limit, runs.entries()) * width)
  let rows = 0
  for (let at = 0; walk && rows < range.limit && walk.next(); rows++) {
    if (at === entries.length)
      throw new ReadModelDamaged(`The runs of ${runs.name} have more entries than they say. ${MENDING}`)
    for (let column = 0; column < width; column++) entries[at++] = walk.entry[column] as number
  }
  const last = rows === 0 ? null : Array.from(entries.subarray((rows - 1) * width, (rows - 1) * width + keyColumns))
  return { rows, last, parts: [new Uint8Array(entries.buffer, 0, rows * width * entries.BYTES_PER_ELEMENT)] }
}

/** Rows that are added up, over their runs. */
export class AddedTable {
  constructor(
    private readonly shape: AddedRows,
    private readonly runs: SortedRuns,
  ) {}

  add(rows: readonly Row[]): void {
    this.runs.add(this.shape.encode(rows), rows.length)
  }

  get(key: readonly KeyValue[]): Row | undefined {
    const bounds = boundsOfRange({ prefix: key }, this.shape.keyColumns)
    const walk = bounds && this.runs.walk(bounds)
    return walk?.next() ? this.shape.decode(walk.entry, 0) : undefined
  }

  range(range: Range<Row>): Row[] {
    return this.collect(range, (entry) => this.shape.decode(entry, 0))
  }

  values(columns: readonly string[], range: Range<Row>): KeyValue[][] {
    const readers = columns.map((column) => this.shape.reader(column))
    return this.collect(range, (entry) => readers.map((read) => read(entry)))
  }

  image(range: Range<Row>): RowsImage {
    return imageOf(this.runs, range, this.shape)
  }

  /** At most so many: rows that several runs have are counted for each. */
  count(): number {
    return this.runs.entries()
  }

  private collect<Result>(range: Range<Row>, take: (entry: Entries) => Result): Result[] {
    if (range.where || range.within) throw new Error('Rows that are added to are only found by their keys.')
    const found: Result[] = []
    const bounds = boundsOfRange(range, this.shape.keyColumns)
    if (bounds === null) return found
    const walk = this.runs.walk(bounds, range.reverse)
    while (found.length < range.limit && walk.next()) found.push(take(walk.entry))
    return found
  }
}
