/**
 * The SQL of the read model in PostgreSQL, made from the descriptions of its tables. Rows go over as one list for each column,
 * so that a statement takes any number of them. Texts are compared by their bytes, as everywhere (`COLLATE "C"`).
 */
import type { Parameter } from './postgres-connection.js'
import type { BoundedRange, Checkpoint, KeyValue, Range, Within } from './read-model.js'
import { columnNames, columnsOf, sql } from './table-columns.js'
import type { Adding, ColumnType, Table } from './tables.js'

export interface Query {
  readonly text: string
  readonly parameters: readonly Parameter[]
}

const TYPES: Readonly<Record<ColumnType, string>> = { integer: 'bigint', text: 'text' }

/** `physical`: with its schema. Indexes stand in the schema of their table. */
export function createStatements<R>(table: Table<R>, physical: string): string[] {
  const columns = columnNames(table).map((column) => {
    const collation = typeOf(table, column) === 'text' ? ' COLLATE "C"' : ''
    const isNullable = table.columns[column].endsWith('?')
    return `${quoted(column)} ${TYPES[typeOf(table, column)]}${collation}${isNullable ? '' : ' NOT NULL'}`
  })
  return [
    `CREATE TABLE ${physical} (${[...columns, `PRIMARY KEY (${list(table.key)})`].join(', ')})`,
    ...Object.entries(table.indexes).map(([name, { columns: indexed, unique, isLong }]) => {
      const entries = isLong
        ? `${list(indexed.slice(0, -1))}, ${hashOf(quoted(indexed.at(-1) as string))}`
        : list(indexed)
      const kind = unique && !isLong ? 'UNIQUE INDEX' : 'INDEX'
      return `CREATE ${kind} ${nameOf(physical)}_${sql(name)} ON ${physical} (${entries})`
    }),
  ]
}

/** Of a text that is too long for an index. Two may have the same: it only makes fewer rows to look at. */
function hashOf(text: string): string {
  return `${HASH}(${text}, 0)`
}

/** What the catalogue calls the column of an index that is a hash. */
export const HASH = 'hashtextextended'

/** `wanted`: columns, in their order; all of them, by their names in code, where it is null. */
export function selectRange<R>(
  table: Table<R>,
  physical: string,
  wanted: readonly string[] | null,
  range: Range<R>,
): Query {
  const { index, prefix = [], from, to, after, reverse = false, where = {}, within = [], limit } = range
  const parameters: Parameter[] = []
  const given = (value: KeyValue): string => `$${parameters.push(value)}`
  const columns = columnsOf(table, index)
  const rest = columns.slice(prefix.length)
  const [bounded] = rest
  const isScattered = index !== undefined && table.indexes[index]?.isScattered === true
  const conditions = prefix.map((value, at) =>
    isScattered && at === 0
      ? inOrderOf(columns[0] as string, given(value))
      : `${quoted(columns[at] as string)} = ${given(value)}`,
  )
  if (bounded !== undefined) conditions.push(...bounds(bounded, from, to, given))
  if (after !== undefined) conditions.push(`(${list(rest)}) > (${after.map(given).join(', ')})`)
  conditions.push(...equal(where, given))
  conditions.push(...within.map((each) => inside(each, given)))
  const order = (isScattered ? columns : rest).map((column) => `${quoted(column)}${reverse ? ' DESC' : ''}`)
  const text =
    `SELECT ${wanted ? list(wanted) : named(table)} FROM ${physical}` +
    (conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : '') +
    (order.length > 0 ? ` ORDER BY ${order.join(', ')}` : '') +
    ` LIMIT ${given(limit)}`
  return { text, parameters }
}

/**
 * Rows in each of several ranges, behind the place of the range, from 1. `wanted`: columns, in their order; all of them, by
 * their names in code, where it is null.
 */
