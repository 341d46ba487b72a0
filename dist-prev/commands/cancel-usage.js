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
/**
 * Cancels one usage record by (event name, identifier), also on an inactive meter. Where several meters had the event name
 * one after the other, it is the one that holds the identifier: the active one is asked first, then the newest.
 */
import { Command, CommandHandler } from '@nestjs/cqrs';
import { Inject } from '@nestjs/common';
import { DomainError } from '../domain/errors.js';
import { metersNamed } from '../domain/meter-catalogue.js';
import { CLOCK } from './environment.js';
import { MeterCatalogues } from './meter-catalogues.js';
import { UsageLedger } from './usage-ledger.js';
export class CancelUsage extends Command {
    ledger;
    eventName;
    identifier;
    context;
    constructor(ledger, eventName, identifier, context) {
        super();
        this.ledger = ledger;
        this.eventName = eventName;
        this.identifier = identifier;
        this.context = context;
    }
}
let CancelUsageHandler = class CancelUsageHandler {
    catalogues;
    usage;
    clock;
    constructor(catalogues, usage, clock) {
        this.catalogues = catalogues;
        this.usage = usage;
        this.clock = clock;
    }
    async execute({ ledger, eventName, identifier, context }) {
        const at = this.clock.now();
        const state = await this.catalogues.latest(ledger);
        let missing = new DomainError('resource_missing', `No meter event with identifier ${identifier} was recorded for event name ${eventName}.`, 'cancel[identifier]');
        for (const meter of metersNamed(state, eventName)) {
            const command = { type: 'CancelUsage', identifier, eventName, at };
            try {
                return await this.usage.submit(ledger, state.usagePartitions ?? 1, meter, identifier, command, context);
            }
            catch (error) {
                if (!(error instanceof DomainError && error.code === 'resource_missing'))
                    throw error;
                missing = error;
            }
        }
        throw missing;
    }
};
CancelUsageHandler = __decorate([
    CommandHandler(CancelUsage),
    __param(2, Inject(CLOCK)),
    __metadata("design:paramtypes", [MeterCatalogues,
        UsageLedger, Object])
], CancelUsageHandler);
export { CancelUsageHandler };
//# sourceMappingURL=cancel-usage.js.map