import { setMaxListeners } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { askCapabilities, dispose, probe, within } from './eventstoredb-client.js';
import { clientEvent, clientRevision, isPlace, portPosition, portRevision } from './eventstoredb-codec.js';
import { appendFailure, describe, poisons } from './eventstoredb-errors.js';
import { guardLateReplies, noteTold } from './eventstoredb-late-reply-guard.js';
import { APPEND_BYTES_MAX, APPEND_DEADLINE_MS, backOffMs, } from './eventstoredb-limits.js';
import { Turns } from './eventstoredb-turns.js';
import { APPEND_EVENTS_MAX } from './event-store.js';
export class Appender {
    options;
    lease;
    /** The disposal of the client before. */
    disposed = Promise.resolve();
    turns;
    underWay = new Set();
    closing = new AbortController();
    unguard;
    constructor(options) {
        this.options = options;
        const { appendsInFlightMax, appendBytesInFlightMax, appendQueueMs } = options.limits;
        this.turns = new Turns({
            appendsMax: appendsInFlightMax,
            bytesMax: appendBytesInFlightMax,
            waitMsMax: appendQueueMs,
        });
        // Every append that waits to be sent again listens.
        setMaxListeners(0, this.closing.signal);
        this.unguard = guardLateReplies((error) => {
            options.log.warn({ reason: describe(error) }, 'A reply came for an append already given up; replacing the client');
            void this.lease?.then((lease) => this.retire(lease)).catch(() => undefined);
        });
    }
    append(append) {
        const size = sizeOf(append);
        if (typeof size === 'string')
            return Promise.resolve({ status: 'rejected', message: size });
        if (this.closing.signal.aborted)
            return Promise.resolve(closed);
        const outcome = this.inTurn(append, size);
        this.underWay.add(outcome);
        void outcome.finally(() => this.underWay.delete(outcome));
        return outcome;
    }
    /** Lets what is under way settle, for `closeMs` at most; what has not by then is `unknown`. */
    async close() {
        const { closeMs, disposeMs } = this.options.limits;
        this.turns.close();
        await Promise.race([Promise.all(this.underWay), delay(closeMs, undefined, { ref: false })]);
        this.closing.abort();
        const lease = await this.lease?.catch(() => undefined);
        if (lease)
            this.retire(lease);
        await Promise.all(this.underWay);
        await Promise.race([this.disposed, delay(disposeMs, undefined, { ref: false })]);
        this.unguard();
    }
    async inTurn(append, bytes) {
        const release = await this.turns.take(append.stream, bytes);
        if (release === 'closed')
            return closed;
        if (release === 'late')
            return { status: 'unavailable', message: 'Too many appends are waiting' };
        try {
            return await this.settle(append);
        }
        finally {
            release();
        }
    }
    async settle(append) {
        const { limits, log } = this.options;
        const until = performance.now() + limits.appendTotalMs;
        let everSent = false;
        for (let attempt = 0;; attempt++) {
            const outcome = await this.attempt(append, () => (everSent = true));
            if (outcome.status !== 'unknown')
                return outcome;
            const { message } = outcome;
            const pause = backOffMs(limits, attempt);
            if (this.closing.signal.aborted || performance.now() + pause > until) {
                log.error({ stream: append.stream, attempts: attempt + 1, reason: message }, 'An append did not settle');
                // Every try failed before the append was handed to a client: it is nowhere.
                return everSent ? outcome : { status: 'unavailable', message };
            }
            log.warn({ stream: append.stream, attempt: attempt + 1, reason: message }, 'Outcome unknown, sending again');
            await delay(pause, undefined, { signal: this.closing.signal }).catch(() => undefined);
        }
    }
    async attempt(append, onSent) {
        let lease;
        try {
            lease = await this.currentLease();
        }
        catch (error) {
            return { status: 'unknown', message: describe(error) };
        }
        if (this.closing.signal.aborted)
            return { status: 'unknown', message: 'closing' };
        onSent();
        let sent;
        try {
            sent = await this.send(lease.client, append);
        }
        catch (error) {
            noteTold(error);
            return this.failed(lease, error);
        }
        lease.unknownOutcomes = 0;
        const { revision, position } = sent;
        return isPlace(position)
            ? { status: 'appended', revision, position: portPosition(position) }
            : this.options.findPosition(append.stream, revision);
    }
    async send(client, { stream, expectedRevision, events }) {
        const pending = client.appendToStream(stream, events.map(clientEvent), {
            expectedRevision: clientRevision(expectedRevision),
            requiresLeader: true,
            deadline: APPEND_DEADLINE_MS,
        });
        // Also when nobody waits any more.
        pending.catch(noteTold);
        const result = await within(this.options.limits.appendTryMs, 'an append', pending);
        return { revision: portRevision(result.nextExpectedRevision), position: result.position };
    }
    failed(lease, error) {
        const failure = appendFailure(error);
        if (failure.status !== 'unknown') {
            // The client works; the server only said no.
            lease.unknownOutcomes = 0;
            return failure;
        }
        lease.unknownOutcomes++;
        if (poisons(error) || lease.unknownOutcomes >= this.options.limits.unknownOutcomesMax)
            this.retire(lease);
        return failure;
    }
    currentLease() {
        this.lease ??= this.newLease();
        return this.lease;
    }
    async newLease() {
        await this.disposed;
        const { connect, limits } = this.options;
        let client;
        try {
            client = connect();
            await probe(client, limits.appendTryMs);
            await askCapabilities(client, limits.appendTryMs);
            return { client, unknownOutcomes: 0, retired: false };
        }
        catch (error) {
            this.lease = undefined;
            if (client)
                this.disposed = dispose(client, limits.disposeMs);
            throw error;
        }
    }
    /** Takes a client out of use, once; the appends it still had under way fail and are sent again on the next. */
    retire(lease) {
        if (lease.retired)
            return;
        lease.retired = true;
        this.lease = undefined;
        this.options.log.warn({}, 'Replacing the appending client');
        this.disposed = dispose(lease.client, this.options.limits.disposeMs);
    }
}
const closed = { status: 'unavailable', message: 'The event store is closed' };
/**
 * The bytes of an append, or why it must not reach the client: a wrong expected revision, or data that is no JSON,
 * ends the stream of all appends under way, and an empty append means nothing.
 */
function sizeOf({ stream, expectedRevision, events }) {
    if (stream === '')
        return 'A stream needs a name';
    if (!Number.isSafeInteger(expectedRevision) || expectedRevision < 0)
        return 'An expected revision counts events';
    if (events.length === 0)
        return 'An append needs events';
    if (events.length > APPEND_EVENTS_MAX)
        return `An append takes at most ${APPEND_EVENTS_MAX} events`;
    let bytes = 0;
    try {
        for (const { data, metadata } of events) {
            bytes += Buffer.byteLength(JSON.stringify(data)) + Buffer.byteLength(JSON.stringify(metadata));
        }
    }
    catch (error) {
        return `An event is no JSON: ${describe(error)}`;
    }
    return bytes > APPEND_BYTES_MAX ? `An append takes at most ${APPEND_BYTES_MAX} bytes` : bytes;
}
//# sourceMappingURL=eventstoredb-appender.js.map