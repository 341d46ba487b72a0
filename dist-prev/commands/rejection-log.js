/**
 * The way of every rejection into `rejections-<ledger>`. Nothing is decided from what is there, so a conflict only moves the
 * revision; appends gather while one is under way, one at a time, durable when they resolve.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { encodeEvent } from '../event-store/codec.js';
import { APPEND_EVENTS_MAX, EventStoreUnavailable, } from '../event-store/event-store.js';
import { rejectionsStream } from '../event-store/streams.js';
import { Overloaded } from '../overloaded.js';
/** Rejections that may wait in one ledger. */
export const REJECTION_QUEUE_MAX = 10_000;
/** Largest JSON of a rejected event, of one append, and how long an unsettled append keeps its callers waiting. */
const APPEND_BYTES_MAX = 512 * 1024;
const SETTLE_WITHIN_MS = 10_000;
const RESEND_DELAY_MS = 100;
export class RejectionLog {
    store;
    newEventId;
    writers = new Map();
    constructor(store, newEventId) {
        this.store = store;
        this.newEventId = newEventId;
    }
    /** @throws Overloaded, EventStoreUnavailable */
    append(ledger, event, { requestId, actor }) {
        let writer = this.writers.get(ledger);
        if (!writer) {
            writer = new LedgerRejections(this.store, rejectionsStream(ledger));
            this.writers.set(ledger, writer);
        }
        const metadata = { correlationId: requestId, causationId: requestId, actor };
        return writer.append(encodeEvent(event, this.newEventId(), metadata));
    }
    async close() {
        await Promise.all([...this.writers.values()].map((writer) => writer.settled));
    }
}
class LedgerRejections {
    store;
    stream;
    settled = Promise.resolve();
    queue = [];
    revision = 0;
    isRunning = false;
    constructor(store, stream) {
        this.store = store;
        this.stream = stream;
    }
    append(event) {
        return new Promise((resolve, reject) => {
            if (this.queue.length >= REJECTION_QUEUE_MAX) {
                return reject(new Overloaded('Too many meter events are waiting to be stored. Send the request again in a moment.'));
            }
            this.queue.push({ event, bytes: Buffer.byteLength(JSON.stringify(event.data)), resolve, reject });
            if (!this.isRunning)
                this.settled = this.run();
        });
    }
    async run() {
        this.isRunning = true;
        await new Promise((resolve) => setImmediate(resolve));
        while (this.queue.length > 0) {
            const batch = this.takeBatch();
            try {
                const position = await this.appendAll(batch.map(({ event }) => event));
                for (const { resolve } of batch)
                    resolve(position);
            }
            catch (error) {
                for (const { reject } of batch)
                    reject(error);
            }
        }
        this.isRunning = false;
    }
    takeBatch() {
        let bytes = 0;
        let size = 0;
        for (const waiting of this.queue) {
            bytes += waiting.bytes;
            if (size > 0 && (size >= APPEND_EVENTS_MAX || bytes > APPEND_BYTES_MAX))
                break;
            size++;
        }
        return this.queue.splice(0, size);
    }
    async appendAll(events) {
        const since = performance.now();
        for (;;) {
            const [outcome] = await this.store.append([{ stream: this.stream, expectedRevision: this.revision, events }]);
            switch (outcome?.status) {
                case 'appended':
                    this.revision = outcome.revision;
                    return outcome.position;
                case 'conflict':
                    // Another process was faster. Nothing was written, and nothing that was written matters here.
                    this.revision = outcome.revision;
                    break;
                case 'rejected':
                    throw new Error(`The event store refused an append to ${this.stream}: ${outcome.message}`);
                case 'unavailable':
                    throw new EventStoreUnavailable(outcome.message);
                case 'unknown':
                case undefined:
                    // The same events on the same revision find out whether they are there.
                    if (performance.now() - since > SETTLE_WITHIN_MS)
                        throw new EventStoreUnavailable('The event store did not confirm in time.');
                    await delay(RESEND_DELAY_MS);
            }
        }
    }
}
//# sourceMappingURL=rejection-log.js.map