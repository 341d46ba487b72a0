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
  APPEND_EVENTS_MAX,
  EventStoreCorrupt,
  type AppendOutcome,
  type EventStore,
  type RecordedEvent,
  type StreamAppend,
} from './event-store.js'
import { StreamOrder } from './stream-order.js'
import { categories } from './streams.js'

/** Of one append: half of what EventStoreDB takes. A larger event goes alone. */
const APPEND_BYTES = 512 * 1024
/** How long a store that takes nothing is tried again, and how often. */
const STORE_PATIENCE_MS = 60_000
const TRY_AGAIN_MS = 500

export type CopyPhase = 'reading' | 'comparing' | 'copying'

export interface CopyOptions {
  readonly signal: AbortSignal
  /** `fraction` of the phase, from 0 to 1; null where the whole is not known yet. A phase may come again. */
  readonly onProgress: (phase: CopyPhase, events: number, fraction: number | null) => void
  /** Told why the other store takes nothing, once each time it is waited for. */
  readonly onWaiting: (why: string) => void
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
export function copyLog(from: EventStore, to: EventStore, options: CopyOptions): Promise<Copied> {
  return new LogCopy(from, to, options).run()
}

class LogCopy {
  /** As far as is known. */
  private wanted = 0

  constructor(
    private readonly from: EventStore,
    private readonly to: EventStore,
    private readonly options: CopyOptions,
  ) {}

  async run(): Promise<Copied> {
    await this.walk(async (ours) => {
      const order = new StreamOrder()
      for (let page = await ours.page(); page; page = await ours.page()) {
        for (const event of page) requireInOrder(order, event)
        this.options.onProgress('reading', (this.wanted += page.length), null)
      }
    })
    const there = await this.walk((ours, theirs) => this.compareBeginning(ours, theirs))
    const copied = await this.walk((ours) => this.append(ours, there))
    // Where nothing had to be copied, everything has just been compared.
    const events = copied > 0 ? await this.walk((ours, theirs) => this.compareAll(ours, theirs)) : there
    return { events, copied }
  }

  /** Answers how many events are there already. */
  private async compareBeginning(ours: LogWalk, theirs: LogWalk): Promise<number> {
    for (let events = 0; ; events++) {
      const their = await theirs.next()
      if (their === null) return events
      const our = await ours.next()
      if (our === null) {
        throw new OtherLog(
          `The store that is copied to has more than this log: its event ${events + 1} is ${describe(their)}.`,
        )
      }
      requireSame(our, their, events + 1)
      this.told('comparing', events + 1, this.wanted)
    }
  }

  private async compareAll(ours: LogWalk, theirs: LogWalk): Promise<number> {
    for (let events = 0; ; events++) {
      const [our, their] = [await ours.next(), await theirs.next()]
      if (our === null && their === null) return events
      if (our === null) throw new OtherLog(`Something else writes to the store that is copied to: ${describe(their)}.`)
      if (their === null) {
        throw new Error(
          `Something writes to the store that is copied from: ${describe(our)}. Stop it, and copy again: it goes on where it ended.`,
        )
      }
      requireSame(our, their, events + 1)
      this.told('comparing', events + 1, this.wanted)
    }
  }

  /** What follows the first `there` events. Answers how many it appended. */
  private async append(ours: LogWalk, there: number): Promise<number> {
    let read = 0
    let copied = 0
    for (let page = await ours.page(); page; page = await ours.page()) {
      const missing = page.slice(Math.max(0, there - read))
      read += page.length
      for (const append of appendsOf(missing)) {
        await this.settle(append)
        copied += append.events.length
        this.told('copying', copied, this.wanted - there)
      }
    }
    return copied
  }

  /** Resolves once it is durable. Appends follow each other, which keeps the order of all events. */
  private async settle(append: StreamAppend): Promise<void> {
    const { signal, onWaiting } = this.options
    const since = performance.now()
    for (let isTold = false; ;) {
      const [outcome] = (await unlessAborted(signal, this.to.append([append]))) as [AppendOutcome]
      switch (outcome.status) {
        case 'appended':
          return
        case 'conflict':
          throw new OtherLog(
            `Something else writes to the store that is copied to: ${append.stream} has ${outcome.revision} events there, not ${append.expectedRevision}.`,
          )
        case 'rejected': {
          if (append.events.length > 1) {
            for (const half of halves(append)) await this.settle(half)
            return
          }
          throw new Error(
            `The store that is copied to does not take event ${append.expectedRevision + 1} of stream ${append.stream}. ${outcome.message}`,
          )
        }
        case 'unavailable':
        case 'unknown':
          // The identical append may be sent again, whatever became of it.
          if (performance.now() - since > STORE_PATIENCE_MS) {
            throw new Error(`The store that is copied to takes nothing. ${outcome.message}`)
          }
          if (!isTold) onWaiting(outcome.message)
          isTold = true
          await delay(TRY_AGAIN_MS, undefined, { signal })
      }
    }
  }

