import { bucketStart } from '../domain/time-bucket.js';
import { usageCells } from '../read-model/tables.js';
import { cellAt, cellRow, emptyCell, mergeInto, touch } from './cell.js';
export class CellAdditions {
    series = new Map();
    /** `at`: sequence of the event that makes the record effective. */
    add(series, formula, record, at) {
        const minute = this.minute(series, formula, record);
        minute.records++;
        minute.state = formula.add(minute.state, record);
        touch(minute, at, at);
    }
    /** `at`: sequence of the event after which the record is no longer effective. */
    remove(series, formula, record, at) {
        const minute = this.minute(series, formula, record);
        minute.records--;
        minute.state = formula.remove(minute.state, record);
        touch(minute, at, at);
    }
    /** In the order of the key: what comes in order need not be sorted. */
    async save(rows) {
        const ordered = { minute: [], hour: [], day: [] };
        const numbers = [...this.series.keys()].sort((left, right) => left - right);
        for (const series of numbers) {
            const { formula, minutes } = this.series.get(series);
            const inOrder = [...minutes.values()].sort((left, right) => left.start - right.start);
            const hours = inBuckets('hour', inOrder, formula);
            const days = inBuckets('day', hours, formula);
            for (const cell of inOrder)
                ordered.minute.push(cellRow(series, 'minute', cell, formula));
            for (const cell of hours)
                ordered.hour.push(cellRow(series, 'hour', cell, formula));
            for (const cell of days)
                ordered.day.push(cellRow(series, 'day', cell, formula));
        }
        await rows.add(usageCells, [...ordered.minute, ...ordered.hour, ...ordered.day]);
    }
    minute(series, formula, { occurredAt }) {
        let additions = this.series.get(series);
        if (!additions) {
            additions = { formula, minutes: new Map() };
            this.series.set(series, additions);
        }
        return cellAt(additions.minutes, bucketStart('minute', occurredAt), formula);
    }
}
/** `parts` come in order, and so do the buckets they are in. */
function inBuckets(size, parts, formula) {
    const buckets = [];
    for (const part of parts) {
        const start = bucketStart(size, part.start);
        let bucket = buckets.at(-1);
        if (bucket?.start !== start) {
            bucket = emptyCell(start, formula);
            buckets.push(bucket);
        }
        mergeInto(bucket, part, formula);
    }
    return buckets;
}
//# sourceMappingURL=cell-additions.js.map