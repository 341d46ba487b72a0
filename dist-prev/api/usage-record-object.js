/** `meterbook.usage_record`: a record as lists, single reads and explanations show it. */
import { isLive } from '../domain/ledger.js';
import { formatTimestamp } from './stripe/timestamp.js';
import { toUnixSeconds } from './stripe/unix-time.js';
export function recordObject(ledger, record) {
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
    };
}
//# sourceMappingURL=usage-record-object.js.map