/**
 * What the test server keeps: one global log and its streams, in memory.
 *
 * Appends follow the real server's idempotency to the letter. On an explicit revision the submitted ids are compared
 * with what stands after it; `any` and `stream_exists` only know the recent ids of their stream, and may forget them.
 */
export interface ProposedEvent {
  readonly id: string
  readonly type: string
  readonly contentType: string
  readonly data: Uint8Array
  readonly metadata: Uint8Array
}

export interface LoggedEvent extends ProposedEvent {
  readonly stream: string
  /** From 0, as on the wire. */
  readonly revision: bigint
  readonly position: bigint
  /** 100-nanosecond ticks since 1970. */
  readonly created: string
}

export type Expected = 'any' | 'no_stream' | 'stream_exists' | bigint

export type AppendResult =
  | { readonly kind: 'success'; readonly revision: bigint; readonly position: bigint }
  /** `current` is null when there is no stream. */
  | { readonly kind: 'wrong-version'; readonly current: bigint | null }
  | { readonly kind: 'deleted' }

interface Stream {
  readonly events: LoggedEvent[]
  /** Ids that `any` still recognises, with the events they made. */
  readonly recent: Map<string, LoggedEvent>
  /** Events before this index are gone for readers. */
  truncatedBefore: number
  softDeleted: boolean
  tombstoned: boolean
}

/** Roughly what a record costs beyond its bytes, so that positions have gaps as real ones do. */
const RECORD_OVERHEAD = 90

export class EventLog {
  readonly events: LoggedEvent[] = []
  private readonly streams = new Map<string, Stream>()
  private readonly watchers = new Set<() => void>()
  private end = 0n

  append(name: string, expected: Expected, proposed: readonly ProposedEvent[]): AppendResult {
    const stream = this.streams.get(name) ?? newStream()
    if (stream.tombstoned) return { kind: 'deleted' }
    const last = BigInt(stream.events.length) - 1n
    const current = last < 0n || stream.softDeleted ? null : last

    if (expected === 'any' || expected === 'stream_exists') {
      if (expected === 'stream_exists' && current === null) return { kind: 'wrong-version', current }
      const known = proposed.map(({ id }) => stream.recent.get(id))
      const lastKnown = known.at(-1)
      if (lastKnown !== undefined && known.every((event) => event !== undefined)) return success(lastKnown)
      return this.write(name, stream, proposed)
    }

    const after = expected === 'no_stream' ? -1n : expected
    if (after > last) return { kind: 'wrong-version', current }
    if (after === last || (expected === 'no_stream' && stream.softDeleted)) return this.write(name, stream, proposed)
    const first = Number(after) + 1
    const stands = stream.events.slice(first, first + proposed.length)
    const lastStanding = stands.at(-1)
    const same = stands.length === proposed.length && stands.every((event, index) => event.id === proposed[index]?.id)
    return same && lastStanding !== undefined ? success(lastStanding) : { kind: 'wrong-version', current }
  }

  /** What a stream's readers see; null where there is no stream. */
  read(name: string): readonly LoggedEvent[] | 'deleted' | null {
    const stream = this.streams.get(name)
    if (stream?.tombstoned) return 'deleted'
    if (stream === undefined || stream.softDeleted || stream.events.length === 0) return null
    return stream.events.slice(stream.truncatedBefore)
  }

  softDelete(name: string): void {
    const stream = this.streams.get(name)
    if (stream === undefined) return
    stream.softDeleted = true
    stream.truncatedBefore = stream.events.length
  }

  tombstone(name: string): void {
    const stream = this.streams.get(name) ?? newStream()
    this.streams.set(name, stream)
    stream.tombstoned = true
  }

  /** As a restart or a change of leader does: `any` recognises nothing any more. */
  forgetRecentIds(): void {
    for (const { recent } of this.streams.values()) recent.clear()
  }

  /** Calls `watcher` after every append. @returns how to stop that. */
  watch(watcher: () => void): () => void {
    this.watchers.add(watcher)
    return () => this.watchers.delete(watcher)
  }

  private write(name: string, stream: Stream, proposed: readonly ProposedEvent[]): AppendResult {
    this.streams.set(name, stream)
    stream.softDeleted = false
    for (const event of proposed) {
      const logged: LoggedEvent = {
        ...event,
        stream: name,
        revision: BigInt(stream.events.length),
        position: this.end,
        created: `${BigInt(Date.now()) * 10_000n}`,
      }
      this.end += BigInt(RECORD_OVERHEAD + name.length + event.type.length + event.data.length + event.metadata.length)
      stream.events.push(logged)
      stream.recent.set(event.id, logged)
      this.events.push(logged)
    }
    for (const watcher of [...this.watchers]) watcher()
    const last = stream.events.at(-1)
    return last === undefined ? { kind: 'wrong-version', current: null } : success(last)
  }
}

function newStream(): Stream {
  return { events: [], recent: new Map(), truncatedBefore: 0, softDeleted: false, tombstoned: false }
}

function success({ revision, position }: LoggedEvent): AppendResult {
  return { kind: 'success', revision, position }
}
