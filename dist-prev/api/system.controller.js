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
/** `/meterbook/v1/system`: which version this is, what it stands on, and whether it can serve. Secrets and addresses are not told. */
import { Controller, Get, Inject, Req } from '@nestjs/common';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { Allow } from './caller.js';
import { READINESS } from './health.controller.js';
import { parseQuery } from './stripe/form.js';
import { V1Parameters } from './stripe/parameter-decorators.js';
import { readParameters } from './stripe/parameters.js';
import { formatTimestamp } from './stripe/timestamp.js';
/** Dependency-injection token. */
export const SYSTEM_FACTS = Symbol('SystemFacts');
let SystemController = class SystemController {
    facts;
    readiness;
    constructor(facts, readiness) {
        this.facts = facts;
        this.readiness = readiness;
    }
    async retrieve(request) {
        readParameters(V1Parameters, parseQuery(request.url));
        const { version, eventStore, readModel, startedAt } = this.facts;
        const { event_store, projections, reason } = await this.readiness();
        return {
            object: 'meterbook.system',
            event_store: { status: event_store, type: eventStore },
            projections,
            read_model: { type: readModel },
            reason,
            started_at: formatTimestamp(startedAt),
            status: reason === null ? 'ready' : 'not ready',
            version,
        };
    }
};
__decorate([
    Get(),
    Allow('read'),
    ApiOperation({ summary: 'Version, stores, and whether the service can serve' }),
    ApiQuery({ type: V1Parameters }),
    __param(0, Req()),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object]),
    __metadata("design:returntype", Promise)
], SystemController.prototype, "retrieve", null);
SystemController = __decorate([
    ApiTags('Health'),
    Controller('meterbook/v1/system'),
    __param(0, Inject(SYSTEM_FACTS)),
    __param(1, Inject(READINESS)),
    __metadata("design:paramtypes", [Object, Function])
], SystemController);
export { SystemController };
//# sourceMappingURL=system.controller.js.map