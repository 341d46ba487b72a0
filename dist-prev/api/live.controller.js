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
/** `/meterbook/v1/live`: server-sent events that say when something of the ledger is worth reading again. */
import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { ApiOperation, ApiProduces, ApiQuery, ApiTags } from '@nestjs/swagger';
import { ApiKeyRing } from '../commands/api-key-ring.js';
import { CLOCK } from '../commands/environment.js';
import { Allow, callerOf, isStillCaller } from './caller.js';
import { LiveConnections } from './live-connections.js';
import { parseQuery } from './stripe/form.js';
import { V1Parameters } from './stripe/parameter-decorators.js';
import { readParameters } from './stripe/parameters.js';
const EVENT_STREAM = 'text/event-stream';
let LiveController = class LiveController {
    connections;
    keyRing;
    clock;
    constructor(connections, keyRing, clock) {
        this.connections = connections;
        this.keyRing = keyRing;
        this.clock = clock;
    }
    follow(request, reply) {
        readParameters(V1Parameters, parseQuery(request.url));
        // Nothing is listened to for a HEAD.
        const isHead = request.method === 'HEAD';
        const mayGoOn = () => isStillCaller(this.keyRing, this.clock, request);
        const body = isHead ? '' : this.connections.connect(callerOf(request), mayGoOn).body;
        reply.headers({
            'content-type': EVENT_STREAM,
            'cache-control': 'no-cache, no-transform',
            // nginx would else collect what it passes on.
            'x-accel-buffering': 'no',
        });
        void reply.send(body);
    }
};
__decorate([
    Get(),
    Allow('read'),
    ApiOperation({ summary: 'Says what changed, as it changes: topics of the ledger, not the changes themselves' }),
    ApiProduces(EVENT_STREAM),
    ApiQuery({ type: V1Parameters }),
    __param(0, Req()),
    __param(1, Res()),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object, Object]),
    __metadata("design:returntype", void 0)
], LiveController.prototype, "follow", null);
LiveController = __decorate([
    ApiTags('Dashboard'),
    Controller('meterbook/v1/live'),
    __param(2, Inject(CLOCK)),
    __metadata("design:paramtypes", [LiveConnections,
        ApiKeyRing, Object])
], LiveController);
export { LiveController };
//# sourceMappingURL=live.controller.js.map