/** The parts of the service's answers that the dashboard shows. Times are Unix seconds. */
import type { FormulaName } from '../domain/aggregation.js'
import type { EventTimeWindow } from '../domain/meter-catalogue.js'

export interface Session {
  readonly account: string
  readonly key: { readonly last_four: string; readonly name: string }
  readonly livemode: boolean
  readonly role: 'secret' | 'ingest' | 'read'
}

export interface Meter {
  readonly id: string
  readonly created: number
  readonly customer_mapping: { readonly event_payload_key: string }
  readonly default_aggregation: { readonly formula: FormulaName }
  readonly dimension_payload_keys: readonly string[] | null
  readonly display_name: string
  readonly event_name: string
  readonly event_time_window: EventTimeWindow | null
  readonly livemode: boolean
  readonly status: 'active' | 'inactive'
  readonly value_settings: { readonly event_payload_key: string }
}

export interface UsageRecord {
  /** `<meter>.<identifier>` */
  readonly id: string
  readonly meter: string
  readonly event_name: string
  readonly identifier: string
  readonly customer: string
  /** Exact decimal text; null on meters that count. */
  readonly value: string | null
  /** As it was sent. */
  readonly payload: Readonly<Record<string, string>>
  readonly status: 'recorded' | 'cancelled'
  /** RFC 3339, to the millisecond. */
  readonly occurred_at: string
  readonly recorded_at: string
  readonly cancelled_at: string | null
}

export interface MeterChange {
  readonly id: string
  readonly type: 'created' | 'renamed' | 'deactivated' | 'reactivated'
  readonly display_name: string
  /** null before the meter was created. */
  readonly previous_display_name: string | null
  /** RFC 3339. */
  readonly at: string
  readonly request_id: string
  /** No last characters: the service itself. */
  readonly actor: { readonly id: string; readonly last4: string | null; readonly name: string | null }
}

/** Meters that received nothing are left out. */
export interface MeterActivity {
  readonly meters: readonly {
    readonly meter: string
    /** Records received in each of the last 24 hours, the earliest first. */
    readonly hours: readonly number[]
    readonly last_hour: { readonly recorded_count: number }
    readonly last_day: { readonly recorded_count: number }
  }[]
}

export interface List<Item> {
  readonly data: readonly Item[]
  readonly has_more: boolean
}

export interface PreviewOfHistory {
  readonly complete: boolean
  readonly customers: readonly {
    readonly customer: string
    readonly aggregated_value_decimal: string
    readonly windows: readonly { readonly start_time: number; readonly aggregated_value_decimal: string }[]
  }[]
  readonly has_more_customers: boolean
  readonly reached: { readonly record: string; readonly recorded_at: string } | null
  readonly refusals: readonly {
    readonly code: string
    readonly count: number
    readonly identifier: string
    readonly message: string
  }[]
}
