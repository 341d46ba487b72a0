/**
 * The names of our streams, made and read in one place. Names are permanent; the category is the text before the first
 * `-`. See design §3.
 */
import type { LedgerName } from '../domain/ledger.js'
import { categoryOf, type Category } from './event-store.js'

export const KEYS_STREAM = 'keys'

export const categories = {
  meters: 'meters',
  usage: 'usage',
  rejections: 'rejections',
  keys: KEYS_STREAM,
} as const satisfies Record<string, Category>

export function metersStream(ledger: LedgerName): string {
  return `${categories.meters}-${ledger}`
}

export function usageStream(ledger: LedgerName, partition: number): string {
  return `${categories.usage}-${ledger}.${partition}`
}

export function rejectionsStream(ledger: LedgerName): string {
  return `${categories.rejections}-${ledger}`
}

/** The ledger a `meters-…`, `usage-…` or `rejections-…` stream belongs to. */
export function ledgerOf(stream: string): LedgerName {
  const name = stream.slice(categoryOf(stream).length + 1)
  const end = name.indexOf('.')
  return (end === -1 ? name : name.slice(0, end)) as LedgerName
}

export function partitionOf(stream: string): number {
  return Number(stream.slice(stream.indexOf('.') + 1))
}
