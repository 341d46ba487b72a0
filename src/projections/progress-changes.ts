/** Which streams a batch was of: what those who follow the progress of the projections look at again. */
import type { LedgerName } from '../domain/ledger.js'
import { categoryOf, type RecordedEvent } from '../event-store/event-store.js'
import type { Progress } from '../event-store/read-your-writes.js'
import { categories, ledgerOf } from '../event-store/streams.js'

export function changesOf(events: readonly RecordedEvent[]): Pick<Progress, 'changedStreams' | 'usageLedgers'> {
  const streams = new Set<string>()
  let last = ''
  for (const { stream } of events) {
    // An append's events come one after another: hardly any of them costs more than this.
    if (stream === last) continue
    last = stream
    streams.add(stream)
  }
  const changedStreams: string[] = []
  const usageLedgers = new Set<LedgerName>()
  for (const stream of streams) {
    if (categoryOf(stream) === categories.usage) usageLedgers.add(ledgerOf(stream))
    else changedStreams.push(stream)
  }
  return { changedStreams, usageLedgers: [...usageLedgers] }
}
