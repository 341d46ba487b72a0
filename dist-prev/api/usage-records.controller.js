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
/** `/meterbook/v1/meter_events`: the usage records themselves, which Stripe has no endpoint for. */
import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiQuery, ApiTags } from '@nestjs/swagger';
import { EVENT_NAME_LENGTH_MAX } from '../domain/meter-catalogue.js';
import { CUSTOMER_LENGTH_MAX, IDENTIFIER_LENGTH_MAX } from '../domain/meter-event.js';
import { describeFate } from '../domain/record-fate.js';
import { GetUsageRecord } from '../queries/get-usage-record.js';
import { ListUsageRecords } from '../queries/list-usage-records.js';
import { recordId } from '../queries/usage-record-view.js';
import { AsOfListParameters } from './as-of.parameters.js';
import { Allow } from './caller.js';
import { METER_ID_LENGTH_MAX } from './meters.parameters.js';
import { pageRequest } from './page-request.js';
import { ReadContext, withPosition } from './read-context.js';
import { parseQuery } from './stripe/form.js';
import { list } from './stripe/list.js';
import { Choice, Hash, Text, V1Parameters } from './stripe/parameter-decorators.js';
import { readParameters } from './stripe/parameters.js';
import { formatTimestamp } from './stripe/timestamp.js';
import { timeFilter, TimeFilterParameters } from './time-filter.js';
import { recordObject } from './usage-record-object.js';
export class ListUsageRecordsParameters extends AsOfListParameters {
    meter;
    event_name;
    customer;
    identifier;
    status;
    timestamp;
    created;
    include;
}
__decorate([
    Text({ optional: true, lengthMax: METER_ID_LENGTH_MAX, description: 'Id of the meter.' }),
    __metadata("design:type", String)
], ListUsageRecordsParameters.prototype, "meter", void 0);
__decorate([
    Text({ optional: true, lengthMax: EVENT_NAME_LENGTH_MAX }),
    __metadata("design:type", String)
], ListUsageRecordsParameters.prototype, "event_name", void 0);
__decorate([
    Text({ optional: true, lengthMax: CUSTOMER_LENGTH_MAX }),
    __metadata("design:type", String)
], ListUsageRecordsParameters.prototype, "customer", void 0);
__decorate([
    Text({ optional: true, lengthMax: IDENTIFIER_LENGTH_MAX }),
    __metadata("design:type", String)
], ListUsageRecordsParameters.prototype, "identifier", void 0);
__decorate([
    Choice(['recorded', 'cancelled'], { optional: true }),
    __metadata("design:type", String)
], ListUsageRecordsParameters.prototype, "status", void 0);
__decorate([
    Hash(() => TimeFilterParameters, { optional: true, description: 'When it happened.' }),
    __metadata("design:type", TimeFilterParameters)
], ListUsageRecordsParameters.prototype, "timestamp", void 0);
__decorate([
    Hash(() => TimeFilterParameters, { optional: true, description: 'When it was received.' }),
    __metadata("design:type", TimeFilterParameters)
], ListUsageRecordsParameters.prototype, "created", void 0);
__decorate([
    Choice(['fate'], { optional: true, description: 'Adds what became of each record in its UTC day.' }),
    __metadata("design:type", String)
], ListUsageRecordsParameters.prototype, "include", void 0);
let UsageRecordsController = class UsageRecordsController {
    queries;
    readContext;
    constructor(queries, readContext) {
        this.queries = queries;
        this.readContext = readContext;
    }
    async list(request, reply) {
        const parameters = readParameters(ListUsageRecordsParameters, parseQuery(request.url));
        const context = this.readContext.of(request);
        const filter = {
            meterId: parameters.meter ?? null,
            eventName: parameters.event_name ?? null,
            customer: parameters.customer ?? null,
            identifier: parameters.identifier ?? null,
            status: (parameters.status ?? null),
            occurred: timeFilter(parameters.timestamp),
            recorded: timeFilter(parameters.created),
        };
        const page = withPosition(reply, await this.queries.execute(new ListUsageRecords(context, filter, pageRequest(parameters), this.readContext.asOf(parameters), parameters.include === 'fate')));
        const data = page.items.map(({ judgement, ...record }) => ({
            ...recordObject(context.ledger, record),
            ...(judgement ? { fate: fateObject(record.meterId, judgement) } : {}),
        }));
        return list('/meterbook/v1/meter_events', data, page.hasMore);
    }
    async retrieve(meterId, identifier, request, reply) {
        readParameters(V1Parameters, parseQuery(request.url));
        const context = this.readContext.of(request);
        const { record, events } = withPosition(reply, await this.queries.execute(new GetUsageRecord(context, meterId, identifier)));
        return {
            ...recordObject(context.ledger, record),
            events: events.map(({ id, type, stream, revision, position, requestId, actor, at }) => ({
                id,
                type,
                at: formatTimestamp(at),
                stream,
                revision,
                position,
                request_id: requestId,
                actor,
            })),
        };
    }
};
__decorate([
    Get(),
    ApiQuery({ type: ListUsageRecordsParameters }),
    __param(0, Req()),
    __param(1, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object, Object]),
    __metadata("design:returntype", Promise)
], UsageRecordsController.prototype, "list", null);
__decorate([
    Get(':meter/:identifier'),
    ApiQuery({ type: V1Parameters }),
    __param(0, Param('meter')),
    __param(1, Param('identifier')),
    __param(2, Req()),
    __param(3, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [String, String, Object, Object]),
    __metadata("design:returntype", Promise)
], UsageRecordsController.prototype, "retrieve", null);
UsageRecordsController = __decorate([
    ApiTags('Usage records'),
    Controller('meterbook/v1/meter_events'),
    Allow('read'),
    __metadata("design:paramtypes", [QueryBus,
        ReadContext])
], UsageRecordsController);
export { UsageRecordsController };
function fateObject(meterId, { fate, contribution }) {
    return {
        by: 'by' in fate ? recordId(meterId, fate.by) : null,
        code: fate.code,
        contribution,
        reason: describeFate(fate, contribution, formatTimestamp),
    };
}
//# sourceMappingURL=usage-records.controller.js.map