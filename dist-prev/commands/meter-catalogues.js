/**
 * The meters of every ledger, as the write side sees them: folded from `meters-<ledger>`, remembered, and read again when
 * the projector reports that the stream changed. Before anything is refused for lack of a meter the stream itself is
 * asked, so a meter another process just created is never missed.
 */
import * as MeterCatalogue from '../domain/meter-catalogue.js';
import { metersStream } from '../event-store/streams.js';
import { FoldedStream } from '../event-store/transact.js';
export class MeterCatalogues {
    store;
    newEventId;
    streams = new Map();
    fresh = new Set();
    constructor(store, newEventId) {
        this.store = store;
        this.newEventId = newEventId;
    }
    /** Says that streams changed, as the projector saw it. */
    changed(streams) {
        for (const stream of streams)
            this.fresh.delete(stream);
    }
    of(ledger) {
        let stream = this.streams.get(ledger);
        if (!stream) {
            stream = new FoldedStream(this.store, metersStream(ledger), MeterCatalogue, this.newEventId);
            this.streams.set(ledger, stream);
        }
        return stream;
    }
    /** Good for finding a meter that is there: what this process and, a moment later, others made of it. */
    async recent(ledger) {
        const stream = this.of(ledger);
        if (this.fresh.has(stream.stream))
            return stream.remembered;
        return this.latest(ledger);
    }
    /** Good for refusing: everything that was appended before the call. */
    async latest(ledger) {
        const stream = this.of(ledger);
        // Marked before reading: a change reported meanwhile makes it old again.
        this.fresh.add(stream.stream);
        try {
            return await stream.read();
        }
        catch (error) {
            this.fresh.delete(stream.stream);
            throw error;
        }
    }
}
//# sourceMappingURL=meter-catalogues.js.map