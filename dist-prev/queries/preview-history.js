/**
 * The real history of an event name under a meter that is not saved: its records, restored as they were sent, in the order
 * they were recorded. A history too long for one answer is read up to a record, and the totals are those of that moment.
 */
import { formulas } from '../domain/aggregation.js';
import { formatDecimal } from '../domain/decimal.js';
import { DomainError } from '../domain/errors.js';
import { restorePayload, TIMESTAMP_FUTURE_MAX_MS } from '../domain/meter-event.js';
import { Preview } from '../domain/meter-preview.js';
import { bucketMs, bucketStart } from '../domain/time-bucket.js';
import { toMeter } from '../projections/meters.js';
import { MARK_EVENTS, usageMarks, usageSeries } from '../read-model/tables.js';
import { recordsBySequence } from './records-by-sequence.js';
import { SERIES_MAX } from './usage-series-of.js';
import { UsageAt } from './usage-at.js';
/** Records of a history one preview reads. */
export const PREVIEWED_RECORDS_MAX = 100_000;
/** @throws DomainError where no meter ever had the event name. */
export async function previewHistory(rows, meter, history, window, saved, known) {
    const read = new Map(known.filter(({ eventName }) => eventName === history.eventName).map((row) => [row.number, toMeter(row)]));
    if (read.size === 0) {
        throw new DomainError('resource_missing', `No meter has or had the event name ${history.eventName}, so there is no history of it.`, 'history[event_name]');
    }
    const preview = new Preview(meter);
    const customers = new Customers(rows);
    const looked = lookedAt(meter, history);
    let count = 0;
    let reached = null;
    const direction = { isBackwards: false, from: await firstSequence(rows, looked.start) };
    for await (const row of recordsBySequence(rows, await sourcesOf(rows, meter, history, read), direction)) {
        const recordedOn = read.get(row.meter);
        if (++count > PREVIEWED_RECORDS_MAX)
            break;
        reached = { sequence: row.sequence, meterId: recordedOn.id, identifier: row.identifier, recordedAt: row.recordedAt };
        if (row.occurredAt < looked.start || row.occurredAt >= looked.end)
            continue;
        const payload = payloadOf(recordedOn, row, await customers.of(row.series));
        if (history.customer !== null && payload[meter.customerKey] !== history.customer)
            continue;
        preview.take({
            event: { eventName: meter.eventName, identifier: row.identifier, payload, timestamp: row.occurredAt },
            // Its time was accepted once; only what the configuration asks of the payload is judged anew.
            receivedAt: Math.max(row.recordedAt, row.occurredAt),
            earliest: row.occurredAt,
            cancelledAt: row.cancelledAt,
        });
    }
    if (count <= PREVIEWED_RECORDS_MAX)
        reached = null;
    return {
        preview: preview.finish(history, window),
        // Both sides are of the same moment.
        saved: saved && (await savedTotals(rows, saved, history, reached?.sequence ?? null)),
        reached,
    };
}
/** Before it nothing can have happened in the interval: a record's time is at most 5 minutes after its receipt. */
async function firstSequence(rows, start) {
    const [mark] = await rows.range(usageMarks, {
        index: 'latest',
        to: start - TIMESTAMP_FUTURE_MAX_MS,
        reverse: true,
        limit: 1,
    });
    return mark && mark.sequence % MARK_EVENTS === 0 ? mark.sequence + 1 : 0;
}
/** The interval with the windows it cuts, as which record of a window counts is decided over all of it. */
function lookedAt({ eventTimeWindow: window }, { start, end }) {
    if (window === null)
        return { start, end };
    return { start: bucketStart(window, start), end: bucketStart(window, end - 1) + bucketMs[window] };
}
/** The records of one customer by its series, where the previewed meter finds the customer under the same key. */
async function sourcesOf(rows, meter, { customer }, read) {
    const sources = [];
    for (const [number, { customerKey }] of read) {
        if (customer === null || customerKey !== meter.customerKey) {
            sources.push({ of: 'meter', key: number });
            continue;
        }
        const prefix = [number, customer];
        const series = await rows.range(usageSeries, { index: 'combination', prefix, limit: SERIES_MAX });
        for (const row of series)
            sources.push({ of: 'series', key: row.series });
    }
    return sources;
}
function payloadOf(meter, row, customer) {
    const { identifier, value, occurredAt, recordedAt } = row;
    const payload = row.payload === null ? {} : JSON.parse(row.payload);
    return restorePayload(meter, { meterId: meter.id, identifier, customer, value, occurredAt, recordedAt, payload });
}
/** The customers of series, each looked up once. */
class Customers {
    rows;
    known = new Map();
    constructor(rows) {
        this.rows = rows;
    }
    async of(series) {
        const known = this.known.get(series);
        if (known !== undefined)
            return known;
        const [row] = await this.rows.get(usageSeries, [[series]]);
        if (!row)
            throw new Error(`Series ${series} has records but no row.`);
        this.known.set(series, row.customer);
        return row.customer;
    }
}
/** What the saved meter's summaries say of the interval, by customer; customers without usage are left out. */
async function savedTotals(rows, saved, { customer, start, end }, sequence) {
    const meter = toMeter(saved);
    const formula = formulas[meter.formula];
    const usage = new UsageAt(rows, meter, sequence);
    const prefix = customer === null ? [saved.number] : [saved.number, customer];
    const found = await rows.range(usageSeries, { index: 'combination', prefix, limit: SERIES_MAX });
    const states = new Map();
    for (const { series, customer: each } of found) {
        const state = await usage.state([series], start, end);
        if (state === formula.empty && !states.has(each))
            continue;
        states.set(each, formula.merge(states.get(each) ?? formula.empty, state));
    }
    return new Map([...states].map(([each, state]) => [each, formatDecimal(formula.value(state))]));
}
//# sourceMappingURL=preview-history.js.map