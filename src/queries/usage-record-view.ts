/** A usage record as lists and single reads show it: the request restored, and what became of it. */
import type { Meter } from '../domain/meter-catalogue.js'
import { restorePayload } from '../domain/meter-event.js'
import type { RowReader } from '../read-model/read-model.js'
import { seriesOutlines, type RecordOutline, type UsageRecordRow } from '../read-model/tables.js'
import { withPayloads } from './record-payloads.js'

export interface UsageRecordView {
  /** `<meter id>.<identifier>`: unique in the ledger, and the cursor of lists. */
  readonly id: string
  readonly meterId: string
  readonly eventName: string
  readonly identifier: string
  readonly customer: string
  /** Exact decimal text; null where the meter ignores values. */
  readonly value: string | null
  /** As it was sent. */
  readonly payload: Readonly<Record<string, string>>
  /** Milliseconds since the epoch. */
  readonly occurredAt: number
  readonly recordedAt: number
  readonly cancelledAt: number | null
  readonly status: 'recorded' | 'cancelled'
}

export function recordId(meterId: string, identifier: string): string {
  return `${meterId}.${identifier}`
}

/** Meter and identifier of a record's id; null for text that is none. Meter ids have no dot. */
export function parseRecordId(id: string): { readonly meterId: string; readonly identifier: string } | null {
  const dot = id.indexOf('.')
  return dot < 1 ? null : { meterId: id.slice(0, dot), identifier: id.slice(dot + 1) }
}

/** Views of rows, in their order. */
export async function viewRecords(
  rows: RowReader,
  records: readonly RecordOutline[],
  metersByNumber: ReadonlyMap<number, Meter>,
): Promise<UsageRecordView[]> {
  const series = await rows.get(
    seriesOutlines,
    records.map((record) => [record.series]),
  )
  const views: UsageRecordView[] = []
  for await (const row of withPayloads(rows, records)) {
    const meter = metersByNumber.get(row.meter)
    const customer = series[views.length]?.customer
    if (!meter || customer === undefined) throw new Error(`Usage record ${row.sequence} has no meter or series.`)
    views.push(viewRecord(row, meter, customer))
  }
  return views
}

function viewRecord(row: UsageRecordRow, meter: Meter, customer: string): UsageRecordView {
  const { identifier, value, occurredAt, recordedAt, cancelledAt } = row
  const rest = row.payload === null ? {} : (JSON.parse(row.payload) as Record<string, string>)
  const record = { meterId: meter.id, identifier, customer, value, occurredAt, recordedAt, payload: rest }
  return {
    id: recordId(meter.id, identifier),
    meterId: meter.id,
    eventName: meter.eventName,
    identifier,
    customer,
    value,
    payload: restorePayload(meter, record),
    occurredAt,
    recordedAt,
    cancelledAt,
    status: cancelledAt === null ? 'recorded' : 'cancelled',
  }
}
