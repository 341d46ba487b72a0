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
 * Takes a part of an import and answers for each of its events at once: counted, counted before, or refused and why. Unlike
 * the stream it stores no rejections, for whoever imports has the events at hand.
 */
import { Command, CommandHandler } from '@nestjs/cqrs';
import { Inject } from '@nestjs/common';
import { DomainError } from '../domain/errors.js';
import { CLOCK } from './environment.js';
import { UsageImport } from './import-usage.js';
import { MeterCatalogues } from './meter-catalogues.js';
import { identifierOfRequest } from './usage-identity.js';
import { UsageLedger } from './usage-ledger.js';
export class ImportUsageBatch extends Command {
    ledger;
    events;
    backfill;
    idempotencyKey;
    parseTimestamp;
    context;
    constructor(ledger, events, 
    /** Whether timestamps older than 35 days are taken. */
    backfill, 
    /** Makes the identifiers of events that have none; null: those are refused, since they would count at every attempt. */
    idempotencyKey, parseTimestamp, context) {
        super();
        this.ledger = ledger;
        this.events = events;
        this.backfill = backfill;
        this.idempotencyKey = idempotencyKey;
        this.parseTimestamp = parseTimestamp;
        this.context = context;
    }
}
let ImportUsageBatchHandler = class ImportUsageBatchHandler {
    catalogues;
    usage;
    clock;
    constructor(catalogues, usage, clock) {
        this.catalogues = catalogues;
        this.usage = usage;
        this.clock = clock;
    }
    /**
     * One outcome for each event.
     *
     * @throws Overloaded, EventStoreUnavailable, ReadModelBehind: the whole batch may be sent again, what counted counts once.
     */
    async execute({ events, idempotencyKey, ...batch }) {
        const { ledger, backfill, parseTimestamp, context } = batch;
        const catalogue = await this.catalogues.latest(ledger);
        const settings = { ledger, catalogue, backfill, parseTimestamp, clock: this.clock, context };
        const usageImport = new UsageImport(this.usage, settings);
        const fates = await Promise.allSettled(events.map((event, index) => usageImport.take(event, () => identifierOf(ledger, idempotencyKey, index))));
        // Every write has settled: nothing is left under way behind this answer.
        return fates.map((fate) => {
            if (fate.status === 'rejected')
                throw fate.reason;
            return fate.value.outcome;
        });
    }
};
ImportUsageBatchHandler = __decorate([
    CommandHandler(ImportUsageBatch),
    __param(2, Inject(CLOCK)),
    __metadata("design:paramtypes", [MeterCatalogues,
        UsageLedger, Object])
], ImportUsageBatchHandler);
export { ImportUsageBatchHandler };
function identifierOf(ledger, idempotencyKey, index) {
    if (idempotencyKey !== null)
        return identifierOfRequest(ledger, `${idempotencyKey} ${index}`);
    throw new DomainError('parameter_invalid', 'The event has no identifier. Give it one, or send the request with an Idempotency-Key to make them from.', 'identifier');
}
//# sourceMappingURL=import-usage-batch.js.map