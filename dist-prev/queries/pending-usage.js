/**
 * A customer's usage that is in the log and not yet in the rows, on top of what the rows give: an answer need not wait for
 * the projector.
 *
 * How far the rows are in each stream is read in the snapshot everything else is read from, so none is counted twice or
 * left out wherever the projector stands. Only for raw meters and formulas that do not look at
 * the order of recording; everything else waits.
 */
import { formulas } from '../domain/aggregation.js';
import { dimensionValues } from '../domain/meter-event.js';
import { bucketStart } from '../domain/time-bucket.js';
import { usageRecords, usageSeries, usageStreams } from '../read-model/tables.js';
export class PendingUsage {
    formula;
    changes;
    newSeries;
    constructor(formula, changes, 
    /** Series that have no row yet; their numbers are below zero. */
    newSeries) {
        this.formula = formula;
        this.changes = changes;
        this.newSeries = newSeries;
    }
    /** null where the records must be in the rows before they can be counted. */
    static async find(rows, meter, { number }, records) {
        const formula = formulas[meter.formula];
        const missing = await notInRows(rows, records);
        if (missing.length > 0 && (!formula.isOrderFree || meter.eventTimeWindow !== null))
            return null;
        const series = new SeriesOfRecords(rows, meter, number);
        const changes = new Map();
        for (const { record, isCancelled } of missing) {
            // There may be thousands: nothing is awaited where nothing has to be read.
            const found = series.of(record);
            const of = typeof found === 'number' ? found : await found;
            // Of what came and went again since, the rows have nothing.
            if (isCancelled && !(await isInRows(rows, number, record)))
                continue;
            const ofSeries = changes.get(of);
            if (ofSeries)
                ofSeries.push({ record, isTakenOut: isCancelled });
            else
                changes.set(of, [{ record, isTakenOut: isCancelled }]);
        }
        return new PendingUsage(formula, changes, series.added);
    }
    /** What the rows say, with these records. */
    over(usage) {
        return {
            state: (series, start, end) => this.state(usage, series, start, end),
            buckets: (series, size, from, to) => this.buckets(usage, series, size, from, to),
        };
    }
    async state(usage, series, start, end) {
        let state = await usage.state(series.filter(hasRow), start, end);
        for (const { record, isTakenOut } of this.changesOf(series, start, end))
            state = this.apply(state, record, isTakenOut);
        return state;
    }
    async buckets(usage, series, size, from, to) {
        const buckets = new Map();
        for (const bucket of hasRow(series) ? await usage.buckets(series, size, from, to) : []) {
            buckets.set(bucket.start, bucket);
        }
        for (const { record, isTakenOut } of this.changesOf([series], from, to)) {
            const start = bucketStart(size, record.occurredAt);
            const { records, state } = buckets.get(start) ?? { records: 0, state: this.formula.empty };
            buckets.set(start, {
                start,
                records: records + (isTakenOut ? -1 : 1),
                state: this.apply(state, record, isTakenOut),
            });
        }
        return [...buckets.values()].filter(({ records }) => records > 0).sort((left, right) => left.start - right.start);
    }
    *changesOf(series, from, to) {
        for (const number of series) {
            for (const change of this.changes.get(number) ?? []) {
                if (change.record.occurredAt >= from && change.record.occurredAt < to)
                    yield change;
            }
        }
    }
    apply(state, { value, occurredAt }, isTakenOut) {
        // Its place in the log is not known yet, and nothing here looks at it.
        const record = { value, occurredAt, sequence: Infinity };
        return isTakenOut ? this.formula.remove(state, record) : this.formula.add(state, record);
    }
}
/** Those whose last event the rows do not have. */
async function notInRows(rows, records) {
    const streams = [...new Set(records.map(({ stream }) => stream))];
    const projected = await rows.get(usageStreams, streams.map((stream) => [stream]));
    const revisions = new Map(streams.map((stream, index) => [stream, projected[index]?.revision ?? 0]));
    return records.filter(({ stream, revision }) => revision > (revisions.get(stream) ?? 0));
}
async function isInRows(rows, meter, { identifier }) {
    const [row] = await rows.get(usageRecords, [[meter, identifier]], 'identifier');
    return row !== undefined;
}
/** The series of records that may be the first of theirs. */
class SeriesOfRecords {
    rows;
    meter;
    meterNumber;
    added = [];
    numbers = new Map();
    constructor(rows, meter, meterNumber) {
        this.rows = rows;
        this.meter = meter;
        this.meterNumber = meterNumber;
    }
    of(record) {
        const { dimensionKeys } = this.meter;
        const dimensions = dimensionKeys.length === 0 ? '[]' : JSON.stringify(dimensionValues(this.meter, record));
        return this.numbers.get(dimensions) ?? this.find(record.customer, dimensions);
    }
    async find(customer, dimensions) {
        const [row] = await this.rows.get(usageSeries, [[this.meterNumber, customer, dimensions]], 'combination');
        const series = row?.series ?? -1 - this.added.length;
        if (!row)
            this.added.push({ series, meter: this.meterNumber, customer, dimensions });
        this.numbers.set(dimensions, series);
        return series;
    }
}
function hasRow(series) {
    return series >= 0;
}
//# sourceMappingURL=pending-usage.js.map