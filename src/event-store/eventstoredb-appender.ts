/**
 * Appends through the one appending client of the store, and settles them.
 *
 * An append whose outcome is unknown is sent again unchanged (same ids, same revision), which the server recognises,
 * until it settles or its time is over; one that is denied for a moment too. Appends to one stream go one after the other. While the server answers none,
 * those under way find out when it does again and others are refused at once. The client is replaced when it may be
 * poisoned; the next one starts when the last is disposed of, for all clients share one table of appends.
 */
import type { EventStoreDBClient, Position as ClientPosition } from '@eventstore/db-client'
import { setMaxListeners } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { askCapabilities, dispose, probe, within, type Connect } from './eventstoredb-client.js'
import { clientEvent, clientRevision, isPlace, portPosition, portRevision } from './eventstoredb-codec.js'
import {
  APPENDING_DENIED,
  appendFailure,
  describe,
  poisons,
  type AppendFailure,
  type Denied,
} from './eventstoredb-errors.js'
import { guardLateReplies, noteTold } from './eventstoredb-late-reply-guard.js'
import {
  APPEND_BYTES_MAX,
  APPEND_DEADLINE_MS,
  backOffMs,
  type EventStoreDbLimits,
  type EventStoreDbLog,
} from './eventstoredb-limits.js'
import { Turns } from './eventstoredb-turns.js'
import { APPEND_EVENTS_MAX, type AppendOutcome, type StreamAppend } from './event-store.js'

/** One client and what is known of its health. */
interface Lease {
  readonly client: EventStoreDBClient
  unknownOutcomes: number
  retired: boolean
}

type Tried = AppendOutcome | Denied
type Sent = { readonly revision: number; readonly position: ClientPosition | undefined }

/** Finds the position of an event that the server acknowledged without one. */
export type FindPosition = (stream: string, revision: number) => Promise<AppendOutcome>

export interface AppenderOptions {
  readonly connect: Connect
  readonly limits: EventStoreDbLimits
  readonly log: EventStoreDbLog
  readonly findPosition: FindPosition
}

export class Appender {
  private lease: Promise<Lease> | undefined
  /** The disposal of the client before. */
  private disposed: Promise<void> = Promise.resolve()
  private readonly turns: Turns
  /** Appends being settled. */
  private settling = 0
  /** Since when none has settled though some were tried; null while they do. */
  private silentSince: number | null = null
  private lastGivenUpAt = 0
  /** Whose last append did not settle. What comes on them goes through: it settles that one, or finds out about it. */
  private readonly unsettled = new Set<string>()
  /** Streams whose last append was denied, and when. */
  private readonly denied = new Map<string, number>()
  private readonly underWay = new Set<Promise<AppendOutcome>>()
  private readonly closing = new AbortController()
  private readonly unguard: () => void

  constructor(private readonly options: AppenderOptions) {
    const { appendsInFlightMax, appendBytesInFlightMax, appendQueueMs } = options.limits
    this.turns = new Turns({
      appendsMax: appendsInFlightMax,
      bytesMax: appendBytesInFlightMax,
      waitMsMax: appendQueueMs,
    })
    // Every append that waits to be sent again listens.
    setMaxListeners(0, this.closing.signal)
    this.unguard = guardLateReplies((error) => {
      options.log.warn({ reason: describe(error) }, 'A reply came for an append already given up; replacing the client')
      void this.lease?.then((lease) => this.retire(lease)).catch(() => undefined)
    })
  }

  append(append: StreamAppend): Promise<AppendOutcome> {
    const size = sizeOf(append)
    if (typeof size === 'string') return Promise.resolve({ status: 'rejected', message: size })
    if (this.closing.signal.aborted) return Promise.resolve(closed)
    if (this.isRefused(append.stream)) return Promise.resolve(silent)
    const outcome = this.inTurn(append, size)
    this.underWay.add(outcome)
    void outcome.finally(() => this.underWay.delete(outcome))
    return outcome
  }

