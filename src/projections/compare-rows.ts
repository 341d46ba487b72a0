/**
 * Two sets of the same tables side by side, row by row in order of their keys. Memory does not grow with the number of rows.
 *
 * Each slice reads both sides anew, so that one may be compared while both are written: nothing read before a write is
 * compared with something read after it.
 */
import { compareCodePoints } from '../domain/canonical-record.js'
import type { KeyValue, Range, RowReader } from '../read-model/read-model.js'
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

/** What of a stored row counts; null where the row does not. */
export type Seen = (table: string, row: Row) => Row | null

export interface ComparedSlice {
  readonly rows: number
  readonly differences: readonly RowDifference[]
}

const SLICE_ROWS = 2_000

/** All rows of all tables, a slice at a time. */
export async function* compareRows(
  expected: RowReader,
  found: RowReader,
  tables: ProjectionTables['tables'],
  seen: Seen = (_, row) => row,
): AsyncGenerator<ComparedSlice> {
  for (const table of tables as readonly unknown[] as readonly Table<Row>[]) {
    let after: readonly KeyValue[] | null = null
    do {
      const page = { ...(after === null ? {} : { after }), limit: SLICE_ROWS }
      // Nearly every slice is the same on both sides, and bare values tell that much faster than rows.
      const slice: Slice =
        (await sameSlice(table, expected, found, page)) ??
        compareSlice(table, await expected.range(table, page), await found.range(table, page), seen)
      yield slice
      after = slice.end
    } while (after !== null)
  }
}

export async function countRows(rows: RowReader, tables: ProjectionTables['tables']): Promise<number> {
  let count = 0
  for (const table of tables) count += await rows.count(table)
  return count
}

interface Slice extends ComparedSlice {
  /** Key of the last row that was compared; null at the end of the table. */
  readonly end: readonly KeyValue[] | null
}

/** null where the two sides differ in anything. */
async function sameSlice(
  table: Table<Row>,
  expected: RowReader,
  found: RowReader,
  page: Range<Row>,
): Promise<Slice | null> {
  const columns = Object.keys(table.columns)
  const ours = await expected.values(table, columns, page)
  const theirs = await found.values(table, columns, page)
  if (ours.length !== theirs.length) return null
  for (let index = 0; index < ours.length; index++) {
    const [our, their] = [ours[index] as KeyValue[], theirs[index] as KeyValue[]]
    for (let column = 0; column < columns.length; column++) if (our[column] !== their[column]) return null
  }
  const last = ours.length === SLICE_ROWS ? ours.at(-1) : undefined
  const end = last ? table.key.map((column) => last[columns.indexOf(column)] as KeyValue) : null
  return { rows: ours.length, differences: [], end }
}

function compareSlice(table: Table<Row>, ours: readonly Row[], theirs: readonly Row[], seen: Seen): Slice {
  const columns = Object.keys(table.columns)
  const keyOf = (row: Row): KeyValue[] => table.key.map((column) => row[column] ?? null)
  // Behind the earlier of the last rows of full pages the other side is not known yet.
  const lasts = [ours, theirs].flatMap((page) => (page.length === SLICE_ROWS ? [page.at(-1) as Row] : []))
  const end = lasts.sort((left, right) => compareKeys(table.key, left, right))[0]
  const isWithin = (row: Row | undefined): row is Row =>
    row !== undefined && (end === undefined || compareKeys(table.key, row, end) <= 0)
  const differences: RowDifference[] = []
  let rows = 0
  const differ = (expected: Row | null, found: Row | null): void => {
    const expectedSeen = expected && seen(table.name, expected)
    const foundSeen = found && seen(table.name, found)
    if (!expectedSeen && !foundSeen) return
    if (expectedSeen && foundSeen && columns.every((column) => expectedSeen[column] === foundSeen[column])) return
    const named = (expected ?? found) as Row
    const key = Object.fromEntries(table.key.map((column) => [column, named[column] ?? null]))
    differences.push({ table: table.name, key, expected: expectedSeen, found: foundSeen })
  }
  for (let left = 0, right = 0; ;) {
    const our = isWithin(ours[left]) ? ours[left] : undefined
    const their = isWithin(theirs[right]) ? theirs[right] : undefined
    if (!our && !their) break
    const order = !our ? 1 : !their ? -1 : compareKeys(table.key, our, their)
    if (order <= 0) left++
    if (order >= 0) right++
    if (order > 0 || !our) differ(null, their ?? null)
    else if (order < 0 || !their) differ(our, null)
    else if (!columns.every((column) => our[column] === their[column])) differ(our, their)
    rows++
  }
  return { rows, differences, end: end === undefined ? null : keyOf(end) }
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
