/**
 * The one writer this process has for one partition of a ledger's usage.
 *
 * Commands gather while an append is under way and are then decided together, each on the state of its own record: from
 * the *tail* (appended but not yet projected), else from the usage index. The append carries the last known revision, so
 * no event lands whose writer had not seen everything before it; a conflict reads what came between and decides the whole
 * batch again. Whether an append of unknown outcome landed is found out by sending exactly it again, however long that
 * takes; callers are told to try again before that, and others at once. Design §3.1.
 */
import { setTimeout as delay } from 'node:timers/promises'
import * as UsageRecord from '../domain/usage-record.js'
import { decodeEvent, encodeEvent } from '../event-store/codec.js'
import {
  EventStoreReplaced,
  EventStoreUnavailable,
  SETTLE_WITHIN_MS,
  type AppendOutcome,
  type EventMetadata,
  type EventStore,
  type NewEvent,
  type Position,
} from '../event-store/event-store.js'
import { untilReadable } from '../event-store/unread-conflict.js'
import type { UnprojectedRecord } from '../event-store/unprojected-usage.js'
import { ReadModelUnusable } from '../read-model/read-model.js'
import { turn } from '../turns.js'
import { ABSENT, type KnownRecord, type UsageIndex } from './usage-index.js'
import { takeLate, tooManyWaiting, type Queued } from './write-queue.js'

/** Events of one append. */
export const BATCH_EVENTS_MAX = 500
/** Upper bound of an append's size: half of what the smallest EventStoreDB setting takes. */
export const BATCH_BYTES_MAX = 512 * 1024
/** Commands that may wait in one partition, each for `SETTLE_WITHIN_MS` before it is begun. */
export const QUEUE_MAX = 10_000
/**
 * Records appended but not yet projected that one partition keeps in memory: a few seconds of a flood. Beyond it callers are
 * told to slow down until the projections have caught up.
 */
export const TAIL_MAX = 20_000
/**
 * From so many on the next append waits for the projections, but not for ever: callers are slowed to what can be projected,
 * and where projecting stands still the tail goes on to fill. In a ledger's partitions together that is a few of the
 * projector's pages, so it never runs out of work; more would only make rows late and garbage collection long.
 */
export const TAIL_SLOW = 2_000
/** As `TAIL_SLOW` and `TAIL_MAX`, of what the records hold: they may be two hundred times as large as they usually are. */
export const TAIL_SLOW_CHARACTERS = 1024 * 1024
export const TAIL_CHARACTERS_MAX = 4 * 1024 * 1024
/** Of the tails of all ledgers together. */
export const TAILS_CHARACTERS_MAX = 64 * 1024 * 1024
const SLOW_WAIT_MS = 1_000
const RESEND_DELAY_MS = 100
const RESEND_DELAY_MAX_MS = 5_000
/** JSON of an event beyond its texts, and the most bytes one character of them can take (`\u0001`). */
const EVENT_OVERHEAD_BYTES = 900
const CHARACTER_BYTES_MAX = 6

export interface UsageOutcome {
  readonly state: Exclude<UsageRecord.State, { status: 'absent' }>
  /** Whether this very command appended an event; otherwise it was already so. */
  readonly isNew: boolean
  readonly stream: string
  /** Of the last event about the record. */
  readonly revision: number
  /** Of that event, as far as it is not known to be projected; null otherwise. */
  readonly position: Position | null
}

/** What is to be decided, on the state of the record it names. */
export interface UsageCommand {
  readonly meterId: string
  readonly identifier: string
  readonly command: UsageRecord.Command
}

/** What several commands of one request share: built once for all of them. */
export interface UsageCall {
  /** Of the events they cause. */
  readonly metadata: Omit<EventMetadata, 'schema'>
  settle(place: number, outcome: UsageOutcome | Error): void
}

/**
 * A command on its way, and whom to tell. Settled exactly once. One object is carried from the queue to the answer, because
 * there are many of them.
 */
interface Pending extends Queued {
  /** Of its record. */
  readonly key: string
  readonly of: UsageCommand
  readonly call: UsageCall
  /** Its place in the call. */
  readonly place: number
  /** Of its record, as it was looked up. */
  known: KnownRecord
  /** What its event makes of that; null where there is none. */
  next: TailEntry | null
  /** What it was decided to: `next`, or what was so already; null where it was refused. */
  outcome: KnownRecord | null
  error: Error | null
}

/** A record after one of its events. */
interface TailEntry extends KnownRecord {
  readonly key: string
  readonly characters: number
  /** Of the event; null until it is appended. */
  position: Position | null
}

