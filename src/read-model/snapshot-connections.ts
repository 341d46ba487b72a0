/**
 * Connections that snapshots are read from: so many at once and no more, opened when they are first needed. Whoever comes
 * later waits, in the order of coming, for a bounded time and only as long as somebody wants the answer.
 */
import { waitFor, type Waiter } from '../waiting.js'
import { ReadModelBusy } from './read-model.js'

/** Snapshots open at once; more wait for one to end, but only so many and so long. */
export const SNAPSHOTS_MAX = 8
const SNAPSHOTS_WAITING_MAX = 10_000
export const SNAPSHOT_WAIT_MS = 10_000

export interface ConnectionMaker<Connection> {
  open(): Connection | Promise<Connection>
  close(connection: Connection): void | Promise<void>
}

export class SnapshotConnections<Connection> {
  private readonly idle: Connection[] = []
  /** Connections there are or are being opened, idle ones included. */
  private open = 0
  /** In the order they came. */
  private readonly waiting = new Set<Waiter<Connection>>()
  private closed = false

  constructor(
    private readonly maker: ConnectionMaker<Connection>,
    private readonly waitMs = SNAPSHOT_WAIT_MS,
    private readonly most = SNAPSHOTS_MAX,
  ) {}

  /** @throws ReadModelBusy; what kept it from being opened; why the signal was aborted. */
  async acquire(signal: AbortSignal | undefined): Promise<Connection> {
    const idle = this.idle.pop()
    if (idle) return idle
    if (this.open >= this.most) return this.released(signal)
    try {
      return await this.opened()
    } catch (error) {
      // Fewer than there may be are all that can be had: one of those will do.
      const other = this.idle.pop()
      if (other) return other
      if (this.open === 0) throw error
      return this.released(signal, error as Error)
    }
  }

  release(connection: Connection): void {
    const [next] = this.waiting
    if (next) next.resolve(connection)
    else if (this.closed) void this.maker.close(connection)
    else this.idle.push(connection)
  }

  /** Instead of `release`, of one that is of no use any more: whoever waits gets another. */
  discard(connection: Connection): void {
    void this.maker.close(connection)
    this.giveUpPlace()
  }

  /** They are of no use any more. */
  discardIdle(): void {
    for (let idle = this.idle.pop(); idle; idle = this.idle.pop()) this.discard(idle)
  }

  /** Those in use are closed when they are given back. */
  async close(): Promise<void> {
    this.closed = true
    for (let connection = this.idle.pop(); connection; connection = this.idle.pop()) await this.maker.close(connection)
  }

  private async opened(): Promise<Connection> {
    this.open++
    try {
      return await this.maker.open()
    } catch (error) {
      this.giveUpPlace()
      throw error
    }
  }

  /** Nobody would ever give back the place of a connection that is not there. */
  private giveUpPlace(): void {
    this.open--
    if (this.waiting.size > 0) void this.openForNext()
  }

  private async openForNext(): Promise<void> {
    this.open++
    try {
      // Whoever waited when it was begun may be gone by now.
      this.release(await this.maker.open())
    } catch (error) {
      // While there are others one of those is waited for.
      if (this.open > 1) {
        this.open--
        return
      }
      const [next] = this.waiting
      next?.reject(error as Error)
      this.giveUpPlace()
    }
  }

  /** The next connection that somebody gives back. `failure`: why there is not another one. */
  private released(signal: AbortSignal | undefined, failure?: Error): Promise<Connection> {
    if (this.waiting.size >= SNAPSHOTS_WAITING_MAX)
      throw new ReadModelBusy('Too many reads are waiting for others to end.')
    const ms = this.waitMs
    const late = (): Error => failure ?? new ReadModelBusy(`Other reads kept this one waiting for ${ms} ms.`)
    return waitFor<Connection>(
      (waiter) => {
        this.waiting.add(waiter)
        return () => this.waiting.delete(waiter)
      },
      { signal, limit: { ms, error: late } },
    )
  }
}
