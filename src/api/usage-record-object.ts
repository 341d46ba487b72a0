/** A usage record as lists, single reads and explanations show it. */
import { isLive, type LedgerName } from '../domain/ledger.js'
import type { UsageRecordView } from '../queries/usage-record-view.js'
import { livemode, payload } from './answer-fields.js'
import { choice, instant, nullable, text, unixSeconds, type TypeOfFields } from './stripe/answer-schemas.js'
import { formatTimestamp } from './stripe/timestamp.js'
import { toUnixSeconds } from './stripe/unix-time.js'

/** Without its kind: there are several that show a record and more. */
export const recordFields = {
  id: text('`<meter>.<identifier>`'),
  cancelled_at: nullable(instant('When it was cancelled; null: it was not.')),
  created: unixSeconds('when it was received.'),
  customer: text(),
  event_name: text(),
  identifier: text(),
  livemode,
  meter: text('Id of the meter.'),
  occurred_at: instant('When it happened.'),
  payload,
  recorded_at: instant('When it was received.'),
  status: choice(['recorded', 'cancelled']),
  timestamp: unixSeconds('when it happened.'),
  value: nullable(text('Exact; null where the meter counts events.')),
}

export function recordObject<const Kind extends string>(
  kind: Kind,
  ledger: LedgerName,
  record: UsageRecordView,
): TypeOfFields<typeof recordFields> & { readonly object: Kind } {
  return {
    id: record.id,
    object: kind,
    cancelled_at: record.cancelledAt === null ? null : formatTimestamp(record.cancelledAt),
    created: toUnixSeconds(record.recordedAt),
    customer: record.customer,
    event_name: record.eventName,
    identifier: record.identifier,
    livemode: isLive(ledger),
    meter: record.meterId,
    occurred_at: formatTimestamp(record.occurredAt),
    payload: record.payload,
    recorded_at: formatTimestamp(record.recordedAt),
    status: record.status,
    timestamp: toUnixSeconds(record.occurredAt),
    value: record.value,
  }
}
