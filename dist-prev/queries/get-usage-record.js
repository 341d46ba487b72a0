var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
var __param = (this && this.__param) || function (paramIndex, decorator) {
    return function (target, key) { decorator(target, key, paramIndex); }
};
/** One usage record, with the events that made it what it is, read from the log itself. */
import { Query, QueryHandler } from '@nestjs/cqrs';
import { Inject } from '@nestjs/common';
import { DomainError } from '../domain/errors.js';
import { EVENT_STORE } from '../event-store/event-store.js';
import { usageStream } from '../event-store/streams.js';
import { toMeter } from '../projections/meters.js';
import { usageRecords } from '../read-model/tables.js';
import { readEvent } from './read-event.js';
import { Reader, requireMeter } from './reader.js';
import { viewRecords } from './usage-record-view.js';
export class GetUsageRecord extends Query {
    context;
    meterId;
    identifier;
    constructor(context, meterId, identifier) {
        super();
        this.context = context;
        this.meterId = meterId;
        this.identifier = identifier;
    }
}
let GetUsageRecordHandler = class GetUsageRecordHandler {
    reader;
    store;
    constructor(reader, store) {
        this.reader = reader;
        this.store = store;
    }
    /** @throws DomainError `resource_missing`. */
    async execute({ context, meterId, identifier }) {
        const { result, position } = await this.reader.read(context, 'usage-index', async (rows) => {
            const meter = await requireMeter(rows, context.ledger, meterId, 'meter');
            const [row] = await rows.get(usageRecords, [[meter.number, identifier]], 'identifier');
            if (!row) {
                throw new DomainError('resource_missing', `No such meter event: '${identifier}' of ${meterId}.`, 'identifier');
            }
            const [record] = await viewRecords(rows, [row], new Map([[meter.number, toMeter(meter)]]));
            return { row, record: record };
        });
        const { row, record } = result;
        const stream = usageStream(context.ledger, row.partition);
        const revisions = [row.revision, row.cancelledRevision].filter((revision) => revision !== null);
        const events = await Promise.all(revisions.map((revision) => this.event(stream, revision)));
        return { result: { record, events }, position };
    }
    async event(stream, revision) {
        const { event, recorded } = await readEvent(this.store, { stream, revision });
        if (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled') {
            throw new Error(`Event ${revision} of ${stream} is no usage event.`);
        }
        const { id, position, metadata } = recorded;
        return {
            id,
            type: event.type,
            stream,
            revision,
            position,
            requestId: metadata.correlationId,
            actor: metadata.actor,
            at: event.type === 'UsageRecorded' ? event.data.recordedAt : event.data.cancelledAt,
        };
    }
};
GetUsageRecordHandler = __decorate([
    QueryHandler(GetUsageRecord),
    __param(1, Inject(EVENT_STORE)),
    __metadata("design:paramtypes", [Reader, Object])
], GetUsageRecordHandler);
export { GetUsageRecordHandler };
//# sourceMappingURL=get-usage-record.js.map