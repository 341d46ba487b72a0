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
/** Counts one meter event: durable and visible to the next read once answered. */
import { Command, CommandHandler } from '@nestjs/cqrs';
import { Inject } from '@nestjs/common';
import { DomainError } from '../domain/errors.js';
import { activeMeter } from '../domain/meter-catalogue.js';
import { readMeterEvent } from '../domain/meter-event.js';
import { CLOCK, IDS } from './environment.js';
import { MeterCatalogues } from './meter-catalogues.js';
import { identifierOfRequest } from './usage-identity.js';
import { UsageLedger } from './usage-ledger.js';
export class RecordUsage extends Command {
    ledger;
    event;
    context;
    constructor(ledger, event, context) {
        super();
        this.ledger = ledger;
        this.event = event;
        this.context = context;
    }
}
let RecordUsageHandler = class RecordUsageHandler {
    catalogues;
    usage;
    clock;
    ids;
    constructor(catalogues, usage, clock, ids) {
        this.catalogues = catalogues;
        this.usage = usage;
        this.clock = clock;
        this.ids = ids;
    }
    async execute({ ledger, event, context }) {
        const receivedAt = this.clock.now();
        const { meter, partitions } = await this.findMeter(ledger, event.eventName);
        const identifier = event.identifier ?? (context.idempotency ? identifierOfRequest(ledger, context.idempotency.key) : this.ids.uuid());
        const record = readMeterEvent(meter, { ...event, identifier }, receivedAt);
        const outcome = await this.usage.submit(ledger, partitions, meter, identifier, { type: 'RecordUsage', record, hasTimestamp: event.timestamp !== null }, context);
        return { meter, record: outcome.state.record, outcome };
    }
    async findMeter(ledger, eventName) {
        try {
            return active(await this.catalogues.recent(ledger), eventName);
        }
        catch (error) {
            if (!(error instanceof DomainError))
                throw error;
            // Another process may have made the meter a moment ago: only the stream itself can say that there is none.
            return active(await this.catalogues.latest(ledger), eventName);
        }
    }
};
RecordUsageHandler = __decorate([
    CommandHandler(RecordUsage),
    __param(2, Inject(CLOCK)),
    __param(3, Inject(IDS)),
    __metadata("design:paramtypes", [MeterCatalogues,
        UsageLedger, Object, Object])
], RecordUsageHandler);
export { RecordUsageHandler };
function active(state, eventName) {
    const meter = activeMeter(state, eventName);
    if (state.usagePartitions === null)
        throw new Error('A ledger with a meter has no number of partitions.');
    return { meter, partitions: state.usagePartitions };
}
//# sourceMappingURL=record-usage.js.map