export function selectRanges<R>(
  table: Table<R>,
  physical: string,
  wanted: readonly string[] | null,
  ranges: readonly BoundedRange[],
  { index, reverse = false, where, limit }: Partial<Range<R>> = {},
): Query {
  const parameters: Parameter[] = []
  const given = (value: Parameter): string => `$${parameters.push(value)}`
  const columns = columnsOf(table, index)
  const keys = columns.slice(0, ranges[0]?.prefix.length).map((_, at) => `key${at}`)
  const lists = [
    ...keys.map((_, at) => ranges.map((range) => range.prefix[at] as number)),
    ranges.map(({ from }) => from),
    ranges.map(({ to }) => to),
  ].map((values) => `${given(values)}::bigint[]`)
  const filters = equal(where ?? {}, given)
  const order = (of: readonly string[], from = ''): string =>
    of.map((column) => `${from}${quoted(column)}${reverse ? ' DESC' : ''}`).join(', ')
  const bounded = quoted(columns[keys.length] as string)
  const conditions = [
    ...keys.map((key, at) =>
      limit !== undefined && at === 0
        ? inOrderOf(columns[0] as string, `wanted.${key}`)
        : `${quoted(columns[at] as string)} = wanted.${key}`,
    ),
    `${bounded} >= wanted.lower_bound`,
    `${bounded} < wanted.upper_bound`,
    ...filters,
  ]
  // A range at a time by the index, whatever the server takes the ranges to hold.
  const one =
    `SELECT * FROM ${physical} WHERE ${conditions.join(' AND ')} ` +
    (limit === undefined ? 'OFFSET 0' : `ORDER BY ${order(columns)} LIMIT ${given(limit)}`)
  const shown = wanted ? wanted.map((column) => `found.${quoted(column)}`).join(', ') : named(table, 'found.')
  return {
    text:
      `SELECT wanted.place AS "keyPlace", ${shown} ` +
      `FROM unnest(${lists.join(', ')}) WITH ORDINALITY ` +
      `AS wanted (${[...keys, 'lower_bound', 'upper_bound', 'place'].join(', ')}) ` +
      `CROSS JOIN LATERAL (${one}) AS found ORDER BY wanted.place, ${order(columns.slice(keys.length), 'found.')}`,
    parameters,
  }
}

/**
 * That the first column of an index is this, for rows in the order of all its columns. Said plainly it would be no part of
 * that order any more: by the others alone the rows of another index may be in order too, and the server go through a whole table
 * for a few of them.
 */
function inOrderOf(column: string, value: string): string {
  return `${quoted(column)} = ANY (ARRAY[${value}]::bigint[])`
}

function equal<R>(where: Partial<R>, given: (value: KeyValue) => string): string[] {
  // How many rows have null the server knows; how many are not distinct from it, it guesses.
  return Object.entries(where as Record<string, KeyValue>).map(([column, value]) =>
    value === null ? `${quoted(column)} IS NULL` : `${quoted(column)} IS NOT DISTINCT FROM ${given(value)}`,
  )
}

/** Rows by keys, each with the place of its key, from 1, among those asked for. */
export function selectKeys<R>(
  table: Table<R>,
  physical: string,
  keys: readonly (readonly KeyValue[])[],
  index: string | undefined,
): Query {
  const columns = columnsOf(table, index)
  const names = columns.map((_, at) => `key${at}`)
  const match = columns.map((column, at) => `stored.${quoted(column)} = wanted.key${at}`)
  if (index !== undefined && table.indexes[index]?.isLong) {
    const last = columns.length - 1
    match.push(`${hashOf(`stored.${quoted(columns[last] as string)}`)} = ${hashOf(`wanted.key${last}`)}`)
  }
  return {
    text:
      `SELECT wanted.place AS "keyPlace", ${named(table, 'stored.')} ` +
      `FROM unnest(${lists(table, columns)}) WITH ORDINALITY AS wanted (${names.join(', ')}, place) ` +
      `JOIN ${physical} AS stored ON ${match.join(' AND ')}`,
    parameters: columns.map((_, at) => keys.map((key) => key[at] as KeyValue)),
  }
}

/** No two rows have the same key. */
export function putRows<R>(table: Table<R>, physical: string, rows: readonly R[]): Query {
  const others = columnNames(table).filter((column) => !table.key.includes(column))
  const change = others.map((column) => `${quoted(column)} = excluded.${quoted(column)}`)
  const otherwise = change.length === 0 ? 'NOTHING' : `UPDATE SET ${change.join(', ')}`
  return insert(table, physical, rows, `ON CONFLICT (${list(table.key)}) DO ${otherwise}`)
}

/** Of rows that collide with each other the first stays. */
export function insertNewRows<R>(table: Table<R>, physical: string, rows: readonly R[]): Query {
  return insert(table, physical, rows, 'ON CONFLICT DO NOTHING')
}

function insert<R>(table: Table<R>, physical: string, rows: readonly R[], clause: string): Query {
  const columns = columnNames(table)
  return {
    text:
      `INSERT INTO ${physical} AS stored (${list(columns)}) SELECT ${list(columns)} ` +
      `FROM unnest(${lists(table, columns)}) WITH ORDINALITY AS given (${list(columns)}, given_place) ` +
      `ORDER BY given_place ${clause}`,
    parameters: columns.map((column) => rows.map((row) => row[column] as KeyValue)),
  }
}

