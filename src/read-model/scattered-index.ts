/** A scattered index of an embedded table: where its entries stand in sorted runs, and the rows they lead to. */
import type Database from 'better-sqlite3'
import { columnList, filterArguments, filtersOf, rowsOfColumns, selectInColumns } from './embedded-sql.js'
import { boundsOfRange, imageOf } from './embedded-runs.js'
import { wholeNumber } from './packed-columns.js'
import type { KeyValue, Range, RowsImage } from './read-model.js'
import type { SortedRuns } from './sorted-runs.js'
import { sql } from './table-columns.js'
import type { Table } from './tables.js'

type Row = Record<string, KeyValue>

/** Rows looked up by one statement. */
const ROWS_PER_LOOKUP = 1_024
/** Rows that are passed over to find one are cheaper than finding it by its key, up to so many. */
const PASSED_PER_FOUND = 3

export class ScatteredIndex {
  private readonly columns: readonly string[]
  private readonly statements = new Map<string, Database.Statement<unknown[]>>()

  constructor(
    private readonly database: Database.Database,
    private readonly table: Table<Row>,
    index: string,
    private readonly physical: string,
    private readonly runs: SortedRuns,
  ) {
    this.columns = table.indexes[index]?.columns ?? []
  }

  enter(rows: readonly Row[]): void {
    const { columns } = this
    const entries = new Float64Array(rows.length * columns.length)
    let at = 0
    for (const row of rows) for (const column of columns) entries[at++] = wholeNumber(row[column])
    this.runs.add(entries, rows.length)
  }

  range(range: Range<Row>): Row[] {
    return this.lookUp(range, null) as Row[]
  }

  values(columns: readonly string[], range: Range<Row>): KeyValue[][] {
    const places = columns.map((column) => this.columns.indexOf(column))
    if (!places.includes(-1) && !range.where && !range.within) return this.entries(places, range)
    return this.lookUp(range, columns) as KeyValue[][]
  }

  image(range: Range<Row>): RowsImage {
    const { length } = this.columns
    return imageOf(this.runs, range, { width: length, keyColumns: length })
  }

  /** Of these columns of the entries themselves; no row is looked at. */
  private entries(places: readonly number[], range: Range<Row>): KeyValue[][] {
    const found: KeyValue[][] = []
    const bounds = boundsOfRange(range, this.columns.length)
    if (bounds === null) return found
    const walk = this.runs.walk(bounds, range.reverse)
    while (found.length < range.limit && walk.next()) found.push(places.map((place) => walk.entry[place] as number))
    return found
  }

  /** Rows, or values of some columns. */
  private lookUp(range: Range<Row>, columns: readonly string[] | null): unknown[] {
    const found: unknown[] = []
    const bounds = boundsOfRange(range, this.columns.length)
    if (bounds === null) return found
    const walk = this.runs.walk(bounds, range.reverse)
    const key = this.columns.length - 1
    const { prefix = [] } = range
    const byKey = this.statement(columns, range, false)
    // With all but the key given, entries that follow each other are rows that follow each other, and others between.
    const inOrder = prefix.length === key && !range.reverse ? this.statement(columns, range, true) : null
    const filters = filterArguments(range)
    for (;;) {
      const keys: number[] = []
      const most = Math.min(range.limit - found.length, ROWS_PER_LOOKUP)
      while (keys.length < most && walk.next()) keys.push(walk.entry[key] as number)
      if (keys.length === 0) return found
      const [first, last] = [keys[0] as number, keys.at(-1) as number]
      const isDense = last - first < keys.length * (1 + PASSED_PER_FOUND)
      const rows =
        inOrder && isDense
          ? rowsOf(inOrder, columns, [first, last, ...prefix, ...filters])
          : rowsOf(byKey, columns, [`[${keys.join()}]`, ...filters])
      // Rows that the filters leave out make room for further ones.
      for (const row of rows) found.push(row)
      if (keys.length < most) return found
    }
  }

  /**
   * In the order of the keys it is given; or from one key to another, of the rows that have the prefix of the range, in the
   * order of the keys.
   */
  private statement(
    columns: readonly string[] | null,
    range: Range<Row>,
    isInOrder: boolean,
  ): Database.Statement<unknown[]> {
    const filters = filtersOf(range)
    const name = `${isInOrder} ${columns?.join() ?? '*'} ${filters.join()}`
    let statement = this.statements.get(name)
    if (!statement) {
      const key = sql(this.table.key[0] as string)
      const prefixed = this.columns.slice(0, -1).map((column) => `${sql(column)} = ?`)
      const rest = isInOrder
        ? `FROM ${this.physical} WHERE ${[`${key} BETWEEN ? AND ?`, ...prefixed, ...filters].join(' AND ')} ORDER BY ${key}`
        : `FROM (SELECT value AS entry_key FROM json_each(?)) CROSS JOIN ${this.physical} ON ${key} = entry_key` +
          (filters.length > 0 ? ` WHERE ${filters.join(' AND ')}` : '')
      statement = this.database.prepare<unknown[]>(
        columns ? selectInColumns(columns, rest) : `SELECT ${columnList(this.table)} ${rest}`,
      )
      this.statements.set(name, statement)
    }
    return statement
  }
}

function rowsOf(
  statement: Database.Statement<unknown[]>,
  columns: readonly string[] | null,
  given: readonly unknown[],
): unknown[] {
  return columns ? rowsOfColumns(statement.raw(true).get(...given) as string[]) : statement.all(...given)
}
