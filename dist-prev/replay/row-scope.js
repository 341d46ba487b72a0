import { ledgerOf } from '../event-store/streams.js';
import { meters, usageSeries } from '../read-model/tables.js';
export async function scopeOf(row, rows) {
    const time = timeOf(row);
    const series = typeof row.series === 'number' ? (await rows.get(usageSeries, [[row.series]]))[0] : undefined;
    const customer = series?.customer ?? (typeof row.customer === 'string' ? row.customer : null);
    const meter = await meterOf(row, series?.meter, rows);
    if (meter)
        return { ledger: meter.ledger, meterId: meter.meterId, customer, ...time };
    const ledger = typeof row.ledger === 'string' ? row.ledger : typeof row.stream === 'string' ? ledgerOf(row.stream) : null;
    return { ledger: ledger, meterId: null, customer, ...time };
}
/** A row of one customer or meter is not of another; a row that is of none may matter to all. */
export function isSelected(scope, { ledger, meterId, customer, from, to }) {
    return ((ledger === null || scope.ledger === ledger) &&
        (meterId === null || scope.meterId === null || scope.meterId === meterId) &&
        (customer === null || scope.customer === null || scope.customer === customer) &&
        (from === null || scope.to === null || scope.to > from) &&
        (to === null || scope.from === null || scope.from < to));
}
async function meterOf(row, number, rows) {
    const key = number ?? (typeof row.meter === 'number' ? row.meter : null);
    if (key !== null)
        return (await rows.get(meters, [[key]]))[0];
    return typeof row.meterId === 'string' ? (await rows.get(meters, [[row.meterId]], 'meterId'))[0] : undefined;
}
function timeOf({ occurredAt, start, size }) {
    if (typeof occurredAt === 'number')
        return { from: occurredAt, to: occurredAt + 1 };
    if (typeof start === 'number')
        return { from: start, to: start + (typeof size === 'number' ? size : 1) };
    return { from: null, to: null };
}
//# sourceMappingURL=row-scope.js.map