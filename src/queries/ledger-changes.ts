/**
 * Tells whoever listens on a ledger what of it the projections have just changed. Of other ledgers nothing is told, not
 * even that there was anything; that keys changed is told to all, because they may be a listener's own.
 */
import type { LedgerName } from '../domain/ledger.js'
import { categoryOf } from '../event-store/event-store.js'
import type { Progress, ReadYourWrites } from '../event-store/read-your-writes.js'
import { categories, ledgerOf } from '../event-store/streams.js'

export const topics = ['meters', 'usage', 'rejections', 'projections'] as const
/** What there is to read anew. `projections`: how far they are. */
export type Topic = (typeof topics)[number]

export interface LedgerListener {
  changed(topics: ReadonlySet<Topic>): void
  keysChanged(): void
}

export class LedgerChanges {
  private readonly listeners = new Map<LedgerName, Set<LedgerListener>>()

  constructor(private readonly readYourWrites: ReadYourWrites) {
    readYourWrites.onProgress((progress) => this.advance(progress))
  }

  /** Of the last event that is in the rows; null before the first. */
  get position(): string | null {
    return this.readYourWrites.position
  }

  /** Answers how to stop listening. */
  listen(ledger: LedgerName, listener: LedgerListener): () => void {
    const others = this.listeners.get(ledger) ?? new Set()
    this.listeners.set(ledger, others.add(listener))
    return () => {
      others.delete(listener)
      if (others.size === 0 && this.listeners.get(ledger) === others) this.listeners.delete(ledger)
    }
  }

  private advance({ changedStreams, usageLedgers }: Progress): void {
    if (this.listeners.size === 0) return
    const changed = new Map<LedgerName, Set<Topic>>()
    const change = (ledger: LedgerName, topic: Topic): void => {
      changed.set(ledger, (changed.get(ledger) ?? new Set<Topic>(['projections'])).add(topic))
    }
    for (const ledger of usageLedgers) change(ledger, 'usage')
    for (const stream of changedStreams) {
      const category = categoryOf(stream)
      if (category === categories.meters || category === categories.rejections) change(ledgerOf(stream), category)
      else if (category === categories.keys) for (const listener of this.all()) listener.keysChanged()
    }
    for (const [ledger, ofLedger] of changed) {
      for (const listener of this.listeners.get(ledger) ?? []) listener.changed(ofLedger)
    }
  }

  private *all(): Iterable<LedgerListener> {
    for (const ofLedger of this.listeners.values()) yield* ofLedger
  }
}
