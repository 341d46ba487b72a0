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
 * How many usage events each meter received lately: within the last hour, to the minute, and in each of the last 24 hours.
 * The minute and the hour that are going on count as the last of them. Meters that received nothing are left out.
 */
import { Query, QueryHandler } from '@nestjs/cqrs';
import { DomainError } from '../domain/errors.js';
import { bucketStart, HOUR_MS, MINUTE_MS } from '../domain/time-bucket.js';
import { meterActivityHours, meterActivityMinutes } from '../read-model/tables.js';
import { Reader, requireMeter } from './reader.js';
export const HOURS_SHOWN = 24;
const MINUTES_SHOWN = 60;
/** Rows of hours or of minutes that one answer adds up: those of thousands of busy meters. */
export const ACTIVITY_ROWS_MAX = 300_000;
export class GetMeterActivity extends Query {
    context;
    meterId;
    now;
    constructor(context, 
    /** null: of every meter. */
    meterId, 
    /** Milliseconds since the epoch. */
    now) {
        super();
        this.context = context;
        this.meterId = meterId;
        this.now = now;
    }
}
let GetMeterActivityHandler = class GetMeterActivityHandler {
    reader;
    constructor(reader) {
        this.reader = reader;
    }
    /** @throws DomainError for an unknown meter, or too many of them. */
    async execute({ context, meterId, now }) {
        const hoursFrom = bucketStart('hour', now) - (HOURS_SHOWN - 1) * HOUR_MS;
        const minutesFrom = bucketStart('minute', now) - (MINUTES_SHOWN - 1) * MINUTE_MS;
        return this.reader.read(context, 'meter-activity', async (rows) => {
            if (meterId !== null)
                await requireMeter(rows, context.ledger, meterId, 'meter');
            const read = (table, from) => received(rows, table, context.ledger, meterId, from);
            const meters = new Map();
            for (const [id, since, recorded, cancelled] of await read(meterActivityHours, hoursFrom)) {
                const known = meters.get(id) ?? { lastHour: NONE, lastDay: NONE, hours: emptyHours() };
                known.lastDay = plus(known.lastDay, recorded, cancelled);
                // What a clock that is ahead received counts as received just now.
                const hour = Math.min((since - hoursFrom) / HOUR_MS, HOURS_SHOWN - 1);
                known.hours[hour] = (known.hours[hour] ?? 0) + recorded;
                meters.set(id, known);
            }
            for (const [id, , recorded, cancelled] of await read(meterActivityMinutes, minutesFrom)) {
                const known = meters.get(id);
                if (known)
                    known.lastHour = plus(known.lastHour, recorded, cancelled);
            }
            return { hoursFrom, minutesFrom, meters: Array.from(meters, ([id, activity]) => ({ meterId: id, ...activity })) };
        });
    }
};
GetMeterActivityHandler = __decorate([
    QueryHandler(GetMeterActivity),
    __metadata("design:paramtypes", [Reader])
], GetMeterActivityHandler);
export { GetMeterActivityHandler };
const NONE = { recorded: 0, cancelled: 0 };
function emptyHours() {
    return new Array(HOURS_SHOWN).fill(0);
}
async function received(rows, table, ledger, meterId, from) {
    const where = meterId === null ? {} : { where: { meterId } };
    const range = { prefix: [ledger], from, ...where, limit: ACTIVITY_ROWS_MAX + 1 };
    const read = await rows.values(table, ['meterId', 'since', 'recorded', 'cancelled'], range);
    if (read.length <= ACTIVITY_ROWS_MAX)
        return read;
    throw new DomainError('parameter_invalid', 'Too many meters received events. Name a meter.', 'meter');
}
function plus(counts, recorded, cancelled) {
    return { recorded: counts.recorded + recorded, cancelled: counts.cancelled + cancelled };
}
//# sourceMappingURL=get-meter-activity.js.map