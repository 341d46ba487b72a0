/**
 * Connections that rows are read through: so many at once and no more, opened when they are first needed. Whoever comes later
 * waits, in the order of coming, for a bounded time and only as long as somebody wants the answer: who has waited so long waits
 * on for nothing but those that are being opened by then. One that is opened and one that somebody gives back serve alike: a server may
 * grant fewer than there may be, and a pooler before it leave those that are too many waiting without a word.
 *
 * Several uses may share them, each with a bound of its own; each leaves the others one as soon as there are several.
 */
import { waitFor, type Waiter } from '../waiting.js'
import { ReadModelBusy } from './read-model.js'

/** Snapshots open at once; more wait for one to end, but only so many and so long. */
export const SNAPSHOTS_MAX = 8
const SNAPSHOTS_WAITING_MAX = 10_000
export const SNAPSHOT_WAIT_MS = 10_000
/** Where none are left to be had. */
const LEAVE_EVERY_MS = 10_000

export interface ConnectionMaker<Connection> {
  open(): Connection | Promise<Connection>
  close(connection: Connection): void | Promise<void>
}

/** Moments are counted: what happened later has a higher one. */
interface Asker<Connection> extends Waiter<Connection> {
  readonly use: number
  readonly came: number
  /** When it had waited as long as it may. */
  late: number
}

interface Opening {
  readonly begun: number
  /** Begun before it was found that connections had been lost: it may wait for long. */
  isDoubtful: boolean
}

export class SnapshotConnections<Connection> {
  private readonly idle: Connection[] = []
  /** Those in use, with what for. */
  private readonly used = new Map<Connection, number>()
  /** In the order they were begun. */
  private readonly opening = new Set<Opening>()
  /** For each use, in the order they came. */
  private readonly waiting: readonly Set<Asker<Connection>>[]
  private moment = 0
  /** Why the last one could not be opened, and when that was seen; null where it could. */
  private failure: { readonly error: Error; readonly at: number } | null = null
  private closed = false
  /** When one was last left to others. */
  private leftAt = Number.NEGATIVE_INFINITY
  private isLeaving = false
  /** So many nobody needed since that was last looked at. */
  private unneeded = 0
  private looking: NodeJS.Timeout | undefined

  constructor(
    private readonly maker: ConnectionMaker<Connection>,
    private readonly waitMs = SNAPSHOT_WAIT_MS,
    /** Of each use, by its number. */
    private readonly most: readonly number[] = [SNAPSHOTS_MAX],
    /** Those that nobody needed for so long are closed; null: they are kept. */
    private readonly unneededMs: number | null = null,
  ) {
    this.waiting = most.map(() => new Set())
  }

  /** @throws ReadModelBusy; what kept it from being opened; why the signal was aborted. */
  async acquire(signal: AbortSignal | undefined, use = 0): Promise<Connection> {
    const idle = this.take(use)
    if (idle !== undefined) return idle
    const queue = this.waiting[use] as Set<Asker<Connection>>
    if (sum(this.waiting.map(({ size }) => size)) >= SNAPSHOTS_WAITING_MAX)
      throw new ReadModelBusy('Too many reads are waiting for others to end.')
    return waitFor<Connection>(
      (waiter) => {
        const asker = { ...waiter, use, came: ++this.moment, late: Number.POSITIVE_INFINITY }
        const timer = setTimeout(() => this.tooLate(asker), this.waitMs)
        queue.add(asker)
        this.openMore()
        return () => {
          clearTimeout(timer)
          queue.delete(asker)
        }
      },
      { signal, limit: null },
    )
  }

  release(connection: Connection): void {
    this.used.delete(connection)
    this.give(connection)
  }

  /** Instead of `release`, of one that is of no use any more: whoever waits gets another. */
  discard(connection: Connection): void {
    this.used.delete(connection)
    void this.maker.close(connection)
    // Its use may have one now that is idle for another.
    this.serve()
    this.openMore()
  }

  /** They are of no use any more. */
  discardIdle(): void {
    for (const idle of this.idle.splice(0)) void this.maker.close(idle)
    for (const opening of this.opening) opening.isDoubtful = true
    this.openMore()
  }

  /** Those in use are closed when they are given back. */
  async close(): Promise<void> {
    this.closed = true
    clearInterval(this.looking)
    for (let connection = this.idle.pop(); connection; connection = this.idle.pop()) await this.maker.close(connection)
  }

  /** Idle ones included. */
  private get there(): number {
    return this.idle.length + this.used.size
  }

  private usedFor(use: number): number {
    let count = 0
    for (const its of this.used.values()) if (its === use) count++
    return count
  }

  private mayUse(use: number, there = this.there): boolean {
    const others = this.most.length - 1
    return this.usedFor(use) < Math.min(this.most[use] as number, Math.max(1, there - others))
  }

