/**
 * The one writer this process has for one partition of a ledger's usage.
 *
 * Commands gather while an append is under way and are then decided together, each on the state of its own record: from
 * the *tail* (appended but not yet projected), else from the usage index. The append carries the last known revision, so
 * no event lands whose writer had not seen everything before it; a conflict reads what came between and decides the whole
 * batch again. Whether an append of unknown outcome landed is found out by sending exactly it again. Design §3.1.
 */
import { setTimeout as delay } from 'node:timers/promises'
import * as UsageRecord from '../domain/usage-record.js'
import { decodeEvent, encodeEvent } from '../event-store/codec.js'
import {
  EventStoreUnavailable,
  type AppendOutcome,
  type EventMetadata,
  type EventStore,
  type NewEvent,
  type Position,
} from '../event-store/event-store.js'
import { Overloaded } from '../overloaded.js'
import type { UnprojectedRecord } from '../event-store/unprojected-usage.js'
import { ABSENT, type KnownRecord, type UsageIndex } from './usage-index.js'

/** Events of one append. */
export const BATCH_EVENTS_MAX = 500
/** Upper bound of an append's size: half of what the smallest EventStoreDB setting takes. */
export const BATCH_BYTES_MAX = 512 * 1024
/** Commands that may wait in one partition. */
export const QUEUE_MAX = 10_000
/**
 * Records appended but not yet projected that one partition keeps in memory: a few seconds of a flood. Beyond it callers are
 * told to slow down until the projections have caught up.
 */
export const TAIL_MAX = 20_000
/**
 * From so many on the next append waits for the projections, but not for ever: callers are slowed to what can be projected,
 * and where projecting stands still the tail goes on to fill.
 */
export const TAIL_SLOW = 4_000
const SLOW_WAIT_MS = 1_000
/** After this long without a settled append, callers are told to try again later. */
const STALLED_AFTER_MS = 10_000
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

/** A command on its way, and whom to tell. Settled exactly once. */
export interface PendingUsage {
  readonly meterId: string
  readonly identifier: string
  readonly command: UsageRecord.Command
  readonly call: UsageCall
  /** Its place in the call. */
  readonly place: number
}

/** What several commands of one request share: built once for all of them. */
export interface UsageCall {
  /** Of the events they cause. */
  readonly metadata: Omit<EventMetadata, 'schema'>
  settle(place: number, outcome: UsageOutcome | Error): void
}

/** A command with the key of its record. */
interface Queued extends PendingUsage {
  readonly key: string
}

interface Decided {
  readonly pending: Queued
  readonly known: KnownRecord | null
  readonly isNew: boolean
  readonly error: Error | null
}

interface TailEntry extends KnownRecord {
  readonly position: Position
}

/** What one append put into the tail. */
interface Entered {
  readonly position: Position
  readonly keys: string[]
}

