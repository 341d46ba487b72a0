/** `meterbook.meter_preview`: totals, and of sample events what became of each. */
import { isLive } from '../domain/ledger.js';
import { describeFate } from '../domain/record-fate.js';
import { recordId } from '../queries/usage-record-view.js';
import { meterObject } from './meter-object.js';
import { ExactNumber } from './stripe/exact-json.js';
import { formatTimestamp } from './stripe/timestamp.js';
import { toUnixSeconds } from './stripe/unix-time.js';
export function meterPreviewObject(ledger, source, compareTo, { meter, takenBy, customers, hasMoreCustomers, events, reached }, position) {
    const { id: _id, ...shown } = meterObject(ledger, meter);
    const isSamples = source.type === 'samples';
    return {
        object: 'meterbook.meter_preview',
        codes: countsOf(events.map(({ fate }) => fate.code)),
        compare_to: compareTo,
        complete: reached === null,
        customers: customers.map(customerObject),
        events: isSamples ? events.map(eventObject) : [],
        has_more_customers: hasMoreCustomers,
        livemode: isLive(ledger),
        meter: shown,
        notes: notesOf(meter.eventName, takenBy),
        position,
        reached: reached === null
            ? null
            : { record: recordId(reached.meterId, reached.identifier), recorded_at: formatTimestamp(reached.recordedAt) },
        refusals: refusalsOf(events),
        source: isSamples ? 'sample_events' : 'history',
    };
}
function notesOf(eventName, takenBy) {
    if (takenBy === null)
        return [];
    return [
        {
            code: 'event_name_taken',
            message: `An active meter already exists for event name ${eventName} (${takenBy}). Deactivate it before creating this one, or choose another event name.`,
        },
    ];
}
function customerObject({ customer, value, windows, compared }) {
    return {
        aggregated_value: new ExactNumber(value),
        aggregated_value_decimal: value,
        compared_value_decimal: compared?.value ?? null,
        customer,
        difference_decimal: compared?.difference ?? null,
        windows: windows.map((window) => ({
            aggregated_value_decimal: window.value,
            end_time: toUnixSeconds(window.end),
            start_time: toUnixSeconds(window.start),
        })),
    };
}
function eventObject({ identifier, customer, fate, contribution }, index) {
    return {
        by: 'by' in fate ? fate.by : null,
        code: fate.code,
        contribution,
        customer,
        error_code: fate.code === 'refused' ? fate.error : null,
        identifier,
        index,
        param: fate.code === 'refused' ? fate.param : null,
        reason: reasonOf(fate, contribution),
    };
}
function reasonOf(fate, contribution) {
    switch (fate.code) {
        case 'refused':
            return fate.message;
        case 'duplicate':
            return `${fate.by} is the identifier of an earlier event that is the same: it counts once.`;
        case 'counted':
        case 'overwritten':
        case 'not_last':
        case 'cancelled':
        case 'outside':
            return describeFate(fate, contribution, formatTimestamp);
    }
}
/** Each reason for which events were refused, the most frequent first, with the words for the first of them. */
function refusalsOf(events) {
    const refusals = new Map();
    for (const { identifier, fate } of events) {
        if (fate.code !== 'refused')
            continue;
        const refusal = refusals.get(fate.error) ?? { code: fate.error, count: 0, identifier, message: fate.message };
        refusal.count++;
        refusals.set(fate.error, refusal);
    }
    return [...refusals.values()].sort((left, right) => right.count - left.count);
}
function countsOf(codes) {
    const counts = {};
    for (const code of codes)
        counts[code] = (counts[code] ?? 0) + 1;
    return counts;
}
//# sourceMappingURL=meter-preview-object.js.map