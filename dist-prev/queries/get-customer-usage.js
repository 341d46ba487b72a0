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
 * What one customer used on every meter of the ledger over an interval, and how that divides by dimension. Meters on which the
 * customer has no record in the interval are left out.
 */
import { Query, QueryHandler } from '@nestjs/cqrs';
import { formulas } from '../domain/aggregation.js';
import { formatDecimal } from '../domain/decimal.js';
import { METERS_MAX } from '../domain/meter-catalogue.js';
import { toMeter } from '../projections/meters.js';
import { meters } from '../read-model/tables.js';
import { requireInterval } from './get-meter-event-summaries.js';
import { GROUPS_MAX } from './get-meter-usage.js';
import { Reader } from './reader.js';
import { UsageAt } from './usage-at.js';
import { customersOf, readingLimit } from './usage-of-customers.js';
import { seriesGrouping } from './usage-series-of.js';
export class GetCustomerUsage extends Query {
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
let GetCustomerUsageHandler = class GetCustomerUsageHandler {
    reader;
    constructor(reader) {
        this.reader = reader;
    }
    /** @throws DomainError for misaligned bounds and too much at once. */
    async execute({ context, request, asOf, signal }) {
        requireInterval({ ...request, window: null });
        return this.reader.readAsOf(context, 'usage-cells', asOf, async (rows, then) => {
            const all = await rows.range(meters, { index: 'ledger', prefix: [context.ledger], limit: METERS_MAX });
            const found = [];
            for (const row of all) {
                const usage = await usageOn(rows, row, request, then?.sequence ?? null, signal);
                if (usage)
                    found.push(usage);
            }
            return found;
        });
    }
};
GetCustomerUsageHandler = __decorate([
    QueryHandler(GetCustomerUsage),
    __metadata("design:paramtypes", [Reader])
], GetCustomerUsageHandler);
export { GetCustomerUsageHandler };
async function usageOn(rows, row, { customer, start, end }, sequence, signal) {
    const meter = toMeter(row);
    const formula = formulas[meter.formula];
    const usage = new UsageAt(rows, meter, sequence);
    const withinLimit = readingLimit(usage, signal);
    const grouping = seriesGrouping(meter, { filters: {}, groupBy: meter.dimensionKeys });
    let state = formula.empty;
    let records = 0;
    const groups = [];
    for await (const each of customersOf(rows, row.number, { customer }, grouping)) {
        for (const { dimensions, series } of each.groups) {
            const part = await usage.whole(series, start, end);
            await withinLimit();
            if (part.records === 0)
                continue;
            state = formula.merge(state, part.state);
            records += part.records;
            groups.push({ dimensions, value: formula.value(part.state), records: part.records });
        }
    }
    if (records === 0)
        return null;
    groups.sort((left, right) => (left.value === right.value ? 0 : left.value < right.value ? 1 : -1));
    const shown = meter.dimensionKeys.length === 0 ? [] : groups.slice(0, GROUPS_MAX);
    return {
        meter,
        value: formatDecimal(formula.value(state)),
        records,
        groups: shown.map((group) => ({ ...group, value: formatDecimal(group.value) })),
        hasMoreGroups: meter.dimensionKeys.length > 0 && groups.length > shown.length,
    };
}
//# sourceMappingURL=get-customer-usage.js.map