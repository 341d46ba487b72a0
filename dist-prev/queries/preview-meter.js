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
 * What a meter that is not saved would count: over sample events, or over the real history of an event name, beside a meter
 * that is saved if one is named. Records keep their whole payload, so each is read again as it was sent.
 *
 * Nothing is stored. A history too long for one answer is read as far as `PREVIEWED_RECORDS_MAX`, and the answer says so.
 */
import { Query, QueryHandler } from '@nestjs/cqrs';
import { formatDecimal, parseDecimal } from '../domain/decimal.js';
import { configuredMeter, METERS_MAX } from '../domain/meter-catalogue.js';
import { TIMESTAMP_PAST_MAX_MS } from '../domain/meter-event.js';
import { Preview } from '../domain/meter-preview.js';
import { toMeter } from '../projections/meters.js';
import { meters } from '../read-model/tables.js';
import { requireInterval } from './get-meter-event-summaries.js';
import { previewHistory } from './preview-history.js';
import { Reader, requireMeter } from './reader.js';
export class PreviewMeter extends Query {
    context;
    configuration;
    source;
    window;
    compareTo;
    constructor(context, configuration, source, 
    /** Usage by hour or day too; null: only as a whole. */
    window, 
    /** Id of a saved meter. */
    compareTo) {
        super();
        this.context = context;
        this.configuration = configuration;
        this.source = source;
        this.window = window;
        this.compareTo = compareTo;
    }
}
export const SAMPLE_EVENTS_MAX = 1_000;
export const PREVIEWED_CUSTOMERS_MAX = 1_000;
let PreviewMeterHandler = class PreviewMeterHandler {
    reader;
    constructor(reader) {
        this.reader = reader;
    }
    /** @throws DomainError for a configuration no meter may have, a misaligned interval, an unknown event name or meter. */
    async execute({ context, configuration, source, window, compareTo }) {
        const meter = configuredMeter(configuration);
        if (source.type === 'history')
            requireInterval({ ...source, window: null }, (param) => `history[${param}]`);
        return this.reader.read(context, 'usage-cells', async (rows) => {
            const known = await rows.range(meters, { index: 'ledger', prefix: [context.ledger], limit: METERS_MAX });
            const holder = known.find(({ eventName, status }) => eventName === meter.eventName && status === 'active');
            const saved = compareTo === null ? null : await requireMeter(rows, context.ledger, compareTo, 'compare_to');
            const outcome = source.type === 'samples'
                ? ofSamples(meter, source, window, saved)
                : await previewHistory(rows, meter, source, window, saved, known);
            const customers = compare(outcome);
            return {
                meter,
                takenBy: holder?.meterId ?? null,
                customers: customers.slice(0, PREVIEWED_CUSTOMERS_MAX),
                hasMoreCustomers: customers.length > PREVIEWED_CUSTOMERS_MAX,
                events: outcome.preview.events,
                reached: outcome.reached,
            };
        });
    }
};
PreviewMeterHandler = __decorate([
    QueryHandler(PreviewMeter),
    __metadata("design:paramtypes", [Reader])
], PreviewMeterHandler);
export { PreviewMeterHandler };
function ofSamples(meter, { samples, at }, window, saved) {
    const under = (configured) => {
        const preview = new Preview(configured);
        samples.forEach(({ identifier, payload, timestamp }, index) => preview.take({
            event: { eventName: meter.eventName, identifier: identifier ?? `(sample ${index})`, payload, timestamp },
            receivedAt: at,
            earliest: at - TIMESTAMP_PAST_MAX_MS,
            cancelledAt: null,
        }));
        return preview.finish(null, window);
    };
    const customers = saved && under(toMeter(saved)).customers.map(({ customer, value }) => [customer, value]);
    return { preview: under(meter), saved: customers && new Map(customers), reached: null };
}
/** Every customer of either side, in the order of their names. */
function compare({ preview, saved }) {
    const customers = new Map();
    for (const each of preview.customers)
        customers.set(each.customer, each);
    for (const customer of saved?.keys() ?? []) {
        if (!customers.has(customer))
            customers.set(customer, { customer, value: '0', windows: [] });
    }
    return [...customers.values()]
        .sort((left, right) => (left.customer < right.customer ? -1 : 1))
        .map((each) => {
        if (saved === null)
            return { ...each, compared: null };
        const value = saved.get(each.customer) ?? '0';
        const difference = formatDecimal(parseDecimal(each.value) - parseDecimal(value));
        return { ...each, compared: { value, difference } };
    });
}
//# sourceMappingURL=preview-meter.js.map