import { usageRejections } from '../read-model/tables.js';
import { viewRejection } from './rejection-rows.js';
/** Rejections shown with an explanation, and looked at to find them. */
export const EXPLAINED_REJECTIONS_MAX = 10;
export const EXPLAINED_REJECTIONS_SCANNED_MAX = 1_000;
export async function rejectionsOfUsage(rows, ledger, meter, interval, readTimestamp, 
/** Only what was received at or before this instant; null: all. */
until) {
    const read = await rows.range(usageRejections, {
        index: 'eventName',
        prefix: [ledger, meter.eventName],
        reverse: true,
        limit: EXPLAINED_REJECTIONS_SCANNED_MAX,
    });
    const found = [];
    for (const row of read) {
        if (row.meterId !== null && row.meterId !== meter.id)
            continue;
        if (until !== null && row.receivedAt > until)
            continue;
        const view = viewAt(viewRejection(row), until);
        if (!concerns(view.event, row, meter, interval, readTimestamp))
            continue;
        if (found.length === EXPLAINED_REJECTIONS_MAX)
            return { items: found, hasMore: true };
        found.push(view);
    }
    return { items: found, hasMore: read.length === EXPLAINED_REJECTIONS_SCANNED_MAX };
}
/** Resolved only where it was by then. */
function viewAt(view, until) {
    if (until === null || view.resolvedAt === null || view.resolvedAt <= until)
        return view;
    return { ...view, status: 'open', resolvedAt: null, resolvedMeterId: null };
}
/** An event without a time that can be read is taken to have happened when it was received. */
function concerns(event, { receivedAt }, { customerKey }, { customer, start, end }, readTimestamp) {
    if (own(own(event, 'payload'), customerKey) !== customer)
        return false;
    const timestamp = own(event, 'timestamp');
    const occurredAt = (typeof timestamp === 'string' ? readTimestamp(timestamp) : null) ?? receivedAt;
    return occurredAt >= start && occurredAt < end;
}
function own(value, key) {
    if (typeof value !== 'object' || value === null || Array.isArray(value))
        return undefined;
    return Object.hasOwn(value, key) ? value[key] : undefined;
}
//# sourceMappingURL=rejections-of-usage.js.map