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
/** Renames a meter, takes it out of use, or puts it back if its event name has not been taken meanwhile. */
import { Command, CommandHandler } from '@nestjs/cqrs';
import { Inject } from '@nestjs/common';
import { ReadYourWrites } from '../event-store/read-your-writes.js';
import { changedMeter } from './changed-meter.js';
import { CLOCK } from './environment.js';
import { MeterCatalogues } from './meter-catalogues.js';
export class ChangeMeter extends Command {
    ledger;
    meterId;
    change;
    context;
    constructor(ledger, meterId, change, context) {
        super();
        this.ledger = ledger;
        this.meterId = meterId;
        this.change = change;
        this.context = context;
    }
}
let ChangeMeterHandler = class ChangeMeterHandler {
    catalogues;
    readYourWrites;
    clock;
    constructor(catalogues, readYourWrites, clock) {
        this.catalogues = catalogues;
        this.readYourWrites = readYourWrites;
        this.clock = clock;
    }
    /** @throws DomainError where the rules of meters refuse. */
    async execute({ ledger, meterId, change, context }) {
        const command = { ...change, meterId, at: this.clock.now() };
        const transaction = await this.catalogues.of(ledger).transact(command, context);
        return changedMeter(transaction, meterId, this.readYourWrites);
    }
};
ChangeMeterHandler = __decorate([
    CommandHandler(ChangeMeter),
    __param(2, Inject(CLOCK)),
    __metadata("design:paramtypes", [MeterCatalogues,
        ReadYourWrites, Object])
], ChangeMeterHandler);
export { ChangeMeterHandler };
//# sourceMappingURL=change-meter.js.map