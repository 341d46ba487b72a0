/**
 * Takes a batch of meter events without answering for each: once it resolves, what counts is durable and what does not is a
 * stored rejection. A duplicate adds nothing; the same identifier with another body is a rejection.
 */
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs'
import { Inject } from '@nestjs/common'
import { DomainError } from '../domain/errors.js'
import type { JsonValue } from '../domain/json.js'
import type { LedgerName } from '../domain/ledger.js'
import { activeMeter, metersNamed, type Meter, type State } from '../domain/meter-catalogue.js'
import { earliestTimestamp, readMeterEvent } from '../domain/meter-event.js'
import { identityOf, readStreamedEvent, type StreamedEvent } from '../domain/streamed-event.js'
import type { UsageRecord } from '../domain/usage-record.js'
import { EVENT_STORE, type EventStore, type Position } from '../event-store/event-store.js'
import { later, ReadYourWrites } from '../event-store/read-your-writes.js'
import type { RequestContext } from '../event-store/transact.js'
import { CLOCK, IDS, type Clock, type Ids } from './environment.js'
import { MeterCatalogues } from './meter-catalogues.js'
import { recordingWaves } from './recording-order.js'
import { RejectionLog } from './rejection-log.js'
import { identifierInBatch } from './usage-identity.js'
import { UsageLedger } from './usage-ledger.js'
import type { UsageCommand, UsageOutcome } from './usage-partition-writer.js'

/** Reads a timestamp as the API writes it; null for text that is none. */
export type ParseTimestamp = (text: string) => number | null

export interface StreamResult {
  readonly counted: number
  readonly duplicates: number
  readonly rejected: number
  /** Of the last event that was appended; null: none was. */
  readonly position: Position | null
}

/** The events of a call. */
export interface Sent {
  readonly events: readonly JsonValue[]
  /** JSON of one of them, as it was sent. */
  textOf(index: number): string
}

export class RecordUsageStream extends Command<StreamResult> {
  constructor(
    readonly ledger: LedgerName,
    readonly sent: Sent,
    /** Makes the identifiers of events that have none, the same again when the request is retried; null: fresh ones. */
    readonly idempotencyKey: string | null,
    readonly parseTimestamp: ParseTimestamp,
    readonly context: RequestContext,
  ) {
    super()
  }
}

/** An event that makes a record. One object of each is carried to the answer, because there are many of them. */
interface Accepted extends UsageCommand {
  readonly index: number
  readonly meter: Meter
  readonly record: UsageRecord
}

interface Refused {
  readonly index: number
  readonly identifier: string
  readonly reason: DomainError
}

@CommandHandler(RecordUsageStream)
export class RecordUsageStreamHandler implements ICommandHandler<RecordUsageStream> {
  constructor(
    private readonly catalogues: MeterCatalogues,
    private readonly usage: UsageLedger,
    private readonly rejections: RejectionLog,
    private readonly readYourWrites: ReadYourWrites,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(IDS) private readonly ids: Ids,
  ) {}

  /** @throws Overloaded, EventStoreUnavailable: the whole batch may be sent again, what counted counts once. */
  async execute(batch: RecordUsageStream): Promise<StreamResult> {
    const receivedAt = this.clock.now()
    return this.usage.recording(receivedAt, () => this.record(batch, receivedAt))
  }

