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
/** `POST /meterbook/v1/meters/preview`: what a meter would count, before it is made. Stores nothing. */
import { Controller, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiBody, ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger';
import { CLOCK } from '../commands/environment.js';
import { PreviewMeter } from '../queries/preview-meter.js';
import { Allow } from './caller.js';
import { meterPreviewObject } from './meter-preview-object.js';
import { PreviewMeterParameters } from './meter-preview.parameters.js';
import { configurationOf } from './meters.parameters.js';
import { ReadContext, withPosition } from './read-context.js';
import { ApiError } from './stripe/api-error.js';
import { readParameters } from './stripe/parameters.js';
import { fromUnixSeconds } from './stripe/unix-time.js';
let MeterPreviewController = class MeterPreviewController {
    queries;
    readContext;
    clock;
    constructor(queries, readContext, clock) {
        this.queries = queries;
        this.readContext = readContext;
        this.clock = clock;
    }
    async preview(request, reply) {
        const parameters = readParameters(PreviewMeterParameters, request.body);
        const context = this.readContext.of(request);
        const at = this.clock.now();
        const source = sourceOf(parameters, at);
        const compareTo = parameters.compare_to ?? null;
        const window = (parameters.value_grouping_window ?? null);
        // Never an id anyone sees: the meter is not made.
        const configuration = { meterId: '', ...configurationOf(parameters), createdAt: at };
        const answer = await this.queries.execute(new PreviewMeter(context, configuration, source, window, compareTo));
        return meterPreviewObject(context.ledger, source, compareTo, withPosition(reply, answer), answer.position);
    }
};
__decorate([
    Post('preview'),
    HttpCode(200),
    Allow('read'),
    ApiOperation({ summary: 'What a meter would count, of sample events or of recorded ones; nothing is stored' }),
    ApiConsumes('application/json', 'application/x-www-form-urlencoded'),
    ApiBody({ type: PreviewMeterParameters }),
    __param(0, Req()),
    __param(1, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object, Object]),
    __metadata("design:returntype", Promise)
], MeterPreviewController.prototype, "preview", null);
MeterPreviewController = __decorate([
    ApiTags('Answers'),
    Controller('meterbook/v1/meters'),
    __param(2, Inject(CLOCK)),
    __metadata("design:paramtypes", [QueryBus,
        ReadContext, Object])
], MeterPreviewController);
export { MeterPreviewController };
function sourceOf({ sample_events: samples, history, event_name }, at) {
    if (samples && history) {
        throw ApiError.invalidRequest('You may only specify one of these parameters: sample_events, history.', 'parameters_exclusive', 'history');
    }
    if (samples) {
        return {
            type: 'samples',
            at,
            samples: samples.map(({ identifier, payload, timestamp }) => ({
                identifier: identifier ?? null,
                payload,
                timestamp: timestamp === undefined ? null : fromUnixSeconds(timestamp),
            })),
        };
    }
    if (history) {
        return {
            type: 'history',
            eventName: history.event_name ?? event_name,
            customer: history.customer ?? null,
            start: fromUnixSeconds(history.start_time),
            end: fromUnixSeconds(history.end_time),
        };
    }
    throw ApiError.invalidRequest('Missing required param: sample_events. Give sample_events to try the meter on, or history for events that were recorded.', 'parameter_missing', 'sample_events');
}
//# sourceMappingURL=meter-preview.controller.js.map