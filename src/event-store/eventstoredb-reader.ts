/**
 * Reads and subscriptions. Each is made at the leader, goes on from the last event its consumer took when a connection
 * fails, gives up in bounded time where waiting does not help, and ends its call on the server however the consumer ends
 * it. A subscription that has become silent is looked after.
 */
import {
  AccessDeniedError,
  BACKWARDS,
  END,
  START,
  StreamNotFoundError,
  type AllStreamResolvedEvent,
  type EventStoreDBClient,
  type ResolvedEvent,
  type StreamingRead,
} from '@eventstore/db-client'
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { probe, probeSubscription, type Connect } from './eventstoredb-client.js'
import { clientPosition, comparePositions, portPosition, recordedEvent } from './eventstoredb-codec.js'
import { drain } from './eventstoredb-drain.js'
import { NoAnswer, describe, mayPass, readFailure } from './eventstoredb-errors.js'
import { follow, type Step } from './eventstoredb-following.js'
import { backOffMs, type EventStoreDbLimits, type EventStoreDbLog } from './eventstoredb-limits.js'
import { ReadingClient } from './eventstoredb-reading-client.js'
import {
  EventStoreCorrupt,
  EventStoreUnavailable,
  READ_PAGE_EVENTS,
  categoryOf,
  type Category,
  type Patience,
  type Position,
  type ReadAllOptions,
  type ReadStreamOptions,
  type RecordedEvent,
  type SubscribeOptions,
  type SubscriptionItem,
} from './event-store.js'

type Page = readonly RecordedEvent[]

export interface ReaderOptions {
  readonly connect: Connect
  readonly limits: EventStoreDbLimits
  readonly log: EventStoreDbLog
  /** Of reads that say nothing of it, and of `check`. */
  readonly patience: Patience
}

/** One call of a subscription. */
interface Session {
  /** Ends it, for another one to be begun. */
  readonly renewing: AbortController
  /** Whether its consumer is busy with what it was given. */
  isHandled: boolean
}

export class Reader {
  private readonly clients: ReadingClient
  private readonly closing = new AbortController()
  private readonly sessions = new Set<Session>()
  private saysCaughtUp = false
  private isReadingAllowed = false

  constructor(private readonly options: ReaderOptions) {
    this.clients = new ReadingClient(options.connect, options.limits)
    // Every read and subscription listens.
    setMaxListeners(0, this.closing.signal)
  }

  async *readStream(
    stream: string,
    { after = 0, limit, patience = this.options.patience }: ReadStreamOptions = {},
  ): AsyncGenerator<Page> {
    if (limit !== undefined && limit <= 0) return
    let done = after
    yield* this.persevering(
      patience,
      async function* (this: Reader, client: EventStoreDBClient) {
        const left = limit === undefined ? undefined : limit - (done - after)
        if (left === 0) return
        const read = client.readStream(
          stream,
          { fromRevision: BigInt(done), requiresLeader: true, ...(left === undefined ? {} : { maxCount: left }) },
          { highWaterMark: READ_PAGE_EVENTS },
        )
        try {
          for await (const page of this.pages<ResolvedEvent>(read)) {
            const events = page.flatMap(({ event }) => (event === undefined ? [] : [recordedEvent(event)]))
            yield events
            done = events.at(-1)?.revision ?? done
          }
        } catch (error) {
          if (!(error instanceof StreamNotFoundError)) throw error
        }
      }.bind(this),
    )
  }

  /**
   * The client's own `readAll` ignores filters, and would fetch the whole log for a few events of one category. So
   * this is a filtered subscription that ends at the log's end as it was at the start: at an event, a checkpoint or a
   * notice of having caught up that is at or after it. A server too old for such notices falls quiet before the end;
   * the rest, less than one search window unless the server is merely slow, is then read unfiltered.
   */
  async *readAll({ after, categories, patience = this.options.patience }: ReadAllOptions): AsyncGenerator<Page> {
    const wanted = new Set(categories)
    if (wanted.size === 0) return
    const end = await this.endOfLog(patience)
    let position = after
    const isEnd = (place: Position | null): boolean =>
      end === null || (place !== null && comparePositions(place, end) >= 0)
    yield* this.persevering(
      patience,
      async function* (this: Reader, client: EventStoreDBClient) {
        if (end === null || isEnd(position)) return
        for await (const step of this.steps(client, position, wanted, this.closing.signal)) {
          const events = step.events.filter((event) => comparePositions(event.position, end) <= 0)
          if (events.length > 0) yield events
          position = step.position
          if (isEnd(step.scanned) || step.then === 'caught-up') return
          if (step.then === 'quiet') break
        }
        for await (const [page, place] of this.unfiltered(client, position, end, wanted)) {
          if (page.length > 0) yield page
          position = place
        }
      }.bind(this),
    )
  }