/** What the tails of several writers hold together. */
export interface Tails {
  characters: number
}

const noOutcome = { status: 'unknown', message: 'The store gave no outcome.' } as const

export class UsagePartitionWriter {
  private readonly queue: Pending[] = []
  private readonly tail = new Map<string, TailEntry>()
  /** Of what is in the tail. */
  private characters = 0
  /** What entered the tail, oldest append first, to take it out again once it is projected. */
  private readonly entered: (readonly TailEntry[])[] = []
  private revision: number | null = null
  private lastAppended: Position | null = null
  private hasUnknownOutcome = false
  /** Why the append under way is still not settled, as far as that is known. */
  private reason: string = noOutcome.message
  private isRunning = false
  private settledAll: Promise<void> = Promise.resolve()
  /** Callers were told to try again, and the store has not answered since. */
  private stalled = false
  /** What a batch waits for: whose silence it is. */
  private waitsForRows = false
  private closed = false
  /** Called when the tail is short again; null while nobody waits for that. */
  private shortened: (() => void) | null = null
  /** A wait for the projections was in vain; the next one is worth it once they moved. */
  private waitedInVain = false

  constructor(
    private readonly store: EventStore,
    readonly stream: string,
    private readonly index: UsageIndex,
    private readonly isProjected: (position: Position) => boolean,
    private readonly newEventId: () => string,
    private readonly tails: Tails = { characters: 0 },
    private readonly settleWithinMs = SETTLE_WITHIN_MS,
  ) {}

  /** Takes a command on, or tells its call why not. */
  submit(of: UsageCommand, call: UsageCall, place: number): void {
    const refusal = this.refusal()
    if (refusal) return call.settle(place, refusal)
    const key = keyOf(of.meterId, of.identifier)
    const since = performance.now()
    this.queue.push({ key, of, call, place, since, known: ABSENT, next: null, outcome: null, error: null })
    if (!this.isRunning) this.settledAll = this.run()
  }

  private refusal(): Error | null {
    if (this.closed) return new EventStoreUnavailable('The service is shutting down.')
    // Where nothing is under way, this command finds out whether it answers again.
    if (this.stalled && this.isRunning) {
      return this.waitsForRows ? silentRows() : new EventStoreUnavailable('The event store does not answer just now.')
    }
    return this.queue.length < QUEUE_MAX && !this.isTailFull ? null : tooManyWaiting()
  }

  private get isTailFull(): boolean {
    if (this.tail.size >= TAIL_MAX || this.characters >= TAIL_CHARACTERS_MAX) return true
    return this.tails.characters >= TAILS_CHARACTERS_MAX
  }

  private get isTailLong(): boolean {
    return this.tail.size >= TAIL_SLOW || this.characters >= TAIL_SLOW_CHARACTERS
  }

  /** Of the last event this process appended; null before the first. */
  get position(): Position | null {
    return this.lastAppended
  }

  /** Whether something may have been stored, or may yet be, of which nobody who waits knows. */
  get isUncertain(): boolean {
    return this.hasUnknownOutcome || (this.stalled && this.isRunning)
  }

  /** A customer's records on a meter that are in the tail, as they stand. */
  unprojected(meterId: string, customer: string): UnprojectedRecord[] {
    const found: UnprojectedRecord[] = []
    for (const { state, revision } of this.tail.values()) {
      if (state.status === 'absent') continue
      const { record } = state
      if (record.customer !== customer || record.meterId !== meterId) continue
      found.push({ record, isCancelled: state.status === 'cancelled', stream: this.stream, revision })
    }
    return found
  }

  /** Takes what is projected out of the tail. */
  trim(): void {
    let projected = 0
    for (const entries of this.entered) {
      if (!this.isProjected(entries[0]?.position as Position)) break
      for (const entry of entries) if (this.tail.get(entry.key) === entry) this.forget(entry.key)
      projected++
    }
    if (projected === 0) return
    this.entered.splice(0, projected)
    this.waitedInVain = false
    if (!this.isTailLong) this.shortened?.()
  }

  /** Settles what is queued, takes nothing new. */
  async close(): Promise<void> {
    this.closed = true
    this.shortened?.()
    await this.settledAll
  }

