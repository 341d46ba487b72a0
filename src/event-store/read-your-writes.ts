/**
 * Knows how far the projections are, and what this process acknowledged: a read waits until it can see every write that
 * was answered before it. Design §5.
 */
import type { LedgerName } from '../domain/ledger.js'
import { waitFor, type Waiter } from '../waiting.js'
import type { EventStore, Position } from './event-store.js'

/** What the projector says after each batch. */
export interface Progress {
  /** Everything up to here is in the rows. */
  readonly position: Position | null
  /** Usage events up to there. */
  readonly sequence: number
  readonly caughtUp: boolean
  /** Streams that changed, but for those of usage: what is remembered of them is old. */
  readonly changedStreams: readonly string[]
  /** Ledgers whose usage changed. */
  readonly usageLedgers: readonly LedgerName[]
}

/** Reads that may wait at once; beyond it they are refused rather than queued. */
export const WAITING_READS_MAX = 10_000
/** Of one ledger: a position that is far ahead, asked for over and over, leaves the others their places. */
export const WAITING_READS_OF_LEDGER_MAX = 2_500

/** For whom something waits. */
export interface Asker {
  readonly ledger: LedgerName
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal
}

/** The projections did not get there in time. The read may be tried again. */
export class ReadModelBehind extends Error {
  override readonly name = 'ReadModelBehind'
}

interface Waiting extends Waiter<void> {
  readonly target: Position
}

export class ReadYourWrites {
  private reached: Position | null = null
  private reachedSequence = 0
  private acknowledged: Position | null = null
  private acknowledgedMeters: Position | null = null
  /** Something acknowledged that is not projected yet, and since when; null where everything is. */
  private missing: { readonly position: Position; readonly since: number } | null = null
  private advancedAt = 0
  private caughtUpOnce = false
  private stoppedBy: string | null = null
  private readonly waiting = new Set<Waiting>()
  private readonly waitingForStart = new Set<Waiter<void>>()
  /** Of those, how many are of each ledger; none is 0. */
  private readonly waitingOf = new Map<LedgerName, number>()
  private readonly listeners: ((progress: Progress) => void)[] = []
  private readonly waitingListeners: (() => void)[] = []
  /** Whether it was said since the last progress that somebody waits. */
  private isWaitingSaid = false

  constructor(
    private readonly store: EventStore,
    private readonly timeoutMs: number,
  ) {}

  /** The position everything is projected up to. */
  get position(): Position | null {
    return this.reached
  }

  /** Usage events up to there. */
  get sequence(): number {
    return this.reachedSequence
  }

  /** Whether the projections have been at the end of the log since the start, and still run. */
  get isReady(): boolean {
    return this.caughtUpOnce && this.stoppedBy === null
  }

  /** How long something acknowledged has not been projected, in milliseconds; 0 where everything is. */
  get behindMs(): number {
    return this.missing === null ? 0 : performance.now() - this.missing.since
  }

  /** As `behindMs`, as far as nothing else was projected meanwhile either. */
  get standsStillMs(): number {
    return Math.min(this.behindMs, performance.now() - this.advancedAt)
  }

  /** Why the projections stopped; null while they run. */
  get stopped(): string | null {
    return this.stoppedBy
  }

  onProgress(listener: (progress: Progress) => void): void {
    this.listeners.push(listener)
  }

  /** Called when somebody begins to wait, and after each progress that was not enough for all; once for many. */
  onWaiting(listener: () => void): void {
    this.waitingListeners.push(listener)
  }

  /** Of the last write that was answered. */
  get lastAcknowledged(): Position | null {
    return this.acknowledged
  }

  /** A write was answered with this position. */
  acknowledge(position: Position): void {
    this.acknowledged = later(this.store, this.acknowledged, position)
    if (this.missing === null) this.lookForMissing()
  }

  /** As `acknowledge`, of a write that changed a meter. */
  acknowledgeMeter(position: Position): void {
    this.acknowledge(position)
    this.acknowledgedMeters = later(this.store, this.acknowledgedMeters, position)
  }

  advance(progress: Progress): void {
    const { position, caughtUp } = progress
    if (position !== null && (this.reached === null || this.isAfter(position, this.reached))) {
      this.reached = position
      this.reachedSequence = progress.sequence
      this.advancedAt = performance.now()
      if (this.missing !== null && this.has(this.missing.position)) this.lookForMissing()
    }
    if (caughtUp && !this.caughtUpOnce) {
      this.caughtUpOnce = true
      for (const { resolve } of this.waitingForStart) resolve()
    }
    for (const listener of this.listeners) listener(progress)
    for (const { target, resolve } of this.waiting) if (this.has(target)) resolve()
    this.isWaitingSaid = false
    if (this.waiting.size > 0) this.sayWaiting()
  }

