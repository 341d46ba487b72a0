import { DomainError } from '../domain/errors.js';
import { later } from '../event-store/read-your-writes.js';
import { meters } from '../read-model/tables.js';
import { findAsOf } from './as-of.js';
export class Reader {
    readModel;
    readYourWrites;
    store;
    unprojectedUsage;
    constructor(readModel, readYourWrites, store, 
    /** null where other processes append usage as well, so that nobody knows all of it without the rows. */
    unprojectedUsage = null) {
        this.readModel = readModel;
        this.readYourWrites = readYourWrites;
        this.store = store;
        this.unprojectedUsage = unprojectedUsage;
    }
    /** A position a client sent back; null for text that is none of this store's. */
    parsePosition(text) {
        return this.store.parsePosition(text);
    }
    async read({ minPosition }, projection, read) {
        await this.readYourWrites.settled(minPosition);
        return this.readModel.snapshot(async (rows) => {
            const { position } = await rows.checkpoint(projection);
            return { result: await read(rows), position };
        });
    }
    /**
     * As `read`, without waiting for a customer's usage to be projected: `read` is given the records that may not be in the
     * rows yet, and answers null where it needs them in the rows. Answers null then, and where not all of them are known.
     */
    async readUnprojected({ ledger, minPosition }, projection, { meterId, customer }, read) {
        if (!this.unprojectedUsage)
            return null;
        await this.readYourWrites.metersSettled(minPosition);
        // Before the rows are read: what is projected meanwhile is then in both, and nothing in neither.
        const unprojected = this.unprojectedUsage.unprojected(ledger, meterId, customer);
        if (!unprojected)
            return null;
        const { position, records } = unprojected;
        const known = later(this.store, position, this.readYourWrites.lastAcknowledged);
        return this.readModel.snapshot(async (rows) => {
            const projected = (await rows.checkpoint(projection)).position;
            const result = await read(rows, records);
            return result === null ? null : { result, position: later(this.store, known, projected) };
        });
    }
    /**
     * As `read`, of a moment of the past where one is asked for: `then` says which, and the answer's position is that of the
     * last usage event up to it. Rows are as they stand; who reads them leaves out what came later.
     *
     * @throws DomainError for a moment that has not come, and a position that is not in the log.
     */
    async readAsOf({ minPosition }, projection, asOf, read) {
        await this.readYourWrites.settled(minPosition);
        return this.readModel.snapshot(async (rows) => {
            const { position } = await rows.checkpoint(projection);
            const then = asOf === null ? null : await findAsOf(rows, this.store, asOf, position);
            return { result: await read(rows, then), position: then === null ? position : then.position };
        });
    }
}
/** @throws DomainError `resource_missing`, also for another ledger's meter. */
export async function requireMeter(rows, ledger, meterId, param = 'id') {
    const [row] = await rows.get(meters, [[meterId]], 'meterId');
    if (!row || row.ledger !== ledger)
        throw new DomainError('resource_missing', `No such meter: '${meterId}'.`, param);
    return row;
}
//# sourceMappingURL=reader.js.map