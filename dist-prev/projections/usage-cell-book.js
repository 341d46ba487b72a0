/**
 * The cells a batch touches. Records that are added are first folded by themselves, minute by minute; what was stored is
 * loaded once, merged with that, and written back once.
 *
 * A day is always the merge of its hours and an hour of its minutes, because every record goes into all three.
 */
import { formulas } from '../domain/aggregation.js';
import { bucketMs, bucketSizes, bucketStart } from '../domain/time-bucket.js';
import { usageRecountedCells } from '../read-model/tables.js';
import { cellAt, cellRow, mergeInto, touch } from './cell.js';
import { ProjectionStopped } from './projection.js';
export class CellBook {
    rows;
    rules;
    series = new Map();
    constructor(rows, rules) {
        this.rows = rows;
        this.rules = rules;
    }
    /** `at`: sequence of the event that makes the record effective. */
    add(series, record, at) {
        const { formula, added } = this.cellsOf(series);
        const cell = cellAt(added, bucketStart('minute', record.occurredAt), formula);
        cell.state = formula.add(cell.state, record);
        cell.records++;
        touch(cell, at, at);
    }
    /** `at`: sequence of the event after which the record is no longer effective. */
    async remove(series, record, at, recount) {
        const cells = this.cellsOf(series);
        await this.merge(new Map([[series, cells]]));
        const { formula, merged } = cells;
        for (const size of bucketSizes) {
            const start = bucketStart(size, record.occurredAt);
            await this.load(new Map([[series, cells]]), () => ({ ...noStarts(), [size]: new Set([start]) }));
            const cell = cellAt(merged[size], start, formula);
            cell.records--;
            if (cell.records < 0)
                throw new ProjectionStopped(`A record was taken out of an empty cell of series ${series}.`);
            cell.state =
                cell.records === 0
                    ? formula.empty
                    : (formula.remove(cell.state, record) ?? (await this.countAgain(series, cells, size, start, recount)));
            touch(cell, at, at);
        }
    }
    async save() {
        await this.merge(this.series);
        const changed = [];
        for (const [series, { formula, merged }] of this.series) {
            for (const size of bucketSizes) {
                for (const cell of merged[size].values())
                    changed.push(cellRow(series, size, cell, formula));
            }
        }
        // In the order of the key, so that neighbours are written together.
        changed.sort((left, right) => left.size - right.size || left.series - right.series || left.start - right.start);
        await this.rows.put(usageRecountedCells, changed);
    }
    /** Takes what was added into the minutes, hours and days that are stored. */
    async merge(all) {
        await this.load(all, ({ added }) => startsOf(added.keys()));
        for (const { formula, added, merged } of all.values()) {
            for (const minute of added.values()) {
                for (const size of bucketSizes) {
                    mergeInto(cellAt(merged[size], bucketStart(size, minute.start), formula), minute, formula);
                }
            }
            added.clear();
        }
    }
    /** A minute from its records, an hour from its minutes, a day from its hours. */
    async countAgain(series, { formula, merged }, size, start, recount) {
        const end = start + bucketMs[size];
        let state = formula.empty;
        if (size === 'minute') {
            await recount(start, end, (record) => {
                state = formula.add(state, record);
                return !formula.isSettled(state);
            });
            return state;
        }
        const part = size === 'hour' ? 'minute' : 'hour';
        const stored = await this.rows.range(usageRecountedCells, {
            prefix: [bucketMs[part], series],
            from: start,
            to: end,
            limit: bucketMs.day / bucketMs.minute,
        });
        for (const row of stored)
            remember(merged[part], row, formula);
        for (let at = start; at < end; at += bucketMs[part]) {
            const known = merged[part].get(at);
            if (known && known.records > 0)
                state = formula.merge(state, known.state);
        }
        return state;
    }
    /** Loads the wanted cells that are not here yet. */
    async load(all, wanted) {
        const keys = [];
        const places = [];
        for (const [series, cells] of all) {
            const starts = wanted(cells);
            for (const size of bucketSizes) {
                for (const start of starts[size]) {
                    if (cells.merged[size].has(start))
                        continue;
                    keys.push([bucketMs[size], series, start]);
                    places.push([cells.merged[size], cells.formula]);
                }
            }
        }
        if (keys.length === 0)
            return;
        const found = await this.rows.get(usageRecountedCells, keys);
        for (const [index, row] of found.entries()) {
            const [cells, formula] = places[index];
            if (row)
                remember(cells, row, formula);
        }
    }
    cellsOf(series) {
        let cells = this.series.get(series);
        if (!cells) {
            const rule = this.rules.get(series);
            if (!rule)
                throw new ProjectionStopped(`Series ${series} has no rule.`);
            cells = {
                formula: formulas[rule.formula],
                added: new Map(),
                merged: { minute: new Map(), hour: new Map(), day: new Map() },
            };
            this.series.set(series, cells);
        }
        return cells;
    }
}
/** What this batch already changed is newer than what is stored. */
function remember(cells, { start, state, ...rest }, formula) {
    if (cells.has(start))
        return;
    const { records, firstSequence, changedSequence } = rest;
    cells.set(start, { start, records, state: formula.decode(state), firstSequence, changedSequence });
}
function startsOf(minutes) {
    const starts = noStarts();
    for (const minute of minutes)
        for (const size of bucketSizes)
            starts[size].add(bucketStart(size, minute));
    return starts;
}
function noStarts() {
    return { minute: new Set(), hour: new Set(), day: new Set() };
}
//# sourceMappingURL=usage-cell-book.js.map