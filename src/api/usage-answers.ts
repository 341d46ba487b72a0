/**
 * Reporting and cancelling usage, as both API versions do it: once by command, and for a retried request from the event the
 * first one caused. The versions differ only in how the answer is written.
 */
import { Injectable } from '@nestjs/common'
import { CommandBus } from '@nestjs/cqrs'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { CancelUsage } from '../commands/cancel-usage.js'
import { MeterCatalogues } from '../commands/meter-catalogues.js'
import { RecordUsage } from '../commands/record-usage.js'
import type { Appended, RequestContext } from '../commands/request-context.js'
import type { UsageOutcome } from '../commands/usage-partition-writer.js'
import type { DomainEvent } from '../domain/events.js'
import { DomainError } from '../domain/errors.js'
import type { LedgerName } from '../domain/ledger.js'
import type { Meter } from '../domain/meter-catalogue.js'
import { restorePayload } from '../domain/meter-event.js'
import type { UsageRecord } from '../domain/usage-record.js'
import { FirstAnswers, type Caused } from '../queries/first-answers.js'
import { callerOf } from './caller.js'
import { Idempotency, type Done } from './stripe/idempotency.js'

/** A record in the words both versions share; times in milliseconds. */
export interface RecordedMeterEvent {
  readonly ledger: LedgerName
  readonly eventName: string
  readonly identifier: string
  readonly payload: Readonly<Record<string, string>>
  readonly occurredAt: number
  readonly recordedAt: number
}

export interface CancelledMeterEvent {
  readonly ledger: LedgerName
  readonly eventName: string
  readonly meterId: string
  readonly identifier: string
  readonly cancelledAt: number
}

export interface ReportedEvent {
  readonly eventName: string
  readonly payload: Readonly<Record<string, string>>
  readonly identifier: string | null
  /** Milliseconds since the epoch. */
  readonly timestamp: number | null
}

/** Which made the event that a retry meets. */
interface FirstRequest {
  readonly requestHash: string
  readonly position: Appended['position']
}

@Injectable()
export class UsageAnswers {
  constructor(
    private readonly commands: CommandBus,
    private readonly catalogues: MeterCatalogues,
    private readonly firstAnswers: FirstAnswers,
    private readonly idempotency: Idempotency,
  ) {}

  record<Body extends object>(
    request: FastifyRequest,
    reply: FastifyReply,
    event: ReportedEvent,
    write: (recorded: RecordedMeterEvent) => Body,
  ): Promise<Body> {
    const { ledger } = callerOf(request)
    return this.idempotency.answer(
      request,
      reply,
      async (context) => {
        const { meter, record, outcome } = await this.commands.execute(new RecordUsage(ledger, event, context))
        const first = outcome.isNew ? null : await this.firstRequest(outcome, context)
        if (!outcome.isNew && first === null) throw alreadyExists(record.identifier, outcome.state.status)
        return done(write(recordedEvent(ledger, meter, record)), outcome, first)
      },
      async (caused) => {
        const { data, position } = await this.causedUsage(caused, 'UsageRecorded')
        return { body: write(recordedEvent(ledger, await this.meter(ledger, data.meterId), data)), position }
      },
    )
  }

  cancel<Body extends object>(
    request: FastifyRequest,
    reply: FastifyReply,
    { eventName, identifier }: { readonly eventName: string; readonly identifier: string },
    write: (cancelled: CancelledMeterEvent) => Body,
  ): Promise<Body> {
    const { ledger } = callerOf(request)
    return this.idempotency.answer(
      request,
      reply,
      async (context) => {
        const outcome = await this.commands.execute(new CancelUsage(ledger, eventName, identifier, context))
        const { state } = outcome
        if (state.status !== 'cancelled') throw new Error(`Record ${identifier} was cancelled and is ${state.status}.`)
        const first = outcome.isNew ? null : await this.firstRequest(outcome, context)
        const { meterId } = state.record
        const cancelled = { ledger, eventName, meterId, identifier, cancelledAt: state.cancelledAt }
        return done(write(cancelled), outcome, first)
      },
      async (caused) => {
        const { data, position } = await this.causedUsage(caused, 'UsageCancelled')
        const { meterId, cancelledAt } = data
        return { body: write({ ledger, eventName, meterId, identifier: data.identifier, cancelledAt }), position }
      },
    )
  }

  /** The request that made the record as it is, if it had this request's idempotency key. */
  private async firstRequest(
    { stream, revision }: UsageOutcome,
    { idempotency }: RequestContext,
  ): Promise<FirstRequest | null> {
    if (!idempotency) return null
    const { recorded } = await this.firstAnswers.event({ stream, revision })
    const { idempotencyKey, requestHash = '' } = recorded.metadata
    return idempotencyKey === idempotency.key ? { requestHash, position: recorded.position } : null
  }

  private async causedUsage<Type extends 'UsageRecorded' | 'UsageCancelled'>(
    caused: Caused,
    type: Type,
  ): Promise<Extract<DomainEvent, { type: Type }> & { readonly position: Appended['position'] }> {
    const { event, recorded } = await this.firstAnswers.event(caused)
    if (event.type !== type) throw new Error(`Event ${caused.revision} of ${caused.stream} is no ${type}.`)
    return { ...(event as Extract<DomainEvent, { type: Type }>), position: recorded.position }
  }

  private async meter(ledger: LedgerName, meterId: string): Promise<Meter> {
    const known = (await this.catalogues.recent(ledger)).meters.get(meterId)
    const meter = known ?? (await this.catalogues.latest(ledger)).meters.get(meterId)
    if (!meter) throw new Error(`Usage was recorded on meter ${meterId}, which is not there.`)
    return meter
  }
}

function done<Body extends object>(
  body: Body,
  { isNew, stream, revision, position }: UsageOutcome,
  first: FirstRequest | null,
): Done<Body> {
  const appended = isNew && position !== null ? { stream, revision, position } : null
  return { body, appended, replayOf: first?.requestHash ?? null, ...(first && { position: first.position }) }
}

function recordedEvent(ledger: LedgerName, meter: Meter, record: UsageRecord): RecordedMeterEvent {
  const { identifier, occurredAt, recordedAt } = record
  return {
    ledger,
    eventName: meter.eventName,
    identifier,
    payload: restorePayload(meter, record),
    occurredAt,
    recordedAt,
  }
}

function alreadyExists(identifier: string, status: 'recorded' | 'cancelled'): DomainError {
  const standing =
    status === 'recorded'
      ? 'It was counted once; there is no need to send it again.'
      : 'It was cancelled and does not count; send new usage under a new identifier.'
  return new DomainError(
    'duplicate_meter_event',
    `An event already exists with identifier ${identifier}. ${standing}`,
    'identifier',
  )
}
