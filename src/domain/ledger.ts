/**
 * A ledger is one account in one mode: the wall no key, meter, event or number crosses. Its name is
 * `<account>~<mode>` and is part of stream names, so it is permanent.
 */
export type Mode = 'test' | 'live'

export interface Ledger {
  readonly account: string
  readonly mode: Mode
}

export type LedgerName = `${string}~${Mode}`

/** No `-` (it ends a category), no `.` (it ends a ledger in a stream name), no `~`. */
const ACCOUNT = /^[a-z0-9_]{1,64}$/

export function isAccountName(text: string): boolean {
  return ACCOUNT.test(text)
}

export function ledgerName({ account, mode }: Ledger): LedgerName {
  return `${account}~${mode}`
}

export function isLive(ledger: LedgerName): boolean {
  return ledger.endsWith('~live')
}
