/**
 * Two small tables of the kinds that are kept in sorted runs, the same rows kept plainly in memory, and random questions
 * that both must answer alike.
 */
import { expect } from '@jest/globals'
import { formatDecimal, parseDecimal } from '../../src/domain/decimal.js'
import type { KeyValue, Range, RowReader } from '../../src/read-model/read-model.js'
import type { ProjectionTables, Table } from '../../src/read-model/tables.js'
import type { Random } from '../random.js'

/** Rows that are added to. */
export interface Count {
  readonly city: number
  readonly at: number
  readonly records: number
  readonly total: string
  readonly first: number
  readonly last: number
}

export const counts: Table<Count> = {
  name: 'counts',
  columns: { city: 'integer', at: 'integer', records: 'integer', total: 'text', first: 'integer', last: 'integer' },
  key: ['city', 'at'],
  indexes: {},
  adding: { records: 'sum', total: 'decimal', first: 'least', last: 'greatest' },
}

/** Rows with scattered indexes. */
export interface Visit {
  readonly number: number
  readonly city: number
  readonly cameAt: number
  readonly name: string
  readonly leftAt: number | null
}

export const visits: Table<Visit> = {
  name: 'visits',
  columns: { number: 'integer', city: 'integer', cameAt: 'integer', name: 'text', leftAt: 'integer?' },
  key: ['number'],
  indexes: {
    name: { columns: ['name'], unique: true },
    city: { columns: ['city', 'number'], isScattered: true },
    came: { columns: ['city', 'cameAt', 'number'], isScattered: true },
  },
}

/** What there is of a visit beside its name. */
const { name: _name, ...outlineColumns } = visits.columns
const visitOutlines = { ...visits, part: 'outline', columns: outlineColumns } as Table<Omit<Visit, 'name'>>

export const small: ProjectionTables = { projection: 'small', schema: 1, tables: [counts, visits] }

export const EVERYTHING = Number.MAX_SAFE_INTEGER
const CITIES = 9
const MINUTE = 60_000

export function cityOf(random: Random): number {
  return random.integer(0, CITIES) - 2
}

/** Near enough to be met again, or far off. */
export function instantOf(random: Random): number {
  return random.chance(0.3) ? random.integer(-20, 20) : random.integer(0, 4_000) * MINUTE
}

export function randomCount(random: Random): Count {
  const units = BigInt(random.integer(-(2 ** 52), 2 ** 52)) * 10n ** BigInt(random.pick([0, 3, 14]))
  return {
    city: cityOf(random),
    at: instantOf(random),
    records: random.integer(-3, 3),
    total: random.chance(0.5) ? String(random.integer(-50, 50)) : formatDecimal(units),
    first: random.integer(-(2 ** 40), 2 ** 40),
    last: random.integer(-(2 ** 40), 2 ** 40),
  }
}

export function randomVisit(random: Random, number: number): Visit {
  const leftAt = random.chance(0.3) ? null : random.integer(0, 100)
  return { number, city: cityOf(random), cameAt: instantOf(random), name: `visit ${number}`, leftAt }
}

export class NaiveRows {
  private constructor(
    private readonly counts: Map<string, Count>,
    private readonly visits: Map<number, Visit>,
    private readonly names: Set<string>,
  ) {}

  static none(): NaiveRows {
    return new NaiveRows(new Map(), new Map(), new Set())
  }

  copy(): NaiveRows {
    return new NaiveRows(new Map(this.counts), new Map(this.visits), new Set(this.names))
  }

  add(rows: readonly Count[]): void {
    for (const row of rows) {
      const key = `${row.city} ${row.at}`
      const known = this.counts.get(key)
      this.counts.set(key, {
        ...row,
        records: row.records + (known?.records ?? 0),
        total: formatDecimal(parseDecimal(row.total) + parseDecimal(known?.total ?? '0')),
        first: Math.min(row.first, known?.first ?? Infinity),
        last: Math.max(row.last, known?.last ?? -Infinity),
      })
    }
  }

  insertNew(rows: readonly Visit[]): boolean[] {
    return rows.map((row) => {
      if (this.visits.has(row.number) || this.names.has(row.name)) return false
      this.put([row])
      return true
    })
  }

  put(rows: readonly Visit[]): void {
    for (const row of rows) {
      this.visits.set(row.number, row)
      this.names.add(row.name)
    }
  }

  rowsOf<Row>(table: Table<Row>): Row[] {
    const rows: Iterable<unknown> = table.name === 'counts' ? this.counts.values() : this.visits.values()
    return [...rows] as Row[]
  }

