/**
 * What the events of a log must be to one another: revisions without a gap, usage in the streams of its meter's ledger and
 * in its own partition, and a cancellation that repeats the record it cancels word by word.
 */
import { isDeepStrictEqual } from 'node:util';
import { usagePartition } from '../domain/usage-partition.js';
import { ledgerOf, partitionOf } from '../event-store/streams.js';
import { meters, usageRecords, usageSeries } from '../read-model/tables.js';
export class LogCheck {
    report;
    revisions = new Map();
    ledgers = new Map();
    partitions = new Map();
    constructor(report) {
        this.report = report;
    }
    revision({ stream, revision }) {
        const expected = (this.revisions.get(stream) ?? 0) + 1;
        this.revisions.set(stream, revision);
        if (revision === expected)
            return;
        this.report({
            stream,
            revision,
            message: `Event ${revision} of stream ${stream} stands where ${expected} must be.`,
        });
    }
    /** Of events whose usage is in the rows already. */
    async events(events, rows) {
        const cancelled = [];
        for (const projected of events) {
            const { event, stream } = projected;
            if (event.type === 'LedgerOpened')
                this.partitions.set(ledgerOf(stream), event.data.usagePartitions);
            else if (event.type === 'MeterCreated')
                this.ledgers.set(event.data.meterId, ledgerOf(stream));
            else if (event.type === 'UsageRecorded' || event.type === 'UsageCancelled') {
                this.place(projected, event.data.meterId, event.data.identifier);
                if (event.type === 'UsageCancelled')
                    cancelled.push({ ...projected, data: event.data });
            }
        }
        await this.cancellations(cancelled, rows);
    }
    place({ stream, revision }, meterId, identifier) {
        const ledger = ledgerOf(stream);
        const say = (what) => this.report({ stream, revision, message: `Event ${revision} of stream ${stream} ${what}` });
        const owner = this.ledgers.get(meterId);
        if (owner !== ledger)
            return say(`is about meter ${meterId}, which is not of the ledger ${ledger}.`);
        const partition = usagePartition(meterId, identifier, this.partitions.get(ledger) ?? 0);
        if (partition !== partitionOf(stream))
            say(`is about a record that belongs to partition ${partition}.`);
    }
    async cancellations(cancelled, rows) {
        for (const { stream, revision, data } of cancelled) {
            const [meter] = await rows.get(meters, [[data.meterId]], 'meterId');
            const [row] = meter ? await rows.get(usageRecords, [[meter.number, data.identifier]], 'identifier') : [];
            const [series] = row ? await rows.get(usageSeries, [[row.series]]) : [];
            if (!row || !series)
                continue; // Projecting it has stopped, and said why.
            const { cancelledAt: _at, meterId: _meter, ...repeated } = data;
            const { identifier, value, occurredAt, recordedAt } = row;
            const payload = row.payload === null ? {} : JSON.parse(row.payload);
            const record = { identifier, customer: series.customer, value, occurredAt, recordedAt, payload };
            const differs = Object.keys(record).filter((key) => !isDeepStrictEqual(Object(record[key]), Object(repeated[key])));
            if (differs.length === 0)
                continue;
            const message = `Event ${revision} of stream ${stream} cancels record ${JSON.stringify(identifier)} of meter ${data.meterId}, but its ${differs.join(' and ')} ${differs.length === 1 ? 'is' : 'are'} not what event ${row.revision} recorded.`;
            this.report({ stream, revision, message });
        }
    }
}
//# sourceMappingURL=log-check.js.map