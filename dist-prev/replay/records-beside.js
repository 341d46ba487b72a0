import { usageCells, usageRecords } from '../read-model/tables.js';
import { EntrySum, newSumKeys } from './entry-sum.js';
import { scatteredIndexes, sumIndexes } from './summed-indexes.js';
/** The log and the rows do not simply agree: its message says what was met first. */
export class Disagreement extends Error {
    name = 'Disagreement';
}
/** Cancelled records looked for at a time. */
const PAGE_RECORDS = 2_000;
const columns = Object.keys(usageRecords.columns);
const cancelColumns = ['cancelledAt', 'cancelledSequence', 'cancelledRevision'];
const isOfCancel = (column) => cancelColumns.includes(column);
const recordedColumns = columns.filter((column) => !isOfCancel(column));
const wanted = [...recordedColumns, ...cancelColumns];
const cancelledSequenceAt = wanted.indexOf('cancelledSequence');
export class RecordsBeside {
    scratch;
    cells;
    stored;
    recorded = 0;
    cancelled = 0;
    /** Behind the last record that was compared; null before the first. */
    next = null;
    /** With which whoever sums the stored entries does so. */
    sumKeys = newSumKeys();
    entries = scatteredIndexes.map(() => new EntrySum(this.sumKeys));
    constructor(scratch, 
    /** What is added to cells of sums and counts goes here. */
    cells, 
    /** May be further than the fold, and go on meanwhile; never behind it. */
    stored) {
        this.scratch = scratch;
        this.cells = cells;
        this.stored = stored;
    }
    get records() {
        return this.recorded;
    }
    /** Records and entries of their indexes: as many as are compared. */
    get rows() {
        return this.recorded * (1 + scatteredIndexes.length);
    }
    /** @throws Disagreement */
    write(change) {
        return this.scratch.write((rows, building) => change(new BesideWriter(rows, this), building));
    }
    /**
     * Compares what could not be while it was folded: that nothing else is stored, and which entries the indexes have. What
     * came after the usage event `until` is not looked at; null: nothing may have. `summed`: the stored entries as somebody
     * found them who could not tell what was being recorded meanwhile. `onPage` is told how many rows were read.
     *
     * @throws Disagreement
     */
    async conclude(stored, until, summed, { signal, onPage }) {
        const others = { ...this.following(), ...upTo(until), limit: 1 };
        if ((await stored.values(usageRecords, ['sequence'], others)).length > 0) {
            throw new Disagreement('A usage record is stored that was never recorded.');
        }
        const cancelled = await this.countCancelled(stored, until, onPage);
        if (cancelled !== this.cancelled) {
            throw new Disagreement(`${this.cancelled} usage records were cancelled, ${cancelled} are stored as cancelled.`);
        }
        const isOfThen = until !== null || summed.every(({ later }) => later === 0);
        const found = isOfThen ? summed : await sumIndexes(stored, this.sumKeys, until, signal, onPage);
        for (const [place, { index }] of scatteredIndexes.entries()) {
            const { count, values } = this.entries[place];
            const { sums, entries } = found[place];
            if (entries === count && sums.every((sum, at) => sum === values[at]))
                continue;
            throw new Disagreement(`The index of usage records by ${index} does not have the entries it must have.`);
        }
    }
    /** Of records in the order of the log. */
    async insert(rows) {
        const last = rows.at(-1);
        if (!last)
            return;
        const range = { ...this.following(), to: last.sequence + 1, limit: rows.length };
        const { parts } = await this.stored.image(usageRecords, range);
        const isSame = columns.every((column, at) => parts[at] === JSON.stringify(rows.map((row) => row[column])));
        if (!isSame)
            await this.compareOneByOne(rows, range);
        for (const [place, { columns: of }] of scatteredIndexes.entries()) {
            const sum = this.entries[place];
            const entry = new Array(of.length);
            for (const row of rows) {
                for (let at = 0; at < entry.length; at++)
                    entry[at] = row[of[at]];
                sum.add(entry);
            }
        }
        this.next = last.sequence + 1;
        this.recorded += rows.length;
    }
    /** Some were cancelled later, or are written differently and the same. */
    async compareOneByOne(rows, range) {
        const found = await this.stored.values(usageRecords, wanted, range);
        // One that is stored between them would take the place of another.
        for (const [place, row] of rows.entries()) {
            const stored = found[place];
            if (stored && isStoredAs(row, stored))
                continue;
            throw new Disagreement(`Usage record ${row.sequence} is not stored as it was recorded.`);
        }
    }
    /** Of records that were cancelled just now. */
    async cancel(rows) {
        const found = await this.stored.get(usageRecords, rows.map(({ sequence }) => [sequence]));
        for (const [place, row] of rows.entries()) {
            const stored = found[place];
            if (stored && columns.every((column) => stored[column] === row[column]))
                continue;
            throw new Disagreement(`Usage record ${row.sequence} is not stored as it was cancelled.`);
        }
        this.cancelled += rows.length;
    }
    /** As they were before they were cancelled: a second cancellation is found to be none when it is compared. */
    async get(keys, index) {
        const found = await this.stored.get(usageRecords, keys, index);
        return found.map((row) => row && { ...row, cancelledAt: null, cancelledSequence: null, cancelledRevision: null });
    }
    range(range) {
        return this.stored.range(usageRecords, range);
    }
    following() {
        return this.next === null ? {} : { from: this.next };
    }
    addToCells(rows) {
        return this.cells.write((cells) => cells.add(usageCells, rows));
    }
    async countCancelled(stored, until, onPage) {
        // None has a place before the first event: those would not be stored as their records were recorded.
        const within = [{ column: 'cancelledSequence', from: 1, ...upTo(until) }];
        let count = 0;
        for await (const page of pagesOf(stored, { within }, ['sequence'])) {
            count += page.length;
            onPage(page.length);
        }
        return count;
    }
}
function upTo(until) {
    return until === null ? {} : { to: until + 1 };
}
/** A later cancellation may be stored already. */
function isStoredAs(row, stored) {
    for (let column = 0; column < recordedColumns.length; column++) {
        if (stored[column] !== row[recordedColumns[column]])
            return false;
    }
    const cancelled = stored[cancelledSequenceAt];
    if (cancelled !== null)
        return cancelled > row.sequence;
    return stored.every((value, column) => column < recordedColumns.length || value === null);
}
async function* pagesOf(rows, range, of) {
    let after;
    do {
        const page = await rows.values(usageRecords, of, {
            ...range,
            ...(after && { after }),
            limit: PAGE_RECORDS,
        });
        yield page;
        after = page.length === PAGE_RECORDS ? page.at(-1) : undefined;
    } while (after);
}
/** Scratch rows, but for usage records. */
class BesideWriter {
    rows;
    records;
    constructor(rows, records) {
        this.rows = rows;
        this.records = records;
    }
    get(table, keys, index) {
        if (!isOfRecords(table))
            return this.rows.get(table, keys, index);
        return this.records.get(keys, index);
    }
    range(table, range) {
        if (!isOfRecords(table))
            return this.rows.range(table, range);
        return this.records.range(range);
    }
    async put(table, rows) {
        if (!isOfRecords(table))
            return this.rows.put(table, rows);
        await this.records.cancel(rows);
    }
    async insertNew(table, rows) {
        if (!isOfRecords(table))
            return this.rows.insertNew(table, rows);
        await this.records.insert(rows);
        return rows.map(() => true);
    }
    values(table, of, range) {
        return this.rows.values(notOfRecords(table), of, range);
    }
    image(table, range) {
        return this.rows.image(notOfRecords(table), range);
    }
    count(table) {
        return this.rows.count(notOfRecords(table));
    }
    async add(table, rows) {
        if (table.name !== usageCells.name)
            return this.rows.add(notOfRecords(table), rows);
        if (rows.length > 0)
            await this.records.addToCells(rows);
    }
    delete(table, keys) {
        return this.rows.delete(notOfRecords(table), keys);
    }
    deleteBelow(table, column, bound) {
        return this.rows.deleteBelow(notOfRecords(table), column, bound);
    }
    checkpoint(projection) {
        return this.rows.checkpoint(projection);
    }
    setCheckpoint(...args) {
        return this.rows.setCheckpoint(...args);
    }
}
function isOfRecords(table) {
    return table.name === usageRecords.name;
}
/** What projections never do with records is not made up here. */
function notOfRecords(table) {
    if (isOfRecords(table))
        throw new Error('No projection does this with usage records.');
    return table;
}
//# sourceMappingURL=records-beside.js.map