/**
 * What meter events would come to under a meter that need not exist: the rules of reading, of once and of aggregating, run
 * over events one by one in the order of their receipt. Nothing is stored and nothing outside is needed, so a page in a
 * browser can run it too.
 */
import { effectiveInWindow, formulas } from './aggregation.js';
import { formatDecimal } from './decimal.js';
import { DomainError } from './errors.js';
import { dimensionValues, readMeterEvent } from './meter-event.js';
import { bucketMs, bucketStart } from './time-bucket.js';
import { decide, initial } from './usage-record.js';
/** Takes events one by one, in the order of their receipt, and tells at the end what they come to. */
export class Preview {
    meter;
    taken = [];
    known = new Map();
    winners = new Map();
    constructor(meter) {
        this.meter = meter;
    }
    take({ event, receivedAt, earliest, cancelledAt }) {
        const { identifier } = event;
        let record;
        try {
            record = readMeterEvent(this.meter, event, receivedAt, earliest);
            const state = this.known.get(identifier) ?? initial;
            const [recorded] = decide(state, { type: 'RecordUsage', record, hasTimestamp: event.timestamp !== null });
            if (!recorded) {
                this.taken.push({ identifier, customer: record.customer, fate: { code: 'duplicate', by: identifier } });
                return;
            }
        }
        catch (error) {
            if (!(error instanceof DomainError))
                throw error;
            const { code, message, param } = error;
            const customer = Object.hasOwn(event.payload, this.meter.customerKey)
                ? (event.payload[this.meter.customerKey] ?? null)
                : null;
            this.taken.push({ identifier, customer, fate: { code: 'refused', error: code, message, param } });
            return;
        }
        this.known.set(identifier, { status: 'recorded', record });
        const candidate = this.candidate(record, cancelledAt);
        this.taken.push(candidate);
        if (candidate.slot === null)
            return;
        this.winners.set(candidate.slot, effectiveInWindow(this.winners.get(candidate.slot) ?? null, candidate));
    }
    /** Over an interval (null: all time), with each customer's usage by hour or day too if asked for. */
    finish(interval, window) {
        const formula = formulas[this.meter.formula];
        const totals = new Map();
        for (const each of this.taken) {
            if ('fate' in each || !this.isEffective(each, interval))
                continue;
            const total = totals.get(each.customer) ?? { state: formula.empty, windows: new Map() };
            totals.set(each.customer, total);
            total.state = formula.add(total.state, each);
            if (window === null)
                continue;
            const start = bucketStart(window, each.occurredAt);
            total.windows.set(start, formula.add(total.windows.get(start) ?? formula.empty, each));
        }
        const text = (state) => formatDecimal(formula.value(state));
        return {
            events: this.taken.map((each) => this.describe(each, interval, totals)),
            customers: [...totals].map(([customer, { state, windows }]) => ({
                customer,
                value: text(state),
                windows: [...windows]
                    .sort(([left], [right]) => left - right)
                    .map(([start, each]) => ({
                    start,
                    end: start + (window === null ? 0 : bucketMs[window]),
                    value: text(each),
                })),
            })),
        };
    }
    candidate(record, cancelledAt) {
        const { identifier, customer, value, occurredAt } = record;
        const window = this.meter.eventTimeWindow;
        const slot = window === null || cancelledAt !== null
            ? null
            : JSON.stringify([customer, ...dimensionValues(this.meter, record), bucketStart(window, occurredAt)]);
        return { identifier, customer, value, occurredAt, sequence: this.taken.length + 1, slot, cancelledAt };
    }
    isEffective(candidate, interval) {
        if (candidate.cancelledAt !== null || !isWithin(candidate.occurredAt, interval))
            return false;
        return candidate.slot === null || this.winners.get(candidate.slot) === candidate;
    }
    describe(each, interval, totals) {
        const { identifier, customer } = each;
        if ('fate' in each)
            return { identifier, customer, fate: each.fate, contribution: '0' };
        const formula = formulas[this.meter.formula];
        const decidedBy = formula.decidedBy(totals.get(each.customer)?.state ?? formula.empty);
        const fate = this.fateOf(each, interval, decidedBy);
        return { identifier, customer, fate, contribution: formatDecimal(this.contributionOf(each, fate)) };
    }
    fateOf(candidate, interval, decidedBy) {
        const { occurredAt, cancelledAt, slot, sequence } = candidate;
        const window = this.meter.eventTimeWindow;
        if (!isWithin(occurredAt, interval))
            return { code: 'outside', window };
        if (cancelledAt !== null)
            return { code: 'cancelled', at: cancelledAt };
        const winner = slot === null ? candidate : (this.winners.get(slot) ?? candidate);
        if (window !== null && winner !== candidate)
            return { code: 'overwritten', by: winner.identifier, window };
        if (decidedBy === null || decidedBy === sequence)
            return { code: 'counted' };
        return { code: 'not_last', by: this.taken[decidedBy - 1]?.identifier ?? '' };
    }
    contributionOf(candidate, fate) {
        const formula = formulas[this.meter.formula];
        return fate.code === 'counted' ? formula.value(formula.add(formula.empty, candidate)) : 0n;
    }
}
function isWithin(instant, interval) {
    return interval === null || (instant >= interval.start && instant < interval.end);
}
//# sourceMappingURL=meter-preview.js.map