/**
 * Aggregates by minute, hour and day of every series: a summary over any interval is a few hundred of these cells,
 * however many events there were.
 *
 * A cell holds exactly the effective records of its bucket: on a raw meter every record that is not cancelled, on a
 * pre-aggregated one the record of each window that was recorded last among those not cancelled (`usage_windows`).
 * What a formula cannot take out of a cell again is counted anew from what the log said at that very event, so cells do
 * not depend on where batches are cut, nor on how far ahead the usage index is.
 */
import { effectiveInWindow, formulas } from '../domain/aggregation.js';
import { bucketMs, bucketStart } from '../domain/time-bucket.js';
import { usageCells, usageRecords, usageRecountedCells, usageWindows, } from '../read-model/tables.js';
import { CellAdditions } from './cell-additions.js';
import { isAddedUp } from './cell-tables.js';
import { ProjectionStopped } from './projection.js';
import { CellBook } from './usage-cell-book.js';
import { FoldedMeters } from './usage-changes.js';
/** Records read at a time when a window or a minute is counted again. */
const RECOUNT_PAGE_ROWS = 500;
export class UsageCellsProjection {
    changes;
    addedElsewhereUpTo;
    projection = 'usage-cells';
    schema = 4;
    tables = [usageCells, usageRecountedCells, usageWindows];
    meters = new FoldedMeters();
    /** What the usage events up to `addedElsewhereUpTo` add to `usage_cells` is left out: somebody else adds it. */
    constructor(changes, addedElsewhereUpTo = 0) {
        this.changes = changes;
        this.addedElsewhereUpTo = addedElsewhereUpTo;
    }
    async apply(events, rows) {
        const changes = this.changes.of(events) ?? (await findChanges(events, this.meters, rows));
        if (changes.length === 0)
            return;
        const rules = await this.rulesOf(changes, rows);
        const book = new CellBook(rows, rules);
        const windows = await WindowBook.open(rows, rules, changes);
        const additions = new CellAdditions();
        for (const change of changes) {
            const rule = rules.get(change.row.series);
            if (isAddedUp(rule.formula, rule.window)) {
                if (change.sequence > this.addedElsewhereUpTo)
                    addUp(change, formulas[rule.formula], additions);
                continue;
            }
            const applied = rule.window === null ? applyRaw(change, book, rows) : windows.apply(change, book);
            if (applied)
                await applied;
        }
        await windows.save();
        await book.save();
        await additions.save(rows);
    }
    forget() {
        this.meters.forget();
    }
    async rulesOf(changes, rows) {
        const meters = await this.meters.ofNumbers(new Set(changes.map(({ row }) => row.meter)), rows);
        const rules = new Map();
        for (const { row } of changes) {
            if (rules.has(row.series))
                continue;
            const meter = meters.get(row.meter);
            if (!meter)
                throw new ProjectionStopped(`Series ${row.series} belongs to no meter.`);
            rules.set(row.series, { formula: meter.formula, window: meter.eventTimeWindow });
        }
        return rules;
    }
}
function addUp({ type, sequence, row }, formula, additions) {
    if (type === 'recorded')
        additions.add(row.series, formula, row, sequence);
    else
        additions.remove(row.series, formula, row, sequence);
}
/** Answers no promise where nothing has to be read: one for each record would be most of its cost. */
function applyRaw({ type, sequence, row }, book, rows) {
    if (type === 'recorded') {
        book.add(row.series, row, sequence);
        return undefined;
    }
    return book.remove(row.series, row, sequence, (start, end, take) => eachRecordBackwards(rows, row.series, start, end, (candidate) => wasEffective(candidate, sequence) ? take(candidate) : true));
}
/** The windows a batch touches, and which record is the effective one in each. */
class WindowBook {
    rows;
    rules;
    windows = new Map();
    constructor(rows, rules) {
        this.rows = rows;
        this.rules = rules;
    }
    static async open(rows, rules, changes) {
        const book = new WindowBook(rows, rules);
        const keys = new Map();
        for (const { row } of changes) {
            const start = book.start(row);
            if (start !== null)
                keys.set(windowKey(row.series, start), [row.series, start]);
        }
        const found = await rows.get(usageWindows, [...keys.values()]);
        [...keys.keys()].forEach((key, index) => book.windows.set(key, found[index] ?? null));
        return book;
    }
    async apply({ type, sequence, row }, book) {
        const start = this.start(row);
        if (start === null)
            return;
        const key = windowKey(row.series, start);
        const current = this.windows.get(key) ?? null;
        // Only what was effective makes a difference when it is cancelled.
        if (type === 'cancelled' && current?.sequence !== row.sequence)
            return;
        const next = type === 'recorded'
            ? effectiveInWindow(current, row)
            : await this.effectiveBefore(row.series, start, sequence);
        // A window has one effective record, so the minute it leaves has nothing left to count again.
        if (current)
            await book.remove(row.series, current, sequence, async () => undefined);
        if (next)
            book.add(row.series, next, sequence);
        this.windows.set(key, next && { series: row.series, start, sequence: next.sequence, occurredAt: next.occurredAt, value: next.value });
    }
    async save() {
        const kept = [];
        const emptied = [];
        for (const [key, window] of this.windows) {
            if (window)
                kept.push(window);
            else
                emptied.push(key.split(' ').map(Number));
        }
        await this.rows.put(usageWindows, kept);
        await this.rows.delete(usageWindows, emptied);
    }
    /** The effective record of a window as the log stood right after the event at `sequence`. */
    async effectiveBefore(series, start, sequence) {
        const window = this.rules.get(series)?.window;
        if (!window)
            return null;
        let effective = null;
        await eachRecordBackwards(this.rows, series, start, start + bucketMs[window], (candidate) => {
            if (wasEffective(candidate, sequence))
                effective = effectiveInWindow(effective, candidate);
            return true;
        });
        return effective;
    }
    start(row) {
        const window = this.rules.get(row.series)?.window;
        return window ? bucketStart(window, row.occurredAt) : null;
    }
}
function windowKey(series, start) {
    return `${series} ${start}`;
}
/** Whether a record counted once the event at `sequence` had happened. */
function wasEffective({ sequence, cancelledSequence }, at) {
    return sequence <= at && (cancelledSequence === null || cancelledSequence > at);
}
/** Walks a series' records of `[start, end)`, latest (occurredAt, sequence) first, until `take` answers false. */
async function eachRecordBackwards(rows, series, start, end, take) {
    let to = end;
    for (;;) {
        const page = await rows.range(usageRecords, {
            index: 'occurred',
            prefix: [series],
            from: start,
            to,
            reverse: true,
            limit: RECOUNT_PAGE_ROWS,
        });
        const oldest = page.at(-1);
        if (!oldest)
            return;
        if (page.length < RECOUNT_PAGE_ROWS) {
            for (const row of page)
                if (!take(row))
                    return;
            return;
        }
        // The page may end amid records of one instant: those are read again, whole, as an instant of their own.
        for (const row of page)
            if (row.occurredAt > oldest.occurredAt && !take(row))
                return;
        if (!(await eachRecordOfInstant(rows, series, oldest.occurredAt, take)))
            return;
        to = oldest.occurredAt;
    }
}
async function eachRecordOfInstant(rows, series, occurredAt, take) {
    let to = Number.MAX_SAFE_INTEGER;
    for (;;) {
        const page = await rows.range(usageRecords, {
            index: 'occurred',
            prefix: [series, occurredAt],
            to,
            reverse: true,
            limit: RECOUNT_PAGE_ROWS,
        });
        for (const row of page)
            if (!take(row))
                return false;
        const oldest = page.at(-1);
        if (!oldest || page.length < RECOUNT_PAGE_ROWS)
            return true;
        to = oldest.sequence;
    }
}
/** Leaves out what the index did not take: a second record or cancellation of the same identifier. */
async function findChanges(events, meters, rows) {
    const usage = events.filter(({ event }) => event.type === 'UsageRecorded' || event.type === 'UsageCancelled');
    if (usage.length === 0)
        return [];
    const found = new Map();
    // A batch's usage events are numbered without a gap, so their rows are one run of the table.
    const from = usage[0]?.sequence ?? 0;
    const to = (usage.at(-1)?.sequence ?? 0) + 1;
    const own = await rows.range(usageRecords, { from, to, limit: to - from });
    for (const row of own)
        found.set(row.sequence, row);
    for (const [sequence, row] of await findCancelled(usage, meters, rows))
        found.set(sequence, row);
    const changes = [];
    for (const { sequence, event } of usage) {
        const row = found.get(sequence);
        if (row)
            changes.push({ type: event.type === 'UsageRecorded' ? 'recorded' : 'cancelled', sequence, row });
    }
    return changes;
}
/** The records that were cancelled, by the sequence of their cancellation. */
async function findCancelled(usage, meters, rows) {
    const cancelled = usage.flatMap(({ sequence, event }) => event.type === 'UsageCancelled' ? [{ sequence, record: event.data }] : []);
    const byId = await meters.ofIds(new Set(cancelled.map(({ record }) => record.meterId)), rows);
    const found = await rows.get(usageRecords, cancelled.map(({ record }) => [byId.get(record.meterId)?.number ?? null, record.identifier]), 'identifier');
    return cancelled.flatMap(({ sequence }, index) => {
        const row = found[index];
        return row?.cancelledSequence === sequence ? [[sequence, row]] : [];
    });
}
//# sourceMappingURL=usage-cells.js.map