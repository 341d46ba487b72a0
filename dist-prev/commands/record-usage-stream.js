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
 * Takes a batch of meter events without answering for each: once it resolves, what counts is durable and what does not is a
 * stored rejection. A duplicate adds nothing; the same identifier with another body is a rejection.
 */
import { Command, CommandHandler } from '@nestjs/cqrs';
import { Inject } from '@nestjs/common';
import { DomainError } from '../domain/errors.js';
import { activeMeter, metersNamed } from '../domain/meter-catalogue.js';
import { readMeterEvent } from '../domain/meter-event.js';
import { identityOf, readStreamedEvent } from '../domain/streamed-event.js';
import { ReadYourWrites } from '../event-store/read-your-writes.js';
import { CLOCK, IDS } from './environment.js';
import { MeterCatalogues } from './meter-catalogues.js';
import { recordingWaves } from './recording-order.js';
import { RejectionLog } from './rejection-log.js';
import { identifierOfRequest } from './usage-identity.js';
import { UsageLedger } from './usage-ledger.js';
export class RecordUsageStream extends Command {
    ledger;
    events;
    idempotencyKey;
    parseTimestamp;
    context;
    constructor(ledger, events, 
    /** Makes the identifiers of events that have none, the same again when the request is retried; null: fresh ones. */
    idempotencyKey, parseTimestamp, context) {
        super();
        this.ledger = ledger;
        this.events = events;
        this.idempotencyKey = idempotencyKey;
        this.parseTimestamp = parseTimestamp;
        this.context = context;
    }
}
let RecordUsageStreamHandler = class RecordUsageStreamHandler {
    catalogues;
    usage;
    rejections;
    readYourWrites;
    clock;
    ids;
    constructor(catalogues, usage, rejections, readYourWrites, clock, ids) {
        this.catalogues = catalogues;
        this.usage = usage;
        this.rejections = rejections;
        this.readYourWrites = readYourWrites;
        this.clock = clock;
        this.ids = ids;
    }
    /** @throws Overloaded, EventStoreUnavailable: the whole batch may be sent again, what counted counts once. */
    async execute(batch) {
        const receivedAt = this.clock.now();
        const { events, parseTimestamp } = batch;
        const reads = events.map(read);
        const catalogue = await this.catalogueFor(batch, reads);
        const accepted = [];
        const refused = [];
        for (let index = 0; index < reads.length; index++) {
            const event = reads[index];
            const identifier = this.identifierOf(event, index, batch);
            const made = makeRecord(event, index, identifier, catalogue, receivedAt, parseTimestamp);
            if (made instanceof DomainError)
                refused.push({ index, identifier, reason: made });
            else
                accepted.push(made);
        }
        let counted = 0;
        let duplicates = 0;
        for (const wave of recordingWaves(accepted)) {
            const outcomes = await this.usage.submitAll(batch.ledger, catalogue.usagePartitions ?? 1, wave, batch.context);
            for (let place = 0; place < outcomes.length; place++) {
                const outcome = outcomes[place];
                const { index, identifier } = wave[place];
                if (outcome instanceof DomainError)
                    refused.push({ index, identifier, reason: outcome });
                // Everything that was sent has settled: nothing is left under way behind this answer.
                else if (outcome instanceof Error)
                    throw outcome;
                else if (outcome.isNew)
                    counted++;
                else
                    duplicates++;
            }
        }
        refused.sort((left, right) => left.index - right.index);
        await Promise.all(refused.map((each) => this.reject(each, batch, catalogue, receivedAt)));
        return { counted, duplicates, rejected: refused.length };
    }
    identifierOf(event, index, batch) {
        const { identifier } = event instanceof DomainError ? identityOf(batch.events[index] ?? null) : event;
        if (identifier !== null)
            return identifier;
        const { ledger, idempotencyKey } = batch;
        return idempotencyKey === null ? this.ids.uuid() : identifierOfRequest(ledger, `${idempotencyKey} ${index}`);
    }
    /** Only the stream itself can say that there is no meter; it is asked at most once a batch. */
    async catalogueFor({ ledger, events }, reads) {
        const recent = await this.catalogues.recent(ledger);
        const isKnown = (event, index) => {
            const { eventName } = event instanceof DomainError ? identityOf(events[index] ?? null) : event;
            return eventName === null || recent.active.has(eventName);
        };
        return reads.every(isKnown) ? recent : this.catalogues.latest(ledger);
    }
    async reject({ index, identifier, reason: { code, message } }, { ledger, events, context }, catalogue, receivedAt) {
        const event = events[index] ?? null;
        const { eventName } = identityOf(event);
        const meterId = eventName === null ? null : (metersNamed(catalogue, eventName)[0]?.id ?? null);
        const data = { eventName, meterId, identifier, code, message, event, index, receivedAt };
        const position = await this.rejections.append(ledger, { type: 'UsageRejected', data }, context);
        this.readYourWrites.acknowledge(position);
    }
};
RecordUsageStreamHandler = __decorate([
    CommandHandler(RecordUsageStream),
    __param(4, Inject(CLOCK)),
    __param(5, Inject(IDS)),
    __metadata("design:paramtypes", [MeterCatalogues,
        UsageLedger,
        RejectionLog,
        ReadYourWrites, Object, Object])
], RecordUsageStreamHandler);
export { RecordUsageStreamHandler };
function read(raw) {
    try {
        return readStreamedEvent(raw);
    }
    catch (error) {
        if (error instanceof DomainError)
            return error;
        throw error;
    }
}
function makeRecord(event, index, identifier, catalogue, receivedAt, parseTimestamp) {
    if (event instanceof DomainError)
        return event;
    try {
        const { eventName, payload } = event;
        const meter = activeMeter(catalogue, eventName);
        const timestamp = event.timestamp === null ? null : readStreamedTimestamp(event.timestamp, parseTimestamp);
        const record = readMeterEvent(meter, { eventName, identifier, payload, timestamp }, receivedAt);
        const command = { type: 'RecordUsage', record, hasTimestamp: timestamp !== null };
        return { index, meter, record, meterId: meter.id, identifier, command };
    }
    catch (error) {
        if (error instanceof DomainError)
            return error;
        throw error;
    }
}
/** @throws DomainError for text that is none. */
export function readStreamedTimestamp(text, parse) {
    const instant = parse(text);
    if (instant !== null)
        return instant;
    throw new DomainError('parameter_invalid', 'The timestamp must be an RFC 3339 text such as 2026-01-15T10:00:00.000Z.', 'timestamp');
}
//# sourceMappingURL=record-usage-stream.js.map