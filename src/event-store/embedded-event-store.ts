/**
 * The store that needs no server: one SQLite file. Appends are made by a thread of their own (see
 * `embedded-event-store.worker.ts`); reading happens on the calling thread, in bounded pages, on its own connection.
 *
 * Several threads and processes may open the same file: revisions are checked in the writing transaction, and
 * subscriptions notice what others append.
 */
import { EventEmitter, once } from 'node:events'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { BroadcastChannel, Worker } from 'node:worker_threads'
import { EventLogReader } from './embedded-event-log.js'
import { encodeAppend, wakeChannelName } from './embedded-event-writer.js'
import type { WriterAnswer, WriterMessage, WriterRequest, WriterSettings } from './embedded-event-store.worker.js'
import {
  APPEND_EVENTS_MAX,
  EventStoreRefusing,
  EventStoreUnavailable,
  READ_PAGE_EVENTS,
  SUBSCRIPTION_PAGE_EVENTS,
  type AppendOutcome,
  type EventStore,
  type Position,
  type ReadAllOptions,
  type ReadStreamOptions,
  type RecordedEvent,
  type StreamAppend,
  type SubscribeOptions,
  type SubscriptionItem,
} from './event-store.js'

/** How soon a subscription notices what another process appended; this process's own appends wake it at once. */
const OTHER_PROCESS_POLL_MS = 100
const CLOSE_TIMEOUT_MS = 30_000
/** So many events are handed over at once; fewer wait until the writer has answered, and go together. */
const MESSAGE_EVENTS_LARGE = 50
/** How long after an append that could not be stored the log is not called usable, however little can be written. */
const REFUSAL_TOLD_MS = 10_000
/** Between two trials whether it can be written again. */
const TRIAL_EVERY_MS = 2_000
const POSITION = /^[1-9]\d{0,15}$/

interface PendingAppend {
  readonly indexes: readonly number[]
  readonly outcomes: (AppendOutcome | undefined)[]
  readonly settle: () => void
}

export class EmbeddedEventStore implements EventStore {
  private readonly file: string
  private worker: Worker | null = null
  /** What gathers while the writer has something to do. */
  private gathering: WriterRequest[] = []
  private gatheringEvents = 0
  /** Messages the writer has not answered. */
  private unanswered = 0
  private readonly pending = new Map<number, PendingAppend>()
  private nextId = 1
  /** Whether the last append, or the last trial since, could not be stored. */
  private isRefusing = false
  private refusedAt = -Infinity
  private trial: Promise<void> | null = null
  private triedAt = -Infinity
  private readonly reader: EventLogReader
  private wake: BroadcastChannel | null = null
  private readonly woken = new EventEmitter().setMaxListeners(0)
  private closed = false

  constructor(file: string) {
    this.file = file
    // Makes the file, or says at the start what is wrong with it.
    this.reader = new EventLogReader(file)
  }

  async append(appends: readonly StreamAppend[]): Promise<AppendOutcome[]> {
    if (this.closed) {
      return appends.map(() => ({ status: 'unavailable', message: 'The event store is closed.' }))
    }
    const problem = this.reader.opened.problem()
    if (problem !== null) return appends.map(() => ({ status: 'unavailable', message: problem }))
    const outcomes: (AppendOutcome | undefined)[] = appends.map(refusal)
    const indexes = [...appends.keys()].filter((index) => outcomes[index] === undefined)
    if (indexes.length > 0) {
      await new Promise<void>((settle) => {
        const id = this.nextId++
        this.pending.set(id, { indexes, outcomes, settle })
        const encoded = indexes.map((index) => encodeAppend(appends[index] as StreamAppend))
        this.gathering.push({ id, appends: encoded })
        for (const { events } of encoded) this.gatheringEvents += events
        this.handOver()
      })
    }
    return outcomes as AppendOutcome[]
  }

  async *readStream(stream: string, options: ReadStreamOptions = {}): AsyncIterable<readonly RecordedEvent[]> {
    let { after = 0, limit: left = Number.MAX_SAFE_INTEGER } = options
    while (left > 0) {
      const page = this.reading().pageOfStream(stream, after, Math.min(left, READ_PAGE_EVENTS))
      const lastEvent = page.at(-1)
      if (!lastEvent) return
      yield page
      after = lastEvent.revision
      left -= page.length
    }
  }

