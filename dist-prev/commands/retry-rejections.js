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
 * Tries refused meter events again, judged by the meters as they are now but as of their own receipt: what was in time then
 * is in time now, however long ago. What counts, counts once under the rejection's identifier, at its own time, and was
 * recorded now: it can be cancelled for 24 hours from here.
 *
 * Nothing is appended for what is still refused or was resolved before, so every retry may be sent again.
 */
import { Command, CommandHandler } from '@nestjs/cqrs';
import { Inject } from '@nestjs/common';
import { DomainError } from '../domain/errors.js';
import { activeMeter } from '../domain/meter-catalogue.js';
import { readMeterEvent } from '../domain/meter-event.js';
import { readStreamedEvent } from '../domain/streamed-event.js';
import { ReadYourWrites } from '../event-store/read-your-writes.js';
import { READ_MODEL } from '../read-model/read-model.js';
import { usageRejections } from '../read-model/tables.js';
import { CLOCK } from './environment.js';
import { MeterCatalogues } from './meter-catalogues.js';
import { readStreamedTimestamp } from './record-usage-stream.js';
import { RejectionLog } from './rejection-log.js';
import { UsageLedger } from './usage-ledger.js';
/** Rejections of one call. */
export const RETRIES_MAX = 1000;
export class RetryRejections extends Command {
    ledger;
    rejections;
    parseTimestamp;
    context;
    constructor(ledger, 
    /** Revisions of the rejections, at most `RETRIES_MAX`, oldest first: they are recorded in this order. */
    rejections, parseTimestamp, context) {
        super();
        this.ledger = ledger;
        this.rejections = rejections;
        this.parseTimestamp = parseTimestamp;
        this.context = context;
    }
}
let RetryRejectionsHandler = class RetryRejectionsHandler {
    catalogues;
    usage;
    rejections;
    readYourWrites;
    readModel;
    clock;
    /** Retries under way, by ledger and revision: whoever asks for the same one meanwhile shares its outcome. */
    running = new Map();
    constructor(catalogues, usage, rejections, readYourWrites, readModel, clock) {
        this.catalogues = catalogues;
        this.usage = usage;
        this.rejections = rejections;
        this.readYourWrites = readYourWrites;
        this.readModel = readModel;
        this.clock = clock;
    }
    /**
     * One outcome for each rejection.
     *
     * @throws DomainError `resource_missing` for an unknown one, before anything is done; Overloaded, EventStoreUnavailable,
     * ReadModelBehind: the call may be sent again.
     */
    async execute(command) {
        const { ledger, rejections } = command;
        const catalogue = await this.catalogues.latest(ledger);
        await this.readYourWrites.settled();
        const found = await this.readModel.get(usageRejections, rejections.map((revision) => [ledger, revision]));
        const rows = found.map((row, index) => {
            if (row)
                return row;
            throw new DomainError('resource_missing', `No such rejection: 'rej_${rejections[index]}'.`, 'id');
        });
        const settled = await Promise.allSettled(rows.map((row) => this.once(row, catalogue, command)));
        // Every write has settled: nothing is left under way behind this answer.
        return settled.map((each) => {
            if (each.status === 'rejected')
                throw each.reason;
            return each.value;
        });
    }
    once(row, catalogue, command) {
        const key = `${row.ledger} ${row.revision}`;
        const running = this.running.get(key);
        if (running)
            return running;
        const retry = this.retry(row, catalogue, command).finally(() => this.running.delete(key));
        this.running.set(key, retry);
        return retry;
    }
    async retry(row, catalogue, command) {
        if (row.status === 'resolved')
            return { fate: 'resolved-before' };
        try {
            const { meter, isNew } = await this.record(row, catalogue, command);
            await this.resolve(row, meter, command);
            return { fate: isNew ? 'counted' : 'duplicate' };
        }
        catch (error) {
            if (error instanceof DomainError)
                return { fate: 'refused', reason: error };
            throw error;
        }
    }
    async record({ identifier, event, receivedAt }, catalogue, { ledger, parseTimestamp, context }) {
        const read = readStreamedEvent(JSON.parse(event));
        const meter = activeMeter(catalogue, read.eventName);
        const timestamp = read.timestamp === null ? null : readStreamedTimestamp(read.timestamp, parseTimestamp);
        const asOfReceipt = readMeterEvent(meter, { ...read, identifier, timestamp }, receivedAt);
        const record = { ...asOfReceipt, recordedAt: this.clock.now() };
        const { isNew } = await this.usage.submit(ledger, catalogue.usagePartitions ?? 1, meter, identifier, { type: 'RecordUsage', record, hasTimestamp: timestamp !== null }, context);
        return { meter, isNew };
    }
    async resolve({ revision: rejection, identifier }, { id: meterId }, { ledger, context }) {
        const data = { rejection, meterId, identifier, at: this.clock.now() };
        const position = await this.rejections.append(ledger, { type: 'UsageRejectionResolved', data }, context);
        this.readYourWrites.acknowledge(position);
    }
};
RetryRejectionsHandler = __decorate([
    CommandHandler(RetryRejections),
    __param(4, Inject(READ_MODEL)),
    __param(5, Inject(CLOCK)),
    __metadata("design:paramtypes", [MeterCatalogues,
        UsageLedger,
        RejectionLog,
        ReadYourWrites, Object, Object])
], RetryRejectionsHandler);
export { RetryRejectionsHandler };
//# sourceMappingURL=retry-rejections.js.map