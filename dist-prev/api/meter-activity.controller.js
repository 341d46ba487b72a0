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
/** `/meterbook/v1/meter_activity`: how much each meter received lately. */
import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { CLOCK } from '../commands/environment.js';
import { isLive } from '../domain/ledger.js';
import { GetMeterActivity } from '../queries/get-meter-activity.js';
import { Allow } from './caller.js';
import { METER_ID_LENGTH_MAX } from './meters.parameters.js';
import { ReadContext, withPosition } from './read-context.js';
import { parseQuery } from './stripe/form.js';
import { Text, V1Parameters } from './stripe/parameter-decorators.js';
import { readParameters } from './stripe/parameters.js';
import { formatTimestamp } from './stripe/timestamp.js';
export class MeterActivityParameters extends V1Parameters {
    meter;
}
__decorate([
    Text({ optional: true, lengthMax: METER_ID_LENGTH_MAX, description: 'Id of one meter; every meter by default.' }),
    __metadata("design:type", String)
], MeterActivityParameters.prototype, "meter", void 0);
let MeterActivityController = class MeterActivityController {
    queries;
    readContext;
    clock;
    constructor(queries, readContext, clock) {
        this.queries = queries;
        this.readContext = readContext;
        this.clock = clock;
    }
    async retrieve(request, reply) {
        const { meter = null } = readParameters(MeterActivityParameters, parseQuery(request.url));
        const context = this.readContext.of(request);
        const query = new GetMeterActivity(context, meter, this.clock.now());
        const { hoursFrom, minutesFrom, meters } = withPosition(reply, await this.queries.execute(query));
        return {
            object: 'meterbook.meter_activity',
            last_day_from: formatTimestamp(hoursFrom),
            last_hour_from: formatTimestamp(minutesFrom),
            livemode: isLive(context.ledger),
            meters: meters.map(({ meterId, lastHour, lastDay, hours }) => ({
                hours,
                last_day: countsOf(lastDay),
                last_hour: countsOf(lastHour),
                meter: meterId,
            })),
        };
    }
};
__decorate([
    Get(),
    ApiOperation({ summary: 'Usage events each meter received in the last hour, the last day, and each hour of it' }),
    ApiQuery({ type: MeterActivityParameters }),
    __param(0, Req()),
    __param(1, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object, Object]),
    __metadata("design:returntype", Promise)
], MeterActivityController.prototype, "retrieve", null);
MeterActivityController = __decorate([
    ApiTags('Meters'),
    Controller('meterbook/v1/meter_activity'),
    Allow('read'),
    __param(2, Inject(CLOCK)),
    __metadata("design:paramtypes", [QueryBus,
        ReadContext, Object])
], MeterActivityController);
export { MeterActivityController };
function countsOf({ recorded, cancelled }) {
    return { cancelled_count: cancelled, recorded_count: recorded };
}
//# sourceMappingURL=meter-activity.controller.js.map