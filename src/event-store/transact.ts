/**
 * The write path of every stream that is folded whole (meters, keys): read, fold, decide, append on the revision that was
 * read, and again if another writer was faster. The stream is the truth; what is remembered here only saves reading.
 * Callers wait for the store only so long, and others not at all while it is silent; what is under way goes on.
 */
import { fold, type Decider } from '../domain/decider.js'
import type { DomainEvent } from '../domain/events.js'
import { decodeEvent, encodeEvent } from './codec.js'
import {
  EventStoreReplaced,
  EventStoreUnavailable,
  SETTLE_WITHIN_MS,
  type AppendOutcome,
  type EventMetadata,
  type EventStore,
  type NewEvent,
  type Position,
  type StreamAppend,
} from './event-store.js'
import { untilReadable } from './unread-conflict.js'

/** Who asks for a change, and through which request. Becomes the metadata of the events it causes. */
export interface RequestContext {
  readonly requestId: string
  /** An API key's id, or `system`. */
  readonly actor: string
  readonly idempotency: { readonly key: string; readonly requestHash: string } | null
}

/** Where an event stands that a request caused. */
export interface Appended {
  readonly stream: string
  readonly revision: number
  readonly position: Position
}

export interface Transaction<State, Event> {
  readonly state: State
  /** What was appended now; none where it was already so. */
  readonly events: readonly Event[]
  /** Where the last event stands that was appended now; null where none was. */
  readonly appended: Appended | null
  /** Hash of the earlier request with the same idempotency key, whose `state` this is; null for a first request. */
  readonly replayOf: string | null
}

/** Another writer was faster every time. The caller may try again. */
export class TransactionConflict extends Error {
  override readonly name = 'TransactionConflict'
}

export const TRANSACT_ATTEMPTS_MAX = 10
/** How often an append of unknown outcome is sent again before the caller is told to. */
export const RESEND_ATTEMPTS_MAX = 5

export class FoldedStream<State, Command, Event extends DomainEvent> {
  private state: State
  private revision = 0
  private readonly idempotencyKeys = new Map<string, { revision: number; requestHash: string }>()
  /** Commands on one stream wait for one another; a conflict is then only ever another process. */
  private queue: Promise<unknown> = Promise.resolve()
  /** What tells the callers that still wait to try again; that of the command under way is among them until it is over. */
  private readonly waiting = new Set<(error: Error) => void>()
  private isUnderWay = false
  /** Callers were told to try again, and the store has not answered since. */
  private isStalled = false

  constructor(
    private readonly store: EventStore,
    readonly stream: string,
    private readonly decider: Decider<State, Command, Event>,
    private readonly newEventId: () => string,
    private readonly settleWithinMs = SETTLE_WITHIN_MS,
  ) {
    this.state = decider.initial
  }

  /** The state as of now, other writers' events included. */
  async read(): Promise<State> {
    await this.refresh()
    return this.state
  }

  /** The state as of the last time this process looked. */
  get remembered(): State {
    return this.state
  }

  /** The state after a revision, folded anew. */
  async stateAt(revision: number): Promise<State> {
    let state = this.decider.initial
    for await (const page of this.store.readStream(this.stream, { limit: revision })) {
      state = fold(this.decider, page.map(decodeEvent) as Event[], state)
    }
    return state
  }

  /**
   * @throws DomainError where the rules refuse, TransactionConflict where other writers kept being faster,
   * EventStoreUnavailable where the store cannot take it, EventStoreReplaced where it is another one.
   */
  transact(command: Command, context: RequestContext): Promise<Transaction<State, Event>> {
    // Where nothing is under way, this command finds out whether it answers again.
    if (this.isStalled && this.isUnderWay) {
      return Promise.reject(new EventStoreUnavailable('The event store does not answer just now.'))
    }
    return new Promise((resolve, reject) => {
      this.waiting.add(reject)
      this.queue = this.queue.then(async () => {
        // Whoever was told to try again does so: a command that was not begun by then never is.
        if (!this.waiting.has(reject)) return
        await this.inTurn(command, context).then(resolve, reject)
        this.waiting.delete(reject)
      })
    })
  }

