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
/** `/v1/billing/meter_events` and `/v1/billing/meter_event_adjustments`. stripe-metering §2 and §4. */
import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiBody, ApiConsumes, ApiTags } from '@nestjs/swagger';
import { isLive } from '../domain/ledger.js';
import { Allow } from './caller.js';
import { CreateMeterEventAdjustmentParameters, CreateMeterEventParameters } from './meter-events.parameters.js';
import { CostsEvents } from './rate-limits.js';
import { readParameters } from './stripe/parameters.js';
import { fromUnixSeconds, toUnixSeconds } from './stripe/unix-time.js';
import { UsageAnswers } from './usage-answers.js';
const FORM = 'application/x-www-form-urlencoded';
let MeterEventsController = class MeterEventsController {
    usage;
    constructor(usage) {
        this.usage = usage;
    }
    createMeterEvent(request, reply) {
        const { event_name, payload, identifier, timestamp } = readParameters(CreateMeterEventParameters, request.body);
        const event = {
            eventName: event_name,
            payload,
            identifier: identifier ?? null,
            timestamp: timestamp === undefined ? null : fromUnixSeconds(timestamp),
        };
        return this.usage.record(request, reply, event, (recorded) => ({
            object: 'billing.meter_event',
            created: toUnixSeconds(recorded.recordedAt),
            event_name: recorded.eventName,
            identifier: recorded.identifier,
            livemode: isLive(recorded.ledger),
            payload: recorded.payload,
            timestamp: toUnixSeconds(recorded.occurredAt),
        }));
    }
    createAdjustment(request, reply) {
        const { event_name, cancel } = readParameters(CreateMeterEventAdjustmentParameters, request.body);
        const { identifier } = cancel;
        return this.usage.cancel(request, reply, { eventName: event_name, identifier }, (cancelled) => ({
            object: 'billing.meter_event_adjustment',
            cancel: { identifier: cancelled.identifier },
            event_name: cancelled.eventName,
            livemode: isLive(cancelled.ledger),
            status: 'complete',
            type: 'cancel',
        }));
    }
};
__decorate([
    Post('meter_events'),
    HttpCode(200),
    Allow('ingest'),
    CostsEvents(),
    ApiConsumes(FORM),
    ApiBody({ type: CreateMeterEventParameters }),
    __param(0, Req()),
    __param(1, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object, Object]),
    __metadata("design:returntype", Promise)
], MeterEventsController.prototype, "createMeterEvent", null);
__decorate([
    Post('meter_event_adjustments'),
    HttpCode(200),
    Allow('ingest'),
    CostsEvents(),
    ApiConsumes(FORM),
    ApiBody({ type: CreateMeterEventAdjustmentParameters }),
    __param(0, Req()),
    __param(1, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object, Object]),
    __metadata("design:returntype", Promise)
], MeterEventsController.prototype, "createAdjustment", null);
MeterEventsController = __decorate([
    ApiTags('Usage'),
    Controller('v1/billing'),
    __metadata("design:paramtypes", [UsageAnswers])
], MeterEventsController);
export { MeterEventsController };
//# sourceMappingURL=meter-events.controller.js.map