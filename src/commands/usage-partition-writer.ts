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
  type EventStore,
  type NewEvent,
  type Position,
} from '../event-store/event-store.js'
import type { RequestContext } from '../event-store/transact.js'
import { ABSENT, type KnownRecord, type UsageIndex } from './usage-index.js'
import { usageEventId } from './usage-identity.js'

/** Events of one append. */
export const BATCH_EVENTS_MAX = 500
/** Upper bound of an append's size: half of what the smallest EventStoreDB setting takes. */
export const BATCH_BYTES_MAX = 512 * 1024
/** Commands that may wait in one partition. */
export const QUEUE_MAX = 10_000
/** Records appended but not yet projected that one partition keeps in memory. */
export const TAIL_MAX = 100_000
/** After this long without a settled append, callers are told to try again later. */
const STALLED_AFTER_MS = 10_000
const RESEND_DELAY_MS = 100
const RESEND_DELAY_MAX_MS = 5_000
/** JSON of an event beyond its texts, and the most bytes one character of them can take (`\u0001`). */
const EVENT_OVERHEAD_BYTES = 900
const CHARACTER_BYTES_MAX = 6

/** More is asked of this process than it takes on. Nothing was written; try again in a moment. */
export class Overloaded extends Error {
  override readonly name = 'Overloaded'
}

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

interface Pending {
  readonly meterId: string
  readonly identifier: string
  readonly command: UsageRecord.Command
  readonly context: RequestContext
  readonly resolve: (outcome: UsageOutcome) => void
  readonly reject: (error: unknown) => void
}

interface Decided {
  readonly pending: Pending
  readonly known: KnownRecord | null
  readonly isNew: boolean
  readonly error: unknown
}

interface TailEntry extends KnownRecord {
  readonly position: Position
}

export class UsagePartitionWriter {
  private readonly queue: Pending[] = []
  private readonly tail = new Map<string, TailEntry>()
  /** What entered the tail, oldest first, to take it out again once it is projected. */
  private readonly entered: { readonly key: string; readonly entry: TailEntry }[] = []
  private revision: number | null = null
  private isRunning = false
  private settledAll: Promise<void> = Promise.resolve()
  private stalled = false
  private closed = false

  constructor(
    private readonly store: EventStore,
    readonly stream: string,
    private readonly index: UsageIndex,
    private readonly isProjected: (position: Position) => boolean,
  ) {}

  submit(
    meterId: string,
    identifier: string,
    command: UsageRecord.Command,
    context: RequestContext,
  ): Promise<UsageOutcome> {
    return new Promise((resolve, reject) => {
      if (this.closed) return reject(new EventStoreUnavailable('The service is shutting down.'))
      if (this.stalled) return reject(new EventStoreUnavailable('The event store does not answer just now.'))
      if (this.queue.length >= QUEUE_MAX || this.tail.size >= TAIL_MAX) {
        return reject(
          new Overloaded('Too many meter events are waiting to be stored. Send the request again in a moment.'),
        )
      }
      this.queue.push({ meterId, identifier, command, context, resolve, reject })
      if (!this.isRunning) this.settledAll = this.run()
    })
  }

  /** Takes what is projected out of the tail. */
  trim(): void {
    let projected = 0
    for (const { key, entry } of this.entered) {
      if (!this.isProjected(entry.position)) break
      if (this.tail.get(key) === entry) this.tail.delete(key)
      projected++
    }
    if (projected > 0) this.entered.splice(0, projected)
  }

  /** Settles what is queued, takes nothing new. */
  async close(): Promise<void> {
    this.closed = true
    await this.settledAll
  }

