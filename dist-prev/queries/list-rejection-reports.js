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
 * What was refused, as Stripe reports it: one report for each meter (or none) and window of ten seconds, newest first.
 * stripe-metering §7.1.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Query, QueryHandler } from '@nestjs/cqrs';
import { usageRefusalCodes } from '../domain/errors.js';
import { METERS_MAX } from '../domain/meter-catalogue.js';
import { REPORT_WINDOW_MS } from '../projections/usage-rejections.js';
import { usageRejectionWindows } from '../read-model/tables.js';
import { toPage, unknownCursor } from './page.js';
import { Reader, requireMeter } from './reader.js';
export class ListRejectionReports extends Query {
    context;
    meterId;
    received;
    page;
    constructor(context, meterId, 
    /** By the start of the window. */
    received, page) {
        super();
        this.context = context;
        this.meterId = meterId;
        this.received = received;
        this.page = page;
    }
}
/** Every meter and none, each with every code there is, and room for the codes of wrong shapes. */
const WINDOW_ROWS_MAX = (METERS_MAX + 1) * (usageRefusalCodes.length + 5);
const ID = /^rejrep_(\d{1,15})\.([A-Za-z0-9_]*)$/;
let ListRejectionReportsHandler = class ListRejectionReportsHandler {
    reader;
    constructor(reader) {
        this.reader = reader;
    }
    /** @throws DomainError for an unknown meter or cursor. */
    async execute({ context, meterId, received, page }) {
        const { ledger } = context;
        return this.reader.read(context, 'usage-rejections', async (rows) => {
            if (meterId !== null)
                await requireMeter(rows, ledger, meterId, 'meter');
            const cursor = await cursorOf(rows, ledger, page);
            return toPage(page, await walk(rows, ledger, meterId, received, page, cursor));
        });
    }
};
ListRejectionReportsHandler = __decorate([
    QueryHandler(ListRejectionReports),
    __metadata("design:paramtypes", [Reader])
], ListRejectionReportsHandler);
export { ListRejectionReportsHandler };
async function walk(rows, ledger, meterId, { from, to }, { endingBefore, limit }, cursor) {
    const forwards = endingBefore === null;
    const scope = meterId === null
        ? { index: 'time', prefix: [ledger, REPORT_WINDOW_MS] }
        : { prefix: [ledger, meterId, REPORT_WINDOW_MS] };
    // The cursor's own window is read again: another meter's report of it may come next.
    let newest = to ?? Number.MAX_SAFE_INTEGER;
    let oldest = from ?? 0;
    if (cursor && forwards)
        newest = Math.min(newest, cursor.start + 1);
    if (cursor && !forwards)
        oldest = Math.max(oldest, cursor.start);
    const found = [];
    while (found.length <= limit) {
        await nextTurn();
        const bounds = { from: oldest, to: newest, reverse: forwards };
        const [next] = await rows.range(usageRejectionWindows, { ...scope, ...bounds, limit: 1 });
        if (!next)
            break;
        const prefix = [...scope.prefix, next.start];
        const window = await rows.range(usageRejectionWindows, { ...scope, prefix, limit: WINDOW_ROWS_MAX });
        const reports = reportsOf(window).filter((report) => isBeyond(report, cursor, forwards));
        found.push(...(forwards ? reports : reports.reverse()));
        if (forwards)
            newest = next.start;
        else
            oldest = next.start + 1;
    }
    return found.slice(0, limit + 1);
}
/** Of one window, by meter id; the one without a meter first. */
function reportsOf(window) {
    const byMeter = new Map();
    for (const row of window)
        byMeter.set(row.meterId, [...(byMeter.get(row.meterId) ?? []), row]);
    return [...byMeter].map(([meterId, rows]) => {
        const start = rows[0]?.start ?? 0;
        const types = rows
            .map(({ code, errors, samples }) => ({ code, errors, samples: JSON.parse(samples) }))
            .sort((a, b) => b.errors - a.errors || (a.code < b.code ? -1 : 1));
        return {
            id: `rejrep_${start}.${meterId}`,
            meterId: meterId === '' ? null : meterId,
            start,
            end: start + REPORT_WINDOW_MS,
            errors: types.reduce((sum, { errors }) => sum + errors, 0),
            types,
        };
    });
}
function isBeyond({ start, meterId }, cursor, forwards) {
    if (cursor?.start !== start)
        return true;
    return forwards ? (meterId ?? '') > cursor.meterId : (meterId ?? '') < cursor.meterId;
}
async function cursorOf(rows, ledger, page) {
    const id = page.startingAfter ?? page.endingBefore;
    if (id === null)
        return null;
    const [, start, meterId] = ID.exec(id) ?? [];
    if (start === undefined || meterId === undefined)
        return unknownCursor(page);
    const prefix = [ledger, meterId, REPORT_WINDOW_MS, Number(start)];
    const [row] = await rows.range(usageRejectionWindows, { prefix, limit: 1 });
    return row ? { start: Number(start), meterId } : unknownCursor(page);
}
//# sourceMappingURL=list-rejection-reports.js.map