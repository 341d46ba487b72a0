/** Usage records as text that `meterbook import` reads back exactly. */
import { formatTimestamp } from '../api/stripe/timestamp.js';
/** `withStatus` adds what became of each record. */
export function ndjsonWriter(withStatus) {
    return {
        header: () => '',
        line: ({ eventName, identifier, timestamp, payload, isCancelled }) => `${JSON.stringify({
            event_name: eventName,
            identifier,
            timestamp: formatTimestamp(timestamp),
            payload,
            ...(withStatus && { record_status: status(isCancelled) }),
        })}\n`,
    };
}
export function csvWriter(payloadKeys, withStatus) {
    const row = (cells) => `${cells.map(cell).join(',')}\n`;
    return {
        header: () => row([
            'event_name',
            'identifier',
            'timestamp',
            ...payloadKeys.map((key) => `payload.${key}`),
            ...(withStatus ? ['record_status'] : []),
        ]),
        line: ({ eventName, identifier, timestamp, payload, isCancelled }) => row([
            eventName,
            identifier,
            formatTimestamp(timestamp),
            ...payloadKeys.map((key) => payload[key] ?? null),
            ...(withStatus ? [status(isCancelled)] : []),
        ]),
    };
}
/**
 * The facts themselves, in the words of the API, with what a digest is made of. `sequence` and `cancelled_sequence` tell
 * which records were there, and which were cancelled, after an earlier event.
 */
export const recordsWriter = {
    header: () => '',
    line: ({ eventName, payload, record, sequence, cancellation }) => `${JSON.stringify({
        cancelled_at: cancellation === null ? null : formatTimestamp(cancellation.at),
        cancelled_sequence: cancellation?.sequence ?? null,
        customer: record.customer,
        event_name: eventName,
        identifier: record.identifier,
        meter: record.meterId,
        occurred_at: formatTimestamp(record.occurredAt),
        payload,
        recorded_at: formatTimestamp(record.recordedAt),
        sequence,
        value: record.value,
    })}\n`,
};
function status(isCancelled) {
    return isCancelled ? 'cancelled' : 'recorded';
}
/** Nothing for a key that is not there, `""` for one whose text is empty. */
function cell(text) {
    if (text === null)
        return '';
    return text === '' || /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
//# sourceMappingURL=export-format.js.map