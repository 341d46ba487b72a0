/** `meterbook.usage_record`: a record as lists, single reads and explanations show it. */
import { isLive, type LedgerName } from '../domain/ledger.js'
import type { UsageRecordView } from '../queries/usage-record-view.js'
import { formatTimestamp } from './stripe/timestamp.js'
import { toUnixSeconds } from './stripe/unix-time.js'

export function recordObject(ledger: LedgerName, record: UsageRecordView): object {
  return {
    id: record.id,
    object: 'meterbook.usage_record',
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
