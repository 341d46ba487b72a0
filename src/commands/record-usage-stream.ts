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
import { readMeterEvent } from '../domain/meter-event.js'
import { identityOf, readStreamedEvent, type StreamedEvent } from '../domain/streamed-event.js'
import type { UsageRecord } from '../domain/usage-record.js'
import { ReadYourWrites } from '../event-store/read-your-writes.js'
import type { RequestContext } from '../event-store/transact.js'
import { CLOCK, IDS, type Clock, type Ids } from './environment.js'
import { MeterCatalogues } from './meter-catalogues.js'
import { recordingWaves } from './recording-order.js'
import { RejectionLog } from './rejection-log.js'
import { identifierOfRequest } from './usage-identity.js'
import { UsageLedger } from './usage-ledger.js'

/** Reads a timestamp as the API writes it; null for text that is none. */
export type ParseTimestamp = (text: string) => number | null

export interface StreamResult {
  readonly counted: number
  readonly duplicates: number
  readonly rejected: number
}

export class RecordUsageStream extends Command<StreamResult> {
  constructor(
    readonly ledger: LedgerName,
    readonly events: readonly JsonValue[],
    /** Makes the identifiers of events that have none, the same again when the request is retried; null: fresh ones. */
    readonly idempotencyKey: string | null,
    readonly parseTimestamp: ParseTimestamp,
    readonly context: RequestContext,
  ) {
    super()
  }
}

/** An event of the batch, as far as it could be read. */
interface Entry {
  readonly raw: JsonValue
  readonly index: number
  readonly identifier: string
  readonly eventName: string | null
  readonly read: StreamedEvent | DomainError
}

/** An event that makes a record. */
interface Accepted {
  readonly entry: Entry
  readonly meter: Meter
  readonly record: UsageRecord
  readonly hasTimestamp: boolean
}

interface Refused {
  readonly entry: Entry
  readonly reason: DomainError
}

@CommandHandler(RecordUsageStream)
export class RecordUsageStreamHandler implements ICommandHandler<RecordUsageStream> {
  constructor(
    private readonly catalogues: MeterCatalogues,
    private readonly usage: UsageLedger,
    private readonly rejections: RejectionLog,
    private readonly readYourWrites: ReadYourWrites,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(IDS) private readonly ids: Ids,
  ) {}

  /** @throws Overloaded, EventStoreUnavailable: the whole batch may be sent again, what counted counts once. */
  async execute(batch: RecordUsageStream): Promise<StreamResult> {
    const receivedAt = this.clock.now()
    const entries = batch.events.map((raw, index) => this.read(raw, index, batch))
    const catalogue = await this.catalogueFor(batch.ledger, entries)
    const accepted: Accepted[] = []
    const refused: Refused[] = []
    for (const entry of entries) {
      const made = makeRecord(entry, catalogue, receivedAt, batch.parseTimestamp)
      if (made instanceof DomainError) refused.push({ entry, reason: made })
      else accepted.push(made)
    }
    let counted = 0
    let duplicates = 0
    for (const wave of recordingWaves(accepted)) {
      const outcomes = await this.submit(wave, catalogue.usagePartitions ?? 1, batch)
      for (const [index, outcome] of outcomes.entries()) {
        const { entry } = wave[index] as Accepted
        if (outcome instanceof DomainError) refused.push({ entry, reason: outcome })
        // Everything that was sent has settled: nothing is left under way behind this answer.
        else if (outcome instanceof Error) throw outcome
        else if (outcome.isNew) counted++
        else duplicates++
      }
    }
    refused.sort((left, right) => left.entry.index - right.entry.index)
    await Promise.all(refused.map((each) => this.reject(each, batch, catalogue, receivedAt)))
    return { counted, duplicates, rejected: refused.length }
  }

  private submit(wave: readonly Accepted[], partitions: number, { ledger, context }: RecordUsageStream) {
    const commands = wave.map(({ record, hasTimestamp }) => ({
      meterId: record.meterId,
      identifier: record.identifier,
      command: { type: 'RecordUsage', record, hasTimestamp } as const,
    }))
    return this.usage.submitAll(ledger, partitions, commands, context)
  }

  private read(raw: JsonValue, index: number, { ledger, idempotencyKey }: RecordUsageStream): Entry {
    const { eventName, identifier: sent } = identityOf(raw)
    const identifier =
      sent ?? (idempotencyKey === null ? this.ids.uuid() : identifierOfRequest(ledger, `${idempotencyKey} ${index}`))
    try {
      return { raw, index, identifier, eventName, read: readStreamedEvent(raw) }
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      return { raw, index, identifier, eventName, read: error }
    }
  }

  /** Only the stream itself can say that there is no meter; it is asked at most once a batch. */
  private async catalogueFor(ledger: LedgerName, entries: readonly Entry[]): Promise<State> {
    const recent = await this.catalogues.recent(ledger)
    const isKnown = ({ eventName }: Entry): boolean => eventName === null || recent.active.has(eventName)
    return entries.every(isKnown) ? recent : this.catalogues.latest(ledger)
  }

  private async reject(
    { entry: { raw, index, identifier, eventName }, reason: { code, message } }: Refused,
    { ledger, context }: RecordUsageStream,
    catalogue: State,
    receivedAt: number,
  ): Promise<void> {
    const meterId = eventName === null ? null : (metersNamed(catalogue, eventName)[0]?.id ?? null)
    const data = { eventName, meterId, identifier, code, message, event: raw, index, receivedAt }
    const position = await this.rejections.append(ledger, { type: 'UsageRejected', data }, context)
    this.readYourWrites.acknowledge(position)
  }
}

function makeRecord(
  entry: Entry,
  catalogue: State,
  receivedAt: number,
  parseTimestamp: ParseTimestamp,
): Accepted | DomainError {
  const { read, identifier } = entry
  if (read instanceof DomainError) return read
  try {
    const meter = activeMeter(catalogue, read.eventName)
    const timestamp = read.timestamp === null ? null : readStreamedTimestamp(read.timestamp, parseTimestamp)
    const { eventName, payload } = read
    const record = readMeterEvent(meter, { eventName, identifier, payload, timestamp }, receivedAt)
    return { entry, meter, record, hasTimestamp: timestamp !== null }
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