  /** Whether appends are denied: one was of late, and its stream took none since. */
  get isDenied(): boolean {
    const since = performance.now() - this.options.limits.deniedToldMs
    return [...this.denied.values()].some((at) => at > since)
  }

  /** Lets what is under way settle, for `closeMs` at most; what has not by then is `unknown`. */
  async close(): Promise<void> {
    const { closeMs, disposeMs } = this.options.limits
    this.turns.close()
    await Promise.race([Promise.all(this.underWay), delay(closeMs, undefined, { ref: false })])
    this.closing.abort()
    const lease = await this.lease?.catch(() => undefined)
    if (lease) this.retire(lease)
    await Promise.all(this.underWay)
    await Promise.race([this.disposed, delay(disposeMs, undefined, { ref: false })])
    this.unguard()
  }

  private async inTurn(append: StreamAppend, bytes: number): Promise<AppendOutcome> {
    const release = await this.turns.take(append.stream, bytes)
    if (release === 'closed') return closed
    if (release === 'late') return { status: 'unavailable', message: 'Too many appends are waiting' }
    try {
      return await this.settle(append)
    } finally {
      release()
    }
  }

  private isRefused(stream: string): boolean {
    if (this.silentSince === null || this.settling === 0 || this.unsettled.has(stream)) return false
    return performance.now() - this.silentSince > this.options.limits.refuseAfterMs
  }

  private async settle(append: StreamAppend): Promise<AppendOutcome> {
    const isKnown = performance.now() - this.lastGivenUpAt <= this.options.limits.refuseAfterMs
    // What was found out longer ago says nothing about now.
    if (this.silentSince === null || (this.settling === 0 && !isKnown)) this.silentSince = performance.now()
    this.settling++
    const outcome = await this.untilSettled(append)
    this.settling--
    if (outcome.status === 'denied') {
      // An answer all the same: nobody else is refused for it.
      this.silentSince = this.settling === 0 ? null : performance.now()
      return { status: 'unavailable', message: outcome.message }
    }
    if (outcome.status === 'unknown' || outcome.status === 'unavailable') {
      this.unsettled.add(append.stream)
      this.lastGivenUpAt = performance.now()
    } else {
      this.unsettled.delete(append.stream)
      this.denied.delete(append.stream)
      this.silentSince = this.settling === 0 ? null : performance.now()
    }
    return outcome
  }

  private async untilSettled(append: StreamAppend): Promise<Tried> {
    const { limits, log } = this.options
    const since = performance.now()
    let mayBeWritten = false
    for (let attempt = 0; ; attempt++) {
      let isSent = false
      const outcome = await this.attempt(append, () => (isSent = true))
      if (outcome.status !== 'unknown' && outcome.status !== 'denied') return outcome
      const { message } = outcome
      if (outcome.status === 'denied') this.noteDenied(append.stream)
      else mayBeWritten ||= isSent
      const isNowhere = outcome.status === 'denied' && !mayBeWritten
      const pause = backOffMs(limits, attempt)
      const patienceMs = isNowhere ? limits.appendDeniedMs : limits.appendTotalMs
      if (this.closing.signal.aborted || performance.now() - since + pause > patienceMs) {
        if (isNowhere) return outcome
        log.error({ stream: append.stream, attempts: attempt + 1, reason: message }, 'An append did not settle')
        // Where every try failed before it was handed to a client, it is nowhere either.
        return { status: mayBeWritten ? 'unknown' : 'unavailable', message }
      }
      if (outcome.status === 'unknown') {
        log.warn({ stream: append.stream, attempt: attempt + 1, reason: message }, 'Outcome unknown, sending again')
      }
      await delay(pause, undefined, { signal: this.closing.signal }).catch(() => undefined)
    }
  }

  /** Told once, until the stream takes an append again. */
  private noteDenied(stream: string): void {
    if (!this.denied.has(stream)) this.options.log.error({ stream, right: 'write' }, APPENDING_DENIED)
    this.denied.set(stream, performance.now())
  }

