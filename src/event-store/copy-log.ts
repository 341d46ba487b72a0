/**
 * The whole log of one store in another: every event in the global order, with its id, revision and metadata, so that each
 * fold of it comes to the same rows, summaries and digests. Only positions are others.
 *
 * What the other store holds already must be the beginning of the same log: a copy that was interrupted goes on where it
 * ended, and a store that has a history of its own is never added to. Nothing else may write to either of them meanwhile.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import {
  charactersOf,
  type AppendOutcome,
  type EventStore,
  type NewEvent,
  type RecordedEvent,
  type StreamAppend,
} from './event-store.js'
import { categories } from './streams.js'

/** Of one append, so that it stays below the 1 MiB that EventStoreDB takes, metadata and keys included. */
const APPEND_EVENTS = 500
const APPEND_CHARACTERS = 128 * 1024
/** How long a store that takes nothing is tried again, and how often. */
const STORE_PATIENCE_MS = 60_000
const TRY_AGAIN_MS = 500

export type CopyPhase = 'reading' | 'copying' | 'comparing'

export interface CopyOptions {
  readonly signal: AbortSignal
  /** `fraction` of the phase, from 0 to 1; null where the whole is not known yet. */
  readonly onProgress: (phase: CopyPhase, events: number, fraction: number | null) => void
}

export interface Copied {
  /** Events both logs have now. */
  readonly events: number
  /** Those of them that were not there before. */
  readonly copied: number
}

/** The other store holds what is not the beginning of the log that is copied. */
export class OtherLog extends Error {
  override readonly name = 'OtherLog'
}

/**
 * First everything is read, so that a damaged log is met before anything is written; and once more from both stores when it
 * is copied, to compare every event.
 *
 * @throws OtherLog; what keeps a store from being read or appended to; what `signal` was aborted with.
 */
export async function copyLog(from: EventStore, to: EventStore, { signal, onProgress }: CopyOptions): Promise<Copied> {
  const events = await count(from, (read) => {
    signal.throwIfAborted()
    onProgress('reading', read, null)
  })
  const told = (phase: CopyPhase) => (done: number) => {
    signal.throwIfAborted()
    onProgress(phase, done, events === 0 ? null : Math.min(1, done / events))
  }
  const copied = await append(from, to, signal, told('copying'))
  // Where nothing had to be copied, everything has just been compared.
  if (copied > 0) await compare(from, to, told('comparing'))
  return { events, copied }
}

async function count(from: EventStore, onEvents: (read: number) => void): Promise<number> {
  let read = 0
  for await (const page of pagesOf(from)) onEvents((read += page.length))
  return read
}

/** Answers how many events it appended. */
async function append(
  from: EventStore,
  to: EventStore,
  signal: AbortSignal,
  onEvents: (done: number) => void,
): Promise<number> {
  const there = new LogWalk(to)
  let done = 0
  let copied = 0
  try {
    let isThere = true
    for await (const page of pagesOf(from)) {
      const end = done + page.length
      for (let at = 0; at < page.length && isThere; at++) {
        const theirs = await there.next()
        if (theirs) requireSame(page[at] as RecordedEvent, theirs, ++done)
        else isThere = false
      }
      for (const gathered of appendsOf(page.slice(page.length - (end - done)))) {
        await settle(to, gathered, signal)
        copied += gathered.events.length
        done += gathered.events.length
        onEvents(done)
      }
      onEvents(done)
    }
    if (isThere) await requireEnd(there, done)
  } finally {
    await there.close()
  }
  return copied
}

async function compare(from: EventStore, to: EventStore, onEvents: (done: number) => void): Promise<void> {
  const there = new LogWalk(to)
  let done = 0
  try {
    for await (const page of pagesOf(from)) {
      for (const event of page) requireSame(event, await there.next(), ++done)
      onEvents(done)
    }
    await requireEnd(there, done)
  } finally {
    await there.close()
  }
}

