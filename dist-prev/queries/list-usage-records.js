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
 * Usage records of a ledger, in the order they were recorded, newest first: what Stripe has no endpoint for.
 *
 * The rows of each meter (block by block) or of each series (by index, where a customer is asked for) are walked and merged,
 * so a page costs about what it shows; only filters on time and status pass over rows.
 */
import { Query, QueryHandler } from '@nestjs/cqrs';
import { formatDecimal } from '../domain/decimal.js';
import { DomainError } from '../domain/errors.js';
import { METERS_MAX } from '../domain/meter-catalogue.js';
import { toMeter } from '../projections/meters.js';
import { meters, usageRecords, usageSeries } from '../read-model/tables.js';
import { judgeInDays } from './judged-records.js';
import { meterAsOf } from './meter-as-of.js';
import { toPage, unknownCursor } from './page.js';
import { recordsBySequence } from './records-by-sequence.js';
import { Reader, requireMeter } from './reader.js';
import { recordAt } from './usage-at.js';
import { parseRecordId, viewRecords } from './usage-record-view.js';
import { SERIES_MAX } from './usage-series-of.js';
export class ListUsageRecords extends Query {
    context;
    filter;
    page;
    asOf;
    withFate;
    constructor(context, filter, page, 
    /** null: as they stand. */
    asOf = null, withFate = false) {
        super();
        this.context = context;
        this.filter = filter;
        this.page = page;
        this.asOf = asOf;
        this.withFate = withFate;
    }
}
/** Rows a list may pass over for one page before it asks for a narrower filter. */
export const SCANNED_ROWS_MAX = 2_000_000;
let ListUsageRecordsHandler = class ListUsageRecordsHandler {
    reader;
    constructor(reader) {
        this.reader = reader;
    }
    /** @throws DomainError for an unknown meter or cursor, or a filter that finds too little in too much. */
    async execute({ context, filter, page, asOf, withFate }) {
        return this.reader.readAsOf(context, withFate ? 'usage-cells' : 'usage-index', asOf, async (rows, then) => {
            const selection = { ...filter, sequence: then?.sequence ?? null };
            const candidates = await meterRows(rows, context.ledger, filter);
            for (const row of filter.meterId === null ? [] : candidates) {
                await meterAsOf(rows, this.reader.store, row, then, 'meter');
            }
            const cursor = await cursorSequence(rows, context.ledger, page, selection);
            const found = filter.identifier === null
                ? await walk(rows, await sourcesOf(rows, candidates, filter), selection, page, cursor)
                : await byIdentifier(rows, candidates, selection, page, cursor);
            const metersByNumber = new Map(candidates.map((row) => [row.number, toMeter(row)]));
            const listed = toPage(page, found);
            const views = await viewRecords(rows, listed.items, metersByNumber);
            const judgements = withFate ? await judgementsOf(rows, listed.items, metersByNumber, selection.sequence) : null;
            return {
                items: views.map((record, index) => ({ ...record, judgement: judgements?.[index] ?? null })),
                hasMore: listed.hasMore,
            };
        });
    }
};
ListUsageRecordsHandler = __decorate([
    QueryHandler(ListUsageRecords),
    __metadata("design:paramtypes", [Reader])
], ListUsageRecordsHandler);
export { ListUsageRecordsHandler };
/** In the order of the records. */
async function judgementsOf(rows, records, metersByNumber, sequence) {
    const judged = new Map();
    for (const [number, meter] of metersByNumber) {
        const ofMeter = records.filter((record) => record.meter === number);
        for (const each of await judgeInDays(rows, meter, sequence, ofMeter))
            judged.set(each.row, each);
    }
    return records.map((record) => {
        const { fate, contribution } = judged.get(record);
        return { fate, contribution: formatDecimal(contribution) };
    });
}
async function meterRows(rows, ledger, filter) {
    const found = filter.meterId === null
        ? await rows.range(meters, { index: 'ledger', prefix: [ledger], limit: METERS_MAX })
        : [await requireMeter(rows, ledger, filter.meterId, 'meter')];
    return found.filter(({ eventName }) => filter.eventName === null || eventName === filter.eventName);
}
async function byIdentifier(rows, candidates, filter, page, cursor) {
    const found = await rows.get(usageRecords, candidates.map(({ number }) => [number, filter.identifier]), 'identifier');
    const customers = await rows.get(usageSeries, found.map((row) => [row?.series ?? 0]));
    const forwards = page.endingBefore === null;
    return found
        .filter((row, index) => row && (filter.customer === null || customers[index]?.customer === filter.customer))
        .flatMap((row) => (row && recordAt(row, filter.sequence)) ?? [])
        .filter((row) => matches(row, filter))
        .filter(({ sequence }) => cursor === null || (forwards ? sequence < cursor : sequence > cursor))
        .sort((left, right) => (forwards ? right.sequence - left.sequence : left.sequence - right.sequence))
        .slice(0, page.limit + 1);
}
async function sourcesOf(rows, candidates, { customer }) {
    if (customer === null)
        return candidates.map(({ number }) => ({ of: 'meter', key: number }));
    const sources = [];
    for (const { number } of candidates) {
        const series = await rows.range(usageSeries, {
            index: 'combination',
            prefix: [number, customer],
            limit: SERIES_MAX,
        });
        for (const row of series)
            sources.push({ of: 'series', key: row.series });
    }
    return sources;
}
/** Until one more than a page is found. */
async function walk(rows, sources, selection, page, cursor) {
    const { sequence, status } = selection;
    // A list begins with what was recorded last.
    const isBackwards = page.endingBefore === null;
    const newest = sequence === null ? Number.MAX_SAFE_INTEGER : sequence + 1;
    const from = cursor === null ? newest : isBackwards ? cursor : cursor + 1;
    // What is cancelled now may not have been then.
    const where = status === 'recorded' && sequence === null ? { cancelledAt: null } : {};
    let scanned = 0;
    const onRead = (read) => {
        scanned += 1 + read;
        if (scanned <= SCANNED_ROWS_MAX)
            return;
        throw new DomainError('parameter_invalid', 'Too few of too many records match. Name a meter or customer, or a shorter time.');
    };
    const found = [];
    for await (const row of recordsBySequence(rows, sources, { isBackwards, from, where, onRead })) {
        const then = recordAt(row, sequence);
        // Going on, all that follows was recorded later still.
        if (!then)
            return found;
        if (matches(then, selection))
            found.push(then);
        if (found.length > page.limit)
            return found;
    }
    return found;
}
function matches(row, { status, occurred, recorded }) {
    if (status !== null && (row.cancelledAt === null ? 'recorded' : 'cancelled') !== status)
        return false;
    return isWithin(row.occurredAt, occurred) && isWithin(row.recordedAt, recorded);
}
function isWithin(instant, { from, to }) {
    return (from === null || instant >= from) && (to === null || instant < to);
}
async function cursorSequence(rows, ledger, page, { sequence }) {
    const id = page.startingAfter ?? page.endingBefore;
    if (id === null)
        return null;
    const parsed = parseRecordId(id);
    if (!parsed)
        return unknownCursor(page);
    const [meter] = await rows.get(meters, [[parsed.meterId]], 'meterId');
    if (meter?.ledger !== ledger)
        return unknownCursor(page);
    const [row] = await rows.get(usageRecords, [[meter.number, parsed.identifier]], 'identifier');
    return row && recordAt(row, sequence) ? row.sequence : unknownCursor(page);
}
//# sourceMappingURL=list-usage-records.js.map