  private async attempt(append: StreamAppend, onSent: () => void): Promise<Tried> {
    let lease: Lease
    try {
      lease = await this.currentLease()
    } catch (error) {
      return { status: 'unknown', message: describe(error) }
    }
    if (this.closing.signal.aborted) return { status: 'unknown', message: 'closing' }
    onSent()
    let sent: Sent
    try {
      sent = await this.send(lease.client, append)
    } catch (error) {
      noteTold(error)
      return this.failed(lease, error)
    }
    lease.unknownOutcomes = 0
    const { revision, position } = sent
    return isPlace(position)
      ? { status: 'appended', revision, position: portPosition(position) }
      : this.options.findPosition(append.stream, revision)
  }

  private async send(client: EventStoreDBClient, { stream, expectedRevision, events }: StreamAppend): Promise<Sent> {
    const pending = client.appendToStream(stream, events.map(clientEvent), {
      expectedRevision: clientRevision(expectedRevision),
      requiresLeader: true,
      deadline: APPEND_DEADLINE_MS,
    })
    // Also when nobody waits any more.
    pending.catch(noteTold)
    const result = await within(this.options.limits.appendTryMs, 'an append', pending)
    return { revision: portRevision(result.nextExpectedRevision), position: result.position }
  }

  private failed(lease: Lease, error: unknown): AppendFailure {
    const failure = appendFailure(error)
    if (failure.status !== 'unknown') {
      // The client works; the server only said no.
      lease.unknownOutcomes = 0
      return failure
    }
    lease.unknownOutcomes++
    if (poisons(error) || lease.unknownOutcomes >= this.options.limits.unknownOutcomesMax) this.retire(lease)
    return failure
  }

  private currentLease(): Promise<Lease> {
    this.lease ??= this.newLease()
    return this.lease
  }

  private async newLease(): Promise<Lease> {
    await this.disposed
    const { connect, limits } = this.options
    let client: EventStoreDBClient | undefined
    try {
      client = connect()
      await probe(client, limits.appendTryMs)
      await askCapabilities(client, limits.appendTryMs)
      return { client, unknownOutcomes: 0, retired: false }
    } catch (error) {
      this.lease = undefined
      if (client) this.disposed = dispose(client, limits.disposeMs)
      throw error
    }
  }

  /** Takes a client out of use, once; the appends it still had under way fail and are sent again on the next. */
  private retire(lease: Lease): void {
    if (lease.retired) return
    lease.retired = true
    this.lease = undefined
    if (!this.closing.signal.aborted) this.options.log.warn({}, 'Replacing the appending client')
    this.disposed = dispose(lease.client, this.options.limits.disposeMs)
  }
}

const closed: AppendOutcome = { status: 'unavailable', message: 'The event store is closed' }
const silent: AppendOutcome = { status: 'unavailable', message: 'The event store answers no appends just now' }

/**
 * The bytes of an append, or why it must not reach the client: a wrong expected revision, or data that is no JSON,
 * ends the stream of all appends under way, and an empty append means nothing.
 */
function sizeOf({ stream, expectedRevision, events }: StreamAppend): number | string {
  if (stream === '') return 'A stream needs a name'
  if (!Number.isSafeInteger(expectedRevision) || expectedRevision < 0) return 'An expected revision counts events'
  if (events.length === 0) return 'An append needs events'
  if (events.length > APPEND_EVENTS_MAX) return `An append takes at most ${APPEND_EVENTS_MAX} events`
  let bytes = 0
  try {
    for (const { data, metadata } of events) {
      bytes += Buffer.byteLength(JSON.stringify(data)) + Buffer.byteLength(JSON.stringify(metadata))
    }
  } catch (error) {
    return `An event is no JSON: ${describe(error)}`
  }
  return bytes > APPEND_BYTES_MAX ? `An append takes at most ${APPEND_BYTES_MAX} bytes` : bytes
}
