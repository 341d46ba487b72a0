import { fold } from '../domain/decider.js';
import * as MeterCatalogue from '../domain/meter-catalogue.js';
import { decodeEvent } from '../event-store/codec.js';
import { metersStream } from '../event-store/streams.js';
import { idempotencyKeys } from '../read-model/tables.js';
import { readEvent } from './read-event.js';
export class FirstAnswers {
    readModel;
    store;
    readYourWrites;
    /** Caused by this process and not projected yet. */
    tail = new Map();
    constructor(readModel, store, readYourWrites) {
        this.readModel = readModel;
        this.store = store;
        this.readYourWrites = readYourWrites;
        readYourWrites.onProgress(() => this.trim());
    }
    remember(ledger, key, caused) {
        if (!this.readYourWrites.has(caused.position))
            this.tail.set(`${ledger} ${key}`, caused);
    }
    async find(ledger, key) {
        const known = this.tail.get(`${ledger} ${key}`);
        if (known)
            return known;
        await this.readYourWrites.started();
        const [row] = await this.readModel.get(idempotencyKeys, [[ledger, key]]);
        return row ?? null;
    }
    event(place) {
        return readEvent(this.store, place);
    }
    /** The meters of a ledger as they stood after a revision. */
    async catalogueAt(ledger, revision) {
        let state = MeterCatalogue.initial;
        for await (const page of this.store.readStream(metersStream(ledger), { limit: revision })) {
            state = fold(MeterCatalogue, page.map(decodeEvent), state);
        }
        return state;
    }
    trim() {
        for (const [key, { position }] of this.tail) {
            if (!this.readYourWrites.has(position))
                return;
            this.tail.delete(key);
        }
    }
}
//# sourceMappingURL=first-answers.js.map