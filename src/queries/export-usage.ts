/**
 * The usage records of a ledger as they were sent, read from the log itself in its order. The log is read twice, up to the
 * same position: once to learn what was cancelled, once to give the records out. Memory grows with the number of
 * cancellations only.
 */
import type { LedgerName } from '../domain/ledger.js'
import type { Meter } from '../domain/meter-catalogue.js'
import { restorePayload } from '../domain/meter-event.js'
import type { UsageRecord } from '../domain/usage-record.js'
import { decodeEvent } from '../event-store/codec.js'
import type { EventStore, Position } from '../event-store/event-store.js'
import { categories, ledgerOf } from '../event-store/streams.js'

export interface ExportSelection {
  readonly ledger: LedgerName
  /** By id; records of other meters are left out. */
  readonly meters: ReadonlyMap<string, Meter>
  readonly customer: string | null
  /** Of `occurredAt`, half-open: `[from, to)`. Milliseconds since the epoch; null: no bound. */
  readonly from: number | null
  readonly to: number | null
  readonly includeCancelled: boolean
}

/** A usage record as the request that made it. */
export interface ExportedRecord {
  readonly eventName: string
  readonly identifier: string
  /** Milliseconds since the epoch. */
  readonly timestamp: number
  readonly payload: Readonly<Record<string, string>>
  readonly isCancelled: boolean
  /** The fact that was stored for it. */
  readonly record: UsageRecord
  /** Its event's place among all usage events of the log. */
  readonly sequence: number
  readonly cancellation: Cancellation | null
}

export interface Cancellation {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly sequence: number
}

/** What the first reading found. */
export interface ExportSurvey {
  /** The last event that belongs to the export; null where there is none. */
  readonly end: Position | null
  readonly cancelled: ReadonlyMap<string, Cancellation>
  /** Every payload key of the records, in order of appearance; null where nobody asked. */
  readonly payloadKeys: readonly string[] | null
}

/** Payload keys of one export with a column each. */
export const EXPORT_COLUMNS_MAX = 1_000

export class TooManyColumns extends Error {
  override readonly name = 'TooManyColumns'
}

/** @throws TooManyColumns */
export async function surveyExport(
  store: EventStore,
  selection: ExportSelection,
  wantsPayloadKeys: boolean,
): Promise<ExportSurvey> {
  let end: Position | null = null
  const cancelled = new Map<string, Cancellation>()
  let sequence = 0
  const payloadKeys = new Set<string>()
  for await (const page of store.readAll({ after: null, categories: [categories.usage], patience: 'background' })) {
    for (const recorded of page) {
      end = recorded.position
      sequence++
      if (ledgerOf(recorded.stream) !== selection.ledger) continue
      const event = decodeEvent(recorded)
      if (event.type === 'UsageCancelled' && isSelected(event.data, selection)) {
        const key = keyOf(event.data)
        if (!cancelled.has(key)) cancelled.set(key, { at: event.data.cancelledAt, sequence })
      }
      if (wantsPayloadKeys && event.type === 'UsageRecorded' && isSelected(event.data, selection)) {
        const meter = selection.meters.get(event.data.meterId) as Meter
        for (const key in restorePayload(meter, event.data)) payloadKeys.add(key)
        if (payloadKeys.size > EXPORT_COLUMNS_MAX) {
          throw new TooManyColumns(
            `The records have more than ${EXPORT_COLUMNS_MAX} different payload keys, which is more columns than a table can be read with. Export them as NDJSON, or fewer of them.`,
          )
        }
      }
    }
  }
  return { end, cancelled, payloadKeys: wantsPayloadKeys ? [...payloadKeys] : null }
}

/** In pages, up to the end of the survey. */
export async function* exportUsage(
  store: EventStore,
  selection: ExportSelection,
  { end, cancelled }: ExportSurvey,
): AsyncGenerator<ExportedRecord[]> {
  if (end === null) return
  let sequence = 0
  for await (const page of store.readAll({ after: null, categories: [categories.usage], patience: 'background' })) {
    const records: ExportedRecord[] = []
    let isAtEnd = false
    for (const recorded of page) {
      if (store.comparePositions(recorded.position, end) > 0) {
        isAtEnd = true
        break
      }
      sequence++
      if (ledgerOf(recorded.stream) !== selection.ledger) continue
      const event = decodeEvent(recorded)
      if (event.type !== 'UsageRecorded' || !isSelected(event.data, selection)) continue
      const cancellation = cancelled.get(keyOf(event.data)) ?? null
      if (cancellation && !selection.includeCancelled) continue
      const meter = selection.meters.get(event.data.meterId) as Meter
      records.push({ ...restored(meter, event.data), sequence, isCancelled: cancellation !== null, cancellation })
    }
    if (records.length > 0) yield records
    if (isAtEnd) return
  }
}

function isSelected(record: UsageRecord, { meters, customer, from, to }: ExportSelection): boolean {
  return (
    meters.has(record.meterId) &&
    (customer === null || record.customer === customer) &&
    (from === null || record.occurredAt >= from) &&
    (to === null || record.occurredAt < to)
  )
}

function restored(
  meter: Meter,
  record: UsageRecord,
): Pick<ExportedRecord, 'eventName' | 'identifier' | 'timestamp' | 'payload' | 'record'> {
  const { identifier, occurredAt: timestamp } = record
  return { eventName: meter.eventName, identifier, timestamp, payload: restorePayload(meter, record), record }
}

function keyOf({ meterId, identifier }: UsageRecord): string {
  return `${meterId} ${identifier}`
}
