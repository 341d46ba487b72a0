/**
 * Rejections that concern a customer's usage of an interval: reports that reached the meter, or its event name while no meter
 * served it, and were not counted. The newest are looked at, within a bound; the list of rejections has them all.
 */
import type { JsonValue } from '../domain/json.js'
import type { LedgerName } from '../domain/ledger.js'
import type { Meter } from '../domain/meter-catalogue.js'
import { decodeEvent } from '../event-store/codec.js'
import type { EventStore } from '../event-store/event-store.js'
import { rejectionsStream } from '../event-store/streams.js'
import type { RowReader } from '../read-model/read-model.js'
import { usageRejections, type UsageRejectionRow } from '../read-model/tables.js'
import type { AsOf } from './as-of.js'
import { viewRejection, type RejectionView } from './rejection-rows.js'

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
}

/** How much of a ledger's rejections there was at a moment. */
export interface StoredUntil {
  /** Of the last event; null where the instant alone says it. */
  readonly revision: number | null
  /** Milliseconds since the epoch. */
  readonly at: number
}

/** @throws EventStoreUnavailable */
export async function storedUntil(store: EventStore, ledger: LedgerName, { at, until }: AsOf): Promise<StoredUntil> {
  if (until === null) return { revision: null, at }
  const stream = rejectionsStream(ledger)
  const timeOf = async (revision: number): Promise<number | null> => {
    for await (const [recorded] of store.readStream(stream, { after: revision - 1, limit: 1 })) {
      if (!recorded || store.comparePositions(recorded.position, until) > 0) return null
      const { data, type } = decodeEvent(recorded)
      return type === 'UsageRejected' ? data.receivedAt : type === 'UsageRejectionResolved' ? data.at : null
    }
    return null
  }
  // The last revision that was there is searched for: first how far to look, then between.
  let found = { revision: 0, at: Number.MIN_SAFE_INTEGER }
  let step = 1
  for (; ; step *= 2) {
    const then = await timeOf(found.revision + step)
    if (then === null) break
    found = { revision: found.revision + step, at: then }
  }
  for (step = Math.floor(step / 2); step >= 1; step = Math.floor(step / 2)) {
    const then = await timeOf(found.revision + step)
    if (then !== null) found = { revision: found.revision + step, at: then }
  }
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
  const read = await rows.range(usageRejections, {
    index: 'eventName',
    prefix: [ledger, meter.eventName],
    reverse: true,
    limit: EXPLAINED_REJECTIONS_SCANNED_MAX,
  })
  const found: RejectionView[] = []
  for (const row of read) {
    if (row.meterId !== null && row.meterId !== meter.id) continue
    if (until !== null && !wasStored(row, until)) continue
    const view = viewAt(viewRejection(row), until)
    if (!concerns(view.event, row, meter, interval, readTimestamp)) continue
    if (found.length === EXPLAINED_REJECTIONS_MAX) return { items: found, hasMore: true }
    found.push(view)
  }
  return { items: found, hasMore: read.length === EXPLAINED_REJECTIONS_SCANNED_MAX }
}

function wasStored({ revision, receivedAt }: UsageRejectionRow, until: StoredUntil): boolean {
  return until.revision === null ? receivedAt <= until.at : revision <= until.revision
}

/** Resolved only where it was by then. */
function viewAt(view: RejectionView, until: StoredUntil | null): RejectionView {
  if (until === null || view.resolvedAt === null || view.resolvedAt <= until.at) return view
  return { ...view, status: 'open', resolvedAt: null, resolvedMeterId: null }
}

/** An event without a time that can be read is taken to have happened when it was received. */
function concerns(
  event: JsonValue,
  { receivedAt }: UsageRejectionRow,
  { customerKey }: Meter,
  { customer, start, end }: Interval,
  readTimestamp: (text: string) => number | null,
): boolean {
  if (own(own(event, 'payload'), customerKey) !== customer) return false
  const timestamp = own(event, 'timestamp')
  const occurredAt = (typeof timestamp === 'string' ? readTimestamp(timestamp) : null) ?? receivedAt
  return occurredAt >= start && occurredAt < end
}

function own(value: JsonValue | undefined, key: string): JsonValue | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return Object.hasOwn(value, key) ? (value as { readonly [key: string]: JsonValue })[key] : undefined
}