  /** Both logs from their beginning. */
  private async walk<Result>(use: (ours: LogWalk, theirs: LogWalk) => Promise<Result>): Promise<Result> {
    const { signal } = this.options
    const ours = new LogWalk(this.from, 'The store that is copied from cannot be read.', signal)
    const theirs = new LogWalk(this.to, 'The store that is copied to cannot be read.', signal)
    try {
      return await use(ours, theirs)
    } finally {
      await ours.close()
      await theirs.close()
    }
  }

  private told(phase: CopyPhase, events: number, of: number): void {
    this.options.onProgress(phase, events, of > 0 ? Math.min(1, events / of) : null)
  }
}

/** Events of one stream that stand one behind the other are appended together. */
function* appendsOf(events: readonly RecordedEvent[]): Generator<StreamAppend> {
  let gathered: RecordedEvent[] = []
  let bytes = 0
  for (const event of events) {
    const size = bytesOf(event.data) + bytesOf(event.metadata)
    const isFull = gathered.length === APPEND_EVENTS_MAX || bytes + size > APPEND_BYTES
    if (gathered[0] && (event.stream !== gathered[0].stream || isFull)) {
      yield appendOf(gathered)
      gathered = []
      bytes = 0
    }
    gathered.push(event)
    bytes += size
  }
  if (gathered.length > 0) yield appendOf(gathered)
}

function appendOf(gathered: readonly RecordedEvent[]): StreamAppend {
  const { stream, revision } = gathered[0] as RecordedEvent
  const events = gathered.map(({ id, type, data, metadata }) => ({ id, type, data, metadata }))
  return { stream, expectedRevision: revision - 1, events }
}

function halves({ stream, expectedRevision, events }: StreamAppend): StreamAppend[] {
  const half = Math.ceil(events.length / 2)
  return [
    { stream, expectedRevision, events: events.slice(0, half) },
    { stream, expectedRevision: expectedRevision + half, events: events.slice(half) },
  ]
}

function bytesOf(json: object): number {
  return Buffer.byteLength(JSON.stringify(json))
}

/** What lacks an event cannot be appended: the other store would have other revisions. */
function requireInOrder(order: StreamOrder, event: RecordedEvent): void {
  const wrong = order.next(event)
  if (wrong === null) return
  throw new EventStoreCorrupt(
    `The store that is copied from is damaged: ${wrong} It lacks events, or has them in another order than they were recorded: restore it from a backup.`,
  )
}

/** `place`: of the event among all, from 1. */
function requireSame(ours: RecordedEvent, theirs: RecordedEvent, place: number): void {
  if (isSame(ours, theirs)) return
  throw new OtherLog(
    `The store that is copied to has another log: its event ${place} should be ${describe(ours)}, and is ${describe(theirs)}.`,
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

function describe(event: RecordedEvent | null): string {
  return event === null ? 'nothing' : `${event.type} ${event.id}, event ${event.revision} of stream ${event.stream}`
}

/** Whoever was interrupted does not wait for a store that is silent. */
async function unlessAborted<Value>(signal: AbortSignal, promise: Promise<Value>): Promise<Value> {
  signal.throwIfAborted()
  // What fails after that is nobody's.
  promise.catch(() => undefined)
  let onAbort: () => void = () => undefined
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error)
    signal.addEventListener('abort', onAbort)
  })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** A log by pages or by events. Nothing is read before it is asked. */
class LogWalk {
  private readonly pages: AsyncIterator<readonly RecordedEvent[]>
  private events: readonly RecordedEvent[] = []
  private at = 0

  constructor(
    store: EventStore,
    /** What is said of a read that fails. */
    private readonly failure: string,
    private readonly signal: AbortSignal,
  ) {
    const all = { after: null, categories: Object.values(categories), patience: 'background' } as const
    this.pages = store.readAll(all)[Symbol.asyncIterator]()
  }

  /** null at the end. */
  async page(): Promise<readonly RecordedEvent[] | null> {
    try {
      const result = await unlessAborted(this.signal, this.pages.next())
      return result.done === true ? null : result.value
    } catch (error) {
      this.signal.throwIfAborted()
      throw new Error(`${this.failure} ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
  }

  /** null at the end. */
  async next(): Promise<RecordedEvent | null> {
    while (this.at === this.events.length) {
      const page = await this.page()
      if (page === null) return null
      this.events = page
      this.at = 0
    }
    return this.events[this.at++] as RecordedEvent
  }

  async close(): Promise<void> {
    const closed = this.pages.return?.()
    // A read that is under way ends with its store.
    if (this.signal.aborted) closed?.catch(() => undefined)
    else await closed
  }
}
