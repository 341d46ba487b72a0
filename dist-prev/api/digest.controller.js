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
/** `/meterbook/v1/digest`: one number by which two parties see that they hold the same usage records. */
import { Controller, Get, Req, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { isLive } from '../domain/ledger.js';
import { GetDigest } from '../replay/get-digest.js';
import { Allow } from './caller.js';
import { goneSignal } from './gone-signal.js';
import { ReadContext, withPosition } from './read-context.js';
import { parseQuery } from './stripe/form.js';
import { CURSOR_LENGTH_MAX } from './stripe/list.js';
import { IntegerText, Text } from './stripe/parameter-decorators.js';
import { readParameters } from './stripe/parameters.js';
import { formatTimestamp } from './stripe/timestamp.js';
import { UNIX_SECONDS_MAX } from './stripe/unix-time.js';
import { timeFilter } from './time-filter.js';
import { UsageSelectionParameters } from './usage-selection.parameters.js';
export class DigestParameters extends UsageSelectionParameters {
    sequence;
    as_of;
    as_of_position;
}
__decorate([
    IntegerText({
        optional: true,
        min: 0,
        max: Number.MAX_SAFE_INTEGER,
        description: 'As the records stood after this usage event: `sequence` of an earlier digest.',
    }),
    __metadata("design:type", Number)
], DigestParameters.prototype, "sequence", void 0);
__decorate([
    IntegerText({
        optional: true,
        min: 0,
        max: UNIX_SECONDS_MAX,
        exclusiveWith: 'sequence',
        description: 'Unix seconds: as the records stood at this instant.',
    }),
    __metadata("design:type", Number)
], DigestParameters.prototype, "as_of", void 0);
__decorate([
    Text({
        optional: true,
        lengthMax: CURSOR_LENGTH_MAX,
        exclusiveWith: ['sequence', 'as_of'],
        description: 'A position of an earlier answer: as the records stood there.',
    }),
    __metadata("design:type", String)
], DigestParameters.prototype, "as_of_position", void 0);
let DigestController = class DigestController {
    queries;
    readContext;
    constructor(queries, readContext) {
        this.queries = queries;
        this.readContext = readContext;
    }
    async retrieve(request, reply) {
        const parameters = readParameters(DigestParameters, parseQuery(request.url));
        const { meter = null, customer = null, sequence = null } = parameters;
        const context = this.readContext.of(request);
        const { from, to } = timeFilter(parameters.timestamp);
        const answer = await this.queries.execute(new GetDigest(context, { meterId: meter, customer, from, to, sequence }, this.readContext.asOf(parameters), goneSignal(reply)));
        const digest = withPosition(reply, answer);
        return {
            object: 'meterbook.digest',
            algorithm: 'sha256',
            cancelled: digest.cancelled,
            customer,
            digest: digest.sha256,
            from: from === null ? null : formatTimestamp(from),
            livemode: isLive(context.ledger),
            meter,
            position: answer.position,
            records: digest.records,
            sequence: digest.sequence,
            to: to === null ? null : formatTimestamp(to),
        };
    }
};
__decorate([
    Get(),
    ApiOperation({
        summary: 'SHA-256 over the canonical listing of usage records',
        description: 'The same records give the same digest on any store. docs/digest.md says how to compute it oneself.',
    }),
    ApiQuery({ type: DigestParameters }),
    __param(0, Req()),
    __param(1, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object, Object]),
    __metadata("design:returntype", Promise)
], DigestController.prototype, "retrieve", null);
DigestController = __decorate([
    ApiTags('Proof'),
    Controller('meterbook/v1/digest'),
    Allow('read'),
    __metadata("design:paramtypes", [QueryBus,
        ReadContext])
], DigestController);
export { DigestController };
//# sourceMappingURL=digest.controller.js.map