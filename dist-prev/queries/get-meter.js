var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
/** One meter of a ledger. */
import { Query, QueryHandler } from '@nestjs/cqrs';
import { toMeter } from '../projections/meters.js';
import { Reader, requireMeter } from './reader.js';
export class GetMeter extends Query {
    context;
    meterId;
    constructor(context, meterId) {
        super();
        this.context = context;
        this.meterId = meterId;
    }
}
let GetMeterHandler = class GetMeterHandler {
    reader;
    constructor(reader) {
        this.reader = reader;
    }
    /** @throws DomainError `resource_missing`. */
    async execute({ context, meterId }) {
        return this.reader.read(context, 'meters', async (rows) => toMeter(await requireMeter(rows, context.ledger, meterId)));
    }
};
GetMeterHandler = __decorate([
    QueryHandler(GetMeter),
    __metadata("design:paramtypes", [Reader])
], GetMeterHandler);
export { GetMeterHandler };
//# sourceMappingURL=get-meter.js.map