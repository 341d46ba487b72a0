/**
 * The way of every rejection into `rejections-<ledger>`. Nothing is decided from what is there, so a conflict only moves the
 * revision; appends gather while one is under way, one at a time, durable when they resolve. Callers wait for the store
 * only so long, and others not at all while it is silent.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { rejectionCodes } from '../domain/errors.js'
import type { LedgerName } from '../domain/ledger.js'
import type { Event } from '../domain/usage-rejections.js'
import { encodeEvent } from '../event-store/codec.js'
import {
  APPEND_EVENTS_MAX,
  EventStoreUnavailable,
  SETTLE_WITHIN_MS,
  type EventStore,
  type NewEvent,
  type Position,
} from '../event-store/event-store.js'
import { rejectionsStream } from '../event-store/streams.js'
import type { RequestContext } from '../event-store/transact.js'
import { takeLate, tooManyWaiting, type Queued } from './write-queue.js'

/** Rejections that may wait in one ledger. */
export const REJECTION_QUEUE_MAX = 10_000
/** Largest JSON of a rejected event, and of one append. */
const APPEND_BYTES_MAX = 512 * 1024
const RESEND_DELAY_MS = 100

interface Waiting extends Queued {
  readonly event: NewEvent
  readonly bytes: number
  readonly resolve: (position: Position) => void
  readonly reject: (error: unknown) => void
}

export class RejectionLog {
  private readonly writers = new Map<LedgerName, LedgerRejections>()
  private readonly counted: Record<string, number> = Object.fromEntries(rejectionCodes.map((code) => [code, 0]))

  constructor(
    private readonly store: EventStore,
    private readonly newEventId: () => string,
    private readonly settleWithinMs = SETTLE_WITHIN_MS,
  ) {}

  /** @throws Overloaded, EventStoreUnavailable */
  async append(ledger: LedgerName, event: Event, { requestId, actor }: RequestContext): Promise<Position> {
    let writer = this.writers.get(ledger)
    if (!writer) {
      writer = new LedgerRejections(this.store, rejectionsStream(ledger), this.settleWithinMs)
      this.writers.set(ledger, writer)
    }
    const metadata = { correlationId: requestId, causationId: requestId, actor }
    const position = await writer.append(encodeEvent(event, this.newEventId(), metadata))
    if (event.type === 'UsageRejected') this.counted[event.data.code] = (this.counted[event.data.code] ?? 0) + 1
    return position
  }

  /** Rejections since the start of the process, by error code: of every one there is, for what begins at 1 shows no increase. */
  get counts(): Readonly<Record<string, number>> {
    return this.counted
  }

  async close(): Promise<void> {
    await Promise.all([...this.writers.values()].map((writer) => writer.settled))
  }
}

class LedgerRejections {
  settled: Promise<void> = Promise.resolve()
  private readonly queue: Waiting[] = []
  private revision = 0
  private isRunning = false
  /** Callers were told to try again, and the store has not answered since. */
  private isStalled = false

  constructor(
    private readonly store: EventStore,
    private readonly stream: string,
    private readonly settleWithinMs: number,
  ) {}

  append(event: NewEvent): Promise<Position> {
    return new Promise((resolve, reject) => {
      // Where nothing is under way, this one finds out whether it answers again.
      if (this.isStalled && this.isRunning) {
        return reject(new EventStoreUnavailable('The event store does not answer just now.'))
      }
      if (this.queue.length >= REJECTION_QUEUE_MAX) return reject(tooManyWaiting())
      const bytes = Buffer.byteLength(JSON.stringify(event.data))
      this.queue.push({ event, bytes, since: performance.now(), resolve, reject })
      if (!this.isRunning) this.settled = this.run()
    })
  }

  private async run(): Promise<void> {
    this.isRunning = true
    await new Promise((resolve) => setImmediate(resolve))
    while (this.queue.length > 0) {
      for (const { reject } of takeLate(this.queue, this.settleWithinMs)) reject(tooManyWaiting())
      const batch = this.takeBatch()
      if (batch.length === 0) break
      const givingUp = setTimeout(() => this.giveUpCallers(batch), this.settleWithinMs)
      try {
        const position = await this.appendAll(batch.map(({ event }) => event))
        this.isStalled = false
        for (const { resolve } of batch) resolve(position)
      } catch (error) {
        if (!(error instanceof EventStoreUnavailable)) this.isStalled = false
        for (const { reject } of batch) reject(error)
      } finally {
        clearTimeout(givingUp)
      }
    }
    this.isRunning = false
  }

  private giveUpCallers(batch: readonly Waiting[]): void {
    this.isStalled = true
    const error = new EventStoreUnavailable('The event store did not confirm in time.')
    for (const { reject } of [...batch, ...this.queue.splice(0)]) reject(error)
  }

  private takeBatch(): Waiting[] {
    let bytes = 0
    let size = 0
    for (const waiting of this.queue) {
      bytes += waiting.bytes
      if (size > 0 && (size >= APPEND_EVENTS_MAX || bytes > APPEND_BYTES_MAX)) break
      size++
    }
    return this.queue.splice(0, size)
  }

  private async appendAll(events: readonly NewEvent[]): Promise<Position> {
    const since = performance.now()
    for (;;) {
      const [outcome] = await this.store.append([{ stream: this.stream, expectedRevision: this.revision, events }])
      switch (outcome?.status) {
        case 'appended':
          this.revision = outcome.revision
          return outcome.position
        case 'conflict':
          // Another process was faster. Nothing was written, and nothing that was written matters here.
          this.revision = outcome.revision
          break
        case 'rejected':
          throw new Error(`The event store refused an append to ${this.stream}: ${outcome.message}`)
        case 'unavailable':
          throw new EventStoreUnavailable(outcome.message)
        case 'unknown':
        case undefined:
          // The same events on the same revision find out whether they are there.
          if (performance.now() - since > this.settleWithinMs)
            throw new EventStoreUnavailable('The event store did not confirm in time.')
          await delay(RESEND_DELAY_MS)
      }
    }
  }
}
