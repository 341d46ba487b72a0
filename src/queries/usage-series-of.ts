/**
 * The series of customers on a meter, and how they fall into groups by dimension. However many there are, all of them are
 * found: a number that leaves some out would be a wrong one.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { DomainError } from '../domain/errors.js'
import type { Meter } from '../domain/meter-catalogue.js'
import type { KeyValue, RowReader } from '../read-model/read-model.js'
import { usageRecords, usageSeries, type UsageSeriesRow } from '../read-model/tables.js'

/** Read at a time; then other requests are let in. */
const SERIES_PER_READ = 256
/** Behind every combination of dimension values, which are JSON arrays. */
const LAST_DIMENSIONS = '~'
/** Groups of one customer's usage; who has more of them names some by their dimensions. */
export const GROUPS_OF_CUSTOMER_MAX = 100_000
/** Characters of the dimension values of those groups, which are in memory together. */
export const GROUPS_CHARACTERS_MAX = 16 * 1024 * 1024
/** Series of one customer whose records are walked beside each other. */
export const SERIES_WALKED_MAX = 100_000

export interface SeriesGroup {
  /** Values of the group-by keys; null where nothing is grouped. */
  readonly dimensions: Readonly<Record<string, string>> | null
  readonly series: readonly number[]
}

export interface DimensionRequest {
  /** Key → the value a record must have. */
  readonly filters: Readonly<Record<string, string>>
  readonly groupBy: readonly string[]
}

/** Of one customer, or of all behind `after` in the order of their names; within a customer by dimension values. */
export async function* seriesOf(
  rows: RowReader,
  meterNumber: number,
  customer: string | null,
  after: string | null = null,
): AsyncGenerator<UsageSeriesRow> {
  for await (const page of pagesOfSeries(rows, meterNumber, customer, after)) yield* page
}

async function* pagesOfSeries(
  rows: RowReader,
  meterNumber: number,
  customer: string | null,
  after: string | null = null,
): AsyncGenerator<readonly UsageSeriesRow[]> {
  const prefix = customer === null ? [meterNumber] : [meterNumber, customer]
  let behind: readonly KeyValue[] | null = after === null ? null : [after, LAST_DIMENSIONS]
  for (;;) {
    const page: UsageSeriesRow[] = await rows.range(usageSeries, {
      index: 'combination',
      prefix,
      limit: SERIES_PER_READ,
      ...(behind === null ? {} : { after: behind }),
    })
    yield page
    const last = page.at(-1)
    if (!last || page.length < SERIES_PER_READ) return
    behind = customer === null ? [last.customer, last.dimensions] : [last.dimensions]
    await nextTurn()
  }
}

/** The numbers of a customer's series; null where there are more than may be walked beside each other. */
export async function fewSeriesOf(rows: RowReader, meterNumber: number, customer: string): Promise<number[] | null> {
  const found: number[] = []
  for await (const { series } of seriesOf(rows, meterNumber, customer)) {
    if (found.length === SERIES_WALKED_MAX) return null
    found.push(series)
  }
  return found
}

/** A customer has more series on a meter than the question was to go through. */
export class ManySeries extends Error {
  override readonly name = 'ManySeries'
}

/**
 * In the order of their dimension values. Without group-by keys there is exactly one group, maybe without series.
 *
 * @throws DomainError for a key that is no dimension of the meter, and for too many groups; ManySeries.
 */
export async function seriesGroups(
  rows: RowReader,
  meterNumber: number,
  meter: Meter,
  customer: string,
  request: DimensionRequest,
  /** Only series that had a record after this usage event; null: all there are. */
  sequence: number | null = null,
  /** The customer's series that have no row yet. */
  unprojected: readonly UsageSeriesRow[] = [],
  seriesMax = Infinity,
): Promise<SeriesGroup[]> {
  const { isWanted, begin } = seriesGrouping(meter, request)
  const groups = begin()
  let series = 0
  for await (const page of pagesOfSeries(rows, meterNumber, customer)) {
    series += page.length
    if (series > seriesMax) throw new ManySeries(`${customer} has more than ${seriesMax} series.`)
    const wanted = page.filter(isWanted)
    for (const row of sequence === null ? wanted : await begunBy(rows, wanted, sequence)) groups.add(row)
  }
  for (const row of unprojected) if (isWanted(row)) groups.add(row)
  return groups.inOrder()
}