  async *readAll({ after, categories }: ReadAllOptions): AsyncIterable<readonly RecordedEvent[]> {
    const wanted = new Set(categories)
    let from: number | null = after === null ? 0 : Number(after)
    while (from !== null) {
      const page: ReturnType<EventLogReader['pageOfAll']> = this.reading().pageOfAll(from, wanted, READ_PAGE_EVENTS)
      if (page.events.length > 0) yield page.events
      from = page.scannedTo
      // Much may have to be passed over between two events that are wanted: others are let in between.
      if (from !== null) await nextTurn()
    }
  }

  /** Positions are whole numbers, so what stands right after the one before is looked at alone. */
  async hasEventAt(position: Position, { categories }: ReadAllOptions): Promise<boolean> {
    const { events } = this.reading().pageOfAll(Number(position) - 1, new Set(categories), 1)
    return events[0]?.position === position
  }

  async *subscribe({ after, categories, signal }: SubscribeOptions): AsyncIterable<SubscriptionItem> {
    const wanted = new Set(categories)
    let from = after === null ? 0 : Number(after)
    let saidCaughtUp = false
    while (!signal.aborted && !this.closed) {
      const version = this.reading().version()
      const { events, scannedTo } = this.reading().pageOfAll(from, wanted, SUBSCRIPTION_PAGE_EVENTS)
      if (scannedTo !== null) {
        from = scannedTo
        if (events.length > 0) {
          saidCaughtUp = false
          yield { type: 'events', events }
        }
        continue
      }
      if (!saidCaughtUp) {
        saidCaughtUp = true
        yield { type: 'caught-up' }
      }
      await this.changed(version, signal)
    }
  }

  /** A file is read where it is. */
  resubscribe(): void {}

  comparePositions(left: Position, right: Position): number {
    return Number(left) - Number(right)
  }

  parsePosition(text: string): Position | null {
    return POSITION.test(text) && Number.isSafeInteger(Number(text)) ? (text as Position) : null
  }

  async check(): Promise<void> {
    const reader = this.reading()
    try {
      reader.version()
    } catch (error) {
      throw new EventStoreUnavailable('The event log cannot be read.', { cause: error })
    }
    // Whoever asks may send no append until the log is called usable.
    const isOfLate = performance.now() - this.refusedAt < REFUSAL_TOLD_MS
    if (this.isRefusing && !isOfLate) await this.tryToWrite()
    if (this.isRefusing) throw new EventStoreRefusing('The event log cannot be written')
  }

  async lostEvents(): Promise<string | null> {
    return this.reading().lostEvents()
  }

  async storageFaults(): Promise<readonly string[]> {
    return this.reading().faults()
  }

