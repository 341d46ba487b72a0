/**
 * The write path of every stream that is folded whole (meters, keys): read, fold, decide, append on the revision that was
 * read, and again if another writer was faster. The stream is the truth; what is remembered here only saves reading.
 */
import { fold } from '../domain/decider.js';
import { decodeEvent, encodeEvent } from './codec.js';
import { EventStoreUnavailable, } from './event-store.js';
/** Another writer was faster every time. The caller may try again. */
export class TransactionConflict extends Error {
    name = 'TransactionConflict';
}
export const TRANSACT_ATTEMPTS_MAX = 10;
/** How often an append of unknown outcome is sent again before the caller is told to. */
export const RESEND_ATTEMPTS_MAX = 5;
export class FoldedStream {
    store;
    stream;
    decider;
    newEventId;
    state;
    revision = 0;
    idempotencyKeys = new Map();
    /** Commands on one stream wait for one another; a conflict is then only ever another process. */
    queue = Promise.resolve();
    constructor(store, stream, decider, newEventId) {
        this.store = store;
        this.stream = stream;
        this.decider = decider;
        this.newEventId = newEventId;
        this.state = decider.initial;
    }
    /** The state as of now, other writers' events included. */
    async read() {
        await this.refresh();
        return this.state;
    }
    /** The state as of the last time this process looked. */
    get remembered() {
        return this.state;
    }
    /** The state after a revision, folded anew. */
    async stateAt(revision) {
        let state = this.decider.initial;
        for await (const page of this.store.readStream(this.stream, { limit: revision })) {
            state = fold(this.decider, page.map(decodeEvent), state);
        }
        return state;
    }
    /**
     * @throws DomainError where the rules refuse, TransactionConflict where other writers kept being faster,
     * EventStoreUnavailable where the store cannot take it.
     */
    transact(command, context) {
        const turn = this.queue.then(() => this.transactNow(command, context));
        this.queue = turn.catch(() => undefined);
        return turn;
    }
    async transactNow(command, context) {
        await this.refresh();
        for (let attempt = 1; attempt <= TRANSACT_ATTEMPTS_MAX; attempt++) {
            const earlier = context.idempotency && this.idempotencyKeys.get(context.idempotency.key);
            if (earlier) {
                const state = await this.stateAt(earlier.revision);
                return { state, events: [], appended: null, replayOf: earlier.requestHash };
            }
            const events = this.decider.decide(this.state, command);
            if (events.length === 0)
                return { state: this.state, events, appended: null, replayOf: null };
            const outcome = await this.append(this.encode(events, context));
            if (outcome.status === 'appended') {
                this.take(events, context, outcome.revision);
                const { revision, position } = outcome;
                return { state: this.state, events, appended: { stream: this.stream, revision, position }, replayOf: null };
            }
            if (outcome.status !== 'conflict')
                throw new EventStoreUnavailable(outcome.message);
            await this.refresh();
        }
        throw new TransactionConflict(`Other writers changed ${this.stream} ${TRANSACT_ATTEMPTS_MAX} times meanwhile.`);
    }
    /** Only the last event carries the idempotency key: it is the one the request asked for. */
    encode(events, context) {
        return events.map((event, index) => {
            const metadata = {
                correlationId: context.requestId,
                causationId: context.requestId,
                actor: context.actor,
                ...(context.idempotency && index === events.length - 1
                    ? { idempotencyKey: context.idempotency.key, requestHash: context.idempotency.requestHash }
                    : {}),
            };
            return encodeEvent(event, this.newEventId(), metadata);
        });
    }
    async append(events) {
        const append = { stream: this.stream, expectedRevision: this.revision, events };
        let outcome;
        for (let attempt = 1; attempt <= RESEND_ATTEMPTS_MAX; attempt++) {
            ;
            [outcome] = await this.store.append([append]);
            if (outcome && outcome.status !== 'unknown')
                return outcome;
        }
        return outcome ?? { status: 'unknown', message: 'The store gave no outcome.' };
    }
    async refresh() {
        for await (const page of this.store.readStream(this.stream, { after: this.revision })) {
            // Another reading, or an append, may have taken these in while this page was on its way.
            const unseen = page.filter(({ revision }) => revision > this.revision);
            this.state = fold(this.decider, unseen.map(decodeEvent), this.state);
            for (const { metadata, revision } of unseen) {
                this.revision = revision;
                if (metadata.idempotencyKey !== undefined) {
                    this.idempotencyKeys.set(metadata.idempotencyKey, { revision, requestHash: metadata.requestHash ?? '' });
                }
            }
        }
    }
    take(events, { idempotency }, revision) {
        this.state = fold(this.decider, events, this.state);
        this.revision = revision;
        if (idempotency)
            this.idempotencyKeys.set(idempotency.key, { revision, requestHash: idempotency.requestHash });
    }
}
//# sourceMappingURL=transact.js.map