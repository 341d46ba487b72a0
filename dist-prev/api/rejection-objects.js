/** Rejections as the API shows them; reports have the shape of Stripe's error reports. stripe-metering §7.1. */
import { isLive } from '../domain/ledger.js';
import { recordId } from '../queries/usage-record-view.js';
import { formatTimestamp } from './stripe/timestamp.js';
import { toUnixSeconds } from './stripe/unix-time.js';
export function rejectionObject(ledger, rejection) {
    const { identifier, receivedAt, resolvedAt, resolvedMeterId } = rejection;
    return {
        id: rejection.id,
        object: 'meterbook.rejection',
        code: rejection.code,
        created: toUnixSeconds(receivedAt),
        event: rejection.event,
        event_name: rejection.eventName,
        identifier,
        index: rejection.index,
        livemode: isLive(ledger),
        message: rejection.message,
        meter: rejection.meterId,
        received_at: formatTimestamp(receivedAt),
        resolved_at: resolvedAt === null ? null : formatTimestamp(resolvedAt),
        status: rejection.status,
        /** What it counts as since. */
        usage_record: resolvedMeterId === null ? null : recordId(resolvedMeterId, identifier),
    };
}
export function rejectionCountsObject(ledger, meterId, counts) {
    const errors = counts.reduce((sum, count) => sum + count.errors, 0);
    const resolved = counts.reduce((sum, count) => sum + count.resolved, 0);
    return {
        object: 'meterbook.rejection_counts',
        codes: counts.map(({ code, ...count }) => ({ code, ...countsOf(count) })),
        livemode: isLive(ledger),
        meter: meterId,
        ...countsOf({ errors, resolved }),
    };
}
function countsOf({ errors, resolved }) {
    return { error_count: errors, open_count: errors - resolved, resolved_count: resolved };
}
export function rejectionReportObject(ledger, report) {
    return { id: report.id, object: 'meterbook.rejection_report', livemode: isLive(ledger), ...errorReportData(report) };
}
/** `meter`, and the `data` of Stripe's error report events. */
function errorReportData({ meterId, start, end, errors, types }) {
    return {
        meter: meterId,
        developer_message_summary: `There ${errors === 1 ? 'is 1 invalid event' : `are ${errors} invalid events`}${meterId === null ? ' without a meter' : ''}.`,
        reason: {
            error_count: errors,
            error_types: types.map(({ code, errors: count, samples }) => ({
                code,
                error_count: count,
                sample_errors: samples.map(({ error_message, identifier }) => ({ error_message, request: { identifier } })),
            })),
        },
        validation_start: formatTimestamp(start),
        validation_end: formatTimestamp(end),
    };
}
//# sourceMappingURL=rejection-objects.js.map