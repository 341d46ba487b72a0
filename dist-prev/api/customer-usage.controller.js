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
/** `/meterbook/v1/customers/:customer/usage`: what one customer used, on every meter. */
import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { GetCustomerUsage } from '../queries/get-customer-usage.js';
import { Allow } from './caller.js';
import { goneSignal } from './gone-signal.js';
import { ReadContext, withPosition } from './read-context.js';
import { parseQuery } from './stripe/form.js';
import { readParameters } from './stripe/parameters.js';
import { fromUnixSeconds } from './stripe/unix-time.js';
import { customerUsageObject } from './usage-objects.js';
import { CustomerUsageParameters } from './usage.parameters.js';
let CustomerUsageController = class CustomerUsageController {
    queries;
    readContext;
    constructor(queries, readContext) {
        this.queries = queries;
        this.readContext = readContext;
    }
    async usage(customer, request, reply) {
        const parameters = readParameters(CustomerUsageParameters, parseQuery(request.url));
        const context = this.readContext.of(request);
        const asked = {
            customer,
            start: fromUnixSeconds(parameters.start_time),
            end: fromUnixSeconds(parameters.end_time),
        };
        const answer = await this.queries.execute(new GetCustomerUsage(context, asked, this.readContext.asOf(parameters), goneSignal(reply)));
        return customerUsageObject(context.ledger, asked, withPosition(reply, answer), answer.position);
    }
};
__decorate([
    Get(':customer/usage'),
    ApiOperation({ summary: 'Usage of a customer on every meter' }),
    ApiQuery({ type: CustomerUsageParameters }),
    __param(0, Param('customer')),
    __param(1, Req()),
    __param(2, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [String, Object, Object]),
    __metadata("design:returntype", Promise)
], CustomerUsageController.prototype, "usage", null);
CustomerUsageController = __decorate([
    ApiTags('Answers'),
    Controller('meterbook/v1/customers'),
    Allow('read'),
    __metadata("design:paramtypes", [QueryBus,
        ReadContext])
], CustomerUsageController);
export { CustomerUsageController };
//# sourceMappingURL=customer-usage.controller.js.map