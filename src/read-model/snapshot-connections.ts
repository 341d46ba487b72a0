/**
 * Connections that rows are read through: so many at once and no more, opened when they are first needed. Whoever comes later
 * waits, in the order of coming, for a bounded time and only as long as somebody wants the answer. One that is opened and one
 * that somebody gives back serve alike: a server may grant fewer than there may be, and a pooler before it leave those that
 * are too many waiting without a word.
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

interface Asker<Connection> extends Waiter<Connection> {
  /** From 1, in the order they came. */
  readonly number: number
  readonly use: number
  /** It has waited as long as it may, and is told so once what is being opened is not for it either. */
  isLate: boolean
}

interface Opening {
  /** So many had come when it was begun. */
  readonly asked: number
  /** Begun before it was found that connections had been lost: it may wait for long. */
  isDoubtful: boolean
}

export class SnapshotConnections<Connection> {
  private readonly idle: Connection[] = []
  /** Those in use, with what for. */
  private readonly used = new Map<Connection, number>()
  private readonly opening = new Set<Opening>()
  private asked = 0
  /** In the order they came. */
  private readonly waiting = new Set<Asker<Connection>>()
  /** Why the last one could not be opened; null where it could. */
  private failure: Error | null = null
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
  ) {}

  /** @throws ReadModelBusy; what kept it from being opened; why the signal was aborted. */
  async acquire(signal: AbortSignal | undefined, use = 0): Promise<Connection> {
    const idle = this.mayUse(use) ? this.idle.pop() : undefined
    if (idle !== undefined) {
      this.unneeded = Math.min(this.unneeded, this.idle.length)
      this.used.set(idle, use)
      return idle
    }
    if (this.waiting.size >= SNAPSHOTS_WAITING_MAX)
      throw new ReadModelBusy('Too many reads are waiting for others to end.')
    return waitFor<Connection>(
      (waiter) => {
        const asker = { ...waiter, number: ++this.asked, use, isLate: false }
        const timer = setTimeout(() => this.tooLate(asker), this.waitMs)
        this.waiting.add(asker)
        this.openMore()
        return () => {
          clearTimeout(timer)
          this.waiting.delete(asker)
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

  private mayUse(use: number): boolean {
    const others = this.most.length - 1
    return this.usedFor(use) < Math.min(this.most[use] as number, Math.max(1, this.there - others))
  }

  /** To the first who may have one. */
  private give(connection: Connection): void {
    this.idle.push(connection)
    this.leave()
    for (const { use, resolve } of this.waiting) {
      if (this.idle.length === 0) break
      const next = this.mayUse(use) ? this.idle.pop() : undefined
      if (next === undefined) continue
      this.used.set(next, use)
      resolve(next)
    }
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
    const most = this.most.reduce((sum, each) => sum + each, 0)
    if (this.there + this.opening.size >= most) return
    const wanted = this.most.reduce((sum, each, use) => {
      const asking = [...this.waiting].filter((asker) => asker.use === use).length
      return sum + Math.min(asking, each - this.usedFor(use))
    }, 0)
    const [first] = this.waiting
    // Where none are there, who comes in the middle of an opening may find the server when that one does not.
    const counts = ({ asked, isDoubtful }: Opening): boolean =>
      !isDoubtful && (this.there > 0 || asked >= (first?.number ?? 0))
    let missing = (this.there > 0 ? Math.min(wanted, 1) : wanted) - [...this.opening].filter(counts).length
    for (; missing > 0 && this.there + this.opening.size < most; missing--) void this.openOne()
  }

  private async openOne(): Promise<void> {
    const { asked } = this
    const opening = { asked, isDoubtful: false }
    this.opening.add(opening)
    try {
      // Also of a failure at once whoever has just come is told afterwards.
      const connection = await (async () => this.maker.open())()
      this.opening.delete(opening)
      this.failure = null
      this.isLeaving = false
      this.give(connection)
      // Where it is kept for another use.
      this.openMore()
      // Not for them.
      if (this.opening.size === 0) this.refuse(({ isLate }) => isLate)
    } catch (error) {
      this.opening.delete(opening)
      this.failure = error as Error
      this.refuse(({ isLate }) => isLate)
      if (performance.now() - this.leftAt >= LEAVE_EVERY_MS) {
        this.leftAt = performance.now()
        this.isLeaving = true
        this.leave()
      }
      // While there are others one of those is waited for. What failed says nothing to who came in the middle of it.
      if (this.there + this.opening.size > 0) return
      this.refuse(({ number }) => number <= asked)
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

  private tooLate(asker: Asker<Connection>): void {
    asker.isLate = true
    if (this.opening.size === 0) this.refuse((each) => each === asker)
  }

  private refuse(isMeant: (asker: Asker<Connection>) => boolean): void {
    const { failure, waitMs } = this
    for (const asker of this.waiting)
      if (isMeant(asker))
        asker.reject(failure ?? new ReadModelBusy(`Other reads kept this one waiting for ${waitMs} ms.`))
  }
}
