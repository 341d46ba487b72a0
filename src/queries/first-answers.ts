/**
 * What a request with an idempotency key led to the first time: the event it caused, found by the key in the event's
 * metadata. Design §6.
 */
import type { LedgerName } from '../domain/ledger.js'
import type { DomainEvent } from '../domain/events.js'
import { fold } from '../domain/decider.js'
import * as MeterCatalogue from '../domain/meter-catalogue.js'
import { decodeEvent } from '../event-store/codec.js'
import type { EventStore, Position, RecordedEvent } from '../event-store/event-store.js'
import type { ReadYourWrites } from '../event-store/read-your-writes.js'
import { metersStream } from '../event-store/streams.js'
import type { ReadModel } from '../read-model/read-model.js'
import { idempotencyKeys } from '../read-model/tables.js'
import { readEvent, type EventPlace } from './read-event.js'

export interface Caused extends EventPlace {
  readonly requestHash: string
}

export class FirstAnswers {
  /** Caused by this process and not projected yet. */
  private readonly tail = new Map<string, Caused & { readonly position: Position }>()

  constructor(
    private readonly readModel: ReadModel,
    private readonly store: EventStore,
    private readonly readYourWrites: ReadYourWrites,
  ) {
    readYourWrites.onProgress(() => this.trim())
  }

  remember(ledger: LedgerName, key: string, caused: Caused & { readonly position: Position }): void {
    if (!this.readYourWrites.has(caused.position)) this.tail.set(`${ledger} ${key}`, caused)
  }

  async find(ledger: LedgerName, key: string): Promise<Caused | null> {
    const known = this.tail.get(`${ledger} ${key}`)
    if (known) return known
    await this.readYourWrites.started()
    const [row] = await this.readModel.get(idempotencyKeys, [[ledger, key]])
    return row ?? null
  }

  event(place: EventPlace): Promise<{ readonly event: DomainEvent; readonly recorded: RecordedEvent }> {
    return readEvent(this.store, place)
  }

  /** The meters of a ledger as they stood after a revision. */
  async catalogueAt(ledger: LedgerName, revision: number): Promise<MeterCatalogue.State> {
    let state = MeterCatalogue.initial
    for await (const page of this.store.readStream(metersStream(ledger), { limit: revision })) {
      state = fold(MeterCatalogue, page.map(decodeEvent) as MeterCatalogue.Event[], state)
    }
    return state
  }

  private trim(): void {
    for (const [key, { position }] of this.tail) {
      if (!this.readYourWrites.has(position)) return
      this.tail.delete(key)
    }
  }
}
