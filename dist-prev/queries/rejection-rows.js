/**
 * Rejections as the queries find and show them: walked by the narrowest index a filter has, in the order they were stored;
 * what the index does not tell is looked at row by row, within a bound.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DomainError } from '../domain/errors.js';
import { usageRejections } from '../read-model/tables.js';
import { requireMeter } from './reader.js';
/** Rows one call may pass over before it asks for a narrower filter. */
export const SCANNED_REJECTIONS_MAX = 500_000;
/** Rejected events may be large, so few rows are held at once. */
const ROWS_PER_READ = 128;
const ID = /^rej_([1-9]\d{0,14})$/;
export function rejectionId(revision) {
    return `rej_${revision}`;
}
/** The rejection an id names, of this ledger only; null for any other text. */
export async function findRejection(rows, ledger, id) {
    const revision = ID.exec(id)?.[1];
    if (revision === undefined)
        return null;
    const [row] = await rows.get(usageRejections, [[ledger, Number(revision)]]);
    return row ?? null;
}
/** @throws DomainError for an unknown meter, or a filter that finds too little in too much. */
export async function walkRejections(rows, ledger, filter, { direction, after, limit }) {
    if (filter.meterId !== null)
        await requireMeter(rows, ledger, filter.meterId, 'meter');
    const isBackwards = direction === 'newest-first';
    const found = [];
    let bound = isBackwards ? (after ?? Number.MAX_SAFE_INTEGER) : (after ?? 0) + 1;
    for (let scanned = 0; scanned < SCANNED_REJECTIONS_MAX; scanned += ROWS_PER_READ) {
        // Long walks let other requests in between.
        await nextTurn();
        const read = await rows.range(usageRejections, {
            ...narrowest(ledger, filter),
            ...(isBackwards ? { to: bound } : { from: bound }),
            reverse: isBackwards,
            limit: ROWS_PER_READ,
        });
        for (const row of read) {
            if (matches(row, filter))
                found.push(row);
            if (found.length === limit)
                return found;
        }
        const last = read.at(-1);
        if (!last || read.length < ROWS_PER_READ)
            return found;
        bound = isBackwards ? last.revision : last.revision + 1;
    }
    throw new DomainError('parameter_invalid', 'Too few of too many rejections match. Name a meter, an event name or an identifier.');
}
export function viewRejection(row) {
    const { revision, meterId, eventName, identifier, code, message, receivedAt, resolvedAt, resolvedMeterId } = row;
    return {
        id: rejectionId(revision),
        revision,
        meterId,
        eventName,
        identifier,
        code,
        message,
        event: JSON.parse(row.event),
        index: row.place,
        receivedAt,
        status: row.status,
        resolvedAt,
        resolvedMeterId,
    };
}
function narrowest(ledger, { identifier, meterId, eventName, status }) {
    if (identifier !== null)
        return { index: 'identifier', prefix: [ledger, identifier] };
    if (meterId !== null)
        return { index: 'meter', prefix: [ledger, meterId] };
    if (eventName !== null)
        return { index: 'eventName', prefix: [ledger, eventName] };
    if (status !== null)
        return { index: 'status', prefix: [ledger, status] };
    return { prefix: [ledger] };
}
function matches(row, { received, ...filter }) {
    return ((filter.meterId === null || row.meterId === filter.meterId) &&
        (filter.eventName === null || row.eventName === filter.eventName) &&
        (filter.code === null || row.code === filter.code) &&
        (filter.identifier === null || row.identifier === filter.identifier) &&
        (filter.status === null || row.status === filter.status) &&
        (received.from === null || row.receivedAt >= received.from) &&
        (received.to === null || row.receivedAt < received.to));
}
//# sourceMappingURL=rejection-rows.js.map