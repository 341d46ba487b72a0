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
 * Usage of one customer on one meter over `[start, end)`: as a whole, or by hour or day, newest first. Empty windows are left
 * out; the whole is one summary even when it is 0. Design §6.
 */
import { createHash } from 'node:crypto';
import { Query, QueryHandler } from '@nestjs/cqrs';
import { formulas } from '../domain/aggregation.js';
import { formatDecimal } from '../domain/decimal.js';
import { DomainError } from '../domain/errors.js';
import { bucketMs, DAY_MS, isAligned } from '../domain/time-bucket.js';
import { toMeter } from '../projections/meters.js';
import { meterAsOf } from './meter-as-of.js';
import { toPage, unknownCursor } from './page.js';
import { Reader, requireMeter } from './reader.js';
import { PendingUsage } from './pending-usage.js';
import { UsageAt } from './usage-at.js';
import { seriesGroups } from './usage-series-of.js';
export class GetMeterEventSummaries extends Query {
    context;
    request;
    page;
    asOf;
    constructor(context, request, page, 
    /** null: as it stands. */
    asOf = null) {
        super();
        this.context = context;
        this.request = request;
        this.page = page;
        this.asOf = asOf;
    }
}
/** Time that is read at once when walking window by window, in windows. */
const WINDOWS_PER_READ = 31 * 24;
const ID_HASH_LENGTH = 32;
let GetMeterEventSummariesHandler = class GetMeterEventSummariesHandler {
    reader;
    constructor(reader) {
        this.reader = reader;
    }
    /** @throws DomainError for misaligned bounds, an unknown meter, dimension or cursor. */
    async execute({ context, request, page, asOf }) {
        requireInterval(request);
        const current = asOf === null ? await this.current(context, request, page) : null;
        if (current)
            return current;
        return this.reader.readAsOf(context, 'usage-cells', asOf, async (rows, then) => {
            const row = await requireMeter(rows, context.ledger, request.meterId);
            const meter = await meterAsOf(rows, this.reader.store, row, then);
            const usage = new UsageAt(rows, meter, then?.sequence ?? null);
            const groups = await seriesGroups(rows, row.number, meter, request.customer, request, usage.sequence);
            return readSummaries(meter, usage, request, page, groups);
        });
    }
    /** As it stands, without waiting for the projector; null where that is needed. */
    current(context, request, page) {
        return this.reader.readUnprojected(context, 'usage-cells', request, async (rows, records) => {
            const row = await requireMeter(rows, context.ledger, request.meterId);
            const meter = toMeter(row);
            const pending = await PendingUsage.find(rows, meter, row, records);
            if (!pending)
                return null;
            const { customer } = request;
            const groups = await seriesGroups(rows, row.number, meter, customer, request, null, pending.newSeries);
            return readSummaries(meter, pending.over(new UsageAt(rows, meter, null)), request, page, groups);
        });
    }
};
GetMeterEventSummariesHandler = __decorate([
    QueryHandler(GetMeterEventSummaries),
    __metadata("design:paramtypes", [Reader])
], GetMeterEventSummariesHandler);
export { GetMeterEventSummariesHandler };
async function readSummaries(meter, usage, request, page, groups) {
    const formula = formulas[meter.formula];
    const read = request.window === null
        ? await readWhole(usage, request, page, groups, formula)
        : await readWindows(usage, request, page, groups, formula, request.window);
    return { meter, ...toPage(page, read) };
}
async function readWhole(usage, request, page, groups, formula) {
    const cursor = cursorOf(page);
    const ids = groups.map((group) => summaryId(request, request.start, group));
    const at = cursor === null ? -1 : ids.indexOf(cursor);
    if (cursor !== null && at < 0)
        return unknownCursor(page);
    const indexes = [...groups.keys()].filter((index) => (page.endingBefore === null ? index > at : index < at));
    if (page.endingBefore !== null)
        indexes.reverse();
    const summaries = [];
    for (const index of indexes.slice(0, page.limit + 1)) {
        const group = groups[index];
        const state = await usage.state(group.series, request.start, request.end);
        summaries.push(summary(request, request.start, request.end, group, formula, state));
    }
    return summaries;
}
/** Walks window by window from the newest, or from the oldest for `ending_before`, until one more than a page is found. */
async function readWindows(usage, request, page, groups, formula, window) {
    const forwards = page.endingBefore === null;
    const cursor = cursorOf(page);
    const span = WINDOWS_PER_READ * bucketMs[window];
    let { start, end } = request;
    if (cursor !== null) {
        const cursorStart = startOf(cursor);
        if (cursorStart === null || cursorStart < start || cursorStart >= end)
            return unknownCursor(page);
        if (forwards)
            end = cursorStart + bucketMs[window];
        else
            start = cursorStart;
    }
    const found = [];
    let passedCursor = cursor === null;
    while (start < end && found.length <= page.limit) {
        const from = forwards ? Math.max(start, end - span) : start;
        const to = forwards ? end : Math.min(end, start + span);
        const summaries = await readSpan(usage, request, groups, formula, window, from, to);
        for (const each of forwards ? summaries : summaries.reverse()) {
            if (passedCursor)
                found.push(each);
            else if (each.id === cursor)
                passedCursor = true;
        }
        // The cursor's own window is in the first span; if it is not there, it never was.
        if (!passedCursor)
            return unknownCursor(page);
        if (forwards)
            end = from;
        else
            start = to;
    }
    return found.slice(0, page.limit + 1);
}
/** The summaries of `[from, to)` in list order: newest window first, groups in their order. */
async function readSpan(usage, request, groups, formula, window, from, to) {
    const byStart = new Map();
    for (const group of groups) {
        for (const series of group.series) {
            for (const { start, state } of await usage.buckets(series, window, from, to)) {
                const states = byStart.get(start) ?? new Map();
                states.set(group, formula.merge(states.get(group) ?? formula.empty, state));
                byStart.set(start, states);
            }
        }
    }
    const starts = [...byStart.keys()].sort((left, right) => right - left);
    return starts.flatMap((start) => groups.flatMap((group) => {
        const states = byStart.get(start);
        if (!states?.has(group))
            return [];
        return [summary(request, start, start + bucketMs[window], group, formula, states.get(group))];
    }));
}
export function summary(request, start, end, group, formula, state) {
    const value = formatDecimal(formula.value(state));
    return { id: summaryId(request, start, group), start, end, value, dimensions: group.dimensions };
}
/** `<prefix><start, base 36>_<hash of everything else>`: the start makes a cursor findable without counting. */
function summaryId({ meterId, customer, window, filters, start, end }, at, group) {
    const whole = window === null ? [start, end] : null;
    const what = JSON.stringify([meterId, customer, window, whole, Object.entries(filters).sort(), group.dimensions]);
    const hash = createHash('sha256').update(what).digest('hex').slice(0, ID_HASH_LENGTH);
    const prefix = meterId.startsWith('mtr_test_') ? 'mtrusg_test_' : 'mtrusg_';
    return `${prefix}${at.toString(36)}_${hash}`;
}
function startOf(id) {
    const match = /^mtrusg_(?:test_)?(-?[0-9a-z]{1,11})_[0-9a-f]+$/.exec(id);
    return match?.[1] === undefined ? null : parseInt(match[1], 36);
}
function cursorOf({ startingAfter, endingBefore }) {
    return startingAfter ?? endingBefore;
}
/** `named` gives a bound its name in the request. @throws DomainError for bounds that are misaligned or in the wrong order. */
export function requireInterval({ start, end, window }, named = (param) => param) {
    const size = window ?? 'minute';
    const boundary = window === 'day' ? '00:00 UTC of a day' : `a full ${size} (UTC)`;
    for (const [param, instant] of [
        [named('start_time'), start],
        [named('end_time'), end],
    ]) {
        if (!isAligned(size, instant)) {
            throw new DomainError('parameter_invalid', `${param} must be at ${boundary}${window === null ? '' : ` when value_grouping_window is ${window}`}.`, param);
        }
    }
    if (end <= start) {
        const message = `${named('end_time')} must be after ${named('start_time')}.`;
        throw new DomainError('parameter_invalid', message, named('end_time'));
    }
    if (window !== null && end - start > WINDOWED_INTERVAL_MAX_MS) {
        throw new DomainError('parameter_invalid', 'By window, an interval is at most ten years long.', named('end_time'));
    }
}
const WINDOWED_INTERVAL_MAX_MS = 3660 * DAY_MS;
//# sourceMappingURL=get-meter-event-summaries.js.map