  async *subscribe({ after, categories, signal }: SubscribeOptions): AsyncGenerator<SubscriptionItem> {
    const wanted = new Set(categories)
    const over = AbortSignal.any([signal, this.closing.signal])
    let position = after
    if (wanted.size === 0 && !over.aborted) yield { type: 'caught-up' }
    let deniedSince: number | null = null
    for (let failures = 0; !over.aborted; failures++) {
      const session: Session = { renewing: new AbortController(), isHandled: false }
      this.sessions.add(session)
      let reason = 'the server ended it'
      try {
        const ends = AbortSignal.any([over, session.renewing.signal])
        const steps = this.clients.call((client) => this.session(client, position, wanted, ends))
        for await (const step of steps) {
          session.isHandled = true
          // A server that only confirms and drops is not asked again at full speed.
          if (step.events.length > 0 || step.then === 'caught-up') {
            failures = 0
            deniedSince = null
          }
          if (step.events.length > 0) yield { type: 'events', events: step.events }
          // The consumer asked for more, so it has handled these.
          position = step.position
          if (step.then === 'caught-up') yield { type: 'caught-up' }
          if (over.aborted) return
          session.isHandled = false
        }
      } catch (error) {
        if (error instanceof AccessDeniedError) {
          // Rights are lost for a moment while users or a node's policies are changed.
          deniedSince ??= performance.now()
          if (performance.now() - deniedSince > this.options.limits.deniedMs) throw readFailure(error)
        } else if (!mayPass(error)) throw readFailure(error)
        reason = describe(error)
      } finally {
        this.sessions.delete(session)
      }
      if (over.aborted) return
      if (session.renewing.signal.aborted) reason = 'it stood still'
      this.options.log.warn({ categories, position, reason }, 'A subscription was lost, subscribing again')
      await delay(backOffMs(this.options.limits, failures), undefined, { signal: over }).catch(() => undefined)
    }
  }

  /**
   * Subscriptions end their calls and go on from where they were, on another client. Not those whose consumer has not asked
   * for more yet: it is not the server that they wait for.
   */
  resubscribe(): void {
    const waiting = [...this.sessions].filter(({ isHandled }) => !isHandled)
    if (waiting.length === 0 && this.sessions.size > 0) return
    this.clients.renew()
    for (const { renewing } of waiting) renewing.abort()
  }

  /** @throws EventStoreUnavailable also where the user may not read everything, which is found out once. */
  async check(): Promise<void> {
    const { limits, patience } = this.options
    this.refuseWhenClosed()
    const check = async function* (this: Reader, client: EventStoreDBClient): AsyncGenerator<void> {
      await probe(client, limits.checkMs)
      if (!this.isReadingAllowed) await probeSubscription(client, limits.checkMs)
      this.isReadingAllowed = true
      yield
    }.bind(this)
    // A caller asks whether it answers now.
    const checking =
      patience === 'caller'
        ? this.clients.call(check)
        : this.persevering(patience, check, 'The event store cannot be used yet, asking again')
    try {
      await checking.next()
      // Lets the generator give the client back.
      await checking.next()
    } catch (error) {
      throw readFailure(error)
    }
  }

  /** The position of an acknowledged event; an append that waits for it has its own limits. */
  async positionOf(stream: string, revision: number): Promise<Position | null> {
    for await (const [event] of this.readStream(stream, { after: revision - 1, limit: 1, patience: 'caller' })) {
      return event?.position ?? null
    }
    return null
  }

  async close(): Promise<void> {
    this.closing.abort()
    await this.clients.close()
  }

  /**
   * The steps of one subscription; the first quiet one becomes `caught-up` where the log shows that it did. Later ones are
   * for looking whether something is missing: then, or where this is no leader any more, the session fails.
   */
  private async *session(
    client: EventStoreDBClient,
    after: Position | null,
    wanted: ReadonlySet<Category>,
    signal: AbortSignal,
  ): AsyncGenerator<Step> {
    let caughtUp = false
    if (wanted.size === 0) {
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
      return
    }
    let isMissing = false
    for await (const step of this.steps(client, after, wanted, signal, () => caughtUp)) {
      if (step.then !== 'quiet') {
        isMissing = false
        caughtUp ||= step.then === 'caught-up'
        yield step
        continue
      }
      if (await this.nothingLeft(client, step.position, wanted)) {
        isMissing = false
        if (!caughtUp) yield { ...step, then: 'caught-up' }
        caughtUp = true
      } else if (caughtUp) {
        // What was only on its way has come by the next look.
        if (isMissing) throw new NoAnswer('what the log has did not come')
        isMissing = true
      }
    }
  }

