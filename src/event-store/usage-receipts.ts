/**
 * Usage that was received and is still being recorded. Until that has ended nobody knows all that had been received at an
 * instant: what is recorded later counts for it too, as long as nothing that was received after it is in the log.
 */
import { waitFor, type Waiter } from '../waiting.js'
import { EventStoreUnavailable } from './event-store.js'

/** Longer than callers wait for an append. */
const SETTLING_MAX_MS = 15_000

interface Receipt {
  /** Milliseconds since the epoch. */
  readonly at: number
}

export class UsageReceipts {
  private readonly underWay = new Set<Receipt>()
  private readonly waiting = new Set<Waiter<void> & Receipt>()

  /** Records what was received at an instant. */
  async recording<Result>(at: number, record: () => Promise<Result>): Promise<Result> {
    const receipt = { at }
    this.underWay.add(receipt)
    try {
      return await record()
    } finally {
      this.underWay.delete(receipt)
      for (const { at: until, resolve } of this.waiting) if (!this.isRecording(until)) resolve()
    }
  }

  /**
   * Resolves once nothing that was received at or before an instant is being recorded.
   *
   * @throws EventStoreUnavailable; why the signal was aborted.
   */
  async settledUpTo(at: number, signal?: AbortSignal): Promise<void> {
    if (!this.isRecording(at)) return
    const late = (): Error => new EventStoreUnavailable('Usage that had been received by then is still being recorded.')
    await waitFor<void>(
      (waiter) => {
        const waiting = { at, ...waiter }
        this.waiting.add(waiting)
        return () => this.waiting.delete(waiting)
      },
      { signal, limit: { ms: SETTLING_MAX_MS, error: late } },
    )
  }

  private isRecording(at: number): boolean {
    for (const receipt of this.underWay) if (receipt.at <= at) return true
    return false
  }
}
