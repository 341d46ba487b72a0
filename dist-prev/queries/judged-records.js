/**
 * What became of single records in one number: the rules of aggregation, asked record by record. Nothing is added up here;
 * which record of a window counts is what the cells were made by.
 */
import { formulas } from '../domain/aggregation.js';
import { bucketMs, bucketStart } from '../domain/time-bucket.js';
import { usageRecords } from '../read-model/tables.js';
import { UsageAt } from './usage-at.js';
/** In the order of the rows. */
export async function judge(rows, whole, records) {
    const { usage, meter, start, end, state } = whole;
    const formula = formulas[meter.formula];
    const decidedBy = formula.decidedBy(state);
    const window = meter.eventTimeWindow;
    const winners = window === null ? [] : await usage.winnersOf(records, window);
    const named = await identifiersOf(rows, [...winners, decidedBy]);
    return records.map((row, index) => {
        const fate = fateOf(row, winners[index] ?? null);
        const contribution = fate.code === 'counted' ? formula.value(formula.add(formula.empty, row)) : 0n;
        return { row, fate, contribution };
    });
    function fateOf(row, winner) {
        if (window !== null && (row.occurredAt < start || row.occurredAt >= end))
            return { code: 'outside', window };
        if (row.cancelledAt !== null)
            return { code: 'cancelled', at: row.cancelledAt };
        if (window !== null && winner !== null && winner !== row.sequence) {
            return { code: 'overwritten', by: named.get(winner) ?? '', window };
        }
        if (decidedBy !== null && decidedBy !== row.sequence)
            return { code: 'not_last', by: named.get(decidedBy) ?? '' };
        return { code: 'counted' };
    }
}
/**
 * Each record in the number of its own UTC day, customer and dimensions: what became of it, without an interval that someone
 * asked for. In the order of the records, which are of one meter.
 */
export async function judgeInDays(rows, meter, sequence, records) {
    const usage = new UsageAt(rows, meter, sequence);
    const days = new Map();
    for (const record of records) {
        const key = `${record.series} ${bucketStart('day', record.occurredAt)}`;
        const day = days.get(key);
        if (day)
            day.push(record);
        else
            days.set(key, [record]);
    }
    const judged = new Map();
    for (const day of days.values()) {
        const [{ series, occurredAt }] = day;
        const start = bucketStart('day', occurredAt);
        const end = start + bucketMs.day;
        const state = await usage.state([series], start, end);
        for (const each of await judge(rows, { usage, meter, start, end, state }, day))
            judged.set(each.row, each);
    }
    return records.map((record) => judged.get(record));
}
async function identifiersOf(rows, wanted) {
    const sequences = [...new Set(wanted.filter((sequence) => sequence !== null))];
    const found = await rows.get(usageRecords, sequences.map((sequence) => [sequence]));
    return new Map(found.flatMap((row) => (row ? [[row.sequence, row.identifier]] : [])));
}
//# sourceMappingURL=judged-records.js.map