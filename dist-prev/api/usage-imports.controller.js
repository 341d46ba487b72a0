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
/** `/meterbook/v1/usage_imports`: events of a file through the running service, each answered for. Secret keys only. */
import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiBody, ApiProperty, ApiTags } from '@nestjs/swagger';
import { ImportUsageBatch } from '../commands/import-usage-batch.js';
import { IMPORT_CALL_EVENTS_MAX } from '../commands/import-usage.js';
import { isLive } from '../domain/ledger.js';
import { callerOf } from './caller.js';
import { readEventList } from './event-list.js';
import { CreateV2MeterEventParameters } from './meter-events.parameters.js';
import { CostsEvents, entriesOf } from './rate-limits.js';
import { ApiError } from './stripe/api-error.js';
import { readKey } from './stripe/idempotency.js';
import { HashList } from './stripe/parameter-decorators.js';
import { parseTimestamp } from './stripe/timestamp.js';
/** For the API description: the events are read one by one, not as parameters. */
class CreateUsageImportParameters {
    events;
    backfill;
}
__decorate([
    HashList(() => CreateV2MeterEventParameters, { lengthMax: IMPORT_CALL_EVENTS_MAX }),
    __metadata("design:type", Array)
], CreateUsageImportParameters.prototype, "events", void 0);
__decorate([
    ApiProperty({ required: false, default: false, description: 'Take timestamps older than 35 days, too.' }),
    __metadata("design:type", Boolean)
], CreateUsageImportParameters.prototype, "backfill", void 0);
let UsageImportsController = class UsageImportsController {
    commands;
    constructor(commands) {
        this.commands = commands;
    }
    async create(request, reply) {
        const events = readEventList(request.body, IMPORT_CALL_EVENTS_MAX, ['backfill']);
        const backfill = readBackfill(request.body);
        const { ledger, keyId: actor } = callerOf(request);
        const key = readKey(request);
        if (key !== null)
            reply.header('idempotency-key', key);
        // There is no answer to keep: sent again, the key makes the same identifiers, and those count once.
        const context = { requestId: request.id, actor, idempotency: null };
        const outcomes = await this.commands.execute(new ImportUsageBatch(ledger, events, backfill, key, parseTimestamp, context));
        return importObject(ledger, outcomes);
    }
};
__decorate([
    Post(),
    HttpCode(200),
    CostsEvents(entriesOf('events', IMPORT_CALL_EVENTS_MAX)),
    ApiBody({ type: CreateUsageImportParameters }),
    __param(0, Req()),
    __param(1, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object, Object]),
    __metadata("design:returntype", Promise)
], UsageImportsController.prototype, "create", null);
UsageImportsController = __decorate([
    ApiTags('Usage records'),
    Controller('meterbook/v1/usage_imports'),
    __metadata("design:paramtypes", [CommandBus])
], UsageImportsController);
export { UsageImportsController };
function readBackfill({ backfill = false }) {
    if (typeof backfill === 'boolean')
        return backfill;
    throw ApiError.invalidRequest('backfill must be true or false.', 'parameter_invalid', 'backfill');
}
function importObject(ledger, outcomes) {
    const counted = outcomes.filter((outcome) => outcome === 'counted').length;
    const duplicates = outcomes.filter((outcome) => outcome === 'duplicate').length;
    return {
        object: 'meterbook.usage_import',
        counted,
        duplicates,
        livemode: isLive(ledger),
        rejected: outcomes.length - counted - duplicates,
        /** One for each event, in their order. */
        results: outcomes.map(resultObject),
    };
}
function resultObject(outcome) {
    if (typeof outcome === 'string')
        return { status: outcome };
    const { code, message, param } = outcome;
    return { status: 'rejected', code, message, param };
}
//# sourceMappingURL=usage-imports.controller.js.map