export class UsagePartitionWriter {
  private readonly queue: Queued[] = []
  private readonly tail = new Map<string, TailEntry>()
  /** What entered the tail, oldest first, to take it out again once it is projected. */
  private readonly entered: Entered[] = []
  private revision: number | null = null
  private lastAppended: Position | null = null
  private hasUnknownOutcome = false
  private isRunning = false
  private settledAll: Promise<void> = Promise.resolve()
  private stalled = false
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
  ) {}

  /** Takes a command on, or tells its call why not. */
  submit(pending: PendingUsage): void {
    const refusal = this.refusal()
    if (refusal) return pending.call.settle(pending.place, refusal)
    this.queue.push({ ...pending, key: keyOf(pending.meterId, pending.identifier) })
    if (!this.isRunning) this.settledAll = this.run()
  }

  private refusal(): Error | null {
    if (this.closed) return new EventStoreUnavailable('The service is shutting down.')
    if (this.stalled) return new EventStoreUnavailable('The event store does not answer just now.')
    if (this.queue.length < QUEUE_MAX && this.tail.size < TAIL_MAX) return null
    return new Overloaded('Too many meter events are waiting to be stored. Send the request again in a moment.')
  }

  /** Of the last event this process appended; null before the first. */
  get position(): Position | null {
    return this.lastAppended
  }

  /** Whether an append may have landed of which nothing is known here. */
  get isUncertain(): boolean {
    return this.hasUnknownOutcome
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
    for (const { position, keys } of this.entered) {
      if (!this.isProjected(position)) break
      for (const key of keys) if (this.tail.get(key)?.position === position) this.tail.delete(key)
      projected++
    }
    if (projected === 0) return
    this.entered.splice(0, projected)
    this.waitedInVain = false
    if (this.tail.size < TAIL_SLOW) this.shortened?.()
  }

  /** Settles what is queued, takes nothing new. */
  async close(): Promise<void> {
    this.closed = true
    this.shortened?.()
    await this.settledAll
  }

  private async run(): Promise<void> {
    this.isRunning = true
    // One turn of the loop lets the requests that arrived together be decided together.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.queue.length > 0) {
      if (this.tail.size >= TAIL_SLOW && !this.waitedInVain && !this.closed) await this.untilShort()
      const batch = this.queue.splice(0, BATCH_EVENTS_MAX)
      try {
        await this.settle(batch)
      } catch (error) {
        for (const { call, place } of batch) call.settle(place, asError(error))
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

  private async settle(batch: Queued[]): Promise<void> {
    const found = await this.lookUp(batch)
    for (;;) {
      const { decided, events } = this.decide(batch, found)
      if (decided.some(mayBeRefusedTooSoon) && (await this.hasMore(found))) continue
      // What did not fit into one append goes first into the next.
      this.queue.unshift(...batch.splice(decided.length))
      if (events.length === 0) return this.answer(decided, null)
      const outcome = await this.append(events, batch)
      switch (outcome.status) {
        case 'appended':
          this.revision = outcome.revision
          this.lastAppended = outcome.position
          this.rememberAll(decided, outcome.position)
          return this.answer(decided, outcome.position)
        case 'conflict':
          if (outcome.revision < (this.revision ?? 0)) {
            throw new Error(
              `Stream ${this.stream} has ${outcome.revision} events, but ${this.revision} are known here: the event store is not the one the read model was built from.`,
            )
          }
          await this.readOn(found)
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
  private async hasMore(found: Map<string, KnownRecord>): Promise<boolean> {
    const before = this.revision
    await this.readOn(found)
    return this.revision !== before
  }

  /** What is known of the batch's records. Nothing that leaves the tail meanwhile is lost: it is then in the index. */
  private async lookUp(batch: readonly Queued[]): Promise<Map<string, KnownRecord>> {
    if (this.revision === null) await this.load()
    const found = new Map<string, KnownRecord>()
    const missing: Queued[] = []
    for (const pending of batch) {
      const { key } = pending
      if (found.has(key)) continue
      const entry = this.tail.get(key)
      if (!entry) missing.push(pending)
      // Of an identifier that comes twice in a batch only the first is looked up.
      found.set(key, entry ?? ABSENT)
    }
    const indexed = await this.index.find(missing)
    for (let index = 0; index < missing.length; index++) {
      const known = indexed[index]
      if (known && known !== ABSENT) found.set((missing[index] as Queued).key, known)
    }
    return found
  }

  private decide(
    batch: readonly Queued[],
    found: ReadonlyMap<string, KnownRecord>,
  ): { decided: Decided[]; events: NewEvent[] } {
    const decided: Decided[] = []
    const events: NewEvent[] = []
    const changed = new Map<string, KnownRecord>()
    let bytes = 0
    for (const pending of batch) {
      const { key, call } = pending
      const known = changed.get(key) ?? found.get(key) ?? ABSENT
      try {
        const [event] = UsageRecord.decide(known.state, pending.command)
        if (!event) {
          decided.push({ pending, known, isNew: false, error: null })
          continue
        }
        bytes += bytesOf(event)
        if (events.length > 0 && bytes > BATCH_BYTES_MAX) break
        events.push(encodeEvent(event, this.newEventId(), call.metadata))
        const next = {
          state: UsageRecord.evolve(known.state, event),
          revision: (this.revision ?? 0) + events.length,
        }
        changed.set(key, next)
        decided.push({ pending, known: next, isNew: true, error: null })
      } catch (error) {
        decided.push({ pending, known: null, isNew: false, error: asError(error) })
      }
    }
    return { decided, events }
  }

  /** Sends the identical append until its outcome is known. */
  private async append(events: readonly NewEvent[], batch: readonly Queued[]): Promise<AppendOutcome> {
    const append = { stream: this.stream, expectedRevision: this.revision ?? 0, events }
    const since = performance.now()
    for (let wait = RESEND_DELAY_MS; ; wait = Math.min(wait * 2, RESEND_DELAY_MAX_MS)) {
      const [outcome] = await this.store.append([append])
      if (outcome && outcome.status !== 'unknown') {
        this.stalled = false
        this.hasUnknownOutcome = false
        return outcome
      }
      this.hasUnknownOutcome = true
      if (performance.now() - since > STALLED_AFTER_MS) this.giveUpCallers(batch, outcome?.message)
      if (this.closed) return { status: 'unknown', message: 'The service is shutting down.' }
      await delay(wait)
    }
  }

  /** Whoever waits is told to try again; the append itself is still settled before anything else is written. */
  private giveUpCallers(batch: readonly Queued[], reason = 'The store gave no outcome.'): void {
    this.stalled = true
    const error = new EventStoreUnavailable(
      'The event store did not confirm in time. Send the same request again: it counts once.',
      // For the log: what the operator has to mend, a full disk for instance.
      { cause: new Error(reason) },
    )
    for (const { call, place } of [...batch, ...this.queue.splice(0)]) call.settle(place, error)
  }

  private answer(decided: readonly Decided[], position: Position | null): void {
    for (const { pending, known, isNew, error } of decided) {
      const { call, place, key } = pending
      if (!known || known.state.status === 'absent') {
        call.settle(place, error ?? new Error('A command was decided without an outcome.'))
        continue
      }
      const { state, revision } = known
      const at = isNew ? position : (this.tail.get(key)?.position ?? null)
      call.settle(place, { state, isNew, stream: this.stream, revision, position: at })
    }
  }

  /** Fills the tail with what is in the stream but not in the index yet. */
  private async load(): Promise<void> {
    this.revision = await this.index.projectedRevision(this.stream)
    try {
      await this.readOn(new Map())
    } catch (error) {
      this.revision = null
      throw error
    }
  }

  /** Reads what other writers appended, into the tail and into what this batch knows. */
  private async readOn(found: Map<string, KnownRecord>): Promise<void> {
    for await (const page of this.store.readStream(this.stream, { after: this.revision ?? 0 })) {
      for (const recorded of page) {
        const event = decodeEvent(recorded)
        if (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled') continue
        const key = keyOf(event.data.meterId, event.data.identifier)
        const state = UsageRecord.evolve(UsageRecord.initial, event)
        const known: KnownRecord = { state, revision: recorded.revision }
        this.remember([[key, known]], recorded.position)
        found.set(key, known)
        this.revision = recorded.revision
      }
    }
  }

  private rememberAll(decided: readonly Decided[], position: Position): void {
    const changed: [string, KnownRecord][] = []
    for (const { pending, known, isNew } of decided) if (isNew && known) changed.push([pending.key, known])
    this.remember(changed, position)
  }

  private remember(changed: readonly (readonly [string, KnownRecord])[], position: Position): void {
    // The projector may have been faster than the answer.
    if (this.isProjected(position)) {
      for (const [key] of changed) this.tail.delete(key)
      return
    }
    const keys: string[] = []
    for (const [key, { state, revision }] of changed) {
      this.tail.set(key, { state, revision, position })
      keys.push(key)
    }
    this.entered.push({ position, keys })
  }
}

/**
 * A record that another process made a moment ago is not in the index yet, and a refusal appends nothing that would
 * collide with it: before a cancellation is refused the stream itself is asked.
 */
function mayBeRefusedTooSoon({ pending, error }: Decided): boolean {
  return error !== null && pending.command.type === 'CancelUsage'
}

function keyOf(meterId: string, identifier: string): string {
  return `${meterId} ${identifier}`
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}

/** An upper bound, cheaper than encoding the event twice. */
function bytesOf({ data: { customer, identifier, payload } }: UsageRecord.Event): number {
  let characters = customer.length + identifier.length
  for (const key in payload) characters += key.length + (payload[key]?.length ?? 0)
  return EVENT_OVERHEAD_BYTES + characters * CHARACTER_BYTES_MAX
}
