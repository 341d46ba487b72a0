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
/** `/v2/billing/meter_events` and `/v2/billing/meter_event_adjustments`: JSON, RFC 3339. stripe-metering §3.3 and §4.2. */
import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { ApiBody, ApiTags } from '@nestjs/swagger';
import { createHash } from 'node:crypto';
import { isLive } from '../domain/ledger.js';
import { Allow } from './caller.js';
import { CreateV2MeterEventAdjustmentParameters, CreateV2MeterEventParameters } from './meter-events.parameters.js';
import { CostsEvents } from './rate-limits.js';
import { ApiError } from './stripe/api-error.js';
import { readParameters } from './stripe/parameters.js';
import { formatTimestamp } from './stripe/timestamp.js';
import { UsageAnswers } from './usage-answers.js';
const ADJUSTMENT_ID_LENGTH = 32;
let V2MeterEventsController = class V2MeterEventsController {
    usage;
    constructor(usage) {
        this.usage = usage;
    }
    createMeterEvent(request, reply) {
        const { event_name, payload, identifier, timestamp } = readParameters(CreateV2MeterEventParameters, request.body);
        const event = { eventName: event_name, payload, identifier: identifier ?? null, timestamp: timestamp ?? null };
        return this.usage.record(request, reply, event, (recorded) => ({
            object: 'v2.billing.meter_event',
            created: formatTimestamp(recorded.recordedAt),
            event_name: recorded.eventName,
            identifier: recorded.identifier,
            livemode: isLive(recorded.ledger),
            payload: recorded.payload,
            timestamp: formatTimestamp(recorded.occurredAt),
        }));
    }
    createAdjustment(request, reply) {
        const { event_name, cancel } = readAdjustment(request.body);
        const { identifier } = cancel;
        return this.usage.cancel(request, reply, { eventName: event_name, identifier }, (cancelled) => ({
            id: adjustmentId(cancelled.meterId, cancelled.identifier),
            object: 'v2.billing.meter_event_adjustment',
            cancel: { identifier: cancelled.identifier },
            created: formatTimestamp(cancelled.cancelledAt),
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
    ApiBody({ type: CreateV2MeterEventParameters }),
    __param(0, Req()),
    __param(1, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object, Object]),
    __metadata("design:returntype", Promise)
], V2MeterEventsController.prototype, "createMeterEvent", null);
__decorate([
    Post('meter_event_adjustments'),
    HttpCode(200),
    Allow('ingest'),
    CostsEvents(),
    ApiBody({ type: CreateV2MeterEventAdjustmentParameters }),
    __param(0, Req()),
    __param(1, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object, Object]),
    __metadata("design:returntype", Promise)
], V2MeterEventsController.prototype, "createAdjustment", null);
V2MeterEventsController = __decorate([
    ApiTags('Usage, v2'),
    Controller('v2/billing'),
    __metadata("design:paramtypes", [UsageAnswers])
], V2MeterEventsController);
export { V2MeterEventsController };
/** A record is cancelled once, so its adjustment has one id. */
function adjustmentId(meterId, identifier) {
    const hash = createHash('sha256').update(`${meterId} ${identifier}`).digest('hex');
    return `mtr_event_adj_${hash.slice(0, ADJUSTMENT_ID_LENGTH)}`;
}
/** v2 has a code of its own for what is wrong within `cancel`. */
function readAdjustment(body) {
    try {
        return readParameters(CreateV2MeterEventAdjustmentParameters, body);
    }
    catch (error) {
        if (error instanceof ApiError && /^cancel(\[|$)/.test(error.param ?? '')) {
            throw ApiError.invalidRequest(error.message, 'invalid_cancel_configuration', error.param);
        }
        throw error;
    }
}
//# sourceMappingURL=v2-meter-events.controller.js.map