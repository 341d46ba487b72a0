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
/** Creates a meter. Its ledger is opened with it: the number of usage partitions is fixed there and then. */
import { Command, CommandHandler } from '@nestjs/cqrs';
import { Inject } from '@nestjs/common';
import { isLive } from '../domain/ledger.js';
import { ReadYourWrites } from '../event-store/read-your-writes.js';
import { changedMeter } from './changed-meter.js';
import { CLOCK, IDS } from './environment.js';
import { MeterCatalogues } from './meter-catalogues.js';
const METER_ID_RANDOM_LENGTH = 32;
export class CreateMeter extends Command {
    ledger;
    meter;
    context;
    constructor(ledger, meter, context) {
        super();
        this.ledger = ledger;
        this.meter = meter;
        this.context = context;
    }
}
/** Partitions of a ledger's usage, decided when its first meter is created (design §3.1). */
export const USAGE_PARTITIONS = 8;
let CreateMeterHandler = class CreateMeterHandler {
    catalogues;
    readYourWrites;
    clock;
    ids;
    constructor(catalogues, readYourWrites, clock, ids) {
        this.catalogues = catalogues;
        this.readYourWrites = readYourWrites;
        this.clock = clock;
        this.ids = ids;
    }
    async execute({ ledger, meter, context }) {
        const meterId = `mtr_${isLive(ledger) ? '' : 'test_'}${this.ids.random(METER_ID_RANDOM_LENGTH)}`;
        const transaction = await this.catalogues
            .of(ledger)
            .transact({ type: 'CreateMeter', meterId, ...meter, usagePartitions: USAGE_PARTITIONS, at: this.clock.now() }, context);
        // A retried request finds the meter its first one made: the newest as of then.
        const id = transaction.replayOf === null ? meterId : [...transaction.state.meters.keys()].at(-1);
        return changedMeter(transaction, id ?? meterId, this.readYourWrites);
    }
};
CreateMeterHandler = __decorate([
    CommandHandler(CreateMeter),
    __param(2, Inject(CLOCK)),
    __param(3, Inject(IDS)),
    __metadata("design:paramtypes", [MeterCatalogues,
        ReadYourWrites, Object, Object])
], CreateMeterHandler);
export { CreateMeterHandler };
//# sourceMappingURL=create-meter.js.map