/**
 * The event store port on EventStoreDB (and KurrentDB), for when one machine is not enough.
 *
 * Always an explicit expected revision, so every append may be sent again; a client of its own for appending, one for
 * reading. Open one store a process: the appends of all clients of a process share one table inside the client's
 * package, and two stores make each other send again. Clocks of client and server should agree (NTP).
 */
import { Appender } from './eventstoredb-appender.js';
import { connector } from './eventstoredb-client.js';
import { comparePositions, parsePosition } from './eventstoredb-codec.js';
import { describe } from './eventstoredb-errors.js';
import { DEFAULT_LIMITS } from './eventstoredb-limits.js';
import { Reader } from './eventstoredb-reader.js';
export class EventStoreDbEventStore {
    appender;
    reader;
    closed;
    constructor(appender, reader) {
        this.appender = appender;
        this.reader = reader;
    }
    /** Connects with the first call, not here: a store that cannot be reached yet is waited for by whoever uses it. */
    static open({ url, log, limits: chosen }) {
        const connect = connector(url);
        const limits = { ...DEFAULT_LIMITS, ...chosen };
        const reader = new Reader({ connect, limits, log });
        const findPosition = async (stream, revision) => {
            try {
                const position = await reader.positionOf(stream, revision);
                if (position !== null)
                    return { status: 'appended', revision, position };
                return { status: 'unknown', message: 'What was acknowledged cannot be read yet' };
            }
            catch (error) {
                return { status: 'unknown', message: describe(error) };
            }
        };
        return new EventStoreDbEventStore(new Appender({ connect, limits, log, findPosition }), reader);
    }
    append(appends) {
        return Promise.all(appends.map((append) => this.appender.append(append)));
    }
    readStream(stream, options) {
        return this.reader.readStream(stream, options);
    }
    readAll(options) {
        return this.reader.readAll(options);
    }
    subscribe(options) {
        return this.reader.subscribe(options);
    }
    comparePositions(left, right) {
        return comparePositions(left, right);
    }
    parsePosition(text) {
        return parsePosition(text);
    }
    check() {
        return this.reader.check();
    }
    close() {
        this.closed ??= this.appender.close().then(() => this.reader.close());
        return this.closed;
    }
}
//# sourceMappingURL=eventstoredb-event-store.js.map