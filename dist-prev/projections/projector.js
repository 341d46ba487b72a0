/**
 * Follows the store and keeps the read model up to date: a batch's rows and the checkpoint are committed together, so an
 * event is folded exactly once whenever the process dies. An event it cannot understand stops it, naming stream and
 * revision; nothing is skipped. A read model that cannot be written just now (a full disk) is waited for.
 */
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises';
import { categoryOf, } from '../event-store/event-store.js';
import { categories, ledgerOf } from '../event-store/streams.js';
import { ReadModelUnavailable, START } from '../read-model/read-model.js';
import { projectedBatch } from './projected-batch.js';
import { Rebuilding } from './rebuilding.js';
/** Between attempts to write a batch while the read model cannot be written. */
const WRITE_RETRY_MS = 1_000;
/**
 * Under a steady load of single events a transaction for each would cost several times as much as the events do: after a
 * small batch that came right after another one, the next events are let gather. Nothing that comes after a pause of its own
 * waits, and once somebody waits for the rows (`hurry`) nothing does.
 */
const SMALL_BATCH_EVENTS = 1_000;
const GATHERING = { gatherEvents: 500, gatherMs: 50, steadyMs: 10 };
/** Of the time the live rows take, what a rebuild takes besides while the log goes on. */
const REBUILD_SHARE = 0.5;
const followed = Object.values(categories);
export class Projector {
    store;
    readModel;
    projections;
    onProgress;
    report;
    anew;
    onRebuild;
    gathering;
    checkpoints = new Map();
    requested = null;
    rebuilding = null;
    /** Whether there may be tables that were replaced and wait to be dropped. */
    hasReplaced = false;
    hasCaughtUp = false;
    /** How long the last batch of the log took. */
    liveMs = 0;
    wake = () => undefined;
    isHurried = false;
    endGathering = () => undefined;
    constructor(store, readModel, projections, onProgress, report, 
    /** The same projections once more, remembering nothing: for building them anew. */
    anew = () => [], onRebuild = () => undefined, gathering = GATHERING) {
        this.store = store;
        this.readModel = readModel;
        this.projections = projections;
        this.onProgress = onProgress;
        this.report = report;
        this.anew = anew;
        this.onRebuild = onRebuild;
        this.gathering = gathering;
    }
    /**
     * Makes the tables and finds where to go on. Rows that were made from another log (or from a longer one than there is
     * now) are thrown away.
     */
    async prepare() {
        await this.readModel.prepare(this.projections);
        await this.loadCheckpoints();
        for (const { event } of this.checkpoints.values()) {
            if (event === null || (await this.isInLog(event)))
                continue;
            this.report('The read model was made from another event log. It is built anew from this one.');
            await this.readModel.reset(this.projections);
            await this.loadCheckpoints();
            break;
        }
        this.rebuilding = await Rebuilding.resume(this.store, this.readModel, this.anew(), this.onRebuild);
        this.hasReplaced = true;
    }
    async loadCheckpoints() {
        for (const { projection } of this.projections) {
            this.checkpoints.set(projection, await this.readModel.checkpoint(projection));
        }
    }
    async isInLog(event) {
        const [revision = '', id] = event.split(' ', 2);
        const stream = event.split(' ').slice(2).join(' ');
        for await (const [found] of this.store.readStream(stream, { after: Number(revision) - 1, limit: 1 })) {
            return found?.id === id;
        }
        return false;
    }
    /** Begins to build projections anew while it runs; one such at a time. */
    rebuild(request) {
        this.requested = request;
        this.endGathering();
        this.wake();
    }
    /** Somebody waits for what is in the log by now. */
    hurry() {
        this.isHurried = true;
        this.endGathering();
    }
    /** Runs until the signal says stop. @throws what stopped it. */
    async run(signal) {
        const reached = this.earliest();
        const after = reached.position;
        const items = this.store.subscribe({ after, categories: followed, signal })[Symbol.asyncIterator]();
        try {
            await this.follow(items, reached, signal);
        }
        finally {
            // Not waited for: it would wait for the next item.
            void items.return?.();
        }
    }
    async follow(items, from, signal) {
        let reached = from;
        let foldedAt = 0;
        let receivedAt = 0;
        for (;;) {
            const next = items.next();
            await this.besides(next, reached, signal);
            const result = await next;
            if (result.done === true)
                return;
            const item = result.value;
            if (item.type === 'caught-up') {
                this.hasCaughtUp = true;
                this.onProgress({ position: reached.position, caughtUp: true, ...changesOf([]) });
                continue;
            }
            const since = performance.now();
            if (item.events.length === 0)
                continue;
            const batch = projectedBatch(item.events, reached);
            reached = batch.reached;
            if (!(await this.fold(batch.events, reached, signal)))
                return;
            this.onProgress({
                position: reached.position,
                caughtUp: false,
                ...changesOf(item.events),
            });
            this.liveMs = performance.now() - since;
            const isSteady = performance.now() - foldedAt < this.gathering.steadyMs;
            if (isSteady && batch.events.length < SMALL_BATCH_EVENTS) {
                const msOfEach = (since - receivedAt) / batch.events.length;
                await this.gather(Math.min(this.gathering.gatherEvents * msOfEach, this.gathering.gatherMs), signal);
            }
            receivedAt = since;
            foldedAt = performance.now();
        }
    }
    async gather(gatherMs, signal) {
        // A rebuild works between batches, and has the time that is left.
        const isRebuilding = this.requested !== null || this.rebuilding !== null;
        if (!this.isHurried && !isRebuilding && !signal.aborted) {
            await new Promise((resolve) => {
                const timer = setTimeout(resolve, gatherMs);
                this.endGathering = () => {
                    clearTimeout(timer);
                    resolve();
                };
                signal.addEventListener('abort', this.endGathering, { once: true });
            });
            signal.removeEventListener('abort', this.endGathering);
            this.endGathering = () => undefined;
        }
        // Who waited before now waits for something that the next batch has.
        this.isHurried = false;
    }
    /**
     * Works on a rebuild until there is something new in the log, and for its share of the time where there always is.
     * Until the live rows have caught up once they have all of it.
     */
    async besides(next, reached, signal) {
        let isNext = false;
        const settled = next.then(() => (isNext = true), () => (isNext = true));
        const until = performance.now() + this.liveMs * REBUILD_SHARE;
        while (!signal.aborted) {
            await nextTurn();
            const isWorking = this.hasCaughtUp && (await this.hasRebuildWork());
            if (isNext && (!isWorking || performance.now() >= until))
                return;
            if (isWorking)
                await this.rebuildSlice(reached);
            else
                await Promise.race([settled, this.woken()]);
        }
    }
    async hasRebuildWork() {
        const { requested } = this;
        if (requested) {
            this.requested = null;
            this.rebuilding = await Rebuilding.begin(this.store, this.readModel, this.anew(), requested, this.onRebuild);
        }
        return this.rebuilding !== null || this.hasReplaced;
    }
    /** Whatever goes wrong with it, the live rows are folded on. */
    async rebuildSlice(reached) {
        if (!this.rebuilding) {
            try {
                this.hasReplaced = await this.readModel.dropReplaced(false);
            }
            catch (error) {
                this.hasReplaced = false;
                this.report(`Replaced tables could not be dropped; that is tried again at the next start. ${String(error)}`);
            }
            return;
        }
        await this.rebuilding.step(reached);
        if (!this.rebuilding.isOver)
            return;
        this.rebuilding = null;
        this.hasReplaced = true;
        // What is remembered is of the rows that were replaced.
        for (const projection of this.projections)
            projection.forget?.();
    }
    woken() {
        return new Promise((resolve) => (this.wake = resolve));
    }
    /** Whether the batch was committed; not if it was still waiting for room when the signal said stop. */
    async fold(events, reached, signal) {
        for (;;) {
            try {
                await this.commit(events, reached);
                return true;
            }
            catch (error) {
                for (const projection of this.projections)
                    projection.forget?.();
                this.rebuilding?.forget();
                if (!(error instanceof ReadModelUnavailable)) {
                    if (!this.rebuilding?.isBesides)
                        throw error;
                    // It may have been the tables that are being built. Without them it is seen whether the live ones are sound.
                    await this.rebuilding.fail(error);
                    this.rebuilding = null;
                    continue;
                }
                this.report(`The read model cannot be written and is tried again: ${error.message}`);
                await delay(WRITE_RETRY_MS, null, { signal }).catch(() => undefined);
                if (signal.aborted)
                    return false;
            }
        }
    }
    async commit(events, reached) {
        await this.readModel.write(async (rows, building) => {
            for (const projection of this.projections) {
                const unseen = this.unseen(events, this.checkpoints.get(projection.projection));
                if (unseen.length === 0)
                    continue;
                await projection.apply(unseen, rows);
                await rows.setCheckpoint(projection.projection, reached);
            }
            await this.rebuilding?.fold(events, reached, building);
        });
        this.rebuilding?.committed(reached);
        for (const { projection } of this.projections) {
            const { position } = this.checkpoints.get(projection);
            if (position === null || this.isAfter(reached.position, position)) {
                this.checkpoints.set(projection, reached);
            }
        }
    }
    /** The batch itself where all of it is new, so that projections know it as the same. */
    unseen(events, { position }) {
        const [first] = events;
        if (position === null || !first || this.isAfter(first.position, position))
            return events;
        return events.filter((event) => this.isAfter(event.position, position));
    }
    /** A projection that begins anew takes the others back to its start; they pass over what they have. */
    earliest() {
        let earliest = null;
        for (const checkpoint of this.checkpoints.values()) {
            if (checkpoint.position === null)
                return checkpoint;
            if (!earliest || this.isAfter(earliest.position, checkpoint.position))
                earliest = checkpoint;
        }
        return earliest ?? START;
    }
    isAfter(position, other) {
        return this.store.comparePositions(position, other) > 0;
    }
}
function changesOf(events) {
    const streams = new Set();
    let last = '';
    for (const { stream } of events) {
        // An append's events come one after another: hardly any of them costs more than this.
        if (stream === last)
            continue;
        last = stream;
        streams.add(stream);
    }
    const changedStreams = [];
    const usageLedgers = new Set();
    for (const stream of streams) {
        if (categoryOf(stream) === categories.usage)
            usageLedgers.add(ledgerOf(stream));
        else
            changedStreams.push(stream);
    }
    return { changedStreams, usageLedgers: [...usageLedgers] };
}
//# sourceMappingURL=projector.js.map