  private async inTurn(command: Command, context: RequestContext): Promise<Transaction<State, Event>> {
    this.isUnderWay = true
    const givingUp = setTimeout(() => this.giveUpCallers(), this.settleWithinMs)
    try {
      const transaction = await this.transactNow(command, context)
      this.isStalled = false
      return transaction
    } catch (error) {
      if (!(error instanceof EventStoreUnavailable)) this.isStalled = false
      throw error
    } finally {
      clearTimeout(givingUp)
      this.isUnderWay = false
    }
  }

  private giveUpCallers(): void {
    this.isStalled = true
    const error = new EventStoreUnavailable('The event store did not confirm in time.')
    for (const giveUp of this.waiting) giveUp(error)
    this.waiting.clear()
  }

  private async transactNow(command: Command, context: RequestContext): Promise<Transaction<State, Event>> {
    await this.refresh()
    for (let attempts = 1, waits = 0; attempts <= TRANSACT_ATTEMPTS_MAX;) {
      const earlier = context.idempotency && this.idempotencyKeys.get(context.idempotency.key)
      if (earlier) {
        const state = await this.stateAt(earlier.revision)
        return { state, events: [], appended: null, replayOf: earlier.requestHash }
      }
      const events = this.decider.decide(this.state, command)
      if (events.length === 0) return { state: this.state, events, appended: null, replayOf: null }
      const expectedRevision = this.revision
      const outcome = await this.append({ stream: this.stream, expectedRevision, events: this.encode(events, context) })
      if (outcome.status === 'appended') {
        this.take(events, context, outcome.revision)
        const { revision, position } = outcome
        return { state: this.state, events, appended: { stream: this.stream, revision, position }, replayOf: null }
      }
      if (outcome.status !== 'conflict') throw new EventStoreUnavailable(outcome.message)
      if (outcome.revision < expectedRevision) {
        throw new EventStoreReplaced(this.stream, outcome.revision, expectedRevision)
      }
      await this.refresh()
      if (this.revision > expectedRevision) attempts++
      else await untilReadable(this.stream, waits++)
    }
    throw new TransactionConflict(`Other writers changed ${this.stream} ${TRANSACT_ATTEMPTS_MAX} times meanwhile.`)
  }

  /** Only the last event carries the idempotency key: it is the one the request asked for. */
  private encode(events: readonly Event[], context: RequestContext): NewEvent[] {
    return events.map((event, index) => {
      const metadata: Omit<EventMetadata, 'schema'> = {
        correlationId: context.requestId,
        causationId: context.requestId,
        actor: context.actor,
        ...(context.idempotency && index === events.length - 1
          ? { idempotencyKey: context.idempotency.key, requestHash: context.idempotency.requestHash }
          : {}),
      }
      return encodeEvent(event, this.newEventId(), metadata)
    })
  }

  private async append(append: StreamAppend): Promise<AppendOutcome> {
    let outcome: AppendOutcome | undefined
    for (let attempt = 1; attempt <= RESEND_ATTEMPTS_MAX; attempt++) {
      ;[outcome] = await this.store.append([append])
      if (outcome && outcome.status !== 'unknown') return outcome
    }
    return outcome ?? { status: 'unknown', message: 'The store gave no outcome.' }
  }

  private async refresh(): Promise<void> {
    for await (const page of this.store.readStream(this.stream, { after: this.revision })) {
      // Another reading, or an append, may have taken these in while this page was on its way.
      const unseen = page.filter(({ revision }) => revision > this.revision)
      this.state = fold(this.decider, unseen.map(decodeEvent) as Event[], this.state)
      for (const { metadata, revision } of unseen) {
        this.revision = revision
        if (metadata.idempotencyKey !== undefined) {
          this.idempotencyKeys.set(metadata.idempotencyKey, { revision, requestHash: metadata.requestHash ?? '' })
        }
      }
    }
  }

  private take(events: readonly Event[], { idempotency }: RequestContext, revision: number): void {
    // A reading may have seen them before the answer came, and what others wrote behind them.
    const unseen = Math.min(revision - this.revision, events.length)
    if (unseen <= 0) return
    this.state = fold(this.decider, events.slice(-unseen), this.state)
    this.revision = revision
    if (idempotency) this.idempotencyKeys.set(idempotency.key, { revision, requestHash: idempotency.requestHash })
  }
}
