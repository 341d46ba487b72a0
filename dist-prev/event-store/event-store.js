/**
 * The seam between Meterbook and whatever keeps its events. An adapter promises, and the contract suite
 * (`test/contract/event-store.contract.ts`) checks on each of them:
 *
 * - An append is atomic, contiguous in its stream, and durable once answered.
 * - It is made on an expected revision or not at all.
 * - Sent again unchanged (same event ids, same expected revision) it answers as the first time and adds nothing,
 *   at any later time.
 * - Reading gives events in order, each once; a subscription delivers everything after its start, then says that it
 *   caught up, in order, and goes on.
 */
/** Dependency-injection token of the port. */
export const EVENT_STORE = Symbol('EventStore');
export const APPEND_EVENTS_MAX = 1000;
export const READ_PAGE_EVENTS = 500;
/**
 * Events a subscription hands over at once while it is behind, and the size at which it hands over fewer: who folds them
 * commits once for all of them.
 */
export const SUBSCRIPTION_PAGE_EVENTS = 4_000;
export const SUBSCRIPTION_PAGE_BYTES = 8 * 1024 * 1024;
/** The store cannot be reached or cannot work just now. Waiting may mend it. */
export class EventStoreUnavailable extends Error {
    name = 'EventStoreUnavailable';
}
/** The store holds what it must not: a bug or a damaged file. The reader stops. */
export class EventStoreCorrupt extends Error {
    name = 'EventStoreCorrupt';
}
export function categoryOf(stream) {
    const end = stream.indexOf('-');
    return end === -1 ? stream : stream.slice(0, end);
}
/** About how long an event's data is as text, its keys left out: who gathers events gathers only so many characters. */
export function charactersOf(data) {
    if (typeof data === 'string')
        return data.length;
    if (data === null || typeof data !== 'object')
        return SCALAR_CHARACTERS;
    let characters = 0;
    for (const value of Object.values(data))
        characters += charactersOf(value);
    return characters;
}
const SCALAR_CHARACTERS = 8;
//# sourceMappingURL=event-store.js.map