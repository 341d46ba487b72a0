import { categoryOf } from '../event-store/event-store.js';
import { categories, ledgerOf } from '../event-store/streams.js';
export const topics = ['meters', 'usage', 'rejections', 'projections'];
export class LedgerChanges {
    readYourWrites;
    listeners = new Map();
    constructor(readYourWrites) {
        this.readYourWrites = readYourWrites;
        readYourWrites.onProgress((progress) => this.advance(progress));
    }
    /** Of the last event that is in the rows; null before the first. */
    get position() {
        return this.readYourWrites.position;
    }
    /** Answers how to stop listening. */
    listen(ledger, listener) {
        const others = this.listeners.get(ledger) ?? new Set();
        this.listeners.set(ledger, others.add(listener));
        return () => {
            others.delete(listener);
            if (others.size === 0 && this.listeners.get(ledger) === others)
                this.listeners.delete(ledger);
        };
    }
    advance({ changedStreams, usageLedgers }) {
        if (this.listeners.size === 0)
            return;
        const changed = new Map();
        const change = (ledger, topic) => {
            changed.set(ledger, (changed.get(ledger) ?? new Set(['projections'])).add(topic));
        };
        for (const ledger of usageLedgers)
            change(ledger, 'usage');
        for (const stream of changedStreams) {
            const category = categoryOf(stream);
            if (category === categories.meters || category === categories.rejections)
                change(ledgerOf(stream), category);
            else if (category === categories.keys)
                for (const listener of this.all())
                    listener.keysChanged();
        }
        for (const [ledger, ofLedger] of changed) {
            for (const listener of this.listeners.get(ledger) ?? [])
                listener.changed(ofLedger);
        }
    }
    *all() {
        for (const ofLedger of this.listeners.values())
            yield* ofLedger;
    }
}
//# sourceMappingURL=ledger-changes.js.map