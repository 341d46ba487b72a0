/**
 * Rows that are added up, as entries of whole numbers and back. A decimal is three numbers: it is
 * `high · 10¹⁵ + low + fraction · 10⁻¹⁵`, exact to 10³⁰.
 */
import type { KeyValue } from './read-model.js'
import { wholeNumber } from './packed-columns.js'
import type { Entries, RunShape } from './run-walk.js'
import type { Adding, Table } from './tables.js'

type Row = Record<string, KeyValue>

const PART = 1e15
const PART_DIGITS = 15
const PLAIN_DIGITS_MAX = 15

interface AddedColumn {
  readonly column: string
  readonly adding: Adding
  /** Of its first number in an entry. */
  readonly at: number
}

export class AddedRows implements RunShape {
  readonly keyColumns: number
  readonly width: number
  private readonly columns: readonly AddedColumn[]
  private readonly readers: readonly { readonly name: string; readonly read: ReadColumn }[]

  constructor(private readonly table: Table<Row>) {
    this.keyColumns = table.key.length
    let at = this.keyColumns
    const columns: AddedColumn[] = []
    for (const [column, adding] of Object.entries(table.adding ?? {})) {
      columns.push({ column, adding, at })
      at += adding === 'decimal' ? 3 : 1
    }
    this.columns = columns
    this.width = at
    this.readers = Object.keys(table.columns).map((name) => ({ name, read: this.reader(name) }))
  }

  readonly add = (into: Entries, intoAt: number, from: Entries, fromAt: number): void => {
    for (const { adding, at } of this.columns) {
      const to = intoAt + at
      const one = into[to] as number
      const other = from[fromAt + at] as number
      if (adding === 'sum') into[to] = one + other
      else if (adding === 'least') into[to] = one < other ? one : other
      else if (adding === 'greatest') into[to] = one > other ? one : other
      else addDecimal(into, to, from, fromAt + at)
    }
  }

  encode(rows: readonly Row[]): Entries {
    const { width, table, columns } = this
    const entries = new Float64Array(rows.length * width)
    let to = 0
    for (const row of rows) {
      for (let column = 0; column < this.keyColumns; column++) {
        entries[to + column] = wholeNumber(row[table.key[column] as string])
      }
      for (const { column, adding, at } of columns) {
        const value = row[column]
        if (adding === 'decimal') writeDecimal(entries, to + at, value as string)
        else entries[to + at] = wholeNumber(value)
      }
      to += width
    }
    return entries
  }

  /** The row of an entry, its columns in the order of the table's. */
  decode(entries: Entries, from: number): Row {
    const row: Row = {}
    for (const { name, read } of this.readers) row[name] = read(entries, from)
    return row
  }

  /** What reads a column from an entry. */
  reader(name: string): ReadColumn {
    const key = this.table.key.indexOf(name)
    if (key >= 0) return (entries, from = 0) => entries[from + key] as number
    const { at, adding } = this.columns.find(({ column }) => column === name) as AddedColumn
    if (adding === 'decimal') return (entries, from = 0) => readDecimal(entries, from + at)
    return (entries, from = 0) => entries[from + at] as number
  }
}

type ReadColumn = (entries: Entries, from?: number) => KeyValue

function addDecimal(into: Entries, to: number, from: Entries, at: number): void {
  let fraction = (into[to + 2] as number) + (from[at + 2] as number)
  let low = (into[to + 1] as number) + (from[at + 1] as number)
  let high = (into[to] as number) + (from[at] as number)
  if (fraction >= PART) {
    fraction -= PART
    low++
  }
  if (low >= PART) {
    low -= PART
    high++
  }
  into[to] = high
  into[to + 1] = low
  into[to + 2] = fraction
}

/** All but `high` are not negative: -1 is -10¹⁵ and 10¹⁵ - 1. */
function writeDecimal(entries: Entries, at: number, text: string): void {
  if (text.length <= PLAIN_DIGITS_MAX && !text.includes('.') && !text.startsWith('-')) {
    entries[at + 1] = Number(text)
    return
  }
  const isNegative = text.startsWith('-')
  const [whole = '', decimals = ''] = (isNegative ? text.slice(1) : text).split('.')
  let high = Number(whole.slice(0, -PART_DIGITS))
  let low = Number(whole.slice(-PART_DIGITS))
  let fraction = Number(decimals.padEnd(PART_DIGITS, '0'))
  if (isNegative) {
    high = -high
    if (fraction > 0) {
      fraction = PART - fraction
      low++
    }
    if (low > 0) {
      low = PART - low
      high--
    }
  }
  entries[at] = high
  entries[at + 1] = low
  entries[at + 2] = fraction
}

function readDecimal(entries: Entries, at: number): string {
  let high = entries[at] as number
  let low = entries[at + 1] as number
  let fraction = entries[at + 2] as number
  if (high === 0 && fraction === 0) return String(low)
  const sign = high < 0 ? '-' : ''
  if (high < 0) {
    high = -high
    if (fraction > 0) {
      fraction = PART - fraction
      low++
    }
    if (low > 0) {
      low = PART - low
      high--
    }
  }
  const whole = high === 0 ? String(low) : `${high}${String(low).padStart(PART_DIGITS, '0')}`
  if (fraction === 0) return `${sign}${whole}`
  return `${sign}${whole}.${String(fraction).padStart(PART_DIGITS, '0').replace(/0+$/, '')}`
}
