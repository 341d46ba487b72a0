/**
 * The store that needs no server: one SQLite file. Appends are made by a thread of their own (see
 * `embedded-event-store.worker.ts`); reading happens on the calling thread, in bounded pages, on its own connection.
 *
 * Several threads and processes may open the same file: revisions are checked in the writing transaction, and
 * subscriptions notice what others append.
 */
import { EventEmitter, once } from 'node:events';
import { BroadcastChannel, Worker } from 'node:worker_threads';
import { EventLogReader, openEventLog } from './embedded-event-log.js';
import { encodeAppend, wakeChannelName } from './embedded-event-writer.js';
import { APPEND_EVENTS_MAX, EventStoreUnavailable, READ_PAGE_EVENTS, SUBSCRIPTION_PAGE_EVENTS, } from './event-store.js';
/** How soon a subscription notices what another process appended; this process's own appends wake it at once. */
const OTHER_PROCESS_POLL_MS = 100;
const CLOSE_TIMEOUT_MS = 30_000;
/** So many events are handed over at once; fewer wait until the writer has answered, and go together. */
const MESSAGE_EVENTS_LARGE = 50;
const POSITION = /^[1-9]\d{0,15}$/;
export class EmbeddedEventStore {
    file;
    worker = null;
    /** What gathers while the writer has something to do. */
    gathering = [];
    gatheringEvents = 0;
    /** Messages the writer has not answered. */
    unanswered = 0;
    pending = new Map();
    nextId = 1;
    reader = null;
    wake = null;
    woken = new EventEmitter().setMaxListeners(0);
    closed = false;
    constructor(file) {
        this.file = file;
        // Makes the file, or says at the start what is wrong with it.
        openEventLog(file).close();
    }
    async append(appends) {
        if (this.closed) {
            return appends.map(() => ({ status: 'unavailable', message: 'The event store is closed.' }));
        }
        const outcomes = appends.map(refusal);
        const indexes = [...appends.keys()].filter((index) => outcomes[index] === undefined);
        if (indexes.length > 0) {
            await new Promise((settle) => {
                const id = this.nextId++;
                this.pending.set(id, { indexes, outcomes, settle });
                const encoded = indexes.map((index) => encodeAppend(appends[index]));
                this.gathering.push({ id, appends: encoded });
                for (const { events } of encoded)
                    this.gatheringEvents += events;
                this.handOver();
            });
        }
        return outcomes;
    }
    async *readStream(stream, options = {}) {
        let { after = 0, limit: left = Number.MAX_SAFE_INTEGER } = options;
        while (left > 0) {
            const page = this.reading().pageOfStream(stream, after, Math.min(left, READ_PAGE_EVENTS));
            const lastEvent = page.at(-1);
            if (!lastEvent)
                return;
            yield page;
            after = lastEvent.revision;
            left -= page.length;
        }
    }
    async *readAll({ after, categories }) {
        const wanted = new Set(categories);
        let from = after === null ? 0 : Number(after);
        while (from !== null) {
            const page = this.reading().pageOfAll(from, wanted, READ_PAGE_EVENTS);
            if (page.events.length > 0)
                yield page.events;
            from = page.scannedTo;
        }
    }
    async *subscribe({ after, categories, signal }) {
        const wanted = new Set(categories);
        let from = after === null ? 0 : Number(after);
        let saidCaughtUp = false;
        while (!signal.aborted && !this.closed) {
            const version = this.reading().version();
            const { events, scannedTo } = this.reading().pageOfAll(from, wanted, SUBSCRIPTION_PAGE_EVENTS);
            if (scannedTo !== null) {
                from = scannedTo;
                if (events.length > 0) {
                    saidCaughtUp = false;
                    yield { type: 'events', events };
                }
                continue;
            }
            if (!saidCaughtUp) {
                saidCaughtUp = true;
                yield { type: 'caught-up' };
            }
            await this.changed(version, signal);
        }
    }
    comparePositions(left, right) {
        return Number(left) - Number(right);
    }
    parsePosition(text) {
        return POSITION.test(text) && Number.isSafeInteger(Number(text)) ? text : null;
    }
    async check() {
        try {
            this.reading().version();
        }
        catch (error) {
            throw new EventStoreUnavailable('The event log cannot be read.', { cause: error });
        }
    }
    /** Settles the appends under way, then closes the file. */
    async close() {
        if (this.closed)
            return;
        this.closed = true;
        this.woken.emit('changed');
        const { worker } = this;
        if (worker) {
            const exited = once(worker, 'exit', { signal: AbortSignal.timeout(CLOSE_TIMEOUT_MS) });
            this.handOver(true);
            worker.postMessage('close');
            await exited.catch(() => worker.terminate());
        }
        this.wake?.close();
        this.reader?.close();
    }
    /** Resolves when the log may have changed since `version`, or the signal says stop. */
    async changed(version, signal) {
        const wake = this.waking();
        await new Promise((resolve) => {
            const done = () => {
                clearInterval(poll);
                signal.removeEventListener('abort', done);
                this.woken.off('changed', done);
                if (this.woken.listenerCount('changed') === 0)
                    wake.unref();
                resolve();
            };
            // A commit between the read and this line would not wake us, so the version is looked at as well.
            const look = () => {
                if (this.closed || signal.aborted || this.reading().version() !== version)
                    done();
            };
            const poll = setInterval(look, OTHER_PROCESS_POLL_MS);
            signal.addEventListener('abort', done);
            this.woken.on('changed', done);
            look();
        });
    }
    /**
     * Handing over and flushing cost the same for one append as for many, so few do not go alone while the writer has something to
     * do: what gathered goes once it has answered, or once it is large.
     */
    handOver(isLast = false) {
        if (this.gathering.length === 0)
            return;
        if (this.unanswered > 0 && this.gatheringEvents < MESSAGE_EVENTS_LARGE && !isLast)
            return;
        const message = this.gathering;
        this.gathering = [];
        this.gatheringEvents = 0;
        this.unanswered++;
        this.writer().postMessage(message);
    }
    writer() {
        if (this.worker)
            return this.worker;
        const worker = new Worker(new URL('./embedded-event-store.worker.js', import.meta.url), {
            workerData: { file: this.file },
        });
        worker.on('message', (answer) => {
            // What a lost writer took is unknown to whoever waited for it, and sent again.
            if (answer === 'closed' || this.worker !== worker)
                return;
            this.unanswered -= answer.messages;
            for (const { id, outcomes } of answer.settled)
                this.settle(id, outcomes);
            this.handOver();
        });
        // A dead writer has perhaps written: the same append, sent again, finds out on a new one.
        worker.on('error', (error) => this.lost(worker, error.message));
        worker.on('exit', () => this.lost(worker, 'The writing thread ended.'));
        this.worker = worker;
        return worker;
    }
    settle(id, settled) {
        const pending = this.pending.get(id);
        if (!pending)
            return;
        this.pending.delete(id);
        pending.indexes.forEach((index, at) => (pending.outcomes[index] = settled[at]));
        pending.settle();
    }
    lost(worker, message) {
        if (this.worker !== worker)
            return;
        this.worker = null;
        this.unanswered = 0;
        this.gathering = [];
        this.gatheringEvents = 0;
        for (const [id, { indexes }] of [...this.pending]) {
            this.settle(id, indexes.map(() => ({ status: 'unknown', message })));
        }
    }
    reading() {
        if (this.closed)
            throw new EventStoreUnavailable('The event store is closed.');
        this.reader ??= new EventLogReader(this.file);
        return this.reader;
    }
    waking() {
        if (!this.wake) {
            this.wake = new BroadcastChannel(wakeChannelName(this.file));
            this.wake.onmessage = () => this.woken.emit('changed');
        }
        this.wake.ref();
        return this.wake;
    }
}
function refusal({ events }) {
    if (events.length === 0)
        return { status: 'rejected', message: 'An append needs at least one event.' };
    if (events.length > APPEND_EVENTS_MAX) {
        return { status: 'rejected', message: `An append has at most ${APPEND_EVENTS_MAX} events.` };
    }
    if (events.some(({ id, type }) => id.includes('\n') || type.includes('\n'))) {
        return { status: 'rejected', message: 'The id and the type of an event are one line each.' };
    }
    return undefined;
}
//# sourceMappingURL=embedded-event-store.js.map