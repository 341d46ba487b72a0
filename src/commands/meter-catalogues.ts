/**
 * The meters of every ledger, as the write side sees them: folded from `meters-<ledger>`, remembered, and read again when
 * the projector reports that the stream changed. Before anything is refused for lack of a meter the stream itself is
 * asked, so a meter another process just created is never missed.
 */
import * as MeterCatalogue from '../domain/meter-catalogue.js'
import type { LedgerName } from '../domain/ledger.js'
import { EventStoreReplaced, type EventStore } from '../event-store/event-store.js'
import { metersStream } from '../event-store/streams.js'
import { FoldedStream, type RequestContext, type Transaction } from '../event-store/transact.js'

export type MeterStream = FoldedStream<MeterCatalogue.State, MeterCatalogue.Command, MeterCatalogue.Event>

export class MeterCatalogues {
  private readonly streams = new Map<LedgerName, MeterStream>()
  private readonly fresh = new Set<string>()

  constructor(
    private readonly store: EventStore,
    private readonly newEventId: () => string,
    private readonly onReplaced: (error: EventStoreReplaced) => void = () => undefined,
  ) {}

  /** Says that streams changed, as the projector saw it. */
  changed(streams: readonly string[]): void {
    for (const stream of streams) this.fresh.delete(stream)
  }

  of(ledger: LedgerName): MeterStream {
    let stream = this.streams.get(ledger)
    if (!stream) {
      stream = new FoldedStream(this.store, metersStream(ledger), MeterCatalogue, this.newEventId)
      this.streams.set(ledger, stream)
    }
    return stream
  }

  /** As `FoldedStream.transact`. */
  async transact(
    ledger: LedgerName,
    command: MeterCatalogue.Command,
    context: RequestContext,
  ): Promise<Transaction<MeterCatalogue.State, MeterCatalogue.Event>> {
    try {
      return await this.of(ledger).transact(command, context)
    } catch (error) {
      if (error instanceof EventStoreReplaced) this.onReplaced(error)
      throw error
    }
  }

  /** Good for finding a meter that is there: what this process and, a moment later, others made of it. */
  async recent(ledger: LedgerName): Promise<MeterCatalogue.State> {
    const stream = this.of(ledger)
    if (this.fresh.has(stream.stream)) return stream.remembered
    return this.latest(ledger)
  }

  /** Good for refusing: everything that was appended before the call. */
  async latest(ledger: LedgerName): Promise<MeterCatalogue.State> {
    const stream = this.of(ledger)
    // Marked before reading: a change reported meanwhile makes it old again.
    this.fresh.add(stream.stream)
    try {
      return await stream.read()
    } catch (error) {
      this.fresh.delete(stream.stream)
      throw error
    }
  }
}
