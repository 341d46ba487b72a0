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
/** `/meterbook/v1/meters/:id/history`: what happened to a meter itself, which Stripe has no endpoint for. */
import { Controller, Get, Param, Req, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { isLive } from '../domain/ledger.js';
import { ListMeterChanges } from '../queries/list-meter-changes.js';
import { Allow } from './caller.js';
import { pageRequest } from './page-request.js';
import { ReadContext, withPosition } from './read-context.js';
import { parseQuery } from './stripe/form.js';
import { list, ListParameters } from './stripe/list.js';
import { readParameters } from './stripe/parameters.js';
import { formatTimestamp } from './stripe/timestamp.js';
import { toUnixSeconds } from './stripe/unix-time.js';
let MeterHistoryController = class MeterHistoryController {
    queries;
    readContext;
    constructor(queries, readContext) {
        this.queries = queries;
        this.readContext = readContext;
    }
    async history(id, request, reply) {
        const parameters = readParameters(ListParameters, parseQuery(request.url));
        const context = this.readContext.of(request);
        const page = withPosition(reply, await this.queries.execute(new ListMeterChanges(context, id, pageRequest(parameters))));
        const data = page.items.map((change) => changeObject(context.ledger, id, change));
        return list(`/meterbook/v1/meters/${id}/history`, data, page.hasMore);
    }
};
__decorate([
    Get(':id/history'),
    ApiOperation({ summary: 'Each event of a meter, newest first: what it changed, when, and who did it' }),
    ApiQuery({ type: ListParameters }),
    __param(0, Param('id')),
    __param(1, Req()),
    __param(2, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [String, Object, Object]),
    __metadata("design:returntype", Promise)
], MeterHistoryController.prototype, "history", null);
MeterHistoryController = __decorate([
    ApiTags('Answers'),
    Controller('meterbook/v1/meters'),
    Allow('read'),
    __metadata("design:paramtypes", [QueryBus,
        ReadContext])
], MeterHistoryController);
export { MeterHistoryController };
const types = {
    MeterCreated: 'created',
    MeterRenamed: 'renamed',
    MeterDeactivated: 'deactivated',
    MeterReactivated: 'reactivated',
};
function changeObject(ledger, meterId, change) {
    const { id, type, at, requestId, actor, displayName, previousDisplayName } = change;
    return {
        id,
        object: 'meterbook.meter_change',
        actor: { id: actor.id, last4: actor.lastFour, name: actor.name },
        at: formatTimestamp(at),
        created: toUnixSeconds(at),
        display_name: displayName,
        livemode: isLive(ledger),
        meter: meterId,
        previous_display_name: previousDisplayName,
        request_id: requestId,
        type: types[type],
    };
}
//# sourceMappingURL=meter-history.controller.js.map