/**
 * A store on a server that is away in the middle of long work: what may be repeated is tried again, as long as a service
 * would be waited for. Whoever runs the command is told of it once, and once it goes on.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { EventStoreRefusing, EventStoreUnavailable } from '../event-store/event-store.js'
import { printableLine } from './printable.js'

const GIVE_UP_AFTER_MS = 5 * 60_000
const RETRY_MS = 1_000

export class StorePatience {
  /** Attempts that failed and are tried again: the store is back for all of them at once, and answers one after the other. */
  private waiting = 0

  constructor(
    /** Takes a line for whoever runs the command. */
    private readonly tell: (line: string) => void,
    /** Ends the waits; what is under way is settled. */
    private readonly signal: AbortSignal,
  ) {}

  /** @throws what `act` threw last, or first where waiting cannot mend it. */
  readonly attempt = async <Result>(act: () => Promise<Result>): Promise<Result> => {
    try {
      return await act()
    } catch (error) {
      if (!this.isPassing(error)) throw error
      return this.tryAgain(act, error)
    }
  }

  private async tryAgain<Result>(act: () => Promise<Result>, first: Error): Promise<Result> {
    const since = performance.now()
    if (this.waiting++ === 0) {
      const limit = `${GIVE_UP_AFTER_MS / 60_000} minutes`
      this.tell(printableLine(`Waiting for the event store, for up to ${limit}. ${first.message}`))
    }
    try {
      for (;;) {
        await delay(RETRY_MS, undefined, { signal: this.signal }).catch(() => undefined)
        try {
          const result = await act()
          if (this.waiting === 1) this.tell('The event store answers again; going on.')
          return result
        } catch (error) {
          if (!this.isPassing(error) || performance.now() - since > GIVE_UP_AFTER_MS) throw error
        }
      }
    } finally {
      this.waiting--
    }
  }

  private isPassing(error: unknown): error is Error {
    if (this.signal.aborted || error instanceof EventStoreRefusing) return false
    return error instanceof EventStoreUnavailable
  }
}
