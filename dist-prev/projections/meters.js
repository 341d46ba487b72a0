/** One row per meter, active and inactive: what the meter endpoints list, and what the usage projections read a meter by. */
import { fold, initial } from '../domain/meter-catalogue.js';
import { ledgerOf } from '../event-store/streams.js';
import { meters } from '../read-model/tables.js';
import { ProjectionStopped } from './projection.js';
export const metersProjection = {
    projection: 'meters',
    schema: 1,
    tables: [meters],
    async apply(events, rows) {
        for (const projected of events) {
            const { event } = projected;
            switch (event.type) {
                case 'MeterCreated': {
                    const [newest] = await rows.range(meters, { reverse: true, limit: 1 });
                    const meter = evolveMeter(null, event);
                    if (!meter)
                        throw neverCreated(projected);
                    await rows.put(meters, [toRow((newest?.number ?? 0) + 1, ledgerOf(projected.stream), meter)]);
                    break;
                }
                case 'MeterRenamed':
                case 'MeterDeactivated':
                case 'MeterReactivated':
                    await change(projected, event, rows);
                    break;
                case 'LedgerOpened':
                case 'UsageRecorded':
                case 'UsageCancelled':
                case 'UsageRejected':
                case 'UsageRejectionResolved':
                case 'ApiKeyIssued':
                case 'ApiKeyRevoked':
                    break;
            }
        }
    },
};
async function change(projected, event, rows) {
    const [row] = await rows.get(meters, [[event.data.meterId]], 'meterId');
    const meter = row && evolveMeter(toMeter(row), event);
    if (!meter)
        throw neverCreated(projected);
    await rows.put(meters, [toRow(row.number, row.ledger, meter)]);
}
/** The catalogue's own fold, over a catalogue of one meter. */
function evolveMeter(meter, event) {
    const state = meter ? { ...initial, meters: new Map([[meter.id, meter]]) } : initial;
    const [evolved] = fold(state, [event]).meters.values();
    return evolved ?? null;
}
export function neverCreated({ stream, revision, event }) {
    return new ProjectionStopped(`Event ${revision} of stream ${stream} (${event.type}) is about a meter that was never created.`);
}
export function toMeter(row) {
    return {
        id: row.meterId,
        displayName: row.displayName,
        eventName: row.eventName,
        formula: row.formula,
        eventTimeWindow: row.eventTimeWindow,
        valueKey: row.valueKey,
        customerKey: row.customerKey,
        dimensionKeys: JSON.parse(row.dimensionKeys),
        status: row.status,
        createdAt: row.createdAt,
        updatedAt: row.updatedAt,
        deactivatedAt: row.deactivatedAt,
    };
}
function toRow(number, ledger, { id, dimensionKeys, ...meter }) {
    return { number, ledger, meterId: id, ...meter, dimensionKeys: JSON.stringify(dimensionKeys) };
}
//# sourceMappingURL=meters.js.map