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
 * Why a summary is the number it is: the number, and page by page every record that was looked at with what became of it.
 * Contributions add up to the summary by hand; the running total before a page comes from cells, so any page costs the same.
 */
import { Query, QueryHandler } from '@nestjs/cqrs';
import { formulas, shareOf } from '../domain/aggregation.js';
import { formatDecimal } from '../domain/decimal.js';
import { bucketMs, bucketStart } from '../domain/time-bucket.js';
import { usageRecords } from '../read-model/tables.js';
import { requireInterval, summary } from './get-meter-event-summaries.js';
import { judge } from './judged-records.js';
import { meterAsOf } from './meter-as-of.js';
import { toPage, unknownCursor } from './page.js';
import { Reader, requireMeter } from './reader.js';
import { recordsInOrder } from './records-in-order.js';
import { rejectionsOfUsage } from './rejections-of-usage.js';
import { parseRecordId, viewRecords } from './usage-record-view.js';
import { seriesGroups } from './usage-series-of.js';
import { UsageAt } from './usage-at.js';
export class ExplainUsage extends Query {
    context;
    request;
    page;
    readTimestamp;
    asOf;
    constructor(context, request, page, 
    /** Reads the timestamp of a rejected event as it was sent; null for text that is none. */
    readTimestamp, 
    /** null: as it stands. */
    asOf = null) {
        super();
        this.context = context;
        this.request = request;
        this.page = page;
        this.readTimestamp = readTimestamp;
        this.asOf = asOf;
    }
}
/** Records of the minute before a page that are judged at a time. */
const JUDGED_AT_ONCE = 500;
let ExplainUsageHandler = class ExplainUsageHandler {
    reader;
    constructor(reader) {
        this.reader = reader;
    }
    /** @throws DomainError for misaligned bounds, an unknown meter, dimension or cursor. */
    async execute({ context, request, page, readTimestamp, asOf }) {
        const summaryRequest = { ...request, window: null, groupBy: [] };
        requireInterval(summaryRequest);
        return this.reader.readAsOf(context, 'usage-cells', asOf, async (rows, then) => {
            const meterRow = await requireMeter(rows, context.ledger, request.meterId);
            const meter = await meterAsOf(rows, this.reader.store, meterRow, then);
            const usage = new UsageAt(rows, meter, then?.sequence ?? null);
            const { start, end, customer } = request;
            const [group] = await seriesGroups(rows, meterRow.number, meter, customer, summaryRequest, usage.sequence);
            const { series } = group;
            const formula = formulas[meter.formula];
            const state = await usage.state(series, start, end);
            const whole = { usage, meter, start, end, state };
            const found = await readPage(rows, meterRow.number, whole, series, page);
            const explained = await explain(rows, whole, series, found.items);
            const views = await viewRecords(rows, found.items, new Map([[meterRow.number, meter]]));
            return {
                meter,
                summary: summary(summaryRequest, start, end, group, formula, state),
                records: {
                    items: explained.map((each, index) => ({ ...each, record: views[index] })),
                    hasMore: found.hasMore,
                },
                rejections: await rejectionsOfUsage(rows, context.ledger, meter, request, readTimestamp, then?.at ?? null),
            };
        });
    }
};
ExplainUsageHandler = __decorate([
    QueryHandler(ExplainUsage),
    __metadata("design:paramtypes", [Reader])
], ExplainUsageHandler);
export { ExplainUsageHandler };
/** The interval with the windows it cuts: which record of those counts is decided outside of it too. */
function lookedAt({ meter, start, end }) {
    const window = meter.eventTimeWindow;
    if (window === null)
        return { start, end };
    return { start: bucketStart(window, start), end: bucketStart(window, end - 1) + bucketMs[window] };
}
async function readPage(rows, meterNumber, whole, series, page) {
    const span = lookedAt(whole);
    const stretch = {
        ...span,
        beyond: await cursorPlace(rows, meterNumber, whole, series, page),
        reverse: page.endingBefore !== null,
    };
    const found = [];
    for await (const row of recordsInOrder(rows, whole.usage, series, stretch)) {
        found.push(row);
        if (found.length > page.limit)
            break;
    }
    return toPage(page, found);
}
async function cursorPlace(rows, meterNumber, whole, series, page) {
    const id = page.startingAfter ?? page.endingBefore;
    if (id === null)
        return null;
    const parsed = parseRecordId(id);
    if (parsed?.meterId !== whole.meter.id)
        return unknownCursor(page);
    const [row] = await rows.get(usageRecords, [[meterNumber, parsed.identifier]], 'identifier');
    const { start, end } = lookedAt(whole);
    if (!row ||
        !whole.usage.record(row) ||
        !series.includes(row.series) ||
        row.occurredAt < start ||
        row.occurredAt >= end) {
        return unknownCursor(page);
    }
    return row;
}
async function explain(rows, whole, series, records) {
    const [first] = records;
    if (!first)
        return [];
    let runningTotal = await totalBefore(rows, whole, series, first);
    return (await judge(rows, whole, records)).map(({ fate, contribution }) => {
        runningTotal += contribution;
        return { fate, contribution: formatDecimal(contribution), runningTotal: formatDecimal(runningTotal) };
    });
}
/** What everything before a record contributed: cells up to its minute, then the records of that minute one by one. */
async function totalBefore(rows, whole, series, record) {
    const { usage, start, end, state, meter } = whole;
    const formula = formulas[meter.formula];
    if (record.occurredAt < start)
        return 0n;
    if (record.occurredAt >= end)
        return formula.value(state);
    const minute = bucketStart('minute', record.occurredAt);
    let total = start < minute ? shareOf(formula, state, await usage.state(series, start, minute)) : 0n;
    const stretch = { start: minute, end: record.occurredAt + 1, beyond: record, reverse: true };
    let earlier = [];
    for await (const row of recordsInOrder(rows, whole.usage, series, stretch)) {
        earlier.push(row);
        if (earlier.length < JUDGED_AT_ONCE)
            continue;
        total += sumOf(await judge(rows, whole, earlier));
        earlier = [];
    }
    return total + sumOf(await judge(rows, whole, earlier));
}
function sumOf(judged) {
    return judged.reduce((sum, { contribution }) => sum + contribution, 0n);
}
//# sourceMappingURL=explain-usage.js.map