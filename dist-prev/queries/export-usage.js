import { restorePayload } from '../domain/meter-event.js';
import { decodeEvent } from '../event-store/codec.js';
import { categories, ledgerOf } from '../event-store/streams.js';
/** Payload keys of one export with a column each. */
export const EXPORT_COLUMNS_MAX = 1_000;
export class TooManyColumns extends Error {
    name = 'TooManyColumns';
}
/** @throws TooManyColumns */
export async function surveyExport(store, selection, wantsPayloadKeys) {
    let end = null;
    const cancelled = new Map();
    let sequence = 0;
    const payloadKeys = new Set();
    for await (const page of store.readAll({ after: null, categories: [categories.usage] })) {
        for (const recorded of page) {
            end = recorded.position;
            sequence++;
            if (ledgerOf(recorded.stream) !== selection.ledger)
                continue;
            const event = decodeEvent(recorded);
            if (event.type === 'UsageCancelled' && isSelected(event.data, selection)) {
                const key = keyOf(event.data);
                if (!cancelled.has(key))
                    cancelled.set(key, { at: event.data.cancelledAt, sequence });
            }
            if (wantsPayloadKeys && event.type === 'UsageRecorded' && isSelected(event.data, selection)) {
                const meter = selection.meters.get(event.data.meterId);
                for (const key in restorePayload(meter, event.data))
                    payloadKeys.add(key);
                if (payloadKeys.size > EXPORT_COLUMNS_MAX) {
                    throw new TooManyColumns(`The records have more than ${EXPORT_COLUMNS_MAX} different payload keys, which is more columns than a table can be read with. Export them as NDJSON, or fewer of them.`);
                }
            }
        }
    }
    return { end, cancelled, payloadKeys: wantsPayloadKeys ? [...payloadKeys] : null };
}
/** In pages, up to the end of the survey. */
export async function* exportUsage(store, selection, { end, cancelled }) {
    if (end === null)
        return;
    let sequence = 0;
    for await (const page of store.readAll({ after: null, categories: [categories.usage] })) {
        const records = [];
        let isAtEnd = false;
        for (const recorded of page) {
            if (store.comparePositions(recorded.position, end) > 0) {
                isAtEnd = true;
                break;
            }
            sequence++;
            if (ledgerOf(recorded.stream) !== selection.ledger)
                continue;
            const event = decodeEvent(recorded);
            if (event.type !== 'UsageRecorded' || !isSelected(event.data, selection))
                continue;
            const cancellation = cancelled.get(keyOf(event.data)) ?? null;
            if (cancellation && !selection.includeCancelled)
                continue;
            const meter = selection.meters.get(event.data.meterId);
            records.push({ ...restored(meter, event.data), sequence, isCancelled: cancellation !== null, cancellation });
        }
        if (records.length > 0)
            yield records;
        if (isAtEnd)
            return;
    }
}
function isSelected(record, { meters, customer, from, to }) {
    return (meters.has(record.meterId) &&
        (customer === null || record.customer === customer) &&
        (from === null || record.occurredAt >= from) &&
        (to === null || record.occurredAt < to));
}
function restored(meter, record) {
    const { identifier, occurredAt: timestamp } = record;
    return { eventName: meter.eventName, identifier, timestamp, payload: restorePayload(meter, record), record };
}
function keyOf({ meterId, identifier }) {
    return `${meterId} ${identifier}`;
}
//# sourceMappingURL=export-usage.js.map