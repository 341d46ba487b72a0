import { categoryOf } from './event-store.js';
export const KEYS_STREAM = 'keys';
export const categories = {
    meters: 'meters',
    usage: 'usage',
    rejections: 'rejections',
    keys: KEYS_STREAM,
};
export function metersStream(ledger) {
    return `${categories.meters}-${ledger}`;
}
export function usageStream(ledger, partition) {
    return `${categories.usage}-${ledger}.${partition}`;
}
export function rejectionsStream(ledger) {
    return `${categories.rejections}-${ledger}`;
}
/** The ledger a `meters-…`, `usage-…` or `rejections-…` stream belongs to. */
export function ledgerOf(stream) {
    const name = stream.slice(categoryOf(stream).length + 1);
    const end = name.indexOf('.');
    return (end === -1 ? name : name.slice(0, end));
}
export function partitionOf(stream) {
    return Number(stream.slice(stream.indexOf('.') + 1));
}
//# sourceMappingURL=streams.js.map