/**
 * Rejections as the queries find and show them: walked by the narrowest index a filter has, in the order they were stored;
 * what the index does not tell is looked at row by row, within a bound.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { DomainError } from '../domain/errors.js'
import type { LedgerName } from '../domain/ledger.js'
import { LEAST_ROWS, PageLimit } from '../read-model/page-limit.js'
import type { RowReader } from '../read-model/read-model.js'
import { usageRejections, type UsageRejectionRow } from '../read-model/tables.js'
import { requireMeter } from './reader.js'
import { CustomerKeys } from './refused-event.js'

export type RejectionStatus = 'open' | 'resolved'

/** Bounds are inclusive where `from`, exclusive where `to`; milliseconds since the epoch; null: none. */
export interface ReceivedFilter {
  readonly from: number | null
  readonly to: number | null
}

export interface RejectionFilter {
  /** The meter that refused it. */
  readonly meterId: string | null
  readonly eventName: string | null
  readonly code: string | null
  readonly identifier: string | null
  /** Whom the event names, see `CustomerKeys`. */
  readonly customer: string | null
  readonly status: RejectionStatus | null
  readonly received: ReceivedFilter
}

export interface RejectionView {
  /** `rej_<revision>`: unique in its ledger, and the cursor of lists. */
  readonly id: string
  readonly revision: number
  readonly meterId: string | null
  readonly eventName: string | null
  readonly identifier: string
  readonly code: string
  readonly message: string
  /** JSON, as it was sent. */
  readonly event: string
  /** Its place in its request, from 0. */
  readonly index: number
  readonly receivedAt: number
  readonly status: RejectionStatus
  readonly resolvedAt: number | null
  /** The meter it counts on since; null while open. */
  readonly resolvedMeterId: string | null
}

/** Rows one call may pass over before it asks for a narrower filter. */
export const SCANNED_REJECTIONS_MAX = 500_000
/** Rejected events may be large, so few rows are held at once: of events of 64 KiB as few as there may be. */
export const ROWS_PER_READ_MAX = 128
export const BYTES_PER_READ = 1024 * 1024
/** Of events that are looked into, before other requests are let in between. */
const CHARACTERS_PER_TURN = 256 * 1024

const ID = /^rej_([1-9]\d{0,14})$/

export function rejectionId(revision: number): string {
  return `rej_${revision}`
}

/** The rejection an id names, of this ledger only; null for any other text. */
export async function findRejection(
  rows: RowReader,
  ledger: LedgerName,
  id: string,
): Promise<UsageRejectionRow | null> {
  const revision = ID.exec(id)?.[1]
  if (revision === undefined) return null
  const [row] = await rows.get(usageRejections, [[ledger, Number(revision)]])
  return row ?? null
}

export interface Walk {
  readonly direction: 'newest-first' | 'oldest-first'
  /** Revision of the rejection before the first; null: from the end of the list. */
  readonly after: number | null
  readonly limit: number
}

/**
 * What `taken` keeps of each one that is found. @throws DomainError for an unknown meter, or a filter that finds too little in
 * too much.
 */
export async function walkRejections<Taken>(
  rows: RowReader,
  ledger: LedgerName,
  filter: RejectionFilter,
  { direction, after, limit }: Walk,
  signal: AbortSignal,
  taken: (row: UsageRejectionRow) => Taken,
): Promise<Taken[]> {
  if (filter.meterId !== null) await requireMeter(rows, ledger, filter.meterId, 'meter')
  const { customer } = filter
  const customerKeys = customer === null ? null : await CustomerKeys.of(rows, ledger)
  const isOfCustomer = (row: UsageRejectionRow): boolean =>
    customer === null || customerKeys === null || customerKeys.isOf(customer, row)
  const isBackwards = direction === 'newest-first'
  const pageLimit = new PageLimit(ROWS_PER_READ_MAX, BYTES_PER_READ, LEAST_ROWS)
  const found: Taken[] = []
  let bound = isBackwards ? (after ?? Number.MAX_SAFE_INTEGER) : (after ?? 0) + 1
  for (let scanned = 0; scanned < SCANNED_REJECTIONS_MAX;) {
    // Long walks let other requests in between.
    await nextTurn()
    signal.throwIfAborted()
    // No more than are wanted where each that is read is one of them.
    const rowsPerRead = mayPassOver(filter) ? pageLimit.rows : Math.min(pageLimit.rows, limit - found.length)
    const read = await rows.range(usageRejections, {
      ...narrowest(ledger, filter),
      ...(isBackwards ? { to: bound } : { from: bound }),
      reverse: isBackwards,
      limit: rowsPerRead,
    })
    let [characters, unbroken] = [0, 0]
    for (const row of read) {
      characters += row.event.length
      if (customerKeys) unbroken += row.event.length
      if (unbroken > CHARACTERS_PER_TURN) {
        await nextTurn()
        unbroken = 0
      }
      if (matches(row, filter) && isOfCustomer(row)) found.push(taken(row))
      if (found.length === limit) return found
    }
    const last = read.at(-1)
    if (!last || read.length < rowsPerRead) return found
    bound = isBackwards ? last.revision : last.revision + 1
    scanned += read.length
    pageLimit.sawRows(characters / read.length)
  }
  throw new DomainError(
    'parameter_invalid',
    'Too few of too many rejections match. Name an identifier, or a meter or event name that fewer of them are of.',
  )
}

export function viewRejection(row: UsageRejectionRow): RejectionView {
  const { revision, meterId, eventName, identifier, code, message, receivedAt, resolvedAt, resolvedMeterId } = row
  return {
    id: rejectionId(revision),
    revision,
    meterId,
    eventName,
    identifier,
    code,
    message,
    event: row.event,
    index: row.place,
    receivedAt,
    status: row.status as RejectionStatus,
    resolvedAt,
    resolvedMeterId,
  }
}

/** Whether rows may be passed over: not all of the filter is in the index that is walked. */
export function mayPassOver({
  identifier,
  meterId,
  eventName,
  status,
  code,
  customer,
  received,
}: RejectionFilter): boolean {
  const indexed = [identifier, meterId, eventName, status].filter((value) => value !== null)
  return indexed.length > 1 || code !== null || customer !== null || received.from !== null || received.to !== null
}

function narrowest(
  ledger: LedgerName,
  { identifier, meterId, eventName, status }: RejectionFilter,
): { readonly index?: string; readonly prefix: readonly string[] } {
  if (identifier !== null) return { index: 'identifier', prefix: [ledger, identifier] }
  if (meterId !== null) return { index: 'meter', prefix: [ledger, meterId] }
  if (eventName !== null) return { index: 'eventName', prefix: [ledger, eventName] }
  if (status !== null) return { index: 'status', prefix: [ledger, status] }
  return { prefix: [ledger] }
}

function matches(row: UsageRejectionRow, { received, ...filter }: RejectionFilter): boolean {
  return (
    (filter.meterId === null || row.meterId === filter.meterId) &&
    (filter.eventName === null || row.eventName === filter.eventName) &&
    (filter.code === null || row.code === filter.code) &&
    (filter.identifier === null || row.identifier === filter.identifier) &&
    (filter.status === null || row.status === filter.status) &&
    (received.from === null || row.receivedAt >= received.from) &&
    (received.to === null || row.receivedAt < received.to)
  )
}
