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
  private isWaiting = false

  constructor(
    /** Takes a line for whoever runs the command. */
    private readonly tell: (line: string) => void,
    /** Ends the waits; what is under way is settled. */
    private readonly signal: AbortSignal,
  ) {}

  /** @throws what `act` threw last, or first where waiting cannot mend it. */
  readonly attempt = async <Result>(act: () => Promise<Result>): Promise<Result> => {
    const since = performance.now()
    for (;;) {
      try {
        const result = await act()
        this.answered()
        return result
      } catch (error) {
        const isOver = this.signal.aborted || performance.now() - since > GIVE_UP_AFTER_MS
        if (isOver || !(error instanceof EventStoreUnavailable) || error instanceof EventStoreRefusing) throw error
        this.wait(error.message)
        await delay(RETRY_MS, undefined, { signal: this.signal }).catch(() => undefined)
      }
    }
  }

  private wait(problem: string): void {
    if (this.isWaiting) return
    this.isWaiting = true
    this.tell(printableLine(`Waiting for the event store, for up to ${GIVE_UP_AFTER_MS / 60_000} minutes. ${problem}`))
  }

  private answered(): void {
    if (!this.isWaiting) return
    this.isWaiting = false
    this.tell('The event store answers again; going on.')
  }
}