  private lookForMissing(): void {
    const { acknowledged } = this
    const isMissing = acknowledged !== null && !this.has(acknowledged)
    this.missing = isMissing ? { position: acknowledged, since: performance.now() } : null
  }

  private sayWaiting(): void {
    if (this.isWaitingSaid) return
    this.isWaitingSaid = true
    for (const listener of this.waitingListeners) listener()
  }

  stop(message: string): void {
    // The first reason is the cause; that the thread ended is only what followed.
    this.stoppedBy ??= message
    const error = this.stoppedError()
    for (const { reject } of this.waiting) reject(error)
    for (const { reject } of this.waitingForStart) reject(error)
  }

  /**
   * Resolves when reads see everything this process acknowledged, and `atLeast` if given.
   *
   * @throws ReadModelBehind when that takes longer than the limit; why the asker's signal was aborted.
   */
  async settled(atLeast: Position | null = null, asker?: Asker): Promise<void> {
    if (!this.caughtUpOnce) await this.started(asker)
    const target = later(this.store, this.acknowledged, atLeast)
    if (target !== null) await this.projected(target, asker)
  }

  /**
   * As `settled`, for who knows what usage this process acknowledged without the rows: resolves when those of meters are up
   * to date, and everything up to `atLeast` if this process did not write that itself.
   *
   * @throws ReadModelBehind when that takes longer than the limit; why the asker's signal was aborted.
   */
  async metersSettled(atLeast: Position | null, asker?: Asker): Promise<void> {
    if (!this.caughtUpOnce) await this.started(asker)
    if (this.acknowledgedMeters !== null) await this.projected(this.acknowledgedMeters, asker)
    const isOwn = atLeast === null || (this.acknowledged !== null && !this.isAfter(atLeast, this.acknowledged))
    if (!isOwn) await this.projected(atLeast, asker)
  }

  /**
   * Resolves when everything up to the position is in the rows.
   *
   * @throws ReadModelBehind when that takes longer than the limit; why the asker's signal was aborted.
   */
  async projected(target: Position, asker?: Asker): Promise<void> {
    if (this.has(target)) return
    this.requireRunning()
    await this.wait(asker, (waiter) => {
      const entry = { target, ...waiter }
      this.waiting.add(entry)
      this.sayWaiting()
      return () => this.waiting.delete(entry)
    })
  }

  /**
   * Resolves when the projections have caught up once since the start.
   *
   * @throws ReadModelBehind also once they stopped: nothing may be taken on that is never projected; why the asker's signal
   * was aborted.
   */
  async started(asker?: Asker): Promise<void> {
    this.requireRunning()
    if (this.caughtUpOnce) return
    await this.wait(asker, (waiter) => {
      this.waitingForStart.add(waiter)
      return () => this.waitingForStart.delete(waiter)
    })
  }

  /** @throws ReadModelBehind once the projections stopped. */
  requireRunning(): void {
    if (this.stoppedBy !== null) throw this.stoppedError()
  }

  has(position: Position): boolean {
    return this.reached !== null && !this.isAfter(position, this.reached)
  }

  private async wait(asker: Asker | undefined, enter: (waiter: Waiter<void>) => () => void): Promise<void> {
    const isFull = this.waiting.size + this.waitingForStart.size >= WAITING_READS_MAX
    if (isFull || (asker && (this.waitingOf.get(asker.ledger) ?? 0) >= WAITING_READS_OF_LEDGER_MAX)) {
      throw new ReadModelBehind('Too many requests are waiting for the read model.')
    }
    const { timeoutMs } = this
    const late = (): Error => new ReadModelBehind(`The read model was not up to date within ${timeoutMs} ms.`)
    await waitFor<void>(
      (waiter) => {
        const leave = enter(waiter)
        if (asker) this.count(asker.ledger, 1)
        return () => {
          leave()
          if (asker) this.count(asker.ledger, -1)
        }
      },
      { signal: asker?.signal, limit: { ms: timeoutMs, error: late } },
    )
  }

  private count(ledger: LedgerName, change: number): void {
    const count = (this.waitingOf.get(ledger) ?? 0) + change
    if (count === 0) this.waitingOf.delete(ledger)
    else this.waitingOf.set(ledger, count)
  }

  private stoppedError(): ReadModelBehind {
    // Why they did may name what other ledgers have.
    return new ReadModelBehind('The projections stopped, so this cannot be answered. The log of the service says why.')
  }

  private isAfter(position: Position, other: Position): boolean {
    return this.store.comparePositions(position, other) > 0
  }
}

export function later(store: EventStore, left: Position | null, right: Position | null): Position | null {
  if (left === null || right === null) return left ?? right
  return store.comparePositions(left, right) >= 0 ? left : right
}
