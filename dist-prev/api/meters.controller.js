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
/** `/v1/billing/meters`. Shapes and statuses only; stripe-metering §1 and §5. */
import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiBody, ApiConsumes, ApiQuery, ApiTags } from '@nestjs/swagger';
import { ChangeMeter } from '../commands/change-meter.js';
import { CreateMeter } from '../commands/create-meter.js';
import { FirstAnswers } from '../queries/first-answers.js';
import { GetMeter } from '../queries/get-meter.js';
import { GetMeterEventSummaries } from '../queries/get-meter-event-summaries.js';
import { ListMeters } from '../queries/list-meters.js';
import { Allow, callerOf } from './caller.js';
import { meterObject } from './meter-object.js';
import { summaryObject } from './meter-event-summary-object.js';
import { configurationOf, CreateMeterParameters, ListEventSummariesParameters, ListMetersParameters, UpdateMeterParameters, } from './meters.parameters.js';
import { ReadContext, withPosition } from './read-context.js';
import { parseQuery } from './stripe/form.js';
import { Idempotency } from './stripe/idempotency.js';
import { list } from './stripe/list.js';
import { pageRequest } from './page-request.js';
import { V1Parameters } from './stripe/parameter-decorators.js';
import { readParameters } from './stripe/parameters.js';
import { fromUnixSeconds } from './stripe/unix-time.js';
const FORM = 'application/x-www-form-urlencoded';
let MetersController = class MetersController {
    commands;
    queries;
    readContext;
    idempotency;
    firstAnswers;
    constructor(commands, queries, readContext, idempotency, firstAnswers) {
        this.commands = commands;
        this.queries = queries;
        this.readContext = readContext;
        this.idempotency = idempotency;
        this.firstAnswers = firstAnswers;
    }
    create(request, reply) {
        const parameters = readParameters(CreateMeterParameters, request.body);
        const meter = configurationOf(parameters);
        return this.change(request, reply, (ledger, context) => this.commands.execute(new CreateMeter(ledger, meter, context)));
    }
    async list(request, reply) {
        const parameters = readParameters(ListMetersParameters, parseQuery(request.url));
        const status = (parameters.status ?? null);
        const context = this.readContext.of(request);
        const page = withPosition(reply, await this.queries.execute(new ListMeters(context, status, pageRequest(parameters))));
        const data = page.items.map((meter) => meterObject(context.ledger, meter));
        return list('/v1/billing/meters', data, page.hasMore);
    }
    async retrieve(id, request, reply) {
        readParameters(V1Parameters, parseQuery(request.url));
        const context = this.readContext.of(request);
        return meterObject(context.ledger, withPosition(reply, await this.queries.execute(new GetMeter(context, id))));
    }
    async update(id, request, reply) {
        const { display_name: displayName } = readParameters(UpdateMeterParameters, request.body);
        // An update of nothing changes nothing and answers the meter as it stands.
        if (displayName === undefined) {
            return this.change(request, reply, async () => {
                const { result: meter } = await this.queries.execute(new GetMeter(this.readContext.of(request), id));
                return { meter, appended: null, replayOf: null };
            });
        }
        return this.changeById(id, { type: 'RenameMeter', displayName }, request, reply);
    }
    deactivate(id, request, reply) {
        readParameters(V1Parameters, request.body);
        return this.changeById(id, { type: 'DeactivateMeter' }, request, reply);
    }
    reactivate(id, request, reply) {
        readParameters(V1Parameters, request.body);
        return this.changeById(id, { type: 'ReactivateMeter' }, request, reply);
    }
    async listEventSummaries(id, request, reply) {
        const parameters = readParameters(ListEventSummariesParameters, parseQuery(request.url));
        const context = this.readContext.of(request);
        const answer = await this.queries.execute(new GetMeterEventSummaries(context, {
            meterId: id,
            customer: parameters.customer,
            start: fromUnixSeconds(parameters.start_time),
            end: fromUnixSeconds(parameters.end_time),
            window: (parameters.value_grouping_window ?? null),
            filters: parameters.dimension_filters ?? {},
            groupBy: parameters.dimension_group_by_keys ?? [],
        }, pageRequest(parameters), this.readContext.asOf(parameters)));
        const { meter, items, hasMore } = withPosition(reply, answer);
        const data = items.map((summary) => summaryObject(context.ledger, meter, summary, answer.position));
        return list(`/v1/billing/meters/${id}/event_summaries`, data, hasMore);
    }
    changeById(id, change, request, reply) {
        return this.change(request, reply, (ledger, context) => this.commands.execute(new ChangeMeter(ledger, id, change, context)));
    }
    async change(request, reply, act) {
        const { ledger } = callerOf(request);
        return this.idempotency.answer(request, reply, async (context) => {
            const { meter, appended, replayOf } = await act(ledger, context);
            return { body: meterObject(ledger, meter), appended, replayOf };
        }, async (caused) => {
            const { event } = await this.firstAnswers.event(caused);
            const { meters } = await this.firstAnswers.catalogueAt(ledger, caused.revision);
            const id = 'meterId' in event.data ? event.data.meterId : null;
            const meter = id === null ? undefined : meters.get(id);
            if (!meter)
                throw new Error(`Event ${caused.revision} of ${caused.stream} is about no meter.`);
            return meterObject(ledger, meter);
        });
    }
};
__decorate([
    Post(),
    HttpCode(200),
    ApiConsumes(FORM),
    ApiBody({ type: CreateMeterParameters }),
    __param(0, Req()),
    __param(1, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object, Object]),
    __metadata("design:returntype", Promise)
], MetersController.prototype, "create", null);
__decorate([
    Get(),
    Allow('read'),
    ApiQuery({ type: ListMetersParameters }),
    __param(0, Req()),
    __param(1, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object, Object]),
    __metadata("design:returntype", Promise)
], MetersController.prototype, "list", null);
__decorate([
    Get(':id'),
    Allow('read'),
    ApiQuery({ type: V1Parameters }),
    __param(0, Param('id')),
    __param(1, Req()),
    __param(2, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [String, Object, Object]),
    __metadata("design:returntype", Promise)
], MetersController.prototype, "retrieve", null);
__decorate([
    Post(':id'),
    HttpCode(200),
    ApiConsumes(FORM),
    ApiBody({ type: UpdateMeterParameters }),
    __param(0, Param('id')),
    __param(1, Req()),
    __param(2, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [String, Object, Object]),
    __metadata("design:returntype", Promise)
], MetersController.prototype, "update", null);
__decorate([
    Post(':id/deactivate'),
    HttpCode(200),
    ApiConsumes(FORM),
    ApiBody({ type: V1Parameters, required: false }),
    __param(0, Param('id')),
    __param(1, Req()),
    __param(2, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [String, Object, Object]),
    __metadata("design:returntype", Promise)
], MetersController.prototype, "deactivate", null);
__decorate([
    Post(':id/reactivate'),
    HttpCode(200),
    ApiConsumes(FORM),
    ApiBody({ type: V1Parameters, required: false }),
    __param(0, Param('id')),
    __param(1, Req()),
    __param(2, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [String, Object, Object]),
    __metadata("design:returntype", Promise)
], MetersController.prototype, "reactivate", null);
__decorate([
    Get(':id/event_summaries'),
    Allow('read'),
    ApiTags('Summaries'),
    ApiQuery({ type: ListEventSummariesParameters }),
    __param(0, Param('id')),
    __param(1, Req()),
    __param(2, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [String, Object, Object]),
    __metadata("design:returntype", Promise)
], MetersController.prototype, "listEventSummaries", null);
MetersController = __decorate([
    ApiTags('Meters'),
    Controller('v1/billing/meters'),
    __metadata("design:paramtypes", [CommandBus,
        QueryBus,
        ReadContext,
        Idempotency,
        FirstAnswers])
], MetersController);
export { MetersController };
//# sourceMappingURL=meters.controller.js.map