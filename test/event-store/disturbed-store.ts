/**
 * A real store with a bad connection: a test says what becomes of the next appends. Everything else is the store's own.
 */
import type { AppendOutcome, EventStore, StreamAppend } from '../../src/event-store/event-store.js'

export type Disturbance =
  | 'none'
  /** Written, and the answer is lost. */
  | 'answer lost'
  /** Not written, and nobody knows. */
  | 'request lost'
  /** Not written, and it says so. */
  | 'unavailable'
  | 'rejected'
  /** Something happens first, and then maybe one of these: another writer is faster, or the append is held back. */
  | (() => Promise<Disturbance | void>)

export class DisturbedStore {
  /** Every append that was sent, in order. */
  readonly sent: StreamAppend[] = []
  readonly store: EventStore
  private readonly disturbances: Disturbance[] = []
  private readonly watching: { readonly count: number; readonly seen: () => void }[] = []

  constructor(
    private readonly real: EventStore,
    /** What becomes of an append no other disturbance is left for. */
    private readonly otherwise: Disturbance = 'none',
  ) {
    this.store = {
      append: (appends) => this.append(appends),
      readStream: (stream, options) => real.readStream(stream, options),
      readAll: (options) => real.readAll(options),
      hasEventAt: (position, options) => real.hasEventAt(position, options),
      subscribe: (options) => real.subscribe(options),
      resubscribe: () => real.resubscribe(),
      comparePositions: (left, right) => real.comparePositions(left, right),
      parsePosition: (text) => real.parsePosition(text),
      check: () => real.check(),
      storageFaults: () => real.storageFaults(),
      lostEvents: () => real.lostEvents(),
      close: () => real.close(),
    }
  }

  /** What becomes of the next appends, one each. */
  disturb(...disturbances: readonly Disturbance[]): void {
    this.disturbances.push(...disturbances)
  }

  /** Holds the next append back until the answer is called; then this becomes of it. */
  hold(then: Disturbance = 'none'): () => void {
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => (release = resolve))
    this.disturb(() => held.then(() => then))
    return release
  }

  /** Resolves when so many appends were sent. */
  async sentAtLeast(count: number): Promise<void> {
    if (this.sent.length >= count) return
    await new Promise<void>((seen) => this.watching.push({ count, seen }))
  }

  private async append(appends: readonly StreamAppend[]): Promise<AppendOutcome[]> {
    this.sent.push(...appends)
    for (const { count, seen } of this.watching) if (this.sent.length >= count) seen()
    let disturbance = this.disturbances.shift() ?? this.otherwise
    while (typeof disturbance === 'function') disturbance = (await disturbance()) ?? 'none'
    switch (disturbance) {
      case 'none':
        return this.real.append(appends)
      case 'answer lost':
        await this.real.append(appends)
        return appends.map(() => ({ status: 'unknown', message: 'The answer was lost.' }))
      case 'request lost':
        return appends.map(() => ({ status: 'unknown', message: 'The request was lost.' }))
      case 'unavailable':
        return appends.map(() => ({ status: 'unavailable', message: 'The disk is full.' }))
      case 'rejected':
        return appends.map(() => ({ status: 'rejected', message: 'Too large.' }))
    }
  }
}