/** What one row, and several given ones of one key, come to. Decimals are in canonical text before and after. */
const SUMMED: Readonly<Record<Adding, (column: string) => string>> = {
  sum: (column) => `sum(${column})::bigint`,
  decimal: (column) => `sum(${column}::numeric)`,
  least: (column) => `min(${column})`,
  greatest: (column) => `max(${column})`,
}
const ADDED: Readonly<Record<Adding, (stored: string, given: string) => string>> = {
  sum: (stored, given) => `${stored} + ${given}`,
  decimal: (stored, given) => decimalText(`${stored}::numeric + ${given}::numeric`),
  least: (stored, given) => `least(${stored}, ${given})`,
  greatest: (stored, given) => `greatest(${stored}, ${given})`,
}

function decimalText(expression: string): string {
  return `trim_scale(${expression})::text`
}

export function addRows<R>(table: Table<R>, physical: string, rows: readonly R[]): Query {
  const columns = columnNames(table)
  const adding = Object.entries(table.adding ?? {})
  const sums = adding.map(([column, how]) => {
    const sum = SUMMED[how](quoted(column))
    return how === 'decimal' ? decimalText(sum) : sum
  })
  const change = adding.map(([column, how]) => {
    const name = quoted(column)
    return `${name} = ${ADDED[how](`stored.${name}`, `excluded.${name}`)}`
  })
  return {
    text:
      `INSERT INTO ${physical} AS stored (${list([...table.key, ...adding.map(([column]) => column)])}) ` +
      `SELECT ${[list(table.key), ...sums].join(', ')} ` +
      `FROM unnest(${lists(table, columns)}) AS given (${list(columns)}) ` +
      `GROUP BY ${list(table.key)} ORDER BY ${list(table.key)} ` +
      `ON CONFLICT (${list(table.key)}) DO UPDATE SET ${change.join(', ')}`,
    parameters: columns.map((column) => rows.map((row) => row[column] as KeyValue)),
  }
}

export function saveCheckpoints(registry: string, checkpoints: readonly (readonly [string, Checkpoint])[]): Query {
  return {
    text:
      `UPDATE ${registry} AS stored SET position = given.position, sequence = given.sequence, event = given.event ` +
      `FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) AS given (name, position, sequence, event) ` +
      `WHERE stored.name = given.name`,
    parameters: [
      checkpoints.map(([projection]) => projection),
      checkpoints.map(([, { position }]) => position),
      checkpoints.map(([, { sequence }]) => sequence),
      checkpoints.map(([, { event }]) => event),
    ],
  }
}

export function deleteKeys<R>(table: Table<R>, physical: string, keys: readonly (readonly KeyValue[])[]): Query {
  const names = table.key.map((_, at) => `key${at}`)
  const match = table.key.map((column, at) => `stored.${quoted(column)} = wanted.key${at}`)
  return {
    text:
      `DELETE FROM ${physical} AS stored USING unnest(${lists(table, table.key)}) AS wanted (${names.join(', ')}) ` +
      `WHERE ${match.join(' AND ')}`,
    parameters: table.key.map((_, at) => keys.map((key) => key[at] as KeyValue)),
  }
}

export function quoted(column: string): string {
  return `"${sql(column)}"`
}

export function typeOf<R>(table: Table<R>, column: string): ColumnType {
  return table.columns[column as keyof R & string].replace('?', '') as ColumnType
}

function list(columns: readonly string[]): string {
  return columns.map(quoted).join(', ')
}

/** By their names in code. */
function named<R>(table: Table<R>, of = ''): string {
  return columnNames(table)
    .map((column) => `${of}${quoted(column)} AS "${column}"`)
    .join(', ')
}

/** A parameter for each column. */
function lists<R>(table: Table<R>, columns: readonly string[]): string {
  return columns.map((column, at) => `$${at + 1}::${TYPES[typeOf(table, column)]}[]`).join(', ')
}

function nameOf(physical: string): string {
  return physical.slice(physical.indexOf('.') + 1)
}

/** `from` inclusive, `to` exclusive; columns are whole numbers, bounds need not be. */
function bounds(
  column: string,
  from: number | undefined,
  to: number | undefined,
  given: (value: KeyValue) => string,
): string[] {
  const bound = (comparison: '>=' | '<', value: number): string => {
    if (Number.isFinite(value)) return `${quoted(column)} ${comparison} ${given(Math.ceil(value))}`
    return value > 0 === (comparison === '<') ? 'TRUE' : 'FALSE'
  }
  return [from === undefined ? [] : bound('>=', from), to === undefined ? [] : bound('<', to)].flat()
}

function inside<R>({ column, from, to, orNull }: Within<R>, given: (value: KeyValue) => string): string {
  const conditions = bounds(column, from, to, given)
  const within = conditions.length === 0 ? 'TRUE' : conditions.join(' AND ')
  return orNull ? `(${quoted(column)} IS NULL OR (${within}))` : `(${within})`
}
