/**
 * The way of every usage event into the log: to the writer of its partition. A partition is loaded when it is first
 * used, after the projections caught up once, so that what a start has to read is only what they lag behind.
 */
import { DomainError } from '../domain/errors.js'
import type { Meter } from '../domain/meter-catalogue.js'
import type { LedgerName } from '../domain/ledger.js'
import { usagePartition } from '../domain/usage-partition.js'
import type { Command } from '../domain/usage-record.js'
import {
  EventStoreReplaced,
  EventStoreUnavailable,
  type EventStore,
  type Position,
} from '../event-store/event-store.js'
import { later, type ReadYourWrites } from '../event-store/read-your-writes.js'
import { usageStream } from '../event-store/streams.js'
import type { RequestContext } from '../event-store/transact.js'
import type { UsageIndex } from './usage-index.js'
import type {
  CustomerUnprojected,
  ReceivedUsage,
  UnprojectedRecord,
  UnprojectedUsage,
} from '../event-store/unprojected-usage.js'
import { UsageReceipts } from '../event-store/usage-receipts.js'
import {
  UsagePartitionWriter,
  type Tails,
  type UsageCall,
  type UsageCommand,
  type UsageOutcome,
} from './usage-partition-writer.js'

/** What became of commands, since the start of the process. */
export interface UsageCounts {
  recorded: number
  cancelled: number
  /** It was already so: nothing was appended. */
  unchanged: number
  /** By the record's rules, such as an identifier that is taken. */
  refused: number
  /** Whoever sent it was told to try again. */
  unsettled: number
}

export class UsageLedger implements UnprojectedUsage, ReceivedUsage {
  /** By ledger and partition. */
  private readonly writers = new Map<LedgerName, (UsagePartitionWriter | undefined)[]>()
  private readonly tails: Tails = { characters: 0 }
  private readonly receipts = new UsageReceipts()
  private readonly counted: UsageCounts = { recorded: 0, cancelled: 0, unchanged: 0, refused: 0, unsettled: 0 }
  private closed = false

  constructor(
    private readonly store: EventStore,
    private readonly index: UsageIndex,
    private readonly readYourWrites: ReadYourWrites,
    private readonly newEventId: () => string,
  ) {
    readYourWrites.onProgress(() => {
      for (const writer of this.everyWriter()) writer.trim()
    })
  }

  /**
   * Durable when it resolves.
   *
   * @throws DomainError where the record's rules refuse, Overloaded, EventStoreUnavailable, ReadModelBehind (still
   * starting).
   */
  async submit(
    ledger: LedgerName,
    partitions: number,
    meter: Pick<Meter, 'id'>,
    identifier: string,
    command: Command,
    context: RequestContext,
  ): Promise<UsageOutcome> {
    const [outcome] = await this.submitAll(ledger, partitions, [{ meterId: meter.id, identifier, command }], context)
    if (outcome instanceof Error) throw outcome
    return outcome as UsageOutcome
  }

  /**
   * Several commands of one request at once; each has an outcome of its own, or why it has none (as `submit` throws), in
   * their order. Two about the same record keep their order, others may not.
   *
   * @throws ReadModelBehind (still starting), EventStoreUnavailable (shutting down).
   */
  async submitAll(
    ledger: LedgerName,
    partitions: number,
    commands: readonly UsageCommand[],
    context: RequestContext,
  ): Promise<readonly (UsageOutcome | Error)[]> {
    if (!this.readYourWrites.isReady) await this.readYourWrites.started()
    if (this.closed) throw new EventStoreUnavailable('The service is shutting down.')
    if (commands.length === 0) return []
    const outcomes = await new Promise<readonly (UsageOutcome | Error)[]>((resolve) => {
      const call = new Call(commands.length, context, resolve)
      for (let place = 0; place < commands.length; place++) {
        const command = commands[place] as UsageCommand
        const partition = usagePartition(command.meterId, command.identifier, partitions)
        this.writer(ledger, partition).submit(command, call, place)
      }
    })
    this.acknowledge(outcomes)
    return outcomes
  }

