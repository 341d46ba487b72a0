/** Reads that may wait at once; beyond it they are refused rather than queued. */
export const WAITING_READS_MAX = 10_000;
/** The projections did not get there in time. The read may be tried again. */
export class ReadModelBehind extends Error {
    name = 'ReadModelBehind';
}
export class ReadYourWrites {
    store;
    timeoutMs;
    reached = null;
    acknowledged = null;
    acknowledgedMeters = null;
    caughtUpOnce = false;
    stoppedBy = null;
    waiting = new Set();
    waitingForStart = new Set();
    listeners = [];
    waitingListeners = [];
    /** Whether it was said since the last progress that somebody waits. */
    isWaitingSaid = false;
    constructor(store, timeoutMs) {
        this.store = store;
        this.timeoutMs = timeoutMs;
    }
    /** The position everything is projected up to. */
    get position() {
        return this.reached;
    }
    /** Whether the projections have been at the end of the log since the start, and still run. */
    get isReady() {
        return this.caughtUpOnce && this.stoppedBy === null;
    }
    /** Why the projections stopped; null while they run. */
    get stopped() {
        return this.stoppedBy;
    }
    onProgress(listener) {
        this.listeners.push(listener);
    }
    /** Called when somebody begins to wait, and after each progress that was not enough for all; once for many. */
    onWaiting(listener) {
        this.waitingListeners.push(listener);
    }
    /** Of the last write that was answered. */
    get lastAcknowledged() {
        return this.acknowledged;
    }
    /** A write was answered with this position. */
    acknowledge(position) {
        this.acknowledged = later(this.store, this.acknowledged, position);
    }
    /** As `acknowledge`, of a write that changed a meter. */
    acknowledgeMeter(position) {
        this.acknowledge(position);
        this.acknowledgedMeters = later(this.store, this.acknowledgedMeters, position);
    }
    advance(progress) {
        const { position, caughtUp } = progress;
        if (position !== null && (this.reached === null || this.isAfter(position, this.reached)))
            this.reached = position;
        if (caughtUp && !this.caughtUpOnce) {
            this.caughtUpOnce = true;
            for (const done of this.waitingForStart)
                done(null);
        }
        for (const listener of this.listeners)
            listener(progress);
        for (const { target, done } of this.waiting)
            if (this.has(target))
                done(null);
        this.isWaitingSaid = false;
        if (this.waiting.size > 0)
            this.sayWaiting();
    }
    sayWaiting() {
        if (this.isWaitingSaid)
            return;
        this.isWaitingSaid = true;
        for (const listener of this.waitingListeners)
            listener();
    }
    stop(message) {
        // The first reason is the cause; that the thread ended is only what followed.
        this.stoppedBy ??= message;
        const error = this.stoppedError();
        for (const { done } of this.waiting)
            done(error);
        for (const done of this.waitingForStart)
            done(error);
    }
    /**
     * Resolves when reads see everything this process acknowledged, and `atLeast` if given.
     *
     * @throws ReadModelBehind when that takes longer than the limit.
     */
    async settled(atLeast = null) {
        if (!this.caughtUpOnce)
            await this.started();
        const target = later(this.store, this.acknowledged, atLeast);
        if (target !== null)
            await this.projected(target);
    }
    /**
     * As `settled`, for who knows what usage this process acknowledged without the rows: resolves when those of meters are up
     * to date, and everything up to `atLeast` if this process did not write that itself.
     *
     * @throws ReadModelBehind when that takes longer than the limit.
     */
    async metersSettled(atLeast) {
        if (!this.caughtUpOnce)
            await this.started();
        if (this.acknowledgedMeters !== null)
            await this.projected(this.acknowledgedMeters);
        const isOwn = atLeast === null || (this.acknowledged !== null && !this.isAfter(atLeast, this.acknowledged));
        if (!isOwn)
            await this.projected(atLeast);
    }
    /**
     * Resolves when everything up to the position is in the rows.
     *
     * @throws ReadModelBehind when that takes longer than the limit.
     */
    async projected(target) {
        if (this.has(target))
            return;
        if (this.stoppedBy !== null)
            throw this.stoppedError();
        await this.wait((done) => {
            const entry = { target, done };
            this.waiting.add(entry);
            this.sayWaiting();
            return () => this.waiting.delete(entry);
        });
    }
    /**
     * Resolves when the projections have caught up once since the start.
     *
     * @throws ReadModelBehind also once they stopped: nothing may be taken on that is never projected.
     */
    async started() {
        if (this.stoppedBy !== null)
            throw this.stoppedError();
        if (this.caughtUpOnce)
            return;
        await this.wait((done) => {
            this.waitingForStart.add(done);
            return () => this.waitingForStart.delete(done);
        });
    }
    has(position) {
        return this.reached !== null && !this.isAfter(position, this.reached);
    }
    async wait(enter) {
        if (this.waiting.size + this.waitingForStart.size >= WAITING_READS_MAX) {
            throw new ReadModelBehind('Too many requests are waiting for the read model.');
        }
        await new Promise((resolve, reject) => {
            const leave = enter((error) => {
                leave();
                clearTimeout(timer);
                if (error)
                    reject(error);
                else
                    resolve();
            });
            const timer = setTimeout(() => {
                leave();
                reject(new ReadModelBehind(`The read model was not up to date within ${this.timeoutMs} ms.`));
            }, this.timeoutMs);
        });
    }
    stoppedError() {
        return new ReadModelBehind(`The projections stopped: ${this.stoppedBy}`);
    }
    isAfter(position, other) {
        return this.store.comparePositions(position, other) > 0;
    }
}
export function later(store, left, right) {
    if (left === null || right === null)
        return left ?? right;
    return store.comparePositions(left, right) >= 0 ? left : right;
}
//# sourceMappingURL=read-your-writes.js.map