var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
/**
 * Limits on what one API key may send, where the operator set them: meter events a second on the routes that take usage, and
 * requests a second on all others. Beyond it a request is refused before anything is looked up or written, so it uses up
 * neither its identifiers nor its idempotency key and can be sent again as it is.
 *
 * A session's token counts on the key it was made for.
 */
import { Injectable, SetMetadata } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { RateLimiter } from './rate-limiter.js';
import { ApiError } from './stripe/api-error.js';
const EVENTS = 'counted-events';
/** A route that takes usage: it costs as many events as its body has. A cancellation is an event like a report. */
export const CostsEvents = (count = () => 1) => SetMetadata(EVENTS, count);
/** The entries of a list in the body, from 1 to what one call may have: also a call that is refused for its shape costs. */
export function entriesOf(list, entriesMax) {
    return (body) => {
        const entries = body?.[list];
        return Array.isArray(entries) ? Math.min(Math.max(entries.length, 1), entriesMax) : 1;
    };
}
let RateLimitGuard = class RateLimitGuard {
    reflector = new Reflector();
    events;
    requests;
    constructor({ eventsPerSecond, requestsPerSecond }, stopwatch) {
        this.events = eventsPerSecond === null ? null : new RateLimiter(eventsPerSecond, stopwatch);
        this.requests = requestsPerSecond === null ? null : new RateLimiter(requestsPerSecond, stopwatch);
    }
    /** @throws ApiError 429 that says after how many seconds the request would be taken if the key sent nothing else. */
    canActivate(context) {
        const { caller, body } = context.switchToHttp().getRequest();
        if (!caller)
            return true;
        const count = this.reflector.get(EVENTS, context.getHandler());
        const afterSeconds = count ? this.events?.take(caller.keyId, count(body)) : this.requests?.take(caller.keyId, 1);
        if (typeof afterSeconds === 'number')
            throw tooFast(count ? 'meter events' : 'requests', afterSeconds);
        return true;
    }
};
RateLimitGuard = __decorate([
    Injectable(),
    __metadata("design:paramtypes", [Object, Object])
], RateLimitGuard);
export { RateLimitGuard };
function tooFast(what, afterSeconds) {
    return new ApiError({
        status: 429,
        type: 'invalid_request_error',
        code: 'rate_limit',
        message: `This API key sends more ${what} a second than the service takes from one key. Nothing of this request was recorded; send it again in ${afterSeconds} s.`,
        headers: {
            'retry-after': String(afterSeconds),
            'stripe-rate-limited-reason': 'global-rate',
            'stripe-should-retry': 'true',
        },
    });
}
//# sourceMappingURL=rate-limits.js.map