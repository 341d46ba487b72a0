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
/** `/meterbook/v1/session`: signing in to the dashboard with an API key, and out. The key itself is never kept. */
import { Controller, Delete, Get, HttpCode, Inject, Post, Req, Res } from '@nestjs/common';
import { ApiBody, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ApiKeyRing } from '../commands/api-key-ring.js';
import { openDashboardSession } from '../commands/dashboard-session.js';
import { CLOCK } from '../commands/environment.js';
import { isLive } from '../domain/ledger.js';
import { Allow, callerOf, Public } from './caller.js';
import { endedSessionCookie, requireSameOrigin, sessionCookie } from './session-cookie.js';
import { ApiError } from './stripe/api-error.js';
import { Text } from './stripe/parameter-decorators.js';
import { readParameters } from './stripe/parameters.js';
/** No key is longer. */
const API_KEY_LENGTH_MAX = 256;
export class SignInParameters {
    api_key;
}
__decorate([
    Text({ lengthMax: API_KEY_LENGTH_MAX, description: 'A secret key, or a restricted one of role read.' }),
    __metadata("design:type", String)
], SignInParameters.prototype, "api_key", void 0);
let SessionController = class SessionController {
    keyRing;
    clock;
    constructor(keyRing, clock) {
        this.keyRing = keyRing;
        this.clock = clock;
    }
    async signIn(request, reply) {
        requireSameOrigin(request);
        const parameters = readParameters(SignInParameters, request.body);
        const key = await this.keyRing.find(parameters.api_key.trim());
        if (!key) {
            throw new ApiError({
                status: 401,
                type: 'invalid_request_error',
                code: 'unauthenticated',
                message: 'This is no active API key of this service. Issue one with: meterbook keys create',
                param: 'api_key',
            });
        }
        if (key.role === 'ingest') {
            throw new ApiError({
                status: 403,
                type: 'invalid_request_error',
                code: 'more_permissions_required',
                message: 'A key of role ingest reports usage and reads nothing. Sign in with a secret key, or one of role read.',
                param: 'api_key',
            });
        }
        reply.header('set-cookie', sessionCookie(request, openDashboardSession(key, this.clock.now())));
        return sessionObject(reply, key);
    }
    async retrieve(request, reply) {
        const key = await this.keyRing.findById(callerOf(request).keyId);
        if (!key)
            throw new ApiError({ status: 401, type: 'invalid_request_error', message: 'The API key was revoked.' });
        return sessionObject(reply, key);
    }
    signOut(request, reply) {
        requireSameOrigin(request);
        reply.header('set-cookie', endedSessionCookie(request));
        reply.header('cache-control', 'no-store');
        return { object: 'meterbook.session', deleted: true };
    }
};
__decorate([
    Post(),
    HttpCode(200),
    Public(),
    ApiOperation({ summary: 'Signs a browser in for 12 hours, with an HttpOnly cookie', security: [] }),
    ApiBody({ type: SignInParameters }),
    __param(0, Req()),
    __param(1, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object, Object]),
    __metadata("design:returntype", Promise)
], SessionController.prototype, "signIn", null);
__decorate([
    Get(),
    Allow('read', 'ingest'),
    ApiOperation({ summary: 'Which ledger the key or session opens, and what it may do' }),
    __param(0, Req()),
    __param(1, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object, Object]),
    __metadata("design:returntype", Promise)
], SessionController.prototype, "retrieve", null);
__decorate([
    Delete(),
    Public(),
    ApiOperation({ summary: 'Signs a browser out', security: [] }),
    __param(0, Req()),
    __param(1, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object, Object]),
    __metadata("design:returntype", Object)
], SessionController.prototype, "signOut", null);
SessionController = __decorate([
    ApiTags('Dashboard'),
    Controller('meterbook/v1/session'),
    __param(1, Inject(CLOCK)),
    __metadata("design:paramtypes", [ApiKeyRing, Object])
], SessionController);
export { SessionController };
function sessionObject(reply, { ledger, role, lastFour, name }) {
    reply.header('cache-control', 'no-store');
    return {
        object: 'meterbook.session',
        account: ledger.slice(0, ledger.lastIndexOf('~')),
        key: { last_four: lastFour, name },
        livemode: isLive(ledger),
        role,
    };
}
//# sourceMappingURL=session.controller.js.map