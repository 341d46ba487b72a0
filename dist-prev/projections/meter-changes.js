import { meterChanges } from '../read-model/tables.js';
import { neverCreated } from './meters.js';
export const meterChangesProjection = {
    projection: 'meter-changes',
    schema: 1,
    tables: [meterChanges],
    async apply(events, rows) {
        for (const projected of events) {
            const { event } = projected;
            switch (event.type) {
                case 'MeterCreated':
                case 'MeterRenamed':
                case 'MeterDeactivated':
                case 'MeterReactivated': {
                    // Read row by row: an event of this very batch may be the one before.
                    const prefix = [event.data.meterId];
                    const [previous] = await rows.range(meterChanges, { prefix, reverse: true, limit: 1 });
                    await rows.put(meterChanges, [changeRow(projected, event, previous)]);
                    break;
                }
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
function changeRow(projected, event, previous) {
    const { revision, metadata } = projected;
    const previousDisplayName = previous?.displayName ?? null;
    const displayName = 'displayName' in event.data ? event.data.displayName : previousDisplayName;
    if (displayName === null)
        throw neverCreated(projected);
    return {
        meterId: event.data.meterId,
        revision,
        type: event.type,
        displayName,
        previousDisplayName,
        at: event.type === 'MeterCreated' ? event.data.createdAt : event.data.at,
        requestId: metadata.correlationId,
        actor: metadata.actor,
    };
}
//# sourceMappingURL=meter-changes.js.map