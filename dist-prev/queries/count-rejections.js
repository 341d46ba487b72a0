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
 * How many meter events were refused for each reason, and how many of them still wait. Added up from windows of their
 * receipt, whole days where it can, so it costs the same whatever the number of rejections; the bounds must therefore fall
 * on full windows.
 */
import { Query, QueryHandler } from '@nestjs/cqrs';
import { DomainError } from '../domain/errors.js';
import { DAY_MS } from '../domain/time-bucket.js';
import { REPORT_WINDOW_MS } from '../projections/usage-rejections.js';
import { usageRejectionWindows } from '../read-model/tables.js';
import { Reader, requireMeter } from './reader.js';
export class CountRejections extends Query {
    context;
    meterId;
    received;
    constructor(context, meterId, received) {
        super();
        this.context = context;
        this.meterId = meterId;
        this.received = received;
    }
}
/** Windows one count may add up. */
export const COUNTED_WINDOWS_MAX = 200_000;
let CountRejectionsHandler = class CountRejectionsHandler {
    reader;
    constructor(reader) {
        this.reader = reader;
    }
    /** The most frequent first. @throws DomainError for an unknown meter, bounds within a window, or too much to add up. */
    async execute({ context, meterId, received }) {
        const runs = runsOf(received);
        return this.reader.read(context, 'usage-rejections', async (rows) => {
            if (meterId !== null)
                await requireMeter(rows, context.ledger, meterId, 'meter');
            const counts = new Map();
            let windows = 0;
            for (const run of runs) {
                const limit = COUNTED_WINDOWS_MAX - windows + 1;
                const read = await windowsOf(rows, context.ledger, meterId, run, limit);
                windows += read.length;
                if (windows > COUNTED_WINDOWS_MAX) {
                    throw new DomainError('parameter_invalid', 'Too much to count. Name a meter, or full UTC days.', 'created');
                }
                for (const { code, errors, resolved } of read) {
                    const known = counts.get(code) ?? { code, errors: 0, resolved: 0 };
                    counts.set(code, { code, errors: known.errors + errors, resolved: known.resolved + resolved });
                }
            }
            return [...counts.values()].sort((a, b) => b.errors - a.errors || (a.code < b.code ? -1 : 1));
        });
    }
};
CountRejectionsHandler = __decorate([
    QueryHandler(CountRejections),
    __metadata("design:paramtypes", [Reader])
], CountRejectionsHandler);
export { CountRejectionsHandler };
function windowsOf(rows, ledger, meterId, { size, from, to }, limit) {
    return rows.range(usageRejectionWindows, {
        ...(meterId === null ? { index: 'time', prefix: [ledger, size] } : { prefix: [ledger, meterId, size] }),
        from,
        to,
        limit,
    });
}
/** The days within the bounds, and the short windows before and after them. */
function runsOf({ from, to }) {
    for (const bound of [from, to]) {
        if (bound !== null && bound % REPORT_WINDOW_MS !== 0) {
            throw new DomainError('parameter_invalid', `Rejections are counted in windows of ${REPORT_WINDOW_MS / 1000} seconds: give created[gte] and created[lt] on full ones.`, 'created');
        }
    }
    const start = from ?? 0;
    const end = to ?? Number.MAX_SAFE_INTEGER;
    const firstDay = Math.ceil(start / DAY_MS) * DAY_MS;
    const lastDay = to === null ? end : Math.floor(end / DAY_MS) * DAY_MS;
    const runs = firstDay < lastDay
        ? [
            { size: REPORT_WINDOW_MS, from: start, to: firstDay },
            { size: DAY_MS, from: firstDay, to: lastDay },
            { size: REPORT_WINDOW_MS, from: lastDay, to: end },
        ]
        : [{ size: REPORT_WINDOW_MS, from: start, to: end }];
    return runs.filter((run) => run.from < run.to);
}
//# sourceMappingURL=count-rejections.js.map