  private async run(): Promise<void> {
    this.isRunning = true
    while (this.queue.length > 0) {
      if (this.isTailLong && !this.waitedInVain && !this.closed) await this.untilShort()
      // Also lets the requests that arrived together be decided together.
      await turn()
      for (const { call, place } of takeLate(this.queue, this.settleWithinMs)) call.settle(place, tooManyWaiting())
      const batch = this.queue.splice(0, BATCH_EVENTS_MAX)
      if (batch.length === 0) break
      // By a clock of its own: the store may keep a read or an append for longer.
      const givingUp = setTimeout(() => this.giveUpCallers(batch), this.settleWithinMs)
      try {
        await this.settle(batch)
        this.stalled = false
      } catch (error) {
        if (!(error instanceof EventStoreUnavailable)) this.stalled = false
        for (const { call, place } of batch) call.settle(place, asError(error))
      } finally {
        clearTimeout(givingUp)
      }
    }
    this.isRunning = false
  }

  private async untilShort(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.waitedInVain = true
        resolve()
      }, SLOW_WAIT_MS)
      this.shortened = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    this.shortened = null
  }

  private async settle(batch: Pending[]): Promise<void> {
    if (this.revision === null) await this.load()
    await this.lookUp(batch)
    for (let waits = 0; ;) {
      const { decided, events } = this.decide(batch)
      if (decided.some(mayBeRefusedTooSoon) && (await this.hasMore())) {
        await this.lookUp(batch)
        continue
      }
      // What did not fit into one append goes first into the next.
      this.queue.unshift(...batch.splice(decided.length))
      if (events.length === 0) return this.answer(decided, null)
      const outcome = await this.append(events)
      switch (outcome.status) {
        case 'appended':
          this.revision = outcome.revision
          this.lastAppended = outcome.position
          this.remember(appendedBy(decided), outcome.position)
          return this.answer(decided, outcome.position)
        case 'conflict':
          if (outcome.revision < (this.revision ?? 0)) {
            throw new EventStoreReplaced(this.stream, outcome.revision, this.revision ?? 0)
          }
          if (!(await this.hasMore())) await untilReadable(this.stream, waits++)
          await this.lookUp(batch)
          break
        case 'rejected':
          throw new Error(`The event store refused an append to ${this.stream}: ${outcome.message}`)
        case 'unavailable':
        case 'unknown':
          throw new EventStoreUnavailable(outcome.message)
      }
    }
  }

  /** Whether other writers appended meanwhile; what they did is then known. */
  private async hasMore(): Promise<boolean> {
    const before = this.revision
    await this.readOn()
    return this.revision !== before
  }

  /** What is known of the batch's records. Nothing that leaves the tail meanwhile is lost: it is then in the index. */
  private async lookUp(batch: readonly Pending[]): Promise<void> {
    const missing: Pending[] = []
    for (const pending of batch) {
      const entry = this.tail.get(pending.key)
      if (entry) pending.known = entry
      else missing.push(pending)
    }
    const indexed = await this.ofRows(this.index.find(missing.map(({ of }) => of)))
    for (let index = 0; index < missing.length; index++) (missing[index] as Pending).known = indexed[index] ?? ABSENT
  }

  private async ofRows<Found>(found: Promise<Found>): Promise<Found> {
    this.waitsForRows = true
    try {
      return await found
    } finally {
      this.waitsForRows = false
    }
  }

  /** As many of the batch as fit into one append. */
  private decide(batch: readonly Pending[]): { decided: Pending[]; events: NewEvent[] } {
    const decided: Pending[] = []
    const events: NewEvent[] = []
    /** What was decided in this batch: a later command on the same record is decided on it. */
    const changed = new Map<string, KnownRecord>()
    let bytes = 0
    for (const pending of batch) {
      const known = changed.get(pending.key) ?? pending.known
      pending.next = null
      pending.outcome = known
      pending.error = null
      try {
        const [event] = UsageRecord.decide(known.state, pending.of.command)
        if (event) {
          const characters = charactersOf(event)
          bytes += EVENT_OVERHEAD_BYTES + characters * CHARACTER_BYTES_MAX
          if (events.length > 0 && bytes > BATCH_BYTES_MAX) break
          events.push(encodeEvent(event, this.newEventId(), pending.call.metadata))
          const { key } = pending
          const state = UsageRecord.evolve(known.state, event)
          const next = { key, state, revision: (this.revision ?? 0) + events.length, position: null, characters }
          pending.next = pending.outcome = next
          changed.set(key, next)
        }
      } catch (error) {
        pending.outcome = null
        pending.error = asError(error)
      }
      decided.push(pending)
    }
    return { decided, events }
  }

  /** Sends the identical append until its outcome is known. */
  private async append(events: readonly NewEvent[]): Promise<AppendOutcome> {
    const append = { stream: this.stream, expectedRevision: this.revision ?? 0, events }
    for (let wait = RESEND_DELAY_MS; ; wait = Math.min(wait * 2, RESEND_DELAY_MAX_MS)) {
      const [outcome = noOutcome] = await this.store.append([append])
      // Once nobody waits any more, what cannot be written just now is tried on too: so it is noticed when it can.
      const isOpen = outcome.status === 'unknown' || (outcome.status === 'unavailable' && this.stalled)
      if (!isOpen) {
        this.stalled = false
        this.hasUnknownOutcome = false
        return outcome
      }
      if (outcome.status === 'unknown') this.hasUnknownOutcome = true
      this.reason = outcome.message
      if (this.closed) return { status: 'unknown', message: 'The service is shutting down.' }
      await delay(wait)
    }
  }

  /** Whoever waits is told to try again; the append itself is still settled before anything else is written. */
  private giveUpCallers(batch: readonly Pending[]): void {
    this.stalled = true
    const error = this.waitsForRows
      ? silentRows()
      : new EventStoreUnavailable(
          'The event store did not confirm in time. Send the same request again: it counts once.',
          // For the log: what the operator has to mend, a full disk for instance.
          { cause: new Error(this.reason) },
        )
    for (const { call, place } of [...batch, ...this.queue.splice(0)]) call.settle(place, error)
  }

  private answer(decided: readonly Pending[], position: Position | null): void {
    for (const { key, call, place, next, outcome, error } of decided) {
      if (!outcome || outcome.state.status === 'absent') {
        call.settle(place, error ?? new Error('A command was decided without an outcome.'))
        continue
      }
      const { state, revision } = outcome
      const at = next ? position : (this.tail.get(key)?.position ?? null)
      call.settle(place, { state, isNew: next !== null, stream: this.stream, revision, position: at })
    }
  }

  /** Fills the tail with what is in the stream but not in the index yet. */
  private async load(): Promise<void> {
    this.revision = await this.ofRows(this.index.projectedRevision(this.stream))
    try {
      await this.readOn()
    } catch (error) {
      this.revision = null
      throw error
    }
  }

  /** Reads what other writers appended into the tail. */
  private async readOn(): Promise<void> {
    for await (const page of this.store.readStream(this.stream, { after: this.revision ?? 0 })) {
      for (const recorded of page) {
        const event = decodeEvent(recorded)
        if (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled') continue
        const { revision, position } = recorded
        const key = keyOf(event.data.meterId, event.data.identifier)
        const state = UsageRecord.evolve(UsageRecord.initial, event)
        this.remember([{ key, state, revision, position, characters: charactersOf(event) }], position)
        this.revision = revision
      }
    }
  }

  private remember(entries: readonly TailEntry[], position: Position): void {
    // The projector may have been faster than the answer.
    if (this.isProjected(position)) {
      for (const { key } of entries) this.forget(key)
      return
    }
    for (const entry of entries) {
      entry.position = position
      this.forget(entry.key)
      this.tail.set(entry.key, entry)
      this.characters += entry.characters
      this.tails.characters += entry.characters
    }
    this.entered.push(entries)
  }

  private forget(key: string): void {
    const entry = this.tail.get(key)
    if (!entry) return
    this.tail.delete(key)
    this.characters -= entry.characters
    this.tails.characters -= entry.characters
  }
}

function appendedBy(decided: readonly Pending[]): TailEntry[] {
  const entries: TailEntry[] = []
  for (const { next } of decided) if (next) entries.push(next)
  return entries
}

/**
 * A record that another process made a moment ago is not in the index yet, and a refusal appends nothing that would
 * collide with it: before a cancellation is refused the stream itself is asked.
 */
function mayBeRefusedTooSoon({ of, error }: Pending): boolean {
  return error !== null && of.command.type === 'CancelUsage'
}

function keyOf(meterId: string, identifier: string): string {
  return `${meterId} ${identifier}`
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

/** Of its texts; an upper bound of its bytes follows from them more cheaply than by encoding it twice. */
function charactersOf({ data: { customer, identifier, payload } }: UsageRecord.Event): number {
  let characters = customer.length + identifier.length
  for (const key in payload) characters += key.length + (payload[key]?.length ?? 0)
  return characters
}

/** Nothing was appended, so nothing is to be said of what may have been. */
function silentRows(): ReadModelUnusable {
  return new ReadModelUnusable('The read model does not answer in time.', undefined, true)
}
