/** The series of one customer on one meter, and how they fall into groups by dimension. */
import { DomainError } from '../domain/errors.js'
import type { Meter } from '../domain/meter-catalogue.js'
import type { RowReader } from '../read-model/read-model.js'
import { usageRecords, usageSeries, type UsageSeriesRow } from '../read-model/tables.js'

/** Dimension combinations of one customer on one meter that a summary adds up. */
export const SERIES_MAX = 100_000

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

/**
 * In the order of their dimension values. Without group-by keys there is exactly one group, maybe without series.
 *
 * @throws DomainError for a key that is no dimension of the meter.
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
): Promise<SeriesGroup[]> {
  const { isWanted, group } = seriesGrouping(meter, request)
  const found = await rows.range(usageSeries, {
    index: 'combination',
    prefix: [meterNumber, customer],
    limit: SERIES_MAX,
  })
  const begun: UsageSeriesRow[] = []
  for (const row of [...found, ...unprojected]) {
    if (!isWanted(row)) continue
    if (sequence === null || (await hadBegun(rows, row.series, sequence))) begun.push(row)
  }
  return group(begun)
}

export interface SeriesGrouping {
  /** Whether the filters let a series through. */
  readonly isWanted: (row: UsageSeriesRow) => boolean
  readonly group: (rows: readonly UsageSeriesRow[]) => SeriesGroup[]
}

/** @throws DomainError for a key that is no dimension of the meter. */
export function seriesGrouping(meter: Meter, { filters, groupBy }: DimensionRequest): SeriesGrouping {
  const filtered = Object.keys(filters).map((key) => dimensionIndex(meter, key, `dimension_filters[${key}]`))
  const grouped = groupBy.map((key) => dimensionIndex(meter, key, 'dimension_group_by_keys'))
  const valuesOf = ({ dimensions }: UsageSeriesRow): string[] => JSON.parse(dimensions) as string[]
  return {
    isWanted: (row) => {
      if (filtered.length === 0) return true
      const values = valuesOf(row)
      return filtered.every((index) => values[index] === filters[meter.dimensionKeys[index] as string])
    },
    group: (rows) => {
      const groups = new Map<string, { dimensions: Record<string, string> | null; series: number[] }>()
      if (groupBy.length === 0) groups.set('[]', { dimensions: null, series: [] })
      for (const row of rows) {
        const values = valuesOf(row)
        const groupValues = grouped.map((index) => values[index] ?? '')
        const key = JSON.stringify(groupValues)
        const group = groups.get(key) ?? { dimensions: named(groupBy, groupValues), series: [] }
        group.series.push(row.series)
        groups.set(key, group)
      }
      return [...groups].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, group]) => group)
    },
  }
}

async function hadBegun(rows: RowReader, series: number, sequence: number): Promise<boolean> {
  const [first] = await rows.range(usageRecords, { index: 'series', prefix: [series], limit: 1 })
  return first !== undefined && first.sequence <= sequence
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
