import { wholeNumber } from './packed-columns.js';
const PART = 1e15;
const PART_DIGITS = 15;
const PLAIN_DIGITS_MAX = 15;
export class AddedRows {
    table;
    keyColumns;
    width;
    columns;
    readers;
    constructor(table) {
        this.table = table;
        this.keyColumns = table.key.length;
        let at = this.keyColumns;
        const columns = [];
        for (const [column, adding] of Object.entries(table.adding ?? {})) {
            columns.push({ column, adding, at });
            at += adding === 'decimal' ? 3 : 1;
        }
        this.columns = columns;
        this.width = at;
        this.readers = Object.keys(table.columns).map((name) => ({ name, read: this.reader(name) }));
    }
    add = (into, intoAt, from, fromAt) => {
        for (const { adding, at } of this.columns) {
            const to = intoAt + at;
            const one = into[to];
            const other = from[fromAt + at];
            if (adding === 'sum')
                into[to] = one + other;
            else if (adding === 'least')
                into[to] = one < other ? one : other;
            else if (adding === 'greatest')
                into[to] = one > other ? one : other;
            else
                addDecimal(into, to, from, fromAt + at);
        }
    };
    encode(rows) {
        const { width, table, columns } = this;
        const entries = new Float64Array(rows.length * width);
        let to = 0;
        for (const row of rows) {
            for (let column = 0; column < this.keyColumns; column++) {
                entries[to + column] = wholeNumber(row[table.key[column]]);
            }
            for (const { column, adding, at } of columns) {
                const value = row[column];
                if (adding === 'decimal')
                    writeDecimal(entries, to + at, value);
                else
                    entries[to + at] = wholeNumber(value);
            }
            to += width;
        }
        return entries;
    }
    /** The row of an entry, its columns in the order of the table's. */
    decode(entries, from) {
        const row = {};
        for (const { name, read } of this.readers)
            row[name] = read(entries, from);
        return row;
    }
    /** What reads a column from an entry. */
    reader(name) {
        const key = this.table.key.indexOf(name);
        if (key >= 0)
            return (entries, from = 0) => entries[from + key];
        const { at, adding } = this.columns.find(({ column }) => column === name);
        if (adding === 'decimal')
            return (entries, from = 0) => readDecimal(entries, from + at);
        return (entries, from = 0) => entries[from + at];
    }
}
function addDecimal(into, to, from, at) {
    let fraction = into[to + 2] + from[at + 2];
    let low = into[to + 1] + from[at + 1];
    let high = into[to] + from[at];
    if (fraction >= PART) {
        fraction -= PART;
        low++;
    }
    if (low >= PART) {
        low -= PART;
        high++;
    }
    into[to] = high;
    into[to + 1] = low;
    into[to + 2] = fraction;
}
/** All but `high` are not negative: -1 is -10¹⁵ and 10¹⁵ - 1. */
function writeDecimal(entries, at, text) {
    if (text.length <= PLAIN_DIGITS_MAX && !text.includes('.') && !text.startsWith('-')) {
        entries[at + 1] = Number(text);
        return;
    }
    const isNegative = text.startsWith('-');
    const [whole = '', decimals = ''] = (isNegative ? text.slice(1) : text).split('.');
    let high = Number(whole.slice(0, -PART_DIGITS));
    let low = Number(whole.slice(-PART_DIGITS));
    let fraction = Number(decimals.padEnd(PART_DIGITS, '0'));
    if (isNegative) {
        high = -high;
        if (fraction > 0) {
            fraction = PART - fraction;
            low++;
        }
        if (low > 0) {
            low = PART - low;
            high--;
        }
    }
    entries[at] = high;
    entries[at + 1] = low;
    entries[at + 2] = fraction;
}
function readDecimal(entries, at) {
    let high = entries[at];
    let low = entries[at + 1];
    let fraction = entries[at + 2];
    if (high === 0 && fraction === 0)
        return String(low);
    const sign = high < 0 ? '-' : '';
    if (high < 0) {
        high = -high;
        if (fraction > 0) {
            fraction = PART - fraction;
            low++;
        }
        if (low > 0) {
            low = PART - low;
            high--;
        }
    }
    const whole = high === 0 ? String(low) : `${high}${String(low).padStart(PART_DIGITS, '0')}`;
    if (fraction === 0)
        return `${sign}${whole}`;
    return `${sign}${whole}.${String(fraction).padStart(PART_DIGITS, '0').replace(/0+$/, '')}`;
}
//# sourceMappingURL=added-rows.js.map