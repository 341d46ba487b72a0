import { dispose } from './eventstoredb-client.js';
import { poisons } from './eventstoredb-errors.js';
export class ReadingClient {
    connect;
    limits;
    current;
    disposals = new Set();
    constructor(connect, limits) {
        this.connect = connect;
        this.limits = limits;
    }
    /** Gives the client to one call, which ends with the generator. */
    async *call(use) {
        const shared = (this.current ??= { client: this.connect(), calls: 0, stale: false });
        shared.calls++;
        try {
            yield* use(shared.client);
        }
        catch (error) {
            if (poisons(error))
                this.abandon(shared);
            throw error;
        }
        finally {
            shared.calls--;
            this.disposeIfDone(shared);
        }
    }
    /** The calls must have been ended before. */
    async close() {
        if (this.current) {
            const shared = this.current;
            this.abandon(shared);
            this.disposeIfDone(shared);
        }
        await Promise.all(this.disposals);
    }
    abandon(shared) {
        shared.stale = true;
        if (this.current === shared)
            this.current = undefined;
    }
    disposeIfDone(shared) {
        if (!shared.stale || shared.calls > 0)
            return;
        const disposal = dispose(shared.client, this.limits.disposeMs);
        this.disposals.add(disposal);
        void disposal.finally(() => this.disposals.delete(disposal));
    }
}
//# sourceMappingURL=eventstoredb-reading-client.js.map