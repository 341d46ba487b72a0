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
/** `/meterbook/v1/meters/:id/usage` and `/customers`: usage of a meter across its customers, which Stripe has no endpoint for. */
import { Controller, Get, Param, Req, Res, StreamableFile } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiProduces, ApiQuery, ApiTags } from '@nestjs/swagger';
import { Readable } from 'node:stream';
import { GetMeterUsage } from '../queries/get-meter-usage.js';
import { GetUsageByCustomer, } from '../queries/get-usage-by-customer.js';
import { Allow } from './caller.js';
import { goneSignal } from './gone-signal.js';
import { ReadContext, withPosition } from './read-context.js';
import { ApiError } from './stripe/api-error.js';
import { parseQuery } from './stripe/form.js';
import { readParameters } from './stripe/parameters.js';
import { formatTimestamp } from './stripe/timestamp.js';
import { fromUnixSeconds } from './stripe/unix-time.js';
import { CSV_HEADER, csvLine } from './usage-csv.js';
import { meterUsageObject, usageByCustomerObject } from './usage-objects.js';
import { MeterUsageParameters, PAGE_CUSTOMERS_MAX, UsageByCustomerParameters } from './usage.parameters.js';
let MeterUsageController = class MeterUsageController {
    queries;
    readContext;
    constructor(queries, readContext) {
        this.queries = queries;
        this.readContext = readContext;
    }
    async usage(id, request, reply) {
        const parameters = readParameters(MeterUsageParameters, parseQuery(request.url));
        const context = this.readContext.of(request);
        const asked = {
            meterId: id,
            customer: parameters.customer ?? null,
            start: fromUnixSeconds(parameters.start_time),
            end: fromUnixSeconds(parameters.end_time),
            window: parameters.value_grouping_window,
            filters: parameters.dimension_filters ?? {},
            groupBy: parameters.dimension_group_by_keys ?? [],
        };
        const query = new GetMeterUsage(context, asked, this.readContext.asOf(parameters), goneSignal(reply));
        const answer = await this.queries.execute(query);
        return meterUsageObject(context.ledger, asked, withPosition(reply, answer), answer.position);
    }
    async customers(id, request, reply) {
        const parameters = readParameters(UsageByCustomerParameters, parseQuery(request.url));
        const context = this.readContext.of(request);
        const isCsv = parameters.format === undefined ? prefersCsv(request) : parameters.format === 'csv';
        const asked = {
            meterId: id,
            start: fromUnixSeconds(parameters.start_time),
            end: fromUnixSeconds(parameters.end_time),
            filters: parameters.dimension_filters ?? {},
            order: (parameters.order ?? (isCsv ? 'customer' : '-value')),
            search: parameters.search ?? null,
        };
        const asOf = this.readContext.asOf(parameters);
        const gone = goneSignal(reply);
        if (isCsv) {
            refuseInCsv(parameters);
            return this.csv(reply, context, asked, asOf, gone);
        }
        const page = { limit: parameters.limit, startingAfter: parameters.starting_after ?? null };
        const answer = await this.queries.execute(new GetUsageByCustomer(context, asked, page, asOf, gone));
        return usageByCustomerObject(context.ledger, asked, withPosition(reply, answer), answer.position);
    }
    /**
     * Page by page, all at the position of the first, so that neither the customers have to fit into memory nor rows are held
     * back for a client that reads slowly. What is refused is refused before the first line.
     */
    async csv(reply, context, asked, asOf, gone) {
        const read = (startingAfter, at) => this.queries.execute(new GetUsageByCustomer(context, asked, { limit: PAGE_CUSTOMERS_MAX, startingAfter }, at, gone));
        const first = await read(null, asOf);
        withPosition(reply, first);
        const pinned = first.position === null ? asOf : { type: 'position', position: first.position };
        async function* lines() {
            yield CSV_HEADER;
            let page = first.result;
            for (;;) {
                yield page.items.map(csvLine).join('');
                const last = page.items.at(-1);
                if (!page.hasMore || !last)
                    return;
                page = (await read(last.customer, pinned)).result;
            }
        }
        reply.header('content-disposition', `attachment; filename="${fileName(asked)}"`);
        return new StreamableFile(Readable.from(lines(), { objectMode: false }), {
            type: 'text/csv; charset=utf-8; header=present',
        });
    }
};
__decorate([
    Get(':id/usage'),
    ApiOperation({ summary: 'Usage of all customers by hour or day' }),
    ApiQuery({ type: MeterUsageParameters }),
    __param(0, Param('id')),
    __param(1, Req()),
    __param(2, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [String, Object, Object]),
    __metadata("design:returntype", Promise)
], MeterUsageController.prototype, "usage", null);
__decorate([
    Get(':id/customers'),
    ApiOperation({ summary: 'Usage by customer, as a list or as CSV' }),
    ApiQuery({ type: UsageByCustomerParameters }),
    ApiProduces('application/json', 'text/csv'),
    __param(0, Param('id')),
    __param(1, Req()),
    __param(2, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [String, Object, Object]),
    __metadata("design:returntype", Promise)
], MeterUsageController.prototype, "customers", null);
MeterUsageController = __decorate([
    ApiTags('Answers'),
    Controller('meterbook/v1/meters'),
    Allow('read'),
    __metadata("design:paramtypes", [QueryBus,
        ReadContext])
], MeterUsageController);
export { MeterUsageController };
/** A browser that follows a link takes anything; only who asks for CSV by name gets it unasked. */
function prefersCsv({ headers: { accept = '' } }) {
    return /^\s*text\/csv\b/i.test(accept);
}
/** @throws ApiError for what belongs to a list of pages. */
function refuseInCsv({ order, starting_after }) {
    const refuse = (param) => {
        throw ApiError.invalidRequest('A CSV has all customers, in the order of their names.', 'parameter_invalid', param);
    };
    if (order === '-value')
        refuse('order');
    if (starting_after !== undefined)
        refuse('starting_after');
}
function fileName({ meterId, start, end }) {
    const day = (instant) => formatTimestamp(instant).slice(0, 10);
    return `usage-${meterId.replaceAll(/[^\w]/g, '_')}-${day(start)}-${day(end)}.csv`;
}
//# sourceMappingURL=meter-usage.controller.js.map