  range<Row>(table: Table<Row>, range: Range<Row>): Row[] {
    const { index, prefix = [], from = -Infinity, to = Infinity, after, where = {}, within = [], limit } = range
    const columns = index === undefined ? table.key : table.indexes[index]!.columns
    const rest = columns.slice(prefix.length)
    const isWanted = (row: Row): boolean =>
      Object.entries(where).every(([column, value]) => row[column as keyof Row] === value) &&
      within.every((bounds) => {
        const value = row[bounds.column] as number | null
        if (value === null) return bounds.orNull === true
        return value >= (bounds.from ?? -Infinity) && value < (bounds.to ?? Infinity)
      })
    const found: { readonly row: Row; readonly key: readonly number[] }[] = []
    for (const row of this.rowsOf(table)) {
      if (prefix.some((value, at) => row[columns[at]!] !== value)) continue
      const key = rest.map((column) => row[column] as number)
      if (key.length > 0 && (key[0]! < from || key[0]! >= to)) continue
      if (after && inOrder(key, after as number[]) <= 0) continue
      if (isWanted(row)) found.push({ row, key })
    }
    found.sort((one, other) => inOrder(one.key, other.key))
    if (range.reverse) found.reverse()
    return found.slice(0, limit).map(({ row }) => row)
  }
}

function inOrder(left: readonly number[], right: readonly number[]): number {
  for (let column = 0; column < left.length; column++) {
    if (left[column] !== right[column]) return left[column]! - right[column]!
  }
  return 0
}

/** Asks for some rows in some way. */
export async function askSomething(rows: RowReader, naive: NaiveRows, random: Random): Promise<void> {
  if (random.chance(0.2)) return getSome(rows, naive, random)
  if (random.chance(0.2)) return askOfEach(rows, naive, random)
  const isOfCounts = random.chance(0.5)
  const table = (isOfCounts ? counts : visits) as Table<Count | Visit>
  const range = randomRange(random, isOfCounts ? undefined : random.pick(['city', 'came']))
  const wanted = random.pick([
    null,
    Object.keys(table.columns).filter(() => random.chance(0.5)),
    isOfCounts ? ['at', 'city'] : ['number', 'city'],
  ]) as (keyof (Count | Visit))[] | null
  const expected = naive.range(table, range)
  if (wanted === null || wanted.length === 0) return expectSame(await rows.range(table, range), expected, range)
  const values = expected.map((row) => wanted.map((column) => row[column] as KeyValue))
  expectSame(await rows.values(table, wanted, range), values, { wanted, ...range })
}

async function getSome(rows: RowReader, naive: NaiveRows, random: Random): Promise<void> {
  const keys = Array.from({ length: random.pick([1, 5, 40]) }, () => [cityOf(random), instantOf(random)])
  const known = naive.rowsOf(counts)
  for (let more = 0; more < 5 && known.length > 0; more++) {
    const { city, at } = random.pick(known)
    keys.push([city, at])
  }
  const expected = keys.map(([city, at]) => naive.range(counts, { prefix: [city!, at!], limit: 1 })[0])
  expectSame(await rows.get(counts, keys), expected, keys)
}

/** Ranges that may meet, be empty, or ask for the same. */
async function askOfEach(rows: RowReader, naive: NaiveRows, random: Random): Promise<void> {
  const wanted = random.pick<(keyof Count)[]>([['at', 'total', 'records'], ['total'], ['city', 'last', 'first']])
  const ranges = Array.from({ length: random.pick([0, 1, 2, 30]) }, () => {
    const [one, other] = [instantOf(random), instantOf(random)]
    return { prefix: [cityOf(random)], from: Math.min(one, other), to: Math.max(one, other) }
  })
  const expected = ranges.map((range) =>
    naive.range(counts, { ...range, limit: EVERYTHING }).map((row) => wanted.map((column) => row[column])),
  )
  expectSame(await rows.valuesOfEach(counts, wanted, ranges), expected, { wanted, ranges })
  const how = {
    index: 'came',
    reverse: random.chance(0.5),
    limit: random.pick([1, 3, EVERYTHING]),
    ...(random.chance(0.5) && { where: { leftAt: random.pick([null, 7]) } }),
  }
  const visited = ranges.map((range) => naive.range(visits, { ...how, ...range }))
  expectSame(await rows.rangeOfEach(visits, ranges, how), visited, { how, ranges })
  const outlines = visited.map((found) => found.map(({ name: _, ...outline }) => outline))
  expectSame(await rows.rangeOfEach(visitOutlines, ranges, how), outlines, { how, ranges })
}

