/**
 * The seam between Meterbook and whatever keeps its events. An adapter promises, and the contract suite
 * (`test/contract/event-store.contract.ts`) checks on each of them:
 *
 * - An append is atomic, contiguous in its stream, and durable once answered.
 * - It is made on an expected revision or not at all.
 * - Sent again unchanged (same event ids, same expected revision) it answers as the first time and adds nothing,
 *   at any later time.
 * - Reading gives events in order, each once; a subscription delivers everything after its start, then says that it
 *   caught up, in order, and goes on.
 */
import type { JsonValue } from '../domain/json.js'

/** Place in the store's global order. Opaque: compare through the store that gave it, never as text. */
export type Position = string & { readonly __brand: 'Position' }

/** Text before the first `-` of a stream's name. */
export type Category = string

export interface EventMetadata {
  /** Number of the shape of the event's data; the codec lifts older ones. */
  readonly schema: number
  /** The request that started it all, `req_…`. */
  readonly correlationId: string
  /** What caused this event directly: a request or another event. */
  readonly causationId: string
  /** Who: an API key's id, or `system`. */
  readonly actor: string
  /** The `Idempotency-Key` of the request, if it had one, with a hash of the request to tell misuse by. */
  readonly idempotencyKey?: string
  readonly requestHash?: string
}

export type JsonObject = { readonly [key: string]: JsonValue }

export interface NewEvent {
  /** A UUID. What makes a repeated append recognisable. */
  readonly id: string
  readonly type: string
  readonly data: JsonObject
  readonly metadata: EventMetadata
}

export interface RecordedEvent extends NewEvent {
  readonly stream: string
  /** 1 for the first event of a stream. */
  readonly revision: number
  readonly position: Position
}

export interface StreamAppend {
  readonly stream: string
  /** Revision of the stream's last event, 0 for a stream without events. */
  readonly expectedRevision: number
  /** 1 to `APPEND_EVENTS_MAX`. */
  readonly events: readonly NewEvent[]
}

export type AppendOutcome =
  /** Durable. `revision` and `position` are those of the append's last event. */
  | { readonly status: 'appended'; readonly revision: number; readonly position: Position }
  /** The stream is at another revision; nothing was written. */
  | { readonly status: 'conflict'; readonly revision: number }
  /** The store will never take this append; nothing was written. */
  | { readonly status: 'rejected'; readonly message: string }
  /** The store cannot take it just now (disk full, shutting down, a right is missing); nothing was written. */
  | { readonly status: 'unavailable'; readonly message: string }
  /** It may or may not have been written. Send the identical append again until it settles. */
  | { readonly status: 'unknown'; readonly message: string }

export type SubscriptionItem =
  | { readonly type: 'events'; readonly events: readonly RecordedEvent[] }
  /** Everything that was in the store when it was said has been delivered. Comes again after each catching up. */
  | { readonly type: 'caught-up' }

export interface ReadStreamOptions {
  /** Exclusive: 0 (default) reads from the first event. */
  readonly after?: number
  /** Events at most; all by default. */
  readonly limit?: number
  readonly patience?: Patience
}

/**
 * Who reads: a `caller` waits for an answer, and is rather told to try again; in the `background` the store is waited for
 * as long as it may take it to find another leader. Whatever the store was opened with by default.
 */
export type Patience = 'caller' | 'background'

export interface ReadAllOptions {
  /** Exclusive; null reads from the beginning. */
  readonly after: Position | null
  readonly categories: readonly Category[]
  readonly patience?: Patience
}

export interface SubscribeOptions extends Omit<ReadAllOptions, 'patience'> {
  /** Ends the subscription: the iteration finishes without an error. */
  readonly signal: AbortSignal
}

export interface EventStore {
  /** Independent appends, one outcome each, in order; one flush for all where the engine can. */
  append(appends: readonly StreamAppend[]): Promise<AppendOutcome[]>
  /** Events of a stream in pages of at most `READ_PAGE_EVENTS`; a stream that does not exist is empty. */
  readStream(stream: string, options?: ReadStreamOptions): AsyncIterable<readonly RecordedEvent[]>
  /** Events of the categories in global order, up to the end as of now, in pages. */
  readAll(options: ReadAllOptions): AsyncIterable<readonly RecordedEvent[]>
  /** Whether an event of the categories stands at a position, which is beyond `after`. */
  hasEventAt(position: Position, options: ReadAllOptions): Promise<boolean>
  /**
   * Like `readAll`, and on as events are appended. Survives a lost connection by itself (events are delivered once);
   * throws only what waiting cannot mend.
   */
  subscribe(options: SubscribeOptions): AsyncIterable<SubscriptionItem>
  /**
   * Makes the subscriptions anew, looking for the leader once more, where the store has several nodes: one that was left
   * behind may be silent without end. They go on where they were. One whose consumer is busy with what it was given stays.
   */
  resubscribe(): void
  /** Negative, zero or positive as `left` is before, at or after `right`. */
  comparePositions(left: Position, right: Position): number
  /** Text of a position as a client sent it back; null where it cannot be one of this store's. */
  parsePosition(text: string): Position | null
  /** Answers when the store can be reached, and takes what it was given lately. @throws EventStoreUnavailable */
  check(): Promise<void>
  /** What is wrong with how the log is kept, where that is not the store's own business, whatever its events say. */
  storageFaults(): Promise<readonly string[]>
  /** What shows that events are gone that the log once had, though no stream lacks one in its middle; null where nothing does. */
  lostEvents(): Promise<string | null>
  close(): Promise<void>
}

/** Dependency-injection token of the port. */
export const EVENT_STORE = Symbol('EventStore')

export const APPEND_EVENTS_MAX = 1000
/** How long a caller waits for an append to settle before it is told to try again later. */
export const SETTLE_WITHIN_MS = 10_000
export const READ_PAGE_EVENTS = 500
/**
 * Events a subscription hands over at once while it is behind, and the size at which it hands over fewer: who folds them
 * commits once for all of them.
 */
export const SUBSCRIPTION_PAGE_EVENTS = 4_000
export const SUBSCRIPTION_PAGE_BYTES = 8 * 1024 * 1024

/** The store cannot be reached or cannot work just now. Waiting may mend it. */
export class EventStoreUnavailable extends Error {
  override readonly name = 'EventStoreUnavailable'
}

/** It answers, but refuses: the user it is used as lacks a right, or it cannot write. The message says which; somebody has to mend it. */
export class EventStoreRefusing extends EventStoreUnavailable {}

/** The store holds what it must not: a bug or a damaged file. The reader stops. */
export class EventStoreCorrupt extends Error {
  override readonly name = 'EventStoreCorrupt'
}

/** A stream is shorter than it was: the store was emptied or replaced while the service runs, or it never was the right one. */
export class EventStoreReplaced extends Error {
  override readonly name = 'EventStoreReplaced'

  constructor(stream: string, revision: number, knownRevision: number) {
    super(
      `Stream ${stream} has ${revision} events, but ${knownRevision} are known here: the event store is not the one the read model was built from.`,
    )
  }
}

export function categoryOf(stream: string): Category {
  const end = stream.indexOf('-')
  return end === -1 ? stream : stream.slice(0, end)
}

/** About how long an event's data is as text, its keys left out: who gathers events gathers only so many characters. */
export function charactersOf(data: JsonValue): number {
  if (typeof data === 'string') return data.length
  if (data === null || typeof data !== 'object') return SCALAR_CHARACTERS
  let characters = 0
  for (const value of Object.values<JsonValue>(data as JsonObject)) characters += charactersOf(value)
  return characters
}

const SCALAR_CHARACTERS = 8
