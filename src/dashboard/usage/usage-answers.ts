/** What the service says about usage, and how it is asked. Values are exact decimal texts; times are Unix seconds. */
import type { List, Meter, UsageRecord } from '../answers.js'
import type { RejectedEvent } from '../meter/event-list.js'
import { get, type Query } from '../service-client.js'
import type { Interval } from './period.js'

export interface Sum {
  readonly aggregated_value_decimal: string
  readonly records: number
}

export interface GroupSum extends Sum {
  /** null: all groups that are not named. */
  readonly dimensions: Readonly<Record<string, string>> | null
}

export interface WindowUsage extends Sum {
  readonly start_time: number
  readonly end_time: number
  readonly groups: readonly GroupSum[]
}

export interface MeterUsage extends Sum {
  readonly customers: number
  readonly groups: readonly GroupSum[]
  readonly position: string | null
  readonly windows: readonly WindowUsage[]
}

export interface CustomerSum extends Sum {
  readonly customer: string
}

export interface UsageByCustomer extends List<CustomerSum> {
  readonly position: string | null
  readonly total: (Sum & { readonly customers: number }) | null
}

export interface UsageOfCustomer {
  readonly meters: readonly (Sum & {
    readonly groups: readonly GroupSum[]
    readonly has_more_groups: boolean
    readonly meter: Meter
  })[]
  readonly position: string | null
}

export interface ExplainedRecord extends UsageRecord {
  readonly by: string | null
  readonly code: 'counted' | 'overwritten' | 'not_last' | 'cancelled' | 'outside'
  readonly contribution: string
  readonly running_total: string
}

export interface Explanation {
  readonly records: List<ExplainedRecord>
  /** The newest of the same customer and interval. `has_more`: there are others, or may be. */
  readonly rejections: List<RejectedEvent>
  readonly summary: { readonly aggregated_value_decimal: string }
}

export interface Digest {
  readonly digest: string
  readonly records: number
  readonly sequence: number
}

/** A moment of the past in milliseconds since the epoch, or a place in the log; null: now. */
export type AsOf = { readonly instant: number } | { readonly position: string } | null

export function intervalQuery({ start, end }: Interval, asOf: AsOf): Query {
  return { start_time: start / 1000, end_time: end / 1000, ...asOfQuery(asOf) }
}

export function asOfQuery(asOf: AsOf): Query {
  if (asOf === null) return {}
  return 'instant' in asOf ? { as_of: Math.floor(asOf.instant / 1000) } : { as_of_position: asOf.position }
}

export function meterPath(meterId: string, question: 'usage' | 'customers' | 'explain'): string {
  return `/meterbook/v1/meters/${encodeURIComponent(meterId)}/${question}`
}

export function getUsageByCustomer(
  meterId: string,
  interval: Interval,
  asOf: AsOf,
  query: Query,
  signal: AbortSignal,
): Promise<UsageByCustomer> {
  return get(meterPath(meterId, 'customers'), { ...intervalQuery(interval, asOf), ...query }, signal)
}

/** As query parameters. */
export function dimensionFilters(dimensions: Readonly<Record<string, string>>): Query {
  return Object.fromEntries(Object.entries(dimensions).map(([key, value]) => [`dimension_filters[${key}]`, value]))
}
