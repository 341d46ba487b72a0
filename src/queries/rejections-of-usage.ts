/**
 * Rejections that concern a customer's usage of an interval: reports that reached the meter, or its event name while no meter
 * served it, and were not counted. The newest are looked at, within a bound; the list of rejections has them all.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { JsonValue } from '../domain/json.js'
import type { LedgerName } from '../domain/ledger.js'
import type { Meter } from '../domain/meter-catalogue.js'
import { rejectionsStream } from '../event-store/streams.js'
import { LEAST_ROWS, PageLimit } from '../read-model/page-limit.js'
import type { RowReader } from '../read-model/read-model.js'
import { usageRejections, type UsageRejectionRow } from '../read-model/tables.js'
import type { AsOf } from './as-of.js'
import type { Reader } from './reader.js'
import { ownValue } from './refused-event.js'
import { BYTES_PER_READ, ROWS_PER_READ_MAX, viewRejection, type RejectionView } from './rejection-rows.js'

/** Rejections shown with an explanation, and looked at to find them. */
export const EXPLAINED_REJECTIONS_MAX = 10
export const EXPLAINED_REJECTIONS_SCANNED_MAX = 1_000

export interface RejectedUsage {
  /** Newest first. */
  readonly items: readonly RejectionView[]
  /** There are more, or may be: not all were looked at. */
  readonly hasMore: boolean
}

interface Interval {
  readonly customer: string
  readonly start: number
  readonly end: number
  /** Dimension key → the value that is asked about. */
  readonly filters: Readonly<Record<string, string>>
}

/** How much of a ledger's rejections there was at a moment. */
export interface StoredUntil {
  /** Of the last event of their stream; as of an instant the last one before something that was received later. */
  readonly revision: number
  /** Milliseconds since the epoch; null where the revision alone says it. */
  readonly at: number | null
}

/** The log may be asked, so not to be called in a snapshot. @throws EventStoreUnavailable */
export async function storedUntil(
  { rows, store }: Reader,
  ledger: LedgerName,
  { at, until }: AsOf,
): Promise<StoredUntil> {
  if (until === null) {
    const isIn = async (revision: number): Promise<boolean> => {
      const [row] = await rows.range(usageRejections, { prefix: [ledger], from: revision, limit: 1 })
      return row !== undefined && row.receivedAt <= at
    }
    return { revision: await last(isIn), at }
  }
  const stream = rejectionsStream(ledger)
  const isIn = async (revision: number): Promise<boolean> => {
    for await (const [recorded] of store.readStream(stream, { after: revision - 1, limit: 1 })) {
      return recorded !== undefined && store.comparePositions(recorded.position, until) <= 0
    }
    return false
  }
  return { revision: await last(isIn), at: null }
}

/** The greatest number that is in, of those from 1 without a gap; 0 for none. */
async function last(isIn: (number: number) => Promise<boolean>): Promise<number> {
  let found = 0
  let step = 1
  // First how far to look, then between.
  for (; await isIn(found + step); step *= 2) found += step
  for (step = Math.floor(step / 2); step >= 1; step = Math.floor(step / 2)) if (await isIn(found + step)) found += step
  return found
}

export async function rejectionsOfUsage(
  rows: RowReader,
  ledger: LedgerName,
  meter: Meter,
  interval: Interval,
  readTimestamp: (text: string) => number | null,
  /** Only what had been stored by then; null: all. */
  until: StoredUntil | null,
): Promise<RejectedUsage> {
  const pageLimit = new PageLimit(ROWS_PER_READ_MAX, BYTES_PER_READ, LEAST_ROWS)
  const found: RejectionView[] = []
  let to = until === null ? Number.MAX_SAFE_INTEGER : until.revision + 1
  for (let left = EXPLAINED_REJECTIONS_SCANNED_MAX; left > 0;) {
    // They are parsed to be looked into, and other requests let in between.
    await nextTurn()
    const limit = Math.min(pageLimit.rows, left)
    const read = await rows.range(usageRejections, {
      index: 'eventName',
      prefix: [ledger, meter.eventName],
      to,
      reverse: true,
      limit,
    })
    let characters = 0
    for (const row of read) {
      characters += row.event.length
      if (row.meterId !== null && row.meterId !== meter.id) continue
      if (until !== null && !wasStored(row, until)) continue
      const view = viewRejection(wasResolved(row, until) ? row : { ...row, ...OPEN })
      if (!concerns(JSON.parse(view.event) as JsonValue, row, meter, interval, readTimestamp)) continue
      if (found.length === EXPLAINED_REJECTIONS_MAX) return { items: found, hasMore: true }
      found.push(view)
    }
    const last = read.at(-1)
    if (!last || read.length < limit) return { items: found, hasMore: false }
    to = last.revision
    left -= read.length
    pageLimit.sawRows(characters / read.length)
  }
  return { items: found, hasMore: true }
}

const OPEN = { status: 'open', resolvedAt: null, resolvedMeterId: null } as const

function wasStored({ revision, receivedAt }: UsageRejectionRow, until: StoredUntil): boolean {
  return revision <= until.revision && (until.at === null || receivedAt <= until.at)
}

function wasResolved({ resolvedAt, resolvedRevision }: UsageRejectionRow, until: StoredUntil | null): boolean {
  if (until === null) return true
  return until.at === null ? (resolvedRevision ?? Infinity) <= until.revision : (resolvedAt ?? Infinity) <= until.at
}

/** An event without a time that can be read is taken to have happened when it was received. */
function concerns(
  event: JsonValue,
  { receivedAt }: UsageRejectionRow,
  { customerKey }: Meter,
  { customer, start, end, filters }: Interval,
  readTimestamp: (text: string) => number | null,
): boolean {
  const payload = ownValue(event, 'payload')
  if (ownValue(payload, customerKey) !== customer) return false
  // Without the dimension, or with one that is no text, it may be why it was refused.
  const isOther = ([key, wanted]: [string, string]): boolean => {
    const value = ownValue(payload, key)
    return typeof value === 'string' && value !== wanted
  }
  if (Object.entries(filters).some(isOther)) return false
  const timestamp = ownValue(event, 'timestamp')
  const occurredAt = (typeof timestamp === 'string' ? readTimestamp(timestamp) : null) ?? receivedAt
  return occurredAt >= start && occurredAt < end
}