/** Events of one stream that stand one behind the other are appended together; appends follow each other, which keeps the order. */
function* appendsOf(events: readonly RecordedEvent[]): Generator<StreamAppend> {
  let gathered: NewEvent[] = []
  let first: RecordedEvent | null = null
  let characters = 0
  for (const event of events) {
    const { id, type, data, metadata } = event
    const size = charactersOf(data)
    const isFull = gathered.length === APPEND_EVENTS || characters + size > APPEND_CHARACTERS
    if (first !== null && (event.stream !== first.stream || isFull)) {
      yield { stream: first.stream, expectedRevision: first.revision - 1, events: gathered }
      gathered = []
      first = null
      characters = 0
    }
    first ??= event
    gathered.push({ id, type, data, metadata })
    characters += size
  }
  if (first !== null) yield { stream: first.stream, expectedRevision: first.revision - 1, events: gathered }
}

/** Resolves once it is durable. */
async function settle(to: EventStore, append: StreamAppend, signal: AbortSignal): Promise<void> {
  const since = performance.now()
  for (;;) {
    const [outcome] = (await to.append([append])) as [AppendOutcome]
    switch (outcome.status) {
      case 'appended':
        return
      case 'conflict':
        throw new OtherLog(
          `Something else writes to the store that is copied to: ${append.stream} has ${outcome.revision} events there, not ${append.expectedRevision}.`,
        )
      case 'rejected':
        throw new Error(
          `Event ${append.expectedRevision + 1} of stream ${append.stream} cannot be copied. ${outcome.message}`,
        )
      case 'unavailable':
      case 'unknown':
        // The identical append may be sent again, whatever became of it.
        if (performance.now() - since > STORE_PATIENCE_MS) throw new Error(outcome.message)
        await delay(TRY_AGAIN_MS, undefined, { signal })
    }
  }
}

/** `place`: of the event among all, from 1. */
function requireSame(ours: RecordedEvent, theirs: RecordedEvent | null, place: number): void {
  if (theirs !== null && isSame(ours, theirs)) return
  const found = theirs === null ? 'nothing' : describe(theirs)
  throw new OtherLog(
    `The store that is copied to has another log: its event ${place} should be ${describe(ours)}, and is ${found}.`,
  )
}

async function requireEnd(there: LogWalk, events: number): Promise<void> {
  const more = await there.next()
  if (more === null) return
  throw new OtherLog(
    `The store that is copied to has more than this log: its event ${events + 1} is ${describe(more)}.`,
  )
}

function isSame(ours: RecordedEvent, theirs: RecordedEvent): boolean {
  return (
    ours.id === theirs.id &&
    ours.stream === theirs.stream &&
    ours.revision === theirs.revision &&
    ours.type === theirs.type &&
    isSameJson(ours.data, theirs.data) &&
    isSameJson(ours.metadata, theirs.metadata)
  )
}

/** Their texts nearly always say it, and are made faster than each key is looked at. */
function isSameJson(ours: object, theirs: object): boolean {
  return JSON.stringify(ours) === JSON.stringify(theirs) || isDeepStrictEqual(ours, theirs)
}

function describe({ type, revision, stream, id }: RecordedEvent): string {
  return `${type} ${id}, event ${revision} of stream ${stream}`
}

function pagesOf(store: EventStore): AsyncIterable<readonly RecordedEvent[]> {
  return store.readAll({ after: null, categories: Object.values(categories), patience: 'background' })
}

/** A log event by event, beside another that is read in pages. */
class LogWalk {
  private readonly pages: AsyncIterator<readonly RecordedEvent[]>
  private page: readonly RecordedEvent[] = []
  private at = 0

  constructor(store: EventStore) {
    this.pages = pagesOf(store)[Symbol.asyncIterator]()
  }

  /** null at the end. */
  async next(): Promise<RecordedEvent | null> {
    while (this.at === this.page.length) {
      const result = await this.pages.next()
      if (result.done === true) return null
      this.page = result.value
      this.at = 0
    }
    return this.page[this.at++] as RecordedEvent
  }

  async close(): Promise<void> {
    await this.pages.return?.()
  }
}