  /** Settles the appends under way, then closes the file. */
  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    this.woken.emit('changed')
    const { worker } = this
    if (worker) {
      const exited = once(worker, 'exit', { signal: AbortSignal.timeout(CLOSE_TIMEOUT_MS) })
      this.handOver(true)
      worker.postMessage('close' satisfies WriterMessage)
      await exited.catch(() => worker.terminate())
    }
    this.wake?.close()
    this.reader.close()
  }

  /** Resolves when the log may have changed since `version`, or the signal says stop. */
  private async changed(version: number, signal: AbortSignal): Promise<void> {
    const wake = this.waking()
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearInterval(poll)
        signal.removeEventListener('abort', done)
        this.woken.off('changed', done)
        if (this.woken.listenerCount('changed') === 0) wake.unref()
        resolve()
      }
      // A commit between the read and this line would not wake us, so the version is looked at as well.
      const look = (): void => {
        const isOver = this.closed || signal.aborted || this.reader.opened.problem() !== null
        if (isOver || this.hasChanged(version)) done()
      }
      const poll = setInterval(look, OTHER_PROCESS_POLL_MS)
      signal.addEventListener('abort', done)
      this.woken.on('changed', done)
      look()
    })
  }

  private hasChanged(version: number): boolean {
    try {
      return this.reader.version() !== version
    } catch {
      // What cannot be read is told by the read that follows: nobody catches what a timer throws.
      return true
    }
  }

  /**
   * Handing over and flushing cost the same for one append as for many, so few do not go alone while the writer has something to
   * do: what gathered goes once it has answered, or once it is large.
   */
  private handOver(isLast = false): void {
    if (this.gathering.length === 0) return
    if (this.unanswered > 0 && this.gatheringEvents < MESSAGE_EVENTS_LARGE && !isLast) return
    const message: WriterMessage = this.gathering
    this.gathering = []
    this.gatheringEvents = 0
    this.unanswered++
    this.writer().postMessage(message)
  }

  private async tryToWrite(): Promise<void> {
    if (this.trial === null && performance.now() - this.triedAt >= TRIAL_EVERY_MS) {
      const tried = new Promise<void>((settle) => {
        const id = this.nextId++
        this.pending.set(id, { indexes: [], outcomes: [], settle })
        this.gathering.push({ id, appends: [], isTrial: true })
        this.handOver(true)
      })
      this.trial = tried.finally(() => {
        this.trial = null
        this.triedAt = performance.now()
      })
    }
    await this.trial
  }

  private writer(): Worker {
    if (this.worker) return this.worker
    const worker = new Worker(new URL('./embedded-event-store.worker.js', import.meta.url), {
      workerData: { file: this.file, identity: this.reader.opened.identity } satisfies WriterSettings,
    })
    worker.on('message', (answer: WriterAnswer) => {
      // What a lost writer took is unknown to whoever waited for it, and sent again.
      if (answer === 'closed' || this.worker !== worker) return
      this.unanswered -= answer.messages
      for (const { id, outcomes } of answer.settled) this.settle(id, outcomes)
      this.handOver()
    })
    // A dead writer has perhaps written: the same append, sent again, finds out on a new one.
    worker.on('error', (error) => this.lost(worker, error.message))
    worker.on('exit', () => this.lost(worker, 'The writing thread ended.'))
    this.worker = worker
    return worker
  }

  private settle(id: number, settled: readonly AppendOutcome[]): void {
    const pending = this.pending.get(id)
    if (!pending) return
    this.pending.delete(id)
    // Those of one transaction fail together. A trial that succeeds has no outcome.
    const [{ status } = { status: 'appended' }] = settled
    if (status === 'unavailable' || status === 'unknown') this.refuse(pending.indexes.length === 0)
    else if (status === 'appended') this.isRefusing = false
    pending.indexes.forEach((index, at) => (pending.outcomes[index] = settled[at]))
    pending.settle()
  }

  private lost(worker: Worker, message: string): void {
    if (this.worker !== worker) return
    this.worker = null
    this.unanswered = 0
    this.gathering = []
    this.gatheringEvents = 0
    for (const [id, { indexes }] of [...this.pending]) {
      this.settle(
        id,
        indexes.map(() => ({ status: 'unknown', message })),
      )
    }
    this.refuse()
  }

  private refuse(isTrial = false): void {
    this.isRefusing = true
    if (!isTrial) this.refusedAt = performance.now()
  }

  private reading(): EventLogReader {
    if (this.closed) throw new EventStoreUnavailable('The event store is closed.')
    const problem = this.reader.opened.problem()
    if (problem !== null) throw new EventStoreUnavailable(problem)
    return this.reader
  }

  private waking(): BroadcastChannel {
    if (!this.wake) {
      this.wake = new BroadcastChannel(wakeChannelName(this.file))
      this.wake.onmessage = () => this.woken.emit('changed')
    }
    this.wake.ref()
    return this.wake
  }
}

function refusal({ events }: StreamAppend): AppendOutcome | undefined {
  if (events.length === 0) return { status: 'rejected', message: 'An append needs at least one event.' }
  if (events.length > APPEND_EVENTS_MAX) {
    return { status: 'rejected', message: `An append has at most ${APPEND_EVENTS_MAX} events.` }
  }
  if (events.some(({ id, type }) => id.includes('\n') || type.includes('\n'))) {
    return { status: 'rejected', message: 'The id and the type of an event are one line each.' }
  }
  return undefined
}
