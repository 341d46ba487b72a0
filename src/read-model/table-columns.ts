/** Columns of a table as code and as SQL name them. */
import type { KeyValue } from './read-model.js'
import type { Table } from './tables.js'

export function columnNames<R>(table: Table<R>): (keyof R & string)[] {
  return Object.keys(table.columns) as (keyof R & string)[]
}

/** Of an index; of the key by default. */
export function columnsOf<R>(table: Table<R>, index: string | undefined): readonly string[] {
  if (index === undefined) return table.key
  const columns = table.indexes[index]?.columns
  if (!columns) throw new Error(`Table ${table.name} has no index ${index}.`)
  return columns
}

export function keyOf<R>(table: Table<R>, row: R): KeyValue[] {
  return table.key.map((column) => row[column] as KeyValue)
}

/** `occurredAt` → `occurred_at`. */
export function sql(column: string): string {
  return column.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
