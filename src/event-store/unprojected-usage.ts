/** What is in the log and may not be in the rows yet, told by who appended it: a read can add it up without waiting. */
import type { LedgerName } from '../domain/ledger.js'
import type { UsageRecord } from '../domain/usage-record.js'
import type { Position } from './event-store.js'

/** A record that may not be in the rows as it stands. */
export interface UnprojectedRecord {
  readonly record: UsageRecord
  readonly isCancelled: boolean
  /** Where the last event about it stands. */
  readonly stream: string
  readonly revision: number
}

export interface CustomerUnprojected {
  /** Up to here nothing is missing from rows and records together; null where nothing was appended since the start. */
  readonly position: Position | null
  readonly records: readonly UnprojectedRecord[]
}

export interface ReceivedUsage {
  /**
   * Resolves once everything this process received at or before an instant (milliseconds since the epoch) is recorded or
   * refused. @throws EventStoreUnavailable where that is not known; why the signal was aborted.
   */
  settledUpTo(at: number, signal?: AbortSignal): Promise<void>
}

export interface UnprojectedUsage {
  /** Every record of a customer on a meter that may not be in the rows as it stands; null where that is not known. */
  unprojected(ledger: LedgerName, meterId: string, customer: string): CustomerUnprojected | null
}
