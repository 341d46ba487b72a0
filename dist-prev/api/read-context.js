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
/** Where a read looks, from the request: the caller's ledger, and a position it must at least reflect. */
import { Inject, Injectable } from '@nestjs/common';
import { CLOCK } from '../commands/environment.js';
import { Reader } from '../queries/reader.js';
import { asOfRequest } from './as-of.parameters.js';
import { callerOf } from './caller.js';
import { ApiError } from './stripe/api-error.js';
const MIN_POSITION_HEADER = 'meterbook-min-position';
const POSITION_HEADER = 'meterbook-position';
let ReadContext = class ReadContext {
    reader;
    clock;
    constructor(reader, clock) {
        this.reader = reader;
        this.clock = clock;
    }
    /** The moment of the past something is asked for; null: as it stands. */
    asOf(parameters) {
        return asOfRequest(parameters, this.clock.now());
    }
    /** @throws ApiError for a position that is none of this store's. */
    of(request) {
        const header = request.headers[MIN_POSITION_HEADER];
        if (header === undefined)
            return { ledger: callerOf(request).ledger, minPosition: null };
        const minPosition = typeof header === 'string' ? this.reader.parsePosition(header) : null;
        if (minPosition === null) {
            throw ApiError.invalidRequest('Meterbook-Min-Position must be a position as an earlier answer of this service gave it in Meterbook-Position.', 'parameter_invalid', 'Meterbook-Min-Position');
        }
        return { ledger: callerOf(request).ledger, minPosition };
    }
};
ReadContext = __decorate([
    Injectable(),
    __param(1, Inject(CLOCK)),
    __metadata("design:paramtypes", [Reader, Object])
], ReadContext);
export { ReadContext };
/** The result, with the position it reflects in the response's header. */
export function withPosition(reply, { result, position }) {
    if (position !== null)
        reply.header(POSITION_HEADER, position);
    return result;
}
//# sourceMappingURL=read-context.js.map