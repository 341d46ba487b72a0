/**
 * One filtered subscription to everything, from its start to its end or failure, as steps in the log's order.
 *
 * The client tells of checkpoints and of having caught up as soon as it hears of them, ahead of events that still wait
 * in its buffer. So each such notice is put into that same buffer as a marker, and is met when its turn comes.
 */
import { START, streamNameFilter, } from '@eventstore/db-client';
import { clientPosition, comparePositions, portPosition, recordedEvent, } from './eventstoredb-codec.js';
import { drain } from './eventstoredb-drain.js';
import { SEARCH_WINDOW } from './eventstoredb-limits.js';
import { EventStoreCorrupt, READ_PAGE_EVENTS, categoryOf, } from './event-store.js';
export async function* follow(client, options) {
    const { after, categories, signal, limits } = options;
    const subscription = client.subscribeToAll({
        fromPosition: after === null ? START : clientPosition(after),
        filter: streamNameFilter({
            // A stream may be named as its category alone; what merely begins alike is left out below.
            prefixes: [...categories],
            maxSearchWindow: SEARCH_WINDOW,
            checkpointReached: (_, position) => {
                subscription.push({ marker: position });
            },
        }),
    }, { highWaterMark: READ_PAGE_EVENTS });
    let confirmed = false;
    let saidCaughtUp = false;
    subscription.on('confirmation', () => {
        confirmed = true;
        // Wakes the reader, whose patience is another from here on.
        subscription.push({ marker: 'confirmed' });
    });
    subscription.on('caughtUp', () => {
        saidCaughtUp = true;
        subscription.push({ marker: 'caught-up' });
    });
    const patience = () => {
        if (!confirmed)
            return { ms: limits.readProgressMs, then: 'fail' };
        if (saidCaughtUp || options.caughtUp())
            return null;
        // Scanning where nothing matches still gives checkpoints, so silence is a fault, unless the server is an old one.
        return options.saysCaughtUp()
            ? { ms: limits.readProgressMs, then: 'fail' }
            : { ms: limits.quietMs, then: 'tell' };
    };
    const pages = drain(subscription, {
        cancel: () => subscription.unsubscribe(),
        pageMax: READ_PAGE_EVENTS,
        whole: false,
        patience,
        signal,
    });
    let position = after;
    for await (const page of pages) {
        if (page.length === 0)
            yield { events: [], position, then: 'quiet' };
        let events = [];
        for (const item of page) {
            if ('marker' in item) {
                if (item.marker === 'caught-up') {
                    yield { events, position, then: 'caught-up' };
                    events = [];
                }
                else if (item.marker !== 'confirmed')
                    position = later(position, portPosition(item.marker));
                continue;
            }
            const event = item.event;
            if (event === undefined)
                continue;
            const place = portPosition(event.position);
            // Only a server that starts inclusively would send it again.
            if (position !== null && comparePositions(place, position) <= 0)
                continue;
            if (categories.has(categoryOf(event.streamId))) {
                const decoded = decode(event);
                if (decoded instanceof EventStoreCorrupt) {
                    // What stands before the damage is still delivered.
                    if (events.length > 0)
                        yield { events, position, then: 'more' };
                    throw decoded;
                }
                events.push(decoded);
            }
            position = place;
        }
        if (page.length > 0)
            yield { events, position, then: 'more' };
    }
}
function decode(event) {
    try {
        return recordedEvent(event);
    }
    catch (error) {
        if (error instanceof EventStoreCorrupt)
            return error;
        throw error;
    }
}
function later(left, right) {
    return left !== null && comparePositions(left, right) > 0 ? left : right;
}
//# sourceMappingURL=eventstoredb-following.js.map