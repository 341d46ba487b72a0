import { meters } from '../read-model/tables.js';
import { toMeter } from './meters.js';
/** Holds the changes of one batch: the last one the index folded. */
export class UsageChanges {
    batch = null;
    changes = [];
    set(batch, changes) {
        this.batch = batch;
        this.changes = changes;
    }
    /** null where the index did not fold this very batch. */
    of(batch) {
        return batch === this.batch ? this.changes : null;
    }
}
/** Meters remembered between batches; usually all there are. */
const METERS_REMEMBERED_MAX = 10_000;
/** Looks meters up once. To be forgotten when a batch is not committed, because its meters may then have other numbers. */
export class FoldedMeters {
    byId = new Map();
    byNumber = new Map();
    /** In the answer are at least those asked for that exist. */
    async ofIds(ids, rows) {
        this.makeRoom(ids.size);
        const missing = [...ids].filter((id) => !this.byId.has(id)).map((id) => [id]);
        if (missing.length > 0)
            this.remember(await rows.get(meters, missing, 'meterId'));
        return this.byId;
    }
    /** In the answer are at least those asked for that exist. */
    async ofNumbers(numbers, rows) {
        this.makeRoom(numbers.size);
        const missing = [...numbers].filter((number) => !this.byNumber.has(number)).map((number) => [number]);
        if (missing.length > 0)
            this.remember(await rows.get(meters, missing));
        return this.byNumber;
    }
    forget() {
        this.byId.clear();
        this.byNumber.clear();
    }
    makeRoom(meterCount) {
        if (this.byId.size + meterCount > METERS_REMEMBERED_MAX)
            this.forget();
    }
    remember(found) {
        for (const row of found) {
            if (!row)
                continue;
            const meter = { ...toMeter(row), number: row.number };
            this.byId.set(meter.id, meter);
            this.byNumber.set(meter.number, meter);
        }
    }
}
//# sourceMappingURL=usage-changes.js.map