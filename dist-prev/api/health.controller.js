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
/** For whoever runs the service: alive, and able to serve. Neither needs a key. */
import { Controller, Get, HttpStatus, Inject, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { Public } from './caller.js';
/** Dependency-injection token of `() => Promise<Readiness>`. */
export const READINESS = Symbol('Readiness');
let HealthController = class HealthController {
    readiness;
    constructor(readiness) {
        this.readiness = readiness;
    }
    alive() {
        return { status: 'alive' };
    }
    async ready(reply) {
        const readiness = await this.readiness();
        const isReady = readiness.reason === null;
        if (!isReady)
            reply.status(HttpStatus.SERVICE_UNAVAILABLE);
        return { status: isReady ? 'ready' : 'not ready', ...readiness };
    }
};
__decorate([
    Get('healthz'),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", []),
    __metadata("design:returntype", Object)
], HealthController.prototype, "alive", null);
__decorate([
    Get('readyz'),
    __param(0, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object]),
    __metadata("design:returntype", Promise)
], HealthController.prototype, "ready", null);
HealthController = __decorate([
    ApiTags('Health'),
    Controller(),
    Public(),
    __param(0, Inject(READINESS)),
    __metadata("design:paramtypes", [Function])
], HealthController);
export { HealthController };
//# sourceMappingURL=health.controller.js.map