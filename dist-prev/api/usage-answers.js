var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
/**
 * Reporting and cancelling usage, as both API versions do it: once by command, and for a retried request from the event the
 * first one caused. The versions differ only in how the answer is written.
 */
import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { CancelUsage } from '../commands/cancel-usage.js';
import { MeterCatalogues } from '../commands/meter-catalogues.js';
import { RecordUsage } from '../commands/record-usage.js';
import { DomainError } from '../domain/errors.js';
import { restorePayload } from '../domain/meter-event.js';
import { FirstAnswers } from '../queries/first-answers.js';
import { callerOf } from './caller.js';
import { Idempotency } from './stripe/idempotency.js';
let UsageAnswers = class UsageAnswers {
    commands;
    catalogues;
    firstAnswers;
    idempotency;
    constructor(commands, catalogues, firstAnswers, idempotency) {
        this.commands = commands;
        this.catalogues = catalogues;
        this.firstAnswers = firstAnswers;
        this.idempotency = idempotency;
    }
    record(request, reply, event, write) {
        const { ledger } = callerOf(request);
        return this.idempotency.answer(request, reply, async (context) => {
            const { meter, record, outcome } = await this.commands.execute(new RecordUsage(ledger, event, context));
            const replayOf = outcome.isNew ? null : await this.firstRequest(outcome, context);
            if (!outcome.isNew && replayOf === null)
                throw alreadyExists(record.identifier);
            return done(write(recordedEvent(ledger, meter, record)), outcome, replayOf);
        }, async (caused) => {
            const { data } = await this.causedUsage(caused, 'UsageRecorded');
            return write(recordedEvent(ledger, await this.meter(ledger, data.meterId), data));
        });
    }
    cancel(request, reply, { eventName, identifier }, write) {
        const { ledger } = callerOf(request);
        return this.idempotency.answer(request, reply, async (context) => {
            const outcome = await this.commands.execute(new CancelUsage(ledger, eventName, identifier, context));
            const { state } = outcome;
            if (state.status !== 'cancelled')
                throw new Error(`Record ${identifier} was cancelled and is ${state.status}.`);
            const replayOf = outcome.isNew ? null : await this.firstRequest(outcome, context);
            const { meterId } = state.record;
            const cancelled = { ledger, eventName, meterId, identifier, cancelledAt: state.cancelledAt };
            return done(write(cancelled), outcome, replayOf);
        }, async (caused) => {
            const { data } = await this.causedUsage(caused, 'UsageCancelled');
            const { meterId, cancelledAt } = data;
            return write({ ledger, eventName, meterId, identifier: data.identifier, cancelledAt });
        });
    }
    /** The hash of the request that made the record as it is, if it had this request's idempotency key. */
    async firstRequest({ stream, revision }, { idempotency }) {
        if (!idempotency)
            return null;
        const { recorded } = await this.firstAnswers.event({ stream, revision });
        const { idempotencyKey, requestHash = '' } = recorded.metadata;
        return idempotencyKey === idempotency.key ? requestHash : null;
    }
    async causedUsage(caused, type) {
        const { event } = await this.firstAnswers.event(caused);
        if (event.type !== type)
            throw new Error(`Event ${caused.revision} of ${caused.stream} is no ${type}.`);
        return event;
    }
    async meter(ledger, meterId) {
        const known = (await this.catalogues.recent(ledger)).meters.get(meterId);
        const meter = known ?? (await this.catalogues.latest(ledger)).meters.get(meterId);
        if (!meter)
            throw new Error(`Usage was recorded on meter ${meterId}, which is not there.`);
        return meter;
    }
};
UsageAnswers = __decorate([
    Injectable(),
    __metadata("design:paramtypes", [CommandBus,
        MeterCatalogues,
        FirstAnswers,
        Idempotency])
], UsageAnswers);
export { UsageAnswers };
function done(body, { isNew, stream, revision, position }, replayOf) {
    return { body, appended: isNew && position !== null ? { stream, revision, position } : null, replayOf };
}
function recordedEvent(ledger, meter, record) {
    const { identifier, occurredAt, recordedAt } = record;
    return {
        ledger,
        eventName: meter.eventName,
        identifier,
        payload: restorePayload(meter, record),
        occurredAt,
        recordedAt,
    };
}
function alreadyExists(identifier) {
    return new DomainError('duplicate_meter_event', `An event already exists with identifier ${identifier}. It was counted once; there is no need to send it again.`, 'identifier');
}
//# sourceMappingURL=usage-answers.js.map