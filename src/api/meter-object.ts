/** `billing.meter`, as Stripe answers it, with the preview's `dimension_payload_keys`. stripe-metering §1.1, §1.9. */
import { formulaNames } from '../domain/aggregation.js'
import { isLive, type LedgerName } from '../domain/ledger.js'
import type { Meter } from '../domain/meter-catalogue.js'
import { livemode } from './answer-fields.js'
import {
  choice,
  listOf,
  namedObject,
  nullable,
  object,
  only,
  text,
  unixSeconds,
  type TypeOf,
} from './stripe/answer-schemas.js'
import { namedList } from './stripe/list.js'
import { toUnixSeconds } from './stripe/unix-time.js'

export const meterFields = {
  object: only('billing.meter'),
  created: unixSeconds('when it was created.'),
  customer_mapping: object({
    event_payload_key: text('Payload key that holds the customer.'),
    type: only('by_id'),
  }),
  default_aggregation: object({ formula: choice(formulaNames) }),
  dimension_payload_keys: nullable(listOf(text(), 'Payload keys that usage is filtered and grouped by; null: none.')),
  display_name: text(),
  event_name: text('Name of the meter events it counts.'),
  event_time_window: nullable(
    choice(['hour', 'day'], 'Of each such UTC window only the event recorded last counts; null: every event counts.'),
  ),
  livemode,
  status: choice(['active', 'inactive']),
  status_transitions: object({ deactivated_at: nullable(unixSeconds('when it was deactivated; null: it is active.')) }),
  updated: unixSeconds('when it last changed.'),
  value_settings: object({ event_payload_key: text('Payload key that holds the value.') }),
}

export const BillingMeter = namedObject('BillingMeter', { id: text(), ...meterFields })
export type BillingMeter = TypeOf<typeof BillingMeter>

export const BillingMeterList = namedList('BillingMeterList', BillingMeter)
export type BillingMeterList = TypeOf<typeof BillingMeterList>

export function meterObject(ledger: LedgerName, meter: Meter): BillingMeter {
  return {
    id: meter.id,
    object: 'billing.meter',
    created: toUnixSeconds(meter.createdAt),
    customer_mapping: { event_payload_key: meter.customerKey, type: 'by_id' },
    default_aggregation: { formula: meter.formula },
    dimension_payload_keys: meter.dimensionKeys.length === 0 ? null : meter.dimensionKeys,
    display_name: meter.displayName,
    event_name: meter.eventName,
    event_time_window: meter.eventTimeWindow,
    livemode: isLive(ledger),
    status: meter.status,
    status_transitions: {
      deactivated_at: meter.deactivatedAt === null ? null : toUnixSeconds(meter.deactivatedAt),
    },
    updated: toUnixSeconds(meter.updatedAt),
    value_settings: { event_payload_key: meter.valueKey },
  }
}
