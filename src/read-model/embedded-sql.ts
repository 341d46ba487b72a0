/** The SQL of the embedded read model, made from the descriptions of its tables. A physical table is `<name>_<generation>`. */
import type { KeyValue, Range, Within } from './read-model.js'
import { createRunsStatements } from './sorted-runs.js'
import { columnNames, sql } from './table-columns.js'
import type { Table } from './tables.js'

type Row = Record<string, KeyValue>

export const REGISTRY = `
  CREATE TABLE IF NOT EXISTS projections (
    name TEXT PRIMARY KEY,
    schema INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    position TEXT,
    sequence INTEGER NOT NULL,
    event TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS tables (
    name TEXT PRIMARY KEY,
    projection TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS builds (
    name TEXT PRIMARY KEY,
    schema INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    position TEXT,
    sequence INTEGER NOT NULL,
    event TEXT,
    keep INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS replaced (
    physical TEXT PRIMARY KEY,
    kept INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`

export function createStatements(table: Table<Row>, generation: number): string[] {
  const physical = `${table.name}_${generation}`
  if (table.adding) return createRunsStatements(physical, table.key.length)
  const columns = Object.entries(table.columns).map(([column, type]) =>
    type.endsWith('?') ? `${sql(column)} ${type.slice(0, -1)}` : `${sql(column)} ${type} NOT NULL`,
  )
  const rowid = table.key.length === 1 && table.columns[table.key[0] as string] === 'integer'
  const key = `PRIMARY KEY (${table.key.map(sql).join(', ')})`
  return [
    `CREATE TABLE ${physical} (${[...columns, key].join(', ')}) STRICT${rowid ? '' : ', WITHOUT ROWID'}`,
    ...Object.entries(table.indexes).flatMap(([name, { columns: indexed, unique, isScattered }]) =>
      isScattered
        ? createRunsStatements(`${physical}_${name}`, indexed.length)
        : [
            `CREATE ${unique ? 'UNIQUE ' : ''}INDEX ${physical}_${name} ON ${physical} (${indexed.map(sql).join(', ')})`,
          ],
    ),
  ]
}

export function argumentsOf<R>(range: Range<R>): unknown[] {
  const { prefix = [], from, to, after = [], limit } = range
  const bounds = [from, to].filter((bound) => bound !== undefined)
  return [...prefix, ...bounds, ...after, ...filterArguments(range), limit]
}

/** Conditions on columns that are none of the index, and their arguments. */
export function filtersOf<R>({ where = {}, within = [] }: Pick<Range<R>, 'where' | 'within'>): string[] {
  // The plus keeps the engine on the index that was named: it would take another that begins with one of these.
  return [...Object.keys(where).map((column) => `+${sql(column)} IS ?`), ...within.map(boundsOf)]
}

export function filterArguments<R>({ where = {}, within = [] }: Pick<Range<R>, 'where' | 'within'>): unknown[] {
  const bounds = within.flatMap((each) => [each.from, each.to]).filter((bound) => bound !== undefined)
  return [...Object.values(where), ...bounds]
}

/** SQL of bounds on a column that is none of the index. */
function boundsOf<R>({ column, from, to, orNull }: Within<R>): string {
  const bounds = [
    from === undefined ? [] : `+${sql(column)} >= ?`,
    to === undefined ? [] : `+${sql(column)} < ?`,
  ].flat()
  const inside = bounds.length === 0 ? 'TRUE' : bounds.join(' AND ')
  return orNull ? `(+${sql(column)} IS NULL OR (${inside}))` : `(${inside})`
}

export function columnList<R>(table: Table<R>): string {
  return columnNames(table)
    .map((column) => (sql(column) === column ? column : `${sql(column)} AS ${column}`))
    .join(', ')
}

export function insertList<R>(table: Table<R>, rows: number): string {
  const columns = columnNames(table)
  const values = `(${columns.map(() => '?').join(', ')})`
  return `(${columns.map(sql).join(', ')}) VALUES ${new Array<string>(rows).fill(values).join(', ')}`
}

/**
 * A query for one row that has, for each of some columns, the values of all rows as a JSON array. Where very many rows are
 * read, taking their values over one by one is most of the cost. `rest`: what follows `SELECT … ` and says which rows.
 */
export function selectInColumns(columns: readonly string[], rest: string): string {
  const named = columns.map((column, place) => `${sql(column)} AS column${place}`)
  const arrays = columns.map((_, place) => `json_group_array(column${place})`)
  return `SELECT ${arrays.join(', ')} FROM (SELECT ${named.join(', ')} ${rest})`
}

/** The rows of such an answer, their values in the order of the columns. */
export function rowsOfColumns(answer: readonly string[]): KeyValue[][] {
  const columns = answer.map((values) => JSON.parse(values) as KeyValue[])
  const count = columns[0]?.length ?? 0
  const rows = new Array<KeyValue[]>(count)
  for (let at = 0; at < count; at++) {
    const row = new Array<KeyValue>(columns.length)
    for (let place = 0; place < columns.length; place++) row[place] = (columns[place] as KeyValue[])[at] as KeyValue
    rows[at] = row
  }
  return rows
}
