import { initial } from '../domain/usage-record.js';
import { meters, usageRecords, usageSeries, usageStreams } from '../read-model/tables.js';
export const ABSENT = { state: initial, revision: 0 };
export class UsageIndex {
    readModel;
    /** A meter's number never changes. */
    numbers = new Map();
    constructor(readModel) {
        this.readModel = readModel;
    }
    /** In the order asked for. */
    async find(records) {
        const keys = [];
        // A meter that is not projected yet has no projected records either.
        for (const { meterId, identifier } of records) {
            // There are hundreds, of few meters: nothing is awaited for a meter that is known.
            keys.push([this.numbers.get(meterId) ?? (await this.numberOf(meterId)), identifier]);
        }
        const rows = await this.readModel.get(usageRecords, keys, 'identifier');
        const found = [];
        for (let index = 0; index < rows.length; index++) {
            const row = rows[index];
            const meterId = records[index]?.meterId ?? '';
            found.push(row ? { state: await this.stateOf(meterId, row), revision: row.cancelledRevision ?? row.revision } : ABSENT);
        }
        return found;
    }
    /** Revision up to which a usage stream has been projected. */
    async projectedRevision(stream) {
        const [row] = await this.readModel.get(usageStreams, [[stream]]);
        return row?.revision ?? 0;
    }
    async numberOf(meterId) {
        const [row] = await this.readModel.get(meters, [[meterId]], 'meterId');
        if (!row)
            return null;
        this.numbers.set(meterId, row.number);
        return row.number;
    }
    async stateOf(meterId, row) {
        const [series] = await this.readModel.get(usageSeries, [[row.series]]);
        if (!series)
            throw new Error(`Record ${row.sequence} belongs to series ${row.series}, which is not there.`);
        const record = {
            meterId,
            identifier: row.identifier,
            customer: series.customer,
            value: row.value,
            occurredAt: row.occurredAt,
            recordedAt: row.recordedAt,
            payload: row.payload === null ? {} : JSON.parse(row.payload),
        };
        return row.cancelledAt === null
            ? { status: 'recorded', record }
            : { status: 'cancelled', record, cancelledAt: row.cancelledAt };
    }
}
//# sourceMappingURL=usage-index.js.map