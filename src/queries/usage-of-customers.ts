/**
 * The usage of all customers of a meter, customer by customer: what a question about the whole meter adds up, so that it is
 * the sum of what each customer's summary says.
 *
 * Only cells are read, a slice at a time, and other requests are let in between; what would read too many is refused.
 */
import { DomainError } from '../domain/errors.js'
import type { RowReader } from '../read-model/read-model.js'
import type { UsageAt } from './usage-at.js'
import { seriesOf, type SeriesGroup, type SeriesGrouping, type SeriesGroups } from './usage-series-of.js'

/** Cells that one question may read: about the customers, times their dimension combinations, times the windows asked for. */
export const CELLS_READ_MAX = 1_000_000

export interface CustomerSeries {
  readonly customer: string
  readonly groups: readonly SeriesGroup[]
}

export interface CustomerChoice {
  /** null: all of them. */
  readonly customer: string | null
  /** Begins behind this one; null: at the first. */
  readonly after?: string | null
  readonly isWanted?: (customer: string) => boolean
}

/** In order of their names, by code point. @throws DomainError for too many groups of one customer. */
export async function* customersOf(
  rows: RowReader,
  meterNumber: number,
  { customer, after = null, isWanted = () => true }: CustomerChoice,
  grouping: SeriesGrouping,
): AsyncGenerator<CustomerSeries> {
  let current: { readonly customer: string; readonly groups: SeriesGroups } | null = null
  for await (const row of seriesOf(rows, meterNumber, customer, after)) {
    if (current && current.customer !== row.customer) {
      yield { customer: current.customer, groups: current.groups.inOrder() }
      current = null
    }
    if (!isWanted(row.customer) || !grouping.isWanted(row)) continue
    current ??= { customer: row.customer, groups: grouping.begin() }
    current.groups.add(row)
  }
  if (current) yield { customer: current.customer, groups: current.groups.inOrder() }
}

/** Series that customers have whose usage is read together: of one by one each would be a way to where the rows are. */
const SERIES_TOGETHER = 256

/** Customers, so many at a time as are read together. */
export async function* inBatches(customers: AsyncIterable<CustomerSeries>): AsyncGenerator<readonly CustomerSeries[]> {
  let batch: CustomerSeries[] = []
  let series = 0
  for await (const customer of customers) {
    batch.push(customer)
    for (const group of customer.groups) series += group.series.length
    if (series < SERIES_TOGETHER) continue
    yield batch
    batch = []
    series = 0
  }
  if (batch.length > 0) yield batch
}

export function seriesOfEach(customers: readonly CustomerSeries[]): number[][] {
  return customers.map(({ groups }) => groups.flatMap(({ series }) => series))
}

/**
 * To be called after each part that was read.
 *
 * @throws DomainError once too much was read, and what `signal` was aborted with.
 */
export function readingLimit(
  usage: UsageAt,
  signal: AbortSignal,
  { cellsReadMax = CELLS_READ_MAX, param = 'end_time' } = {},
): () => void {
  return () => {
    signal.throwIfAborted()
    if (usage.cellsRead <= cellsReadMax) return
    throw new DomainError(
      'parameter_invalid',
      `This adds up more than ${cellsReadMax} parts of usage. Choose a shorter time, one customer, or some dimensions.`,
      param,
    )
  }
}
