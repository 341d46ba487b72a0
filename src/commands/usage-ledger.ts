/**
 * The way of every usage event into the log: to the writer of its partition. A partition is loaded when it is first
 * used, after the projections caught up once, so that what a start has to read is only what they lag behind.
 */
import type { Meter } from '../domain/meter-catalogue.js'
import type { LedgerName } from '../domain/ledger.js'
import { usagePartition } from '../domain/usage-partition.js'
import type { Command } from '../domain/usage-record.js'
import { EventStoreUnavailable, type EventStore } from '../event-store/event-store.js'
import type { ReadYourWrites } from '../event-store/read-your-writes.js'
import { usageStream } from '../event-store/streams.js'
import type { RequestContext } from '../event-store/transact.js'
import type { UsageIndex } from './usage-index.js'
import { UsagePartitionWriter, type UsageOutcome } from './usage-partition-writer.js'

export class UsageLedger {
  private readonly writers = new Map<string, UsagePartitionWriter>()
  private closed = false

  constructor(
    private readonly store: EventStore,
    private readonly index: UsageIndex,
    private readonly readYourWrites: ReadYourWrites,
  ) {
    readYourWrites.onProgress(() => {
      for (const writer of this.writers.values()) writer.trim()
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
    if (!this.readYourWrites.isReady) await this.readYourWrites.started()
    const stream = usageStream(ledger, usagePartition(meter.id, identifier, partitions))
    const outcome = await this.writer(stream).submit(meter.id, identifier, command, context)
    // Also what was already so: the next read must see what this answer says.
    if (outcome.position !== null) this.readYourWrites.acknowledge(outcome.position)
    return outcome
  }

  /** Settles everything that was taken on, and takes nothing new. */
  async close(): Promise<void> {
    this.closed = true
    await Promise.all([...this.writers.values()].map((writer) => writer.close()))
  }

  private writer(stream: string): UsagePartitionWriter {
    if (this.closed) throw new EventStoreUnavailable('The service is shutting down.')
    let writer = this.writers.get(stream)
    if (!writer) {
      writer = new UsagePartitionWriter(this.store, stream, this.index, (position) => this.readYourWrites.has(position))
      this.writers.set(stream, writer)
    }
    return writer
  }
}