  get counts(): Readonly<UsageCounts> {
    return this.counted
  }

  /** Also what was already so: the next read must see what this answer says. */
  private acknowledge(outcomes: readonly (UsageOutcome | Error)[]): void {
    let last: Position | null = null
    for (const outcome of outcomes) {
      // Neither what is known here nor what is projected is of this store: nothing is true any more.
      if (outcome instanceof EventStoreReplaced) this.readYourWrites.stop(outcome.message)
      this.counted[kindOf(outcome)]++
      if (outcome instanceof Error || outcome.position === null || outcome.position === last) continue
      last = outcome.position
      this.readYourWrites.acknowledge(last)
    }
  }

  /** Records what was received at an instant: whoever asks for that moment waits for it. */
  recording<Result>(receivedAt: number, record: () => Promise<Result>): Promise<Result> {
    return this.receipts.recording(receivedAt, record)
  }

  async settledUpTo(at: number, signal?: AbortSignal): Promise<void> {
    await this.receipts.settledUpTo(at, signal)
    for (const writer of this.everyWriter()) {
      if (writer.isUncertain) {
        throw new EventStoreUnavailable('The event store has not confirmed whether usage received by then is stored.')
      }
    }
  }

  unprojected(ledger: LedgerName, meterId: string, customer: string): CustomerUnprojected | null {
    let position: Position | null = null
    for (const writer of this.everyWriter()) {
      if (writer.isUncertain) return null
      position = later(this.store, position, writer.position)
    }
    const records: UnprojectedRecord[] = []
    for (const writer of this.writers.get(ledger) ?? []) {
      if (writer) records.push(...writer.unprojected(meterId, customer))
    }
    return { position, records }
  }

  /** Settles everything that was taken on, and takes nothing new. */
  async close(): Promise<void> {
    this.closed = true
    await Promise.all(Array.from(this.everyWriter(), (writer) => writer.close()))
  }

  private writer(ledger: LedgerName, partition: number): UsagePartitionWriter {
    let writers = this.writers.get(ledger)
    if (!writers) {
      writers = []
      this.writers.set(ledger, writers)
    }
    let writer = writers[partition]
    if (!writer) {
      writer = new UsagePartitionWriter(
        this.store,
        usageStream(ledger, partition),
        this.index,
        (position) => this.readYourWrites.has(position),
        this.newEventId,
        this.tails,
      )
      writers[partition] = writer
    }
    return writer
  }

  private *everyWriter(): Iterable<UsagePartitionWriter> {
    // A partition that was not used yet has no writer.
    for (const writers of this.writers.values()) for (const writer of writers) if (writer) yield writer
  }
}

function kindOf(outcome: UsageOutcome | Error): keyof UsageCounts {
  if (outcome instanceof Error) return outcome instanceof DomainError ? 'refused' : 'unsettled'
  return outcome.isNew ? outcome.state.status : 'unchanged'
}

/** Gathers the outcomes of one request's commands: one promise for all of them. */
class Call implements UsageCall {
  readonly metadata: UsageCall['metadata']
  private readonly outcomes: (UsageOutcome | Error)[]
  private left: number

  constructor(
    commands: number,
    { requestId, actor, idempotency }: RequestContext,
    private readonly done: (outcomes: readonly (UsageOutcome | Error)[]) => void,
  ) {
    this.outcomes = new Array<UsageOutcome | Error>(commands)
    this.left = commands
    this.metadata = {
      correlationId: requestId,
      causationId: requestId,
      actor,
      ...(idempotency ? { idempotencyKey: idempotency.key, requestHash: idempotency.requestHash } : {}),
    }
  }

  settle(place: number, outcome: UsageOutcome | Error): void {
    // Callers that were told to try again are settled; what becomes of their commands later is for nobody to wait for.
    if (this.outcomes[place] !== undefined) return
    this.outcomes[place] = outcome
    if (--this.left === 0) this.done(this.outcomes)
  }
}