  private async *steps(
    client: EventStoreDBClient,
    after: Position | null,
    categories: ReadonlySet<Category>,
    signal: AbortSignal,
    caughtUp: () => boolean = () => false,
  ): AsyncGenerator<Step> {
    const { limits } = this.options
    const saysCaughtUp = () => this.saysCaughtUp
    for await (const step of follow(client, { after, categories, signal, limits, saysCaughtUp, caughtUp })) {
      if (step.then === 'caught-up') this.saysCaughtUp = true
      yield step
    }
  }

  /** Whether no event of the categories stands between a position and the end of the log. */
  private async nothingLeft(
    client: EventStoreDBClient,
    after: Position | null,
    wanted: ReadonlySet<Category>,
  ): Promise<boolean> {
    const end = await this.lastPosition(client)
    if (end === null || (after !== null && comparePositions(end, after) <= 0)) return true
    for await (const [page] of this.unfiltered(client, after, end, wanted)) {
      if (page.length > 0) return false
    }
    return true
  }

  /** Everything after a position up to `end`, filtered here, with the position reached by each page. */
  private async *unfiltered(
    client: EventStoreDBClient,
    after: Position | null,
    end: Position,
    wanted: ReadonlySet<Category>,
  ): AsyncGenerator<[Page, Position | null]> {
    const read = client.readAll(
      { fromPosition: after === null ? START : clientPosition(after), requiresLeader: true },
      { highWaterMark: READ_PAGE_EVENTS },
    )
    let position = after
    for await (const page of this.pages<AllStreamResolvedEvent>(read)) {
      const events: RecordedEvent[] = []
      let beyond = false
      for (const { event } of page) {
        if (event === undefined) continue
        const place = portPosition(event.position)
        // Reads start inclusively.
        if (after !== null && comparePositions(place, after) <= 0) continue
        beyond = comparePositions(place, end) > 0
        if (beyond) break
        if (wanted.has(categoryOf(event.streamId))) events.push(recordedEvent(event))
        position = place
      }
      yield [events, position]
      if (beyond) return
    }
  }

  private async endOfLog(patience: Patience): Promise<Position | null> {
    let end: Position | null = null
    const reading = this.persevering(
      patience,
      async function* (this: Reader, client: EventStoreDBClient) {
        yield await this.lastPosition(client)
      }.bind(this),
    )
    for await (const position of reading) end = position
    return end
  }

  private async lastPosition(client: EventStoreDBClient): Promise<Position | null> {
    const read = client.readAll({ direction: BACKWARDS, fromPosition: END, maxCount: 1, requiresLeader: true })
    for await (const [last] of this.pages<AllStreamResolvedEvent>(read)) {
      if (last?.event !== undefined) return portPosition(last.event.position)
    }
    return null
  }

  /** Whole pages of a read; no progress for `readProgressMs` is a failure. */
  private async *pages<Item>(read: StreamingRead<unknown>): AsyncGenerator<Item[]> {
    const patience = { ms: this.options.limits.readProgressMs, then: 'fail' } as const
    yield* drain<Item>(read, {
      cancel: () => read.cancel(),
      pageMax: READ_PAGE_EVENTS,
      whole: true,
      patience: () => patience,
      signal: this.closing.signal,
    })
    this.refuseWhenClosed()
  }

  /**
   * Makes a read again that failed, from where `open` then stands: for a caller a few times at once, silence not a second
   * time; in the background until too long nothing came. `failed` says in the log that it is made again.
   */
  private async *persevering<T>(
    patience: Patience,
    open: (client: EventStoreDBClient) => AsyncGenerator<T>,
    failed = 'A read failed, reading on from where it was',
  ): AsyncGenerator<T> {
    const { limits, log } = this.options
    let since = performance.now()
    for (let failures = 0; ; failures++) {
      this.refuseWhenClosed()
      try {
        for await (const page of this.clients.call(open)) {
          failures = 0
          yield page
          since = performance.now()
        }
        return
      } catch (error) {
        const isOver =
          patience === 'caller'
            ? failures + 1 >= limits.readTriesMax ||
              error instanceof NoAnswer ||
              !mayPass(error) ||
              performance.now() - since > limits.readRetryMs
            : performance.now() - since > limits.backgroundReadMs || readFailure(error) instanceof EventStoreCorrupt
        if (isOver) throw readFailure(error)
        const tried = patience === 'caller' ? {} : { givenUpAfterMs: limits.backgroundReadMs }
        log.warn({ reason: describe(error), ...tried }, failed)
        await delay(backOffMs(limits, failures), undefined, { signal: this.closing.signal }).catch(() => undefined)
      }
    }
  }

  private refuseWhenClosed(): void {
    if (this.closing.signal.aborted) throw new EventStoreUnavailable('The event store is closed')
  }
}
