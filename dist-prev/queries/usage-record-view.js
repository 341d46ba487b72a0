import { restorePayload } from '../domain/meter-event.js';
import { usageSeries } from '../read-model/tables.js';
export function recordId(meterId, identifier) {
    return `${meterId}.${identifier}`;
}
/** Meter and identifier of a record's id; null for text that is none. Meter ids have no dot. */
export function parseRecordId(id) {
    const dot = id.indexOf('.');
    return dot < 1 ? null : { meterId: id.slice(0, dot), identifier: id.slice(dot + 1) };
}
/** Views of rows, in their order. */
export async function viewRecords(rows, records, metersByNumber) {
    const series = await rows.get(usageSeries, records.map((record) => [record.series]));
    return records.map((row, index) => {
        const meter = metersByNumber.get(row.meter);
        const customer = series[index]?.customer;
        if (!meter || customer === undefined)
            throw new Error(`Usage record ${row.sequence} has no meter or series.`);
        const { identifier, value, occurredAt, recordedAt, cancelledAt } = row;
        const rest = row.payload === null ? {} : JSON.parse(row.payload);
        const record = { meterId: meter.id, identifier, customer, value, occurredAt, recordedAt, payload: rest };
        return {
            id: recordId(meter.id, identifier),
            meterId: meter.id,
            eventName: meter.eventName,
            identifier,
            customer,
            value,
            payload: restorePayload(meter, record),
            occurredAt,
            recordedAt,
            cancelledAt,
            status: cancelledAt === null ? 'recorded' : 'cancelled',
        };
    });
}
//# sourceMappingURL=usage-record-view.js.map