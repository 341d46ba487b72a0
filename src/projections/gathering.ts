/**
 * Under a steady load of single events a transaction for each would cost several times as much as the events do: after a
 * small batch that came right after another one, the next events are let gather. Nothing that comes after a pause of its own
 * waits, and once somebody waits for the rows (`hurry`) nothing does.
 */
const SMALL_BATCH_EVENTS = 1_000

export interface GatheringLimits {
  /** They are let gather until so many may have come, as fast as the last ones came, */
  readonly gatherEvents: number
  /** and at most so long. */
  readonly gatherMs: number
  /** A batch that comes later than this after the one before comes after a pause. */
  readonly steadyMs: number
}

export const GATHERING: GatheringLimits = { gatherEvents: 500, gatherMs: 50, steadyMs: 10 }

export class Gathering {
  private foldedAt = 0
  private receivedAt = 0
  private isHurried = false
  private endNow: () => void = () => undefined

  constructor(private readonly limits: GatheringLimits) {}

  /** Somebody waits for what is in the log by now. */
  hurry(): void {
    this.isHurried = true
    this.endNow()
  }

  /** Not for the rows, but there is something else to be done. */
  end(): void {
    this.endNow()
  }

  /** After a batch of so many events that came at `since` and was folded just now. `mayWait`: nothing else is to be done. */
  async after(events: number, since: number, mayWait: boolean, signal: AbortSignal): Promise<void> {
    const { gatherEvents, gatherMs, steadyMs } = this.limits
    const isSteady = performance.now() - this.foldedAt < steadyMs
    if (isSteady && events < SMALL_BATCH_EVENTS) {
      const msOfEach = (since - this.receivedAt) / events
      if (mayWait && !this.isHurried && !signal.aborted)
        await this.wait(Math.min(gatherEvents * msOfEach, gatherMs), signal)
      // Who waited before now waits for something that the next batch has.
      this.isHurried = false
    }
    this.receivedAt = since
    this.foldedAt = performance.now()
  }

  private async wait(ms: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.endNow = () => {
        clearTimeout(timer)
        resolve()
      }
      signal.addEventListener('abort', this.endNow, { once: true })
    })
    signal.removeEventListener('abort', this.endNow)
    this.endNow = () => undefined
  }
}