/** On `counts`, or on an index of `visits`. */
function randomRange(random: Random, index: 'city' | 'came' | undefined): Range<Count | Visit> {
  const instants = [instantOf(random), instantOf(random)].sort((one, other) => one - other) as [number, number]
  const number = () => random.integer(-5, 3_000)
  // What stands behind the city: of `counts` an instant, of the indexes a number or an instant and a number.
  const behindCity = index === undefined ? [instants[0]] : index === 'city' ? [number()] : [instants[0], number()]
  const range: { -readonly [Key in keyof Range<Visit>]: Range<Visit>[Key] } = {
    limit: random.pick([0, 1, 3, 40, 1_500, EVERYTHING]),
  }
  if (index !== undefined) range.index = index
  const prefixed = random.integer(0, 2)
  if (prefixed === 0) {
    if (random.chance(0.5)) range.from = cityOf(random)
    if (random.chance(0.5)) range.to = cityOf(random)
    if (random.chance(0.3)) range.after = [Math.max(cityOf(random), range.from ?? -Infinity), ...behindCity]
  } else {
    range.prefix = prefixed === 1 ? [cityOf(random)] : [cityOf(random), behindCity[0]!]
    const bounds = prefixed === 1 && index !== 'city' ? instants : [number(), number()]
    const isWholeKey = index !== 'came' && prefixed === 2
    if (!isWholeKey && random.chance(0.5)) range.from = Math.min(...bounds)
    if (!isWholeKey && random.chance(0.5)) range.to = Math.max(...bounds)
    const rest = behindCity.slice(prefixed - 1)
    if (!isWholeKey && random.chance(0.3)) range.after = [Math.max(rest[0]!, range.from ?? -Infinity), ...rest.slice(1)]
  }
  if (range.after === undefined && random.chance(0.4)) range.reverse = true
  if (index !== undefined && random.chance(0.3)) range.where = { leftAt: random.pick([null, random.integer(0, 100)]) }
  if (index !== undefined && random.chance(0.3)) {
    const within = { column: 'leftAt', from: random.integer(0, 60), to: random.integer(50, 100) } as const
    range.within = [random.chance(0.5) ? within : { ...within, orNull: true }]
  }
  return range as Range<Count | Visit>
}

/** Each row there is, by the keys and by each scattered index. */
export async function expectAll(rows: RowReader, naive: NaiveRows): Promise<void> {
  expectSame(await rows.range(counts, { limit: EVERYTHING }), naive.range(counts, { limit: EVERYTHING }), 'counts')
  for (const index of [undefined, 'city', 'came'] as const) {
    const range: Range<Visit> = { limit: EVERYTHING, ...(index === undefined ? {} : { index }) }
    expectSame(await rows.range(visits, range), naive.range(visits, range), range)
  }
  await expectImages(rows, naive)
}

/** Images, page by page, are of the rows that follow one another, and the same where the rows are. */
async function expectImages(rows: RowReader, naive: NaiveRows): Promise<void> {
  const limit = 700
  for (const [table, index] of [[counts], [visits], [visits, 'city'], [visits, 'came']] as const) {
    const each = table as Table<Count | Visit>
    const key = index === undefined ? each.key : each.indexes[index]!.columns
    let after: readonly KeyValue[] | undefined
    do {
      const range = { ...(index === undefined ? {} : { index }), ...(after && { after }), limit }
      const { rows: count, last, parts } = await rows.image(each, range)
      const expected = naive.range(each, range)
      const keys = expected.map((row) => key.map((column) => row[column]))
      expectSame([count, last], [expected.length, keys.at(-1) ?? null], range)
      if (each.name === 'visits' && index === undefined) {
        const columns = Object.keys(each.columns) as (keyof (Count | Visit))[]
        const texts = columns.map((column) => JSON.stringify(expected.map((row) => row[column])))
        expectSame(parts, texts, range)
      } else {
        expectSame(keysOf(parts, count, key.length), keys, range)
      }
      after = count === limit ? (last ?? undefined) : undefined
    } while (after)
  }
}

/** Of entries that are kept as such, or of columns as JSON. */
function keysOf(parts: readonly (string | Uint8Array)[], rows: number, columns: number): KeyValue[][] {
  const [part] = parts
  const valueAt = part instanceof Uint8Array ? inEntries(part, rows) : inColumns(parts as readonly string[])
  return Array.from({ length: rows }, (_, row) => Array.from({ length: columns }, (_, column) => valueAt(row, column)))
}

type ValueAt = (row: number, column: number) => KeyValue

function inEntries(part: Uint8Array, rows: number): ValueAt {
  const entries = new Float64Array(Uint8Array.from(part).buffer)
  const width = entries.length / rows
  return (row, column) => entries[row * width + column] as number
}

function inColumns(parts: readonly string[]): ValueAt {
  const columns = parts.map((part) => JSON.parse(part) as KeyValue[])
  return (row, column) => columns[column]![row] as KeyValue
}

/** Quickly where they are the same, and readable where they are not. */
function expectSame(actual: unknown, expected: unknown, asked: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected))
    expect({ asked, actual }).toEqual({ asked, actual: expected })
}
