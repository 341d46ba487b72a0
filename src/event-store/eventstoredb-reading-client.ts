/**
 * The client that reads, apart from the one that appends: throwing an appending client away must not end a
 * subscription. A client that stopped answering gets no new calls, and is disposed of when its last call is over.
 */
import type { EventStoreDBClient } from '@eventstore/db-client'
import { dispose, type Connect } from './eventstoredb-client.js'
import { poisons } from './eventstoredb-errors.js'
import type { EventStoreDbLimits } from './eventstoredb-limits.js'

interface Shared {
  readonly client: EventStoreDBClient
  calls: number
  stale: boolean
}

export class ReadingClient {
  private current: Shared | undefined
  private readonly disposals = new Set<Promise<void>>()

  constructor(
    private readonly connect: Connect,
    private readonly limits: EventStoreDbLimits,
  ) {}

  /** Gives the client to one call, which ends with the generator. */
  async *call<T>(use: (client: EventStoreDBClient) => AsyncGenerator<T>): AsyncGenerator<T> {
    const shared = (this.current ??= { client: this.connect(), calls: 0, stale: false })
    shared.calls++
    try {
      yield* use(shared.client)
    } catch (error) {
      if (poisons(error)) this.abandon(shared)
      throw error
    } finally {
      shared.calls--
      this.disposeIfDone(shared)
    }
  }

  /** Further calls get another one; those under way keep theirs. */
  renew(): void {
    const { current } = this
    if (current === undefined) return
    this.abandon(current)
    this.disposeIfDone(current)
  }

  /** The calls must have been ended before. */
  async close(): Promise<void> {
    this.renew()
    await Promise.all(this.disposals)
  }

  private abandon(shared: Shared): void {
    shared.stale = true
    if (this.current === shared) this.current = undefined
  }

  private disposeIfDone(shared: Shared): void {
    if (!shared.stale || shared.calls > 0) return
    const disposal = dispose(shared.client, this.limits.disposeMs)
    this.disposals.add(disposal)
    void disposal.finally(() => this.disposals.delete(disposal))
  }
}
