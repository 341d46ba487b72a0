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
 * Usage of each customer of a meter over an interval, highest first or by name, page by page. Each value is that of the
 * customer's summary; customers without records in the interval are left out.
 */
import { Query, QueryHandler } from '@nestjs/cqrs';
import { formulas } from '../domain/aggregation.js';
import { formatDecimal } from '../domain/decimal.js';
import { DomainError } from '../domain/errors.js';
import { requireInterval } from './get-meter-event-summaries.js';
import { meterAsOf } from './meter-as-of.js';
import { Reader, requireMeter } from './reader.js';
import { UsageAt } from './usage-at.js';
import { customersOf, readingLimit } from './usage-of-customers.js';
import { seriesGrouping } from './usage-series-of.js';
import { WholeMeterTurns } from './whole-meter-turns.js';
export const customerOrders = ['-value', 'customer'];
export class GetUsageByCustomer extends Query {
    context;
    request;
    page;
    asOf;
    signal;
    constructor(context, request, page, 
    /** null: as it stands. */
    asOf, 
    /** Ends the work for nobody. */
    signal) {
        super();
        this.context = context;
        this.request = request;
        this.page = page;
        this.asOf = asOf;
        this.signal = signal;
    }
}
let GetUsageByCustomerHandler = class GetUsageByCustomerHandler {
    reader;
    turns;
    constructor(reader, turns) {
        this.reader = reader;
        this.turns = turns;
    }
    /** @throws DomainError for misaligned bounds, too much at once, an unknown meter, dimension or cursor; Overloaded. */
    async execute({ context, request, page, asOf, signal }) {
        requireInterval({ ...request, window: null });
        return this.turns.take(signal, () => this.reader.readAsOf(context, 'usage-cells', asOf, async (rows, then) => {
            const row = await requireMeter(rows, context.ledger, request.meterId);
            const meter = await meterAsOf(rows, this.reader.store, row, then);
            const usage = new UsageAt(rows, meter, then?.sequence ?? null);
            const find = (choice) => usageOf(rows, row.number, meter, usage, request, choice, signal);
            return {
                meter,
                ...(request.order === 'customer' ? await byName(find, request, page) : await byValue(find, request, page)),
            };
        }));
    }
};
GetUsageByCustomerHandler = __decorate([
    QueryHandler(GetUsageByCustomer),
    __metadata("design:paramtypes", [Reader,
        WholeMeterTurns])
], GetUsageByCustomerHandler);
export { GetUsageByCustomerHandler };
async function* usageOf(rows, meterNumber, meter, usage, { start, end, filters }, choice, signal) {
    const formula = formulas[meter.formula];
    const grouping = seriesGrouping(meter, { filters, groupBy: [] });
    const withinLimit = readingLimit(usage, signal);
    for await (const { customer, groups } of customersOf(rows, meterNumber, { customer: null, ...choice }, grouping)) {
        const series = groups.flatMap((group) => group.series);
        const { state, records } = await usage.whole(series, start, end);
        await withinLimit();
        if (records > 0)
            yield { customer, value: formula.value(state), records };
    }
}
async function byName(find, { search }, { limit, startingAfter }) {
    const found = [];
    for await (const each of find({ after: startingAfter, isWanted: matcher(search) })) {
        found.push(each);
        if (found.length > limit)
            break;
    }
    return { ...toPage(found, limit), total: null };
}
async function byValue(find, { search }, { limit, startingAfter }) {
    const all = [];
    for await (const each of find({}))
        all.push(each);
    const isWanted = matcher(search);
    const ranked = all.filter(({ customer }) => isWanted(customer)).sort(highestFirst);
    const at = startingAfter === null ? -1 : ranked.findIndex(({ customer }) => customer === startingAfter);
    if (startingAfter !== null && at < 0) {
        throw new DomainError('resource_missing', `No such item: '${startingAfter}'.`, 'starting_after');
    }
    const value = all.reduce((sum, each) => sum + each.value, 0n);
    const records = all.reduce((sum, each) => sum + each.records, 0);
    return {
        ...toPage(ranked.slice(at + 1, at + 2 + limit), limit),
        total: { value: formatDecimal(value), records, customers: all.length },
    };
}
/** Equal values by name. */
function highestFirst(left, right) {
    if (left.value !== right.value)
        return left.value < right.value ? 1 : -1;
    return left.customer < right.customer ? -1 : 1;
}
function matcher(search) {
    if (search === null)
        return () => true;
    const wanted = search.toLowerCase();
    return (customer) => customer.toLowerCase().includes(wanted);
}
function toPage(found, limit) {
    const items = found
        .slice(0, limit)
        .map(({ customer, value, records }) => ({ customer, value: formatDecimal(value), records }));
    return { items, hasMore: found.length > limit };
}
//# sourceMappingURL=get-usage-by-customer.js.map