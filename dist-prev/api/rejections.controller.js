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
/** `/meterbook/v1/rejections`: meter events the stream refused, as data that can be looked at, counted and tried again. */
import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import { ApiBody, ApiConsumes, ApiQuery, ApiTags } from '@nestjs/swagger';
import { RetryRejections } from '../commands/retry-rejections.js';
import { CountRejections } from '../queries/count-rejections.js';
import { FindOpenRejections } from '../queries/find-open-rejections.js';
import { GetRejection } from '../queries/get-rejection.js';
import { ListRejectionReports } from '../queries/list-rejection-reports.js';
import { ListRejections } from '../queries/list-rejections.js';
import { Allow, callerOf } from './caller.js';
import { pageRequest } from './page-request.js';
import { ReadContext, withPosition } from './read-context.js';
import { rejectionCountsObject, rejectionObject, rejectionReportObject } from './rejection-objects.js';
import { CountRejectionsParameters, ListRejectionReportsParameters, ListRejectionsParameters, RetryRejectionsParameters, } from './rejections.parameters.js';
import { parseQuery } from './stripe/form.js';
import { Idempotency } from './stripe/idempotency.js';
import { list } from './stripe/list.js';
import { V1Parameters } from './stripe/parameter-decorators.js';
import { readParameters } from './stripe/parameters.js';
import { parseTimestamp } from './stripe/timestamp.js';
import { timeFilter } from './time-filter.js';
const PATH = '/meterbook/v1/rejections';
const BODY_TYPES = ['application/x-www-form-urlencoded', 'application/json'];
let RejectionsController = class RejectionsController {
    commands;
    queries;
    readContext;
    idempotency;
    constructor(commands, queries, readContext, idempotency) {
        this.commands = commands;
        this.queries = queries;
        this.readContext = readContext;
        this.idempotency = idempotency;
    }
    async list(request, reply) {
        const parameters = readParameters(ListRejectionsParameters, parseQuery(request.url));
        const context = this.readContext.of(request);
        const filter = { ...filterOf(parameters), status: (parameters.status ?? null) };
        const page = withPosition(reply, await this.queries.execute(new ListRejections(context, filter, pageRequest(parameters))));
        const data = page.items.map((rejection) => rejectionObject(context.ledger, rejection));
        return list(PATH, data, page.hasMore);
    }
    async count(request, reply) {
        const { meter = null, created } = readParameters(CountRejectionsParameters, parseQuery(request.url));
        const context = this.readContext.of(request);
        const counts = withPosition(reply, await this.queries.execute(new CountRejections(context, meter, timeFilter(created))));
        return rejectionCountsObject(context.ledger, meter, counts);
    }
    async listReports(request, reply) {
        const parameters = readParameters(ListRejectionReportsParameters, parseQuery(request.url));
        const { meter = null, created } = parameters;
        const context = this.readContext.of(request);
        const query = new ListRejectionReports(context, meter, timeFilter(created), pageRequest(parameters));
        const page = withPosition(reply, await this.queries.execute(query));
        const data = page.items.map((report) => rejectionReportObject(context.ledger, report));
        return list(`${PATH}/reports`, data, page.hasMore);
    }
    async retrieve(id, request, reply) {
        readParameters(V1Parameters, parseQuery(request.url));
        return this.show(id, request, reply);
    }
    async retryAll(request, reply) {
        const parameters = readParameters(RetryRejectionsParameters, request.body);
        const { limit, starting_after: startingAfter = null } = parameters;
        const context = this.readContext.of(request);
        return this.act(request, reply, async (retryContext) => {
            const open = await this.queries.execute(new FindOpenRejections(context, filterOf(parameters), startingAfter, limit));
            const outcomes = await this.retry(context.ledger, open.revisions, retryContext);
            const counted = outcomes.filter(({ fate }) => fate === 'counted').length;
            const stillRejected = outcomes.filter(({ fate }) => fate === 'refused').length;
            return {
                object: 'meterbook.rejection_retry',
                counted,
                duplicates: outcomes.length - counted - stillRejected,
                has_more: open.hasMore,
                last: open.lastId,
                retried: outcomes.length,
                still_rejected: stillRejected,
            };
        });
    }
    async retryOne(id, request, reply) {
        readParameters(V1Parameters, request.body);
        const context = this.readContext.of(request);
        return this.act(request, reply, async (retryContext) => {
            const { result } = await this.queries.execute(new GetRejection(context, id));
            const [outcome] = await this.retry(context.ledger, [result.revision], retryContext);
            if (outcome?.fate === 'refused')
                throw outcome.reason;
            return this.show(id, request, reply);
        });
    }
    retry(ledger, revisions, context) {
        // The event a retry causes is the rejection's, not this request's: sent again, it is found counted by its identifier.
        const retryContext = { ...context, idempotency: null };
        return this.commands.execute(new RetryRejections(ledger, revisions, parseTimestamp, retryContext));
    }
    /** Remembers the answer of an idempotency key. No event carries the key: after a crash it is done again, to no effect. */
    act(request, reply, retry) {
        return this.idempotency.answer(request, reply, async (context) => ({ body: await retry(context), appended: null, replayOf: null }), ({ stream, revision }) => {
            throw new Error(`Event ${revision} of ${stream} carries the idempotency key of a retry.`);
        });
    }
    async show(id, request, reply) {
        const context = this.readContext.of(request);
        const { ledger } = callerOf(request);
        return rejectionObject(ledger, withPosition(reply, await this.queries.execute(new GetRejection(context, id))));
    }
};
__decorate([
    Get(),
    Allow('read'),
    ApiQuery({ type: ListRejectionsParameters }),
    __param(0, Req()),
    __param(1, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object, Object]),
    __metadata("design:returntype", Promise)
], RejectionsController.prototype, "list", null);
__decorate([
    Get('counts'),
    Allow('read'),
    ApiQuery({ type: CountRejectionsParameters }),
    __param(0, Req()),
    __param(1, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object, Object]),
    __metadata("design:returntype", Promise)
], RejectionsController.prototype, "count", null);
__decorate([
    Get('reports'),
    Allow('read'),
    ApiQuery({ type: ListRejectionReportsParameters }),
    __param(0, Req()),
    __param(1, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object, Object]),
    __metadata("design:returntype", Promise)
], RejectionsController.prototype, "listReports", null);
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
], RejectionsController.prototype, "retrieve", null);
__decorate([
    Post('retry'),
    HttpCode(200),
    Allow('ingest'),
    ApiConsumes(...BODY_TYPES),
    ApiBody({ type: RetryRejectionsParameters, required: false }),
    __param(0, Req()),
    __param(1, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object, Object]),
    __metadata("design:returntype", Promise)
], RejectionsController.prototype, "retryAll", null);
__decorate([
    Post(':id/retry'),
    HttpCode(200),
    Allow('ingest'),
    ApiConsumes(...BODY_TYPES),
    ApiBody({ type: V1Parameters, required: false }),
    __param(0, Param('id')),
    __param(1, Req()),
    __param(2, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [String, Object, Object]),
    __metadata("design:returntype", Promise)
], RejectionsController.prototype, "retryOne", null);
RejectionsController = __decorate([
    ApiTags('Rejections'),
    Controller(PATH.slice(1)),
    __metadata("design:paramtypes", [CommandBus,
        QueryBus,
        ReadContext,
        Idempotency])
], RejectionsController);
export { RejectionsController };
function filterOf({ meter, event_name, code, identifier, created }) {
    return {
        meterId: meter ?? null,
        eventName: event_name ?? null,
        code: code ?? null,
        identifier: identifier ?? null,
        received: timeFilter(created),
    };
}
//# sourceMappingURL=rejections.controller.js.map