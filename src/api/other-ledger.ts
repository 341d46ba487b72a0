/** Nothing of one ledger is told to the keys of another: what names a stream that is not of theirs is told without it. */
import type { LedgerName } from '../domain/ledger.js'

export const OTHER_LEDGER =
  'An event that is not of this ledger is wrong. The operator sees which one with `meterbook audit`.'

/** Names of streams have a category first; `a stream of ours` names none. */
const NAMED_STREAM = /\bstream (keys\b|[a-z]+-\S+)/

export function ledgerStreamIn(message: string): string | null {
  return NAMED_STREAM.exec(message)?.[1] ?? null
}

/** Why something came to nothing, for the keys of a ledger. */
export function failureFor(ledger: LedgerName, failure: string | null): string | null {
  const stream = failure === null ? null : ledgerStreamIn(failure)
  return stream !== null && !stream.includes(`-${ledger}`) ? OTHER_LEDGER : failure
}
