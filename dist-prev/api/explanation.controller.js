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
/** `/meterbook/v1/meters/:id/explain`: a summary, and every record that was looked at for it. */
import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { isLive } from '../domain/ledger.js';
import { CUSTOMER_LENGTH_MAX } from '../domain/meter-event.js';
import { describeFate } from '../domain/record-fate.js';
import { ExplainUsage, } from '../queries/explain-usage.js';
import { recordId } from '../queries/usage-record-view.js';
import { AsOfListParameters } from './as-of.parameters.js';
import { Allow } from './caller.js';
import { summaryObject } from './meter-event-summary-object.js';
import { meterObject } from './meter-object.js';
import { pageRequest } from './page-request.js';
import { ReadContext, withPosition } from './read-context.js';
import { rejectionObject } from './rejection-objects.js';
import { parseQuery } from './stripe/form.js';
import { list } from './stripe/list.js';
import { IntegerText, StringMap, Text } from './stripe/parameter-decorators.js';
import { readParameters } from './stripe/parameters.js';
import { formatTimestamp, parseTimestamp } from './stripe/timestamp.js';
import { fromUnixSeconds, toUnixSeconds, UNIX_SECONDS_MAX } from './stripe/unix-time.js';
import { recordObject } from './usage-record-object.js';
export class ExplainUsageParameters extends AsOfListParameters {
    customer;
    start_time;
    end_time;
    dimension_filters;
}
__decorate([
    Text({ lengthMax: CUSTOMER_LENGTH_MAX, description: 'Whose usage.' }),
    __metadata("design:type", String)
], ExplainUsageParameters.prototype, "customer", void 0);
__decorate([
    IntegerText({ min: 0, max: UNIX_SECONDS_MAX, description: 'Unix seconds, on a full minute; inclusive.' }),
    __metadata("design:type", Number)
], ExplainUsageParameters.prototype, "start_time", void 0);
__decorate([
    IntegerText({ min: 0, max: UNIX_SECONDS_MAX, description: 'Unix seconds, on a full minute; exclusive.' }),
    __metadata("design:type", Number)
], ExplainUsageParameters.prototype, "end_time", void 0);
__decorate([
    StringMap({ optional: true, description: 'Dimension → the value it must have.' }),
    __metadata("design:type", Object)
], ExplainUsageParameters.prototype, "dimension_filters", void 0);
let ExplanationController = class ExplanationController {
    queries;
    readContext;
    constructor(queries, readContext) {
        this.queries = queries;
        this.readContext = readContext;
    }
    async explain(id, request, reply) {
        const parameters = readParameters(ExplainUsageParameters, parseQuery(request.url));
        const context = this.readContext.of(request);
        const asked = {
            meterId: id,
            customer: parameters.customer,
            start: fromUnixSeconds(parameters.start_time),
            end: fromUnixSeconds(parameters.end_time),
            filters: parameters.dimension_filters ?? {},
        };
        const answer = await this.queries.execute(new ExplainUsage(context, asked, pageRequest(parameters), parseTimestamp, this.readContext.asOf(parameters)));
        return explanationObject(context.ledger, asked, withPosition(reply, answer), answer.position);
    }
};
__decorate([
    Get(':id/explain'),
    ApiOperation({ summary: 'A summary, with every record that was looked at for it and what became of it' }),
    ApiQuery({ type: ExplainUsageParameters }),
    __param(0, Param('id')),
    __param(1, Req()),
    __param(2, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [String, Object, Object]),
    __metadata("design:returntype", Promise)
], ExplanationController.prototype, "explain", null);
ExplanationController = __decorate([
    ApiTags('Answers'),
    Controller('meterbook/v1/meters'),
    Allow('read'),
    __metadata("design:paramtypes", [QueryBus,
        ReadContext])
], ExplanationController);
export { ExplanationController };
function explanationObject(ledger, { customer, start, end, filters }, { meter, summary, records, rejections }, position) {
    const rejected = rejections.items.map((rejection) => rejectionObject(ledger, rejection));
    const eventName = new URLSearchParams({ event_name: meter.eventName }).toString();
    return {
        object: 'meterbook.explanation',
        customer,
        dimension_filters: filters,
        end_time: toUnixSeconds(end),
        livemode: isLive(ledger),
        meter: meterObject(ledger, meter),
        position,
        records: list(`/meterbook/v1/meters/${meter.id}/explain`, records.items.map((record) => explainedRecordObject(ledger, record)), records.hasMore),
        rejections: list(`/meterbook/v1/rejections?${eventName}`, rejected, rejections.hasMore),
        start_time: toUnixSeconds(start),
        summary: summaryObject(ledger, meter, summary, position),
    };
}
function explainedRecordObject(ledger, { record, fate, contribution, runningTotal }) {
    return {
        ...recordObject(ledger, record),
        object: 'meterbook.explained_record',
        by: 'by' in fate ? recordId(record.meterId, fate.by) : null,
        code: fate.code,
        contribution,
        reason: describeFate(fate, contribution, formatTimestamp),
        running_total: runningTotal,
    };
}
//# sourceMappingURL=explanation.controller.js.map