export interface SeriesGrouping {
  /** Whether the filters let a series through. */
  readonly isWanted: (row: UsageSeriesRow) => boolean
  /** Groups of nobody yet. */
  readonly begin: () => SeriesGroups
}

/** @throws DomainError for a key that is no dimension of the meter. */
export function seriesGrouping(meter: Meter, { filters, groupBy }: DimensionRequest): SeriesGrouping {
  const filtered = Object.keys(filters).map((key) => dimensionIndex(meter, key, `dimension_filters[${key}]`))
  const grouped = groupBy.map((key) => dimensionIndex(meter, key, 'dimension_group_by_keys'))
  return {
    isWanted: (row) => {
      if (filtered.length === 0) return true
      const values = valuesOf(row)
      return filtered.every((index) => values[index] === filters[meter.dimensionKeys[index] as string])
    },
    begin: () => new SeriesGroups(groupBy, grouped),
  }
}

/** The series of one customer, by the values of some dimensions. */
export class SeriesGroups {
  private readonly groups = new Map<string, { dimensions: Record<string, string> | null; series: number[] }>()
  private characters = 0

  constructor(
    private readonly keys: readonly string[],
    /** Places of the keys among the meter's dimensions. */
    private readonly indexes: readonly number[],
  ) {
    if (keys.length === 0) this.groups.set('', { dimensions: null, series: [] })
  }

  /** @throws DomainError for too many groups. */
  add(row: UsageSeriesRow): void {
    const values = this.keys.length === 0 ? [] : valuesOf(row)
    const groupValues = this.indexes.map((index) => values[index] ?? '')
    const key = this.keys.length === 0 ? '' : JSON.stringify(groupValues)
    let group = this.groups.get(key)
    if (!group) {
      if (this.groups.size === GROUPS_OF_CUSTOMER_MAX) {
        throw new DomainError(
          'parameter_invalid',
          `There are more than ${GROUPS_OF_CUSTOMER_MAX} groups by ${this.keys.join(', ')}. Choose some with dimension_filters.`,
          'dimension_group_by_keys',
        )
      }
      this.characters += key.length
      requireShortGroups(this.characters, this.keys)
      group = { dimensions: named(this.keys, groupValues), series: [] }
      this.groups.set(key, group)
    }
    group.series.push(row.series)
  }

  /** Of their dimension values. */
  inOrder(): SeriesGroup[] {
    return [...this.groups].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, group]) => group)
  }
}

/** @throws DomainError */
function requireShortGroups(characters: number, keys: readonly string[]): void {
  if (characters <= GROUPS_CHARACTERS_MAX) return
  throw new DomainError(
    'parameter_invalid',
    `The groups by ${keys.join(', ')} are more than ${GROUPS_CHARACTERS_MAX} characters long together. Choose some with dimension_filters.`,
    'dimension_group_by_keys',
  )
}

function valuesOf({ dimensions }: UsageSeriesRow): string[] {
  return JSON.parse(dimensions) as string[]
}

/** Those that had a record by a usage event. */
async function begunBy(
  rows: RowReader,
  all: readonly UsageSeriesRow[],
  sequence: number,
): Promise<readonly UsageSeriesRow[]> {
  const ranges = all.map(({ series }) => ({ prefix: [series], from: 0, to: sequence + 1 }))
  const found = await rows.rangeOfEach(usageRecords, ranges, { index: 'series', limit: 1 })
  return all.filter((_, at) => (found[at] as readonly unknown[]).length > 0)
}

function dimensionIndex({ dimensionKeys }: Meter, key: string, param: string): number {
  const index = dimensionKeys.indexOf(key)
  if (index >= 0) return index
  const declared = dimensionKeys.length === 0 ? 'it has none' : `it has ${dimensionKeys.join(', ')}`
  throw new DomainError('parameter_invalid', `${key} is not a dimension of this meter: ${declared}.`, param)
}

function named(keys: readonly string[], values: readonly string[]): Record<string, string> {
  const dimensions = Object.create(null) as Record<string, string>
  keys.forEach((key, index) => (dimensions[key] = values[index] ?? ''))
  return dimensions
}
