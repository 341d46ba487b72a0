/** Opens the store that `EVENT_STORE_URL` names: `embedded:` (a file in the data folder) or `esdb://…`. */
import { join } from 'node:path';
import { EmbeddedEventStore } from './embedded-event-store.js';
import { EventStoreDbEventStore } from './eventstoredb-event-store.js';
export const EVENT_LOG_FILE = 'events.db';
/** The URL of the store in the data folder. */
export const EMBEDDED = 'embedded:';
export async function openEventStore(url, dataDir, log) {
    if (url === EMBEDDED)
        return new EmbeddedEventStore(join(dataDir, EVENT_LOG_FILE));
    if (/^esdb(\+discover)?:/.test(url))
        return EventStoreDbEventStore.open({ url, log });
    throw new Error(`No event store can be reached at ${url.split(':')[0]}:…`);
}
//# sourceMappingURL=open-event-store.js.map