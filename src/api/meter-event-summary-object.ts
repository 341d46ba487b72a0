/**
 * `billing.meter_event_summary`, with what Stripe's lacks: the exact value as text, and the log position it reflects.
 * `aggregated_value` is an exact JSON number literal; a client that reads it into a double rounds it itself.
 */
import { isLive, type LedgerName } from '../domain/ledger.js'
import type { Meter } from '../domain/meter-catalogue.js'
import type { MeterEventSummary as Summary } from '../queries/get-meter-event-summaries.js'
import { aggregatedValue, interval, livemode, position as positionField } from './answer-fields.js'
import { mapOf, namedObject, nullable, only, text, type TypeOf } from './stripe/answer-schemas.js'
import { ExactNumber } from './stripe/exact-json.js'
import { namedList } from './stripe/list.js'
import { toUnixSeconds } from './stripe/unix-time.js'

export const MeterEventSummary = namedObject('MeterEventSummary', {
  id: text(),
  object: only('billing.meter_event_summary'),
  ...aggregatedValue,
  dimensions: nullable(mapOf(text(), 'Values of the group-by keys; null where nothing is grouped.')),
  livemode,
  meter: text('Id of the meter.'),
  position: positionField,
  ...interval,
})
export type MeterEventSummary = TypeOf<typeof MeterEventSummary>

export const MeterEventSummaryList = namedList('MeterEventSummaryList', MeterEventSummary)
export type MeterEventSummaryList = TypeOf<typeof MeterEventSummaryList>

export function summaryObject(
  ledger: LedgerName,
  meter: Meter,
  { id, start, end, value, dimensions }: Summary,
  position: string | null,
): MeterEventSummary {
  return {
    id,
    object: 'billing.meter_event_summary',
    aggregated_value: new ExactNumber(value),
    aggregated_value_decimal: value,
    dimensions,
    end_time: toUnixSeconds(end),
    livemode: isLive(ledger),
    meter: meter.id,
    position,
    start_time: toUnixSeconds(start),
  }
}
