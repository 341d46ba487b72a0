/**
 * `billing.meter_event_summary`, with what Stripe's lacks: the exact value as text, and the log position it reflects.
 * `aggregated_value` is an exact JSON number literal; a client that reads it into a double rounds it itself.
 */
import { isLive } from '../domain/ledger.js';
import { ExactNumber } from './stripe/exact-json.js';
import { toUnixSeconds } from './stripe/unix-time.js';
export function summaryObject(ledger, meter, { id, start, end, value, dimensions }, position) {
    return {
        id,
        object: 'billing.meter_event_summary',
        aggregated_value: new ExactNumber(value),
        aggregated_value_decimal: value,
        dimensions,
        end_time: toUnixSeconds(end),
        livemode: isLive(ledger),
        meter: meter.id,
        position,
        start_time: toUnixSeconds(start),
    };
}
//# sourceMappingURL=meter-event-summary-object.js.map