/**
 * What usage comes to, now or after any earlier usage event: covered with as few cells as possible, whatever the number of
 * records.
 *
 * A cell that nothing changed since then is taken as it is; one that began later was empty. Only what is left is looked at
 * more closely, down to the records of a minute (or of a window, on a pre-aggregated meter), by the same formulas.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { effectiveInWindow, formulas } from '../domain/aggregation.js';
import { bucketMs, bucketStart, coverWithBuckets } from '../domain/time-bucket.js';
import { cellsTable } from '../projections/cell-tables.js';
import { usageRecords, usageWindows } from '../read-model/tables.js';
/** How many records of a series are gone through as fast as one is found by its time. */
const SCANNED_PER_RECOUNTED = 4;
const ROWS_PER_READ = 4_096;
/** What was cancelled later is looked for among so many sequences at a time, but in at most so many reads. */
const SEQUENCES_PER_READ = 65_536;
const READS_MAX = 256;
const COSTS = { recountedRecordsMax: 20_000, takenBack: 4 / 3, passedPerFound: 3 };
const CELL_COLUMNS = ['start', 'records', 'state', 'firstSequence', 'changedSequence'];
/** A record as it stood after a usage event (null: as it stands); null where it was not recorded yet. */
export function recordAt(row, sequence) {
    if (sequence === null)
        return row;
    if (row.sequence > sequence)
        return null;
    if (row.cancelledSequence === null || row.cancelledSequence <= sequence)
        return row;
    return { ...row, cancelledAt: null, cancelledSequence: null, cancelledRevision: null };
}
export class UsageAt {
    rows;
    meter;
    sequence;
    costs;
    /** Where the meter's cells are. */
    cellsTable;
    formula;
    winners = new Map();
    /** Rows read since other requests were last let in between. */
    unbroken = 0;
    read = 0;
    constructor(rows, meter, 
    /** The last usage event that had happened; null: as it stands. */
    sequence, costs = COSTS) {
        this.rows = rows;
        this.meter = meter;
        this.sequence = sequence;
        this.costs = costs;
        this.formula = formulas[meter.formula];
        this.cellsTable = cellsTable(meter);
    }
    /** The state of the formula over the effective records of the series in `[start, end)`, on full minutes. */
    async state(series, start, end) {
        let state = this.formula.empty;
        for (const number of series)
            state = this.formula.merge(state, await this.stateOfOne(number, start, end));
        return state;
    }
    /** As `state`, with how many effective records there are, for which every cell is looked at. */
    async whole(series, start, end) {
        const parts = [];
        for (const number of series) {
            if (await this.isWorthScanning(number, start, end)) {
                parts.push(...(await this.scan(number, start, end)));
                continue;
            }
            for (const { size, ...run } of coverWithBuckets(start, end)) {
                for (const cell of await this.cells(number, size, run.start, run.end))
                    parts.push(await this.bucket(cell, size));
            }
        }
        return this.add(start, parts);
    }
    /** Cells that were read so far, and each look for some as one more. */
    get cellsRead() {
        return this.read;
    }
    /** Latest first, so that a formula that needs no more is not given more. */
    async stateOfOne(series, start, end) {
        if (await this.isWorthScanning(series, start, end))
            return this.add(start, await this.scan(series, start, end)).state;
        let state = this.formula.empty;
        for (const { size, ...run } of coverWithBuckets(start, end).reverse()) {
            for (const cell of (await this.cells(series, size, run.start, run.end)).reverse()) {
                if (this.formula.isSettled(state))
                    return state;
                state = this.formula.merge(state, (await this.bucket(cell, size)).state);
            }
        }
        return state;
    }
    /** The buckets of one series and size in `[from, to)` that have effective records, in time order. */
    async buckets(series, size, from, to) {
        if (await this.isWorthScanning(series, from, to))
            return this.scan(series, from, to, size);
        const found = [];
        for (const cell of await this.cells(series, size, from, to)) {
            const bucket = await this.bucket(cell, size);
            if (bucket.records > 0)
                found.push(bucket);
        }
        return found;
    }
    /** A record as it stood; null where it was not recorded yet. */
    record(row) {
        return recordAt(row, this.sequence);
    }
    /** Sequence of the record that counts in the window of each of these; null where none does. */
    async winnersOf(records, window) {
        const starts = records.map(({ occurredAt }) => bucketStart(window, occurredAt));
        const keys = records.map(({ series }, index) => [series, starts[index]]);
        const stored = await this.rows.get(usageWindows, keys);
        if (this.sequence === null)
            return stored.map((row) => row?.sequence ?? null);
        const cells = await this.rows.get(this.cellsTable, keys.map(([series = 0, start = 0]) => [bucketMs[window], series, start]));
        const found = [];
        for (const [index, { series }] of records.entries()) {
            const isUnchanged = (cells[index]?.changedSequence ?? 0) <= this.sequence;
            const winner = isUnchanged ? stored[index] : await this.winner(series, window, starts[index]);
            found.push(winner?.sequence ?? null);
        }
        return found;
    }
    async bucket(cell, size) {
        const { series, start, records, state, firstSequence, changedSequence } = cell;
        if (this.sequence === null || changedSequence <= this.sequence) {
            return { start, records, state: this.formula.decode(state) };
        }
        if (firstSequence > this.sequence)
            return { start, records: 0, state: this.formula.empty };
        const window = this.meter.eventTimeWindow;
        if (window !== null && bucketMs[size] <= bucketMs[window])
            return this.countWindow(series, size, start, window);
        if (size === 'minute')
            return this.countRecords(series, size, start);
        const part = size === 'day' ? 'hour' : 'minute';
        const cells = await this.cells(series, part, start, start + bucketMs[size]);
        const changed = cells.reduce((sum, each) => sum + (this.isRecounted(each) ? each.records : 0), 0);
        // Where most of an hour is counted again, it is read as a whole.
        if (window === null && size === 'hour' && changed * 2 > records)
            return this.countRecords(series, size, start);
        const parts = [];
        for (const each of cells)
            parts.push(await this.bucket(each, part));
        return this.add(start, parts);
    }
    /** As values: where very many cells are read, making rows of all their columns is most of the cost. */
    async cells(series, size, from, to) {
        const prefix = [bucketMs[size], series];
        const range = { prefix, from, to, limit: Number.MAX_SAFE_INTEGER };
        const found = (await this.rows.values(this.cellsTable, CELL_COLUMNS, range));
        this.read += 1 + found.length;
        return found.map(([start, records, state, firstSequence, changedSequence]) => ({
            series,
            start,
            records,
            state,
            firstSequence,
            changedSequence,
        }));
    }
    isRecounted({ firstSequence, changedSequence }) {
        return this.sequence !== null && firstSequence <= this.sequence && changedSequence > this.sequence;
    }
    /**
     * Whether so many records were to be found by their time that going through the series in the order of recording is
     * faster: usage that came in random order.
     */
    async isWorthScanning(series, from, to) {
        if (this.sequence === null || this.meter.eventTimeWindow !== null)
            return false;
        const [start, end] = [bucketStart('day', from), bucketStart('day', to - 1) + bucketMs.day];
        const days = (await this.cells(series, 'day', start, end)).filter((cell) => this.isRecounted(cell));
        if (recordsOf(days) < this.costs.recountedRecordsMax)
            return false;
        let recounted = 0;
        for (const day of days) {
            const [first, last] = [Math.max(day.start, from), Math.min(day.start + bucketMs.day, to)];
            const minutes = await this.cells(series, 'minute', first, last);
            recounted += recordsOf(minutes.filter((cell) => this.isRecounted(cell)));
        }
        if (recounted < this.costs.recountedRecordsMax)
            return false;
        const all = await this.cells(series, 'day', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
        return recordsOf(all) <= recounted * SCANNED_PER_RECOUNTED;
    }
    /** Where the records of a series begin and end in the order of recording, and whether few others stand between them. */
    async spanOf(series) {
        const end = async (reverse) => {
            const range = { index: 'series', prefix: [series], reverse, limit: 1 };
            const [entry] = (await this.rows.values(usageRecords, ['sequence'], range));
            return entry?.[0] ?? null;
        };
        const [first, last] = [(await end(false)) ?? 1, (await end(true)) ?? 0];
        const all = await this.cells(series, 'day', Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
        return { series, first, last, isDense: last - first < recordsOf(all) * (1 + this.costs.passedPerFound) };
    }
    /** Of a raw meter, its records gone through in the order of recording, in buckets of one size (null: one for all). */
    async scan(series, start, end, size = null) {
        const at = this.sequence ?? Number.MAX_SAFE_INTEGER - 1;
        const buckets = new Map();
        const bucketOf = (occurredAt) => {
            const bucketAt = size === null ? start : bucketStart(size, occurredAt);
            let bucket = buckets.get(bucketAt);
            if (!bucket)
                buckets.set(bucketAt, (bucket = { start: bucketAt, records: 0, state: this.formula.empty }));
            return bucket;
        };
        const add = (record) => {
            const bucket = bucketOf(record.occurredAt);
            bucket.records++;
            bucket.state = this.formula.add(bucket.state, record);
        };
        const within = { column: 'occurredAt', from: start, to: end };
        const span = await this.spanOf(series);
        if (!this.formula.isOrderFree || !this.isLate(span, at)) {
            const cancelled = { column: 'cancelledSequence', from: at + 1, orNull: true };
            await this.eachRecord(span, { from: span.first, to: at + 1, within: [within, cancelled] }, add);
            return inTimeOrder(buckets);
        }
        // As it stands, without what came later, with what was cancelled later.
        const now = new UsageAt(this.rows, this.meter, null);
        const cells = size === null ? [await now.whole([series], start, end)] : await now.buckets(series, size, start, end);
        for (const cell of cells)
            buckets.set(cell.start, { ...cell });
        this.read += now.cellsRead;
        await this.eachRecord(span, { from: at + 1, where: { cancelledSequence: null }, within: [within] }, (record) => {
            const bucket = bucketOf(record.occurredAt);
            bucket.records--;
            bucket.state = this.formula.remove(bucket.state, record);
        });
        const step = Math.max(SEQUENCES_PER_READ, Math.ceil((at - span.first) / READS_MAX));
        for (let from = span.first; from <= at; from += step) {
            const cancelledLater = [within, { column: 'cancelledSequence', from: at + 1 }];
            await this.eachRecord(span, { from, to: Math.min(from + step, at + 1), within: cancelledLater }, add);
        }
        return inTimeOrder(buckets);
    }
    /** Whether taking back what a series recorded later costs less than adding up what it had recorded by then. */
    isLate({ first, last }, at) {
        return (last - at) * this.costs.takenBack < at - first;
    }
    /** The records of a series from one place in the order of recording to another. */
    async eachRecord({ series, first, last, isDense }, { from, to, where, within }, take) {
        const range = {
            to: Math.min(to ?? Infinity, last + 1),
            within,
            limit: ROWS_PER_READ,
            ...(isDense ? { where: { ...where, series } } : { index: 'series', prefix: [series], ...(where && { where }) }),
        };
        for (let next = Math.max(from, first); next < range.to;) {
            const columns = ['sequence', 'occurredAt', 'value'];
            const page = (await this.rows.values(usageRecords, columns, { ...range, from: next }));
            for (const [sequence, occurredAt, value] of page)
                take({ sequence, occurredAt, value });
            // Long counts let other requests in between.
            await nextTurn();
            const newest = page.at(-1);
            if (!newest || page.length < ROWS_PER_READ)
                return;
            next = newest[0] + 1;
        }
    }
    add(start, parts) {
        return parts.reduce((whole, { records, state }) => ({
            start,
            records: whole.records + records,
            state: this.formula.merge(whole.state, state),
        }), { start, records: 0, state: this.formula.empty });
    }
    /** A bucket within one window, which has at most one effective record. */
    async countWindow(series, size, start, window) {
        const winner = await this.winner(series, window, bucketStart(window, start));
        const { empty } = this.formula;
        if (winner === null || bucketStart(size, winner.occurredAt) !== start)
            return { start, records: 0, state: empty };
        return { start, records: 1, state: this.formula.add(empty, winner) };
    }
    async winner(series, window, start) {
        const key = `${series} ${start}`;
        const known = this.winners.get(key);
        if (known !== undefined)
            return known;
        let winner = null;
        await this.eachEffective(series, start, start + bucketMs[window], (record) => {
            winner = effectiveInWindow(winner, record);
        });
        this.winners.set(key, winner);
        return winner;
    }
    async countRecords(series, size, start) {
        let records = 0;
        let state = this.formula.empty;
        await this.eachEffective(series, start, start + bucketMs[size], (record) => {
            records++;
            state = this.formula.add(state, record);
        });
        return { start, records, state };
    }
    /** The records of `[start, end)` that were recorded and not cancelled then. */
    async eachEffective(series, start, end, take) {
        const at = this.sequence ?? Number.MAX_SAFE_INTEGER;
        const range = { index: 'occurred', prefix: [series], to: end, limit: ROWS_PER_READ };
        let after = null;
        for (;;) {
            const page = await this.rows.values(usageRecords, ['occurredAt', 'sequence', 'value', 'cancelledSequence'], after === null ? { ...range, from: start } : { ...range, after });
            for (const [occurredAt, sequence, value, cancelledSequence] of page) {
                if (sequence > at || (cancelledSequence !== null && cancelledSequence <= at))
                    continue;
                take({ occurredAt, sequence, value });
            }
            this.unbroken += page.length;
            if (this.unbroken >= ROWS_PER_READ) {
                this.unbroken = 0;
                await nextTurn();
            }
            const last = page.at(-1);
            if (!last || page.length < ROWS_PER_READ)
                return;
            after = last.slice(0, 2);
        }
    }
}
function inTimeOrder(buckets) {
    return [...buckets.values()].filter(({ records }) => records > 0).sort((left, right) => left.start - right.start);
}
function recordsOf(cells) {
    return cells.reduce((sum, { records }) => sum + records, 0);
}
//# sourceMappingURL=usage-at.js.map