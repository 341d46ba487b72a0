var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
/**
 * Usage of a meter by hour or day, of all customers or of one: in each window the sum of the customers' summaries of it, and
 * as a whole the sum of their summaries of the interval. On a meter that takes the last value the whole is not the sum of
 * the windows: a customer has a last value in each and one in all.
 */
import { Query, QueryHandler } from '@nestjs/cqrs';
import { formulas } from '../domain/aggregation.js';
import { formatDecimal } from '../domain/decimal.js';
import { DomainError } from '../domain/errors.js';
import { bucketMs } from '../domain/time-bucket.js';
import { requireInterval } from './get-meter-event-summaries.js';
import { meterAsOf } from './meter-as-of.js';
import { Reader, requireMeter } from './reader.js';
import { UsageAt } from './usage-at.js';
import { customersOf, readingLimit } from './usage-of-customers.js';
import { seriesGrouping } from './usage-series-of.js';
import { WholeMeterTurns } from './whole-meter-turns.js';
export class GetMeterUsage extends Query {
    context;
    request;
    asOf;
    signal;
    constructor(context, request, 
    /** null: as it stands. */
    asOf, 
    /** Ends the work for nobody. */
    signal) {
        super();
        this.context = context;
        this.request = request;
        this.asOf = asOf;
        this.signal = signal;
    }
}
/** Windows of one answer: ten years of days, five months of hours. */
export const WINDOWS_MAX = 3_660;
/** Groups that are named, those with the highest totals; the others are one more. */
export const GROUPS_MAX = 20;
let GetMeterUsageHandler = class GetMeterUsageHandler {
    reader;
    turns;
    constructor(reader, turns) {
        this.reader = reader;
        this.turns = turns;
    }
    /** @throws DomainError for misaligned bounds, too much at once, an unknown meter or dimension; Overloaded. */
    async execute({ context, request, asOf, signal }) {
        requireInterval(request);
        requireFewWindows(request);
        const { start, end, window, customer } = request;
        return this.turns.take(signal, () => this.reader.readAsOf(context, 'usage-cells', asOf, async (rows, then) => {
            const row = await requireMeter(rows, context.ledger, request.meterId);
            const meter = await meterAsOf(rows, this.reader.store, row, then);
            const usage = new UsageAt(rows, meter, then?.sequence ?? null);
            const grouping = seriesGrouping(meter, request);
            const book = new UsageBook(formulas[meter.formula], request.groupBy.length > 0);
            const withinLimit = readingLimit(usage, signal);
            for await (const { groups } of customersOf(rows, row.number, { customer }, grouping)) {
                const parts = [];
                for (const { dimensions, series } of groups) {
                    const buckets = [];
                    for (const number of series) {
                        buckets.push(...(await usage.buckets(number, window, start, end)));
                        await withinLimit();
                    }
                    parts.push({ dimensions, buckets });
                }
                book.add(parts);
            }
            return { meter, ...book.close() };
        }));
    }
};
GetMeterUsageHandler = __decorate([
    QueryHandler(GetMeterUsage),
    __metadata("design:paramtypes", [Reader,
        WholeMeterTurns])
], GetMeterUsageHandler);
export { GetMeterUsageHandler };
/** Adds up customer by customer: states merge within a customer, values add up between them. */
class UsageBook {
    formula;
    isGrouped;
    all = newSums(null);
    groups = new Map();
    customers = 0;
    constructor(formula, isGrouped) {
        this.formula = formula;
        this.isGrouped = isGrouped;
    }
    add(parts) {
        this.addCustomer(this.all, parts.flatMap(({ buckets }) => buckets));
        if (parts.some(({ buckets }) => buckets.length > 0))
            this.customers++;
        if (!this.isGrouped)
            return;
        for (const { dimensions, buckets } of parts) {
            if (buckets.length === 0)
                continue;
            const key = JSON.stringify(dimensions);
            const group = this.groups.get(key) ?? newSums(dimensions);
            this.groups.set(key, group);
            this.addCustomer(group, buckets);
        }
    }
    close() {
        const ranked = [...this.groups.values()].sort((left, right) => compare(right.whole.value, left.whole.value));
        const named = ranked.slice(0, GROUPS_MAX);
        if (ranked.length > named.length)
            named.push(together(ranked.slice(GROUPS_MAX)));
        return {
            total: written(this.all.whole),
            customers: this.customers,
            groups: named.map(({ dimensions, whole }) => ({ dimensions, ...written(whole) })),
            windows: [...this.all.windows]
                .sort(([left], [right]) => left - right)
                .map(([start, sum]) => ({
                start,
                ...written(sum),
                groups: named.flatMap(({ dimensions, windows }) => {
                    const part = windows.get(start);
                    return part ? [{ dimensions, ...written(part) }] : [];
                }),
            })),
        };
    }
    addCustomer(sums, buckets) {
        const { formula } = this;
        const states = new Map();
        for (const { start, state, records } of buckets) {
            const known = states.get(start);
            if (!known)
                states.set(start, { state, records });
            else {
                known.state = formula.merge(known.state, state);
                known.records += records;
            }
        }
        let whole = formula.empty;
        let records = 0;
        for (const [start, each] of states) {
            whole = formula.merge(whole, each.state);
            records += each.records;
            addTo(windowOf(sums, start), formula.value(each.state), each.records);
        }
        if (records > 0)
            addTo(sums.whole, formula.value(whole), records);
    }
}
function newSums(dimensions) {
    return { dimensions, whole: { value: 0n, records: 0 }, windows: new Map() };
}
function windowOf({ windows }, start) {
    const known = windows.get(start);
    if (known)
        return known;
    const sum = { value: 0n, records: 0 };
    windows.set(start, sum);
    return sum;
}
function addTo(sum, value, records) {
    sum.value += value;
    sum.records += records;
}
/** The groups that are not named, as one. */
function together(groups) {
    const sums = newSums(null);
    for (const { whole, windows } of groups) {
        addTo(sums.whole, whole.value, whole.records);
        for (const [start, { value, records }] of windows)
            addTo(windowOf(sums, start), value, records);
    }
    return sums;
}
function written({ value, records }) {
    return { value: formatDecimal(value), records };
}
function compare(left, right) {
    return left < right ? -1 : left > right ? 1 : 0;
}
function requireFewWindows({ start, end, window }) {
    if ((end - start) / bucketMs[window] <= WINDOWS_MAX)
        return;
    throw new DomainError('parameter_invalid', `At most ${WINDOWS_MAX} windows are answered at once. Choose a shorter time${window === 'hour' ? ', or days' : ''}.`, 'end_time');
}
//# sourceMappingURL=get-meter-usage.js.map