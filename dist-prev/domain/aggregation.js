/**
 * How usage adds up: one formula each for `sum`, `count` and `last`, over effective records only.
 *
 * Every formula is a fold whose states can be merged, so a day is the merge of its hours whatever the order of arrival.
 * A new formula is one entry here, its name in `formulaNames`, and its tests; nothing else knows formulas.
 * Rules: design §4; stripe-metering §1.8.
 */
import { formatDecimal, parseDecimal } from './decimal.js';
export const formulaNames = ['sum', 'count', 'last'];
export function isFormulaName(text) {
    return formulaNames.includes(text);
}
const sum = {
    usesValue: true,
    isOrderFree: true,
    empty: 0n,
    add: (total, { value }) => total + parseDecimal(value ?? '0'),
    remove: (total, { value }) => total - parseDecimal(value ?? '0'),
    merge: (left, right) => left + right,
    isSettled: () => false,
    value: (total) => total,
    decidedBy: () => null,
    encode: formatDecimal,
    decode: parseDecimal,
};
const count = {
    usesValue: false,
    isOrderFree: true,
    empty: 0,
    add: (records) => records + 1,
    remove: (records) => records - 1,
    merge: (left, right) => left + right,
    isSettled: () => false,
    value: (records) => parseDecimal(String(records)),
    decidedBy: () => null,
    encode: String,
    decode: Number,
};
/** The record with the greatest (occurredAt, sequence); null while there is none. */
const last = {
    usesValue: true,
    isOrderFree: false,
    empty: null,
    add: (latest, record) => later(latest, record),
    remove: (latest, record) => (latest !== null && latest.sequence === record.sequence ? null : latest),
    merge: (left, right) => (right === null ? left : later(left, right)),
    isSettled: (latest) => latest !== null,
    value: (latest) => parseDecimal(latest?.value ?? '0'),
    decidedBy: (latest) => latest?.sequence ?? null,
    encode: (latest) => (latest === null ? '' : `${latest.value ?? '0'} ${latest.occurredAt} ${latest.sequence}`),
    decode: (text) => {
        if (text === '')
            return null;
        const [value = '0', occurredAt, sequence] = text.split(' ');
        return { value, occurredAt: Number(occurredAt), sequence: Number(sequence) };
    },
};
function later(latest, record) {
    if (latest === null || record.occurredAt > latest.occurredAt)
        return record;
    return record.occurredAt === latest.occurredAt && record.sequence > latest.sequence ? record : latest;
}
/** States differ by formula; who uses the table only hands a formula its own states. */
export const formulas = {
    sum: sum,
    count: count,
    last: last,
};
/**
 * What the records of a part give to the value of the whole, so that the shares of all parts add up to it: their own value,
 * or nothing where the value is of one record and another part has it.
 */
export function shareOf(formula, whole, part) {
    const decidedBy = formula.decidedBy(whole);
    return decidedBy === null || formula.decidedBy(part) === decidedBy ? formula.value(part) : 0n;
}
/**
 * Of two records of one window of a pre-aggregated meter (one customer, one dimension combination, neither cancelled), the
 * one that counts: it was recorded last.
 */
export function effectiveInWindow(effective, record) {
    return effective !== null && effective.sequence > record.sequence ? effective : record;
}
//# sourceMappingURL=aggregation.js.map