/**
 * A moment of the past, as the number of usage events that had happened by then: the last one received at or before an
 * instant, or the last one at or before a position of the log. Marks tell where to begin; the log itself tells the rest.
 *
 * Clocks of several processes may differ, so "before an instant" goes by the latest receipt so far: what was answered later
 * is never part of an earlier moment.
 */
import { DomainError } from '../domain/errors.js';
import { decodeEvent } from '../event-store/codec.js';
import { categories } from '../event-store/streams.js';
import { MARK_EVENTS, usageMarks } from '../read-model/tables.js';
import { readEvent } from './read-event.js';
const beginning = { sequence: 0, at: Number.MIN_SAFE_INTEGER, position: null };
/** @throws DomainError for an instant in the future and a position that is not in this log. */
export async function findAsOf(rows, store, request, end) {
    if (request.type === 'instant') {
        const { at, now } = request;
        if (at > now) {
            throw new DomainError('parameter_invalid', 'as_of must not be in the future: nobody knows yet.', 'as_of');
        }
        const [mark] = await rows.range(usageMarks, { index: 'latest', to: at + 1, reverse: true, limit: 1 });
        const found = await lastUsageEvent(rows, store, mark ?? null, (_, latest) => latest <= at);
        return { ...found, at, until: null };
    }
    const until = parsePosition(store, request.position, end);
    const mark = await lastMark(rows, async (row) => {
        const { recorded } = await readEvent(store, row);
        return store.comparePositions(recorded.position, until) <= 0;
    });
    const found = await lastUsageEvent(rows, store, mark, ({ position }) => store.comparePositions(position, until) <= 0);
    return { ...found, until };
}
function parsePosition(store, text, end) {
    const position = store.parsePosition(text);
    if (position === null) {
        throw new DomainError('parameter_invalid', 'as_of_position must be a position as an earlier answer of this service gave it.', 'as_of_position');
    }
    if (end === null || store.comparePositions(position, end) > 0) {
        throw new DomainError('parameter_invalid', 'as_of_position is beyond the end of the log. Take a position that an answer of this service gave.', 'as_of_position');
    }
    return position;
}
/** The last mark that is early enough; null where none is. */
async function lastMark(rows, isEarlyEnough) {
    const [last] = await rows.range(usageMarks, { reverse: true, limit: 1 });
    if (!last)
        return null;
    if (await isEarlyEnough(last))
        return last;
    let found = null;
    let [low, high] = [1, Math.ceil(last.sequence / MARK_EVENTS) - 1];
    while (low <= high) {
        const middle = Math.floor((low + high) / 2);
        const [mark] = await rows.get(usageMarks, [[middle * MARK_EVENTS]]);
        if (mark && (await isEarlyEnough(mark))) {
            found = mark;
            low = middle + 1;
        }
        else
            high = middle - 1;
    }
    return found;
}
/** Walks the log from a mark to the last usage event that belongs to it: at most `MARK_EVENTS` further. */
async function lastUsageEvent(rows, store, mark, belongs) {
    let found = beginning;
    if (mark) {
        const { recorded } = await readEvent(store, mark);
        found = { sequence: mark.sequence, at: mark.latest, position: recorded.position };
    }
    const [last] = await rows.range(usageMarks, { reverse: true, limit: 1 });
    const sequenceMax = last?.sequence ?? 0;
    if (found.sequence >= sequenceMax)
        return found;
    for await (const page of store.readAll({ after: found.position, categories: [categories.usage] })) {
        for (const recorded of page) {
            const at = Math.max(found.at, receiptOf(recorded));
            // What is not projected yet is not part of the answer.
            if (found.sequence === sequenceMax || !belongs(recorded, at))
                return found;
            found = { sequence: found.sequence + 1, at, position: recorded.position };
        }
    }
    return found;
}
function receiptOf(recorded) {
    const event = decodeEvent(recorded);
    if (event.type === 'UsageRecorded')
        return event.data.recordedAt;
    if (event.type === 'UsageCancelled')
        return event.data.cancelledAt;
    throw new Error(`Event ${recorded.revision} of ${recorded.stream} (${event.type}) is no usage event.`);
}
//# sourceMappingURL=as-of.js.map