  private async record(batch: RecordUsageStream, receivedAt: number): Promise<StreamResult> {
    const { sent, parseTimestamp } = batch
    const reads = sent.events.map(read)
    const catalogue = await this.catalogueFor(batch, reads)
    const accepted: Accepted[] = []
    const refused: Refused[] = []
    for (let index = 0; index < reads.length; index++) {
      const event = reads[index] as StreamedEvent | DomainError
      const identifier = this.identifierOf(event, index, batch)
      const made = makeRecord(event, index, identifier, catalogue, receivedAt, parseTimestamp)
      if (made instanceof DomainError) refused.push({ index, identifier, reason: made })
      else accepted.push(made)
    }
    let counted = 0
    let duplicates = 0
    let position: Position | null = null
    for (const wave of recordingWaves(accepted)) {
      const outcomes = await this.usage.submitAll(batch.ledger, catalogue.usagePartitions ?? 1, wave, batch.context)
      for (let place = 0; place < outcomes.length; place++) {
        const outcome = outcomes[place] as UsageOutcome | Error
        const { index, identifier } = wave[place] as Accepted
        if (outcome instanceof DomainError) refused.push({ index, identifier, reason: outcome })
        // Everything that was sent has settled: nothing is left under way behind this answer.
        else if (outcome instanceof Error) throw outcome
        else if (!outcome.isNew) duplicates++
        else {
          counted++
          position = later(this.store, position, outcome.position)
        }
      }
    }
    refused.sort((left, right) => left.index - right.index)
    const rejected = await Promise.all(refused.map((each) => this.reject(each, batch, catalogue, receivedAt)))
    for (const each of rejected) position = later(this.store, position, each)
    return { counted, duplicates, rejected: refused.length, position }
  }

  private identifierOf(event: StreamedEvent | DomainError, index: number, batch: RecordUsageStream): string {
    const { identifier } = event instanceof DomainError ? identityOf(batch.sent.events[index] ?? null) : event
    if (identifier !== null) return identifier
    const { ledger, idempotencyKey } = batch
    return idempotencyKey === null ? this.ids.uuid() : identifierInBatch(ledger, idempotencyKey, index)
  }

  /** Only the stream itself can say that there is no meter; it is asked at most once a batch. */
  private async catalogueFor(
    { ledger, sent: { events } }: RecordUsageStream,
    reads: readonly (StreamedEvent | DomainError)[],
  ): Promise<State> {
    const recent = await this.catalogues.recent(ledger)
    const isKnown = (event: StreamedEvent | DomainError, index: number): boolean => {
      const { eventName } = event instanceof DomainError ? identityOf(events[index] ?? null) : event
      return eventName === null || recent.active.has(eventName)
    }
    return reads.every(isKnown) ? recent : this.catalogues.latest(ledger)
  }

  private async reject(
    { index, identifier, reason: { code, message } }: Refused,
    { ledger, sent, context }: RecordUsageStream,
    catalogue: State,
    receivedAt: number,
  ): Promise<Position> {
    const { eventName } = identityOf(sent.events[index] ?? null)
    const meterId = eventName === null ? null : (metersNamed(catalogue, eventName)[0]?.id ?? null)
    const event = sent.textOf(index)
    const data = { eventName, meterId, identifier, code, message, event, index, receivedAt }
    const position = await this.rejections.append(ledger, { type: 'UsageRejected', data }, context)
    this.readYourWrites.acknowledge(position)
    return position
  }
}

function read(raw: JsonValue): StreamedEvent | DomainError {
  try {
    return readStreamedEvent(raw)
  } catch (error) {
    if (error instanceof DomainError) return error
    throw error
  }
}

function makeRecord(
  event: StreamedEvent | DomainError,
  index: number,
  identifier: string,
  catalogue: State,
  receivedAt: number,
  parseTimestamp: ParseTimestamp,
): Accepted | DomainError {
  if (event instanceof DomainError) return event
  try {
    const { eventName, payload } = event
    const meter = activeMeter(catalogue, eventName)
    const timestamp = event.timestamp === null ? null : readStreamedTimestamp(event.timestamp, parseTimestamp)
    const record = readMeterEvent(meter, { eventName, identifier, payload, timestamp }, receivedAt)
    const earliest = earliestTimestamp(receivedAt)
    const command = { type: 'RecordUsage', record, hasTimestamp: timestamp !== null, earliest } as const
    return { index, meter, record, meterId: meter.id, identifier, command }
  } catch (error) {
    if (error instanceof DomainError) return error
    throw error
  }
}

/** @throws DomainError for text that is none. */
export function readStreamedTimestamp(text: string, parse: ParseTimestamp): number {
  const instant = parse(text)
  if (instant !== null) return instant
  throw new DomainError(
    'parameter_invalid',
    'The timestamp must be an RFC 3339 text such as 2026-01-15T10:00:00.000Z.',
    'timestamp',
  )
}