  private async run(): Promise<void> {
    this.isRunning = true
    // One turn of the loop lets the requests that arrived together be decided together.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.queue.length > 0) {
      const batch = this.queue.splice(0, BATCH_EVENTS_MAX)
      try {
        await this.settle(batch)
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    this.isRunning = false
  }

  private async settle(batch: Pending[]): Promise<void> {
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
          for (const { pending, known, isNew } of decided) {
            if (isNew && known) this.remember(keyOf(pending), { ...known, position: outcome.position })
          }
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
  private async lookUp(batch: readonly Pending[]): Promise<Map<string, KnownRecord>> {
    if (this.revision === null) await this.load()
    const found = new Map<string, KnownRecord>()
    const missing = new Map<string, Pending>()
    for (const pending of batch) {
      const key = keyOf(pending)
      const entry = this.tail.get(key)
      if (entry) found.set(key, entry)
      else missing.set(key, pending)
    }
    const indexed = await this.index.find([...missing.values()])
    ;[...missing.keys()].forEach((key, index) => found.set(key, indexed[index] ?? ABSENT))
    return found
  }

  private decide(
    batch: readonly Pending[],
    found: ReadonlyMap<string, KnownRecord>,
  ): { decided: Decided[]; events: NewEvent[] } {
    const decided: Decided[] = []
    const events: NewEvent[] = []
    const changed = new Map<string, KnownRecord>()
    let bytes = 0
    for (const pending of batch) {
      const key = keyOf(pending)
      const known = changed.get(key) ?? found.get(key) ?? ABSENT
      try {
        const [event] = UsageRecord.decide(known.state, pending.command)
        if (!event) {
          decided.push({ pending, known, isNew: false, error: null })
          continue
        }
        bytes += bytesOf(event)
        if (events.length > 0 && bytes > BATCH_BYTES_MAX) break
        events.push(encode(event, pending.context))
        const next = {
          state: UsageRecord.evolve(known.state, event),
          revision: (this.revision ?? 0) + events.length,
        }
        changed.set(key, next)
        decided.push({ pending, known: next, isNew: true, error: null })
      } catch (error) {
        decided.push({ pending, known: null, isNew: false, error })
      }
    }
    return { decided, events }
  }

  /** Sends the identical append until its outcome is known. */
  private async append(events: readonly NewEvent[], batch: readonly Pending[]): Promise<AppendOutcome> {
    const append = { stream: this.stream, expectedRevision: this.revision ?? 0, events }
    const since = performance.now()
    for (let wait = RESEND_DELAY_MS; ; wait = Math.min(wait * 2, RESEND_DELAY_MAX_MS)) {
      const [outcome] = await this.store.append([append])
      if (outcome && outcome.status !== 'unknown') {
        this.stalled = false
        return outcome
      }
      if (performance.now() - since > STALLED_AFTER_MS) this.giveUpCallers(batch, outcome?.message)
      if (this.closed) return { status: 'unknown', message: 'The service is shutting down.' }
      await delay(wait)
    }
  }

  /** Whoever waits is told to try again; the append itself is still settled before anything else is written. */
  private giveUpCallers(batch: readonly Pending[], reason = 'The store gave no outcome.'): void {
    this.stalled = true
    const error = new EventStoreUnavailable(
      'The event store did not confirm in time. Send the same request again: it counts once.',
      // For the log: what the operator has to mend, a full disk for instance.
      { cause: new Error(reason) },
    )
    for (const { reject } of [...batch, ...this.queue.splice(0)]) reject(error)
  }

  private answer(decided: readonly Decided[], position: Position | null): void {
    for (const { pending, known, isNew, error } of decided) {
      if (!known || known.state.status === 'absent') pending.reject(error)
      else {
        const { state, revision } = known
        const tailPosition = this.tail.get(keyOf(pending))?.position ?? null
        pending.resolve({ state, isNew, stream: this.stream, revision, position: isNew ? position : tailPosition })
      }
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
        const key = `${event.data.meterId} ${event.data.identifier}`
        const state = UsageRecord.evolve(UsageRecord.initial, event)
        const entry: TailEntry = { state, revision: recorded.revision, position: recorded.position }
        this.remember(key, entry)
        found.set(key, entry)
        this.revision = recorded.revision
      }
    }
  }

  private remember(key: string, entry: TailEntry): void {
    // The projector may have been faster than the answer.
    if (this.isProjected(entry.position)) return void this.tail.delete(key)
    this.tail.set(key, entry)
    this.entered.push({ key, entry })
  }
}

/**
 * A record that another process made a moment ago is not in the index yet, and a refusal appends nothing that would
 * collide with it: before a cancellation is refused the stream itself is asked.
 */
function mayBeRefusedTooSoon({ pending, error }: Decided): boolean {
  return error !== null && pending.command.type === 'CancelUsage'
}

function keyOf({ meterId, identifier }: { readonly meterId: string; readonly identifier: string }): string {
  return `${meterId} ${identifier}`
}

function encode(event: UsageRecord.Event, { requestId, actor, idempotency }: RequestContext): NewEvent {
  return encodeEvent(event, usageEventId(event, requestId), {
    correlationId: requestId,
    causationId: requestId,
    actor,
    ...(idempotency ? { idempotencyKey: idempotency.key, requestHash: idempotency.requestHash } : {}),
  })
}

/** An upper bound, cheaper than encoding the event twice. */
function bytesOf({ data: { customer, identifier, payload } }: UsageRecord.Event): number {
  let characters = customer.length + identifier.length
  for (const key in payload) characters += key.length + (payload[key]?.length ?? 0)
  return EVENT_OVERHEAD_BYTES + characters * CHARACTER_BYTES_MAX
}