  private take(use: number): Connection | undefined {
    const idle = this.mayUse(use) ? this.idle.pop() : undefined
    if (idle === undefined) return undefined
    this.unneeded = Math.min(this.unneeded, this.idle.length)
    this.used.set(idle, use)
    return idle
  }

  /** Who came first, of all uses or of those that are meant. */
  private first(isMeant: (use: number) => boolean = () => true): Asker<Connection> | undefined {
    let first: Asker<Connection> | undefined
    for (const [asker] of this.waiting)
      if (asker && isMeant(asker.use) && (!first || asker.came < first.came)) first = asker
    return first
  }

  /** So that nobody waits while one is idle that he may have. */
  private serve(): void {
    while (this.idle.length > 0) {
      const asker = this.first((use) => this.mayUse(use))
      if (!asker) return
      asker.resolve(this.take(asker.use) as Connection)
    }
  }

  private give(connection: Connection): void {
    this.idle.push(connection)
    this.leave()
    this.serve()
    if (this.closed) for (const idle of this.idle.splice(0)) void this.maker.close(idle)
    else if (this.unneededMs !== null && this.idle.length > 0)
      this.looking ??= setInterval(() => this.closeUnneeded(), this.unneededMs).unref()
  }

  /** They would be kept from others, who may have none where a server grants few. */
  private closeUnneeded(): void {
    for (const idle of this.idle.splice(0, Math.min(this.unneeded, this.idle.length))) void this.maker.close(idle)
    this.unneeded = this.idle.length
  }

  /**
   * One for each who waits and may have one. One that is being opened takes up its place, however long that takes. Where there are some it
   * is one at a time: those that wait for room would all be before who has none at all.
   */
  private openMore(): void {
    const most = sum(this.most)
    if (this.there + this.opening.size >= most) return
    const wanted = sum(
      this.waiting.map(({ size }, use) => Math.min(size, (this.most[use] as number) - this.usedFor(use))),
    )
    const first = this.first()
    // Where none are there, who comes in the middle of an opening may find the server when that one does not.
    const counts = ({ begun, isDoubtful }: Opening): boolean =>
      !isDoubtful && (this.there > 0 || begun > (first?.came ?? 0))
    let missing = (this.there > 0 ? Math.min(wanted, 1) : wanted) - [...this.opening].filter(counts).length
    for (; missing > 0 && this.there + this.opening.size < most; missing--) void this.openOne()
  }

  private async openOne(): Promise<void> {
    const opening = { begun: ++this.moment, isDoubtful: false }
    this.opening.add(opening)
    try {
      // Also of a failure at once whoever has just come is told afterwards.
      const connection = await (async () => this.maker.open())()
      this.opening.delete(opening)
      this.failure = null
      this.isLeaving = false
      this.give(connection)
      this.refuseLate()
      // Where it is kept for another use.
      this.openMore()
    } catch (error) {
      this.opening.delete(opening)
      this.failure = { error: error as Error, at: ++this.moment }
      this.refuseLate()
      if (performance.now() - this.leftAt >= LEAVE_EVERY_MS) {
        this.leftAt = performance.now()
        this.isLeaving = true
        this.leave()
      }
      // While there are others one of those is waited for. What failed says nothing to who came in the middle of it.
      if (this.there + this.opening.size > 0) return
      this.refuseWhile(({ came }) => came < opening.begun)
      this.openMore()
    }
  }

  /**
   * Where there are no more to be had others may need one that have none at all, whoever writes for instance: they get one that is here,
   * as long as there is one for each use.
   */
  private leave(): void {
    if (!this.isLeaving || this.there <= this.most.length) return
    const idle = this.idle.pop()
    if (idle === undefined) return
    this.isLeaving = false
    void this.maker.close(idle)
  }

  /** It waits on where one that is being opened may be for it. */
  private tooLate(asker: Asker<Connection>): void {
    asker.late = ++this.moment
    const mayComeYet = this.opening.size > 0 && this.mayUse(asker.use, this.there + this.opening.size)
    if (!mayComeYet) this.refuse(asker)
  }

  /** Those that waited on, once what was being opened then was for others or could not be opened. */
  private refuseLate(): void {
    const [oldest] = this.opening
    const begun = oldest?.begun ?? Number.POSITIVE_INFINITY
    this.refuseWhile(({ late }) => late < begun)
  }

  /** Who came first is late first, too. */
  private refuseWhile(isMeant: (asker: Asker<Connection>) => boolean): void {
    for (const queue of this.waiting)
      for (const asker of queue) {
        if (!isMeant(asker)) break
        this.refuse(asker)
      }
  }

  /** Why one could not be opened is told whom that kept from having one: it waited by then, and its use has not all it may have. */
  private refuse({ use, came, reject }: Asker<Connection>): void {
    const { failure, waitMs } = this
    const isBusy = failure === null || failure.at < came || this.usedFor(use) >= (this.most[use] as number)
    reject(isBusy ? new ReadModelBusy(`Other reads kept this one waiting for ${waitMs} ms.`) : failure.error)
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0)
}
