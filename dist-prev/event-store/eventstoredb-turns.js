export class Turns {
    limits;
    appends = 0;
    bytes = 0;
    busy = new Set();
    /** Those whose stream is busy, by stream. */
    behind = new Map();
    /** Those whose stream is theirs and who only lack room. */
    ready = new Set();
    closed = false;
    constructor(limits) {
        this.limits = limits;
    }
    /** @returns what ends the turn, or why there is none. */
    async take(stream, bytes) {
        if (this.closed)
            return 'closed';
        if (!this.busy.has(stream) && this.ready.size === 0 && this.hasRoom(bytes))
            return this.begin(stream, bytes);
        return new Promise((resolve) => {
            const timer = setTimeout(() => this.giveUp(waiting), this.limits.waitMsMax);
            const start = (turn) => {
                clearTimeout(timer);
                resolve(turn);
            };
            const waiting = { stream, bytes, start };
            if (this.busy.has(stream))
                this.queueBehind(waiting);
            else {
                this.busy.add(stream);
                this.ready.add(waiting);
            }
        });
    }
    /** Those still waiting, and all who come later, get no turn. */
    close() {
        this.closed = true;
        const waiting = [...this.ready, ...[...this.behind.values()].flatMap((set) => [...set])];
        this.ready.clear();
        this.behind.clear();
        for (const { start } of waiting)
            start('closed');
    }
    hasRoom(bytes) {
        const { appendsMax, bytesMax } = this.limits;
        return this.appends === 0 || (this.appends < appendsMax && this.bytes + bytes <= bytesMax);
    }
    begin(stream, bytes) {
        this.busy.add(stream);
        this.appends++;
        this.bytes += bytes;
        return () => {
            this.appends--;
            this.bytes -= bytes;
            this.passOn(stream);
            this.fill();
        };
    }
    /** The next of the stream, if there is one, now only waits for room. */
    passOn(stream) {
        this.busy.delete(stream);
        const set = this.behind.get(stream);
        const [next] = set ?? [];
        if (set === undefined || next === undefined)
            return;
        set.delete(next);
        if (set.size === 0)
            this.behind.delete(stream);
        this.busy.add(stream);
        this.ready.add(next);
    }
    fill() {
        for (const waiting of this.ready) {
            // In their order: a large one is not passed by small ones for ever.
            if (!this.hasRoom(waiting.bytes))
                return;
            this.ready.delete(waiting);
            waiting.start(this.begin(waiting.stream, waiting.bytes));
        }
    }
    queueBehind(waiting) {
        const set = this.behind.get(waiting.stream);
        if (set === undefined)
            this.behind.set(waiting.stream, new Set([waiting]));
        else
            set.add(waiting);
    }
    giveUp(waiting) {
        if (this.ready.delete(waiting)) {
            this.passOn(waiting.stream);
            // It may have been a large one that held up the others.
            this.fill();
        }
        else {
            const set = this.behind.get(waiting.stream);
            set?.delete(waiting);
            if (set?.size === 0)
                this.behind.delete(waiting.stream);
        }
        waiting.start('late');
    }
}
//# sourceMappingURL=eventstoredb-turns.js.map