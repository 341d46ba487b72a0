/**
 * Several sorted runs gone through as one: always the entry that comes next in any of them, those of one key added up.
 * A run is read block by block; nothing else of it is in memory.
 */
import { compareEntries } from './entry-order.js';
class RunCursor {
    reader;
    run;
    width;
    values;
    /** Of the entry the cursor stands at, in `values`. */
    at = 0;
    number = 0;
    constructor(reader, run, width) {
        this.reader = reader;
        this.run = run;
        this.width = width;
        this.values = EMPTY;
    }
    /** At the first entry in the bounds (the last one, of a reverse walk); null where there is none. */
    static open(reader, run, { width, keyColumns }, { lower, upper }, isReverse) {
        const cursor = new RunCursor(reader, run, width);
        const bound = isReverse ? upper : lower;
        if (bound === null) {
            cursor.load(isReverse ? run.blocks - 1 : 0);
            cursor.at = isReverse ? cursor.values.length - width : 0;
        }
        else {
            cursor.load(cursor.blockOf(bound, keyColumns));
            cursor.at = firstNotBefore(cursor.values, width, keyColumns, bound);
            // Of a block that begins before the bound everything may be before it; the next one then begins behind it.
            if (isReverse ? !cursor.back() : cursor.at === cursor.values.length && !cursor.loadNext())
                return null;
        }
        const end = isReverse ? lower : upper;
        if (end === null)
            return cursor;
        const order = compareEntries(cursor.values, cursor.at, end, 0, keyColumns);
        return (isReverse ? order >= 0 : order < 0) ? cursor : null;
    }
    next() {
        this.at += this.width;
        return this.at < this.values.length || this.loadNext();
    }
    back() {
        if (this.at > 0) {
            this.at -= this.width;
            return true;
        }
        if (this.number === 0)
            return false;
        this.load(this.number - 1);
        this.at = this.values.length - this.width;
        return true;
    }
    loadNext() {
        if (this.number + 1 >= this.run.blocks)
            return false;
        this.load(this.number + 1);
        this.at = 0;
        return true;
    }
    /** The last block that begins at or before the bound, or the first one. */
    blockOf(bound, keyColumns) {
        const { run, reader, width } = this;
        if (run.blocks === 1)
            return 0;
        for (const number of [run.hint, run.hint + 1]) {
            if (number >= run.blocks)
                break;
            const values = reader.block(run, number);
            if (compareEntries(values, 0, bound, 0, keyColumns) > 0) {
                // Between the block that was read last and the next one there is nothing.
                if (number > run.hint)
                    return number;
                break;
            }
            const isLast = number + 1 === run.blocks;
            if (isLast || compareEntries(values, values.length - width, bound, 0, keyColumns) >= 0)
                return number;
        }
        return reader.find(run, bound);
    }
    load(number) {
        this.values = this.reader.block(this.run, number);
        this.number = number;
        this.run.hint = number;
    }
}
const EMPTY = new Float64Array(0);
function firstNotBefore(values, width, keyColumns, bound) {
    let low = 0;
    let high = values.length / width;
    while (low < high) {
        const middle = (low + high) >>> 1;
        if (compareEntries(values, middle * width, bound, 0, keyColumns) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low * width;
}
export class RunWalk {
    shape;
    bounds;
    isReverse;
    /** The entry it stands at, once `next` answered true. Overwritten by the next one. */
    entry;
    cursors;
    constructor(reader, runs, shape, bounds = { lower: null, upper: null }, isReverse = false) {
        this.shape = shape;
        this.bounds = bounds;
        this.isReverse = isReverse;
        this.entry = new Float64Array(shape.width);
        this.cursors = runs.flatMap((run) => RunCursor.open(reader, run, shape, bounds, isReverse) ?? []);
    }
    next() {
        const { cursors, shape, entry, isReverse } = this;
        const { keyColumns, width, add } = shape;
        let first = null;
        for (const cursor of cursors) {
            if (first === null) {
                first = cursor;
                continue;
            }
            const order = compareEntries(cursor.values, cursor.at, first.values, first.at, keyColumns);
            if (isReverse ? order > 0 : order < 0)
                first = cursor;
        }
        if (first === null)
            return false;
        for (let column = 0; column < width; column++)
            entry[column] = first.values[first.at + column];
        this.advance(first);
        for (let index = cursors.length - 1; index >= 0; index--) {
            const cursor = cursors[index];
            if (compareEntries(cursor.values, cursor.at, entry, 0, keyColumns) !== 0)
                continue;
            add(entry, 0, cursor.values, cursor.at);
            this.advance(cursor);
        }
        return true;
    }
    advance(cursor) {
        const { lower, upper } = this.bounds;
        const { keyColumns } = this.shape;
        const end = this.isReverse ? lower : upper;
        if (this.isReverse ? cursor.back() : cursor.next()) {
            if (end === null)
                return;
            const order = compareEntries(cursor.values, cursor.at, end, 0, keyColumns);
            if (this.isReverse ? order >= 0 : order < 0)
                return;
        }
        this.cursors.splice(this.cursors.indexOf(cursor), 1);
    }
}
//# sourceMappingURL=run-walk.js.map