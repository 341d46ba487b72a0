/**
 * Every usage record ever: identifier → record, its series, and whether it was cancelled. The ledger looks identifiers up
 * here, lists are made from it, and cells are counted again from it.
 *
 * A record is in it once. A second `UsageRecorded` of a known record cannot happen; if it does, it is reported and not
 * folded.
 */
import { dimensionValues } from '../domain/meter-event.js'
import type { UsageCancelled, UsageRecord } from '../domain/usage-record.js'
import { partitionOf } from '../event-store/streams.js'
import type { RowWriter } from '../read-model/read-model.js'
import {
  meters,
  usageRecords,
  usageSeries,
  usageStreams,
  type MeterRow,
  type UsageRecordRow,
  type UsageSeriesRow,
} from '../read-model/tables.js'
import { ProjectionStopped, type Anomaly, type ProjectedEvent, type Projection } from './projection.js'

export class UsageIndexProjection implements Projection {
  readonly projection = 'usage-index'
  readonly schema = 1
  readonly tables = [usageSeries, usageRecords, usageStreams]

  constructor(private readonly report: (anomaly: Anomaly) => void) {}

  async apply(events: readonly ProjectedEvent[], rows: RowWriter): Promise<void> {
    const recorded: { readonly projected: ProjectedEvent; readonly record: UsageRecord }[] = []
    const cancelled: { readonly projected: ProjectedEvent; readonly record: UsageCancelled }[] = []
    const revisions = new Map<string, number>()
    for (const projected of events) {
      const { event, stream, revision } = projected
      if (event.type === 'UsageRecorded') recorded.push({ projected, record: event.data })
      else if (event.type === 'UsageCancelled') cancelled.push({ projected, record: event.data })
      else continue
      revisions.set(stream, revision)
    }
    if (revisions.size === 0) return

    const meterRows = await loadMeters(rows, [...recorded, ...cancelled])
    const series = await this.seriesOf(recorded, meterRows, rows)
    const inserted = await rows.insertNew(
      usageRecords,
      recorded.map(({ projected, record }, index) =>
        recordRow(projected, record, meterNumber(meterRows, projected, record), series[index] as number),
      ),
    )
    inserted.forEach((isNew, index) => {
      const { projected } = recorded[index] as (typeof recorded)[number]
      if (!isNew) this.report(anomaly(projected, 'A usage record was recorded a second time.'))
    })
    await this.cancel(cancelled, meterRows, rows)
    await rows.put(
      usageStreams,
      [...revisions].map(([stream, revision]) => ({ stream, revision })),
    )
  }

  private async seriesOf(
    recorded: readonly { projected: ProjectedEvent; record: UsageRecord }[],
    meterRows: ReadonlyMap<string, MeterRow>,
    rows: RowWriter,
  ): Promise<number[]> {
    const combinations = new Map<string, Omit<UsageSeriesRow, 'series'>>()
    const keys = recorded.map(({ projected, record }) => {
      const meter = meterNumber(meterRows, projected, record)
      const dimensions = dimensionsOf(meterRows.get(record.meterId) as MeterRow, record)
      const key = `${meter} ${dimensions} ${record.customer}`
      if (!combinations.has(key)) combinations.set(key, { meter, customer: record.customer, dimensions })
      return key
    })
    const found = await rows.get(
      usageSeries,
      [...combinations.values()].map(({ meter, customer, dimensions }) => [meter, customer, dimensions]),
      'combination',
    )
    const numbers = new Map<string, number>()
    const added: UsageSeriesRow[] = []
    const [newest] = await rows.range(usageSeries, { reverse: true, limit: 1 })
    let next = (newest?.series ?? 0) + 1
    // A map keeps the order of first appearance, so new series are numbered the same wherever batches are cut.
    ;[...combinations].forEach(([key, combination], index) => {
      const known = found[index]?.series
      if (known === undefined) added.push({ series: next, ...combination })
      numbers.set(key, known ?? next++)
    })
    await rows.put(usageSeries, added)
    return keys.map((key) => numbers.get(key) as number)
  }

  private async cancel(
    cancelled: readonly { projected: ProjectedEvent; record: UsageCancelled }[],
    meterRows: ReadonlyMap<string, MeterRow>,
    rows: RowWriter,
  ): Promise<void> {
    const found = await rows.get(
      usageRecords,
      cancelled.map(({ projected, record }) => [meterNumber(meterRows, projected, record), record.identifier]),
      'identifier',
    )
    const changed: UsageRecordRow[] = []
    const seen = new Set<number>()
    cancelled.forEach(({ projected, record }, index) => {
      const row = found[index]
      if (!row)
        throw new ProjectionStopped(anomaly(projected, 'A usage record was cancelled that was never recorded.').message)
      if (row.cancelledAt !== null || seen.has(row.sequence)) {
        this.report(anomaly(projected, 'A usage record was cancelled a second time.'))
        return
      }
      seen.add(row.sequence)
      changed.push({
        ...row,
        cancelledAt: record.cancelledAt,
        cancelledSequence: projected.sequence,
        cancelledRevision: projected.revision,
      })
    })
    await rows.put(usageRecords, changed)
  }
}

/** The meters that usage events are about, by id. */
export async function loadMeters(
  rows: RowWriter,
  usage: readonly { readonly record: UsageRecord }[],
): Promise<Map<string, MeterRow>> {
  const ids = [...new Set(usage.map(({ record }) => record.meterId))]
  const found = await rows.get(
    meters,
    ids.map((id) => [id]),
    'meterId',
  )
  const byId = new Map<string, MeterRow>()
  for (const row of found) if (row) byId.set(row.meterId, row)
  return byId
}

function meterNumber(meterRows: ReadonlyMap<string, MeterRow>, projected: ProjectedEvent, record: UsageRecord): number {
  const row = meterRows.get(record.meterId)
  if (!row)
    throw new ProjectionStopped(anomaly(projected, 'Usage was recorded on a meter that was never created.').message)
  return row.number
}

function dimensionsOf(meter: MeterRow, record: UsageRecord): string {
  if (meter.dimensionKeys === '[]') return '[]'
  return JSON.stringify(dimensionValues({ dimensionKeys: JSON.parse(meter.dimensionKeys) as string[] }, record))
}

function recordRow(
  { sequence, stream, revision }: ProjectedEvent,
  { identifier, value, occurredAt, recordedAt, payload }: UsageRecord,
  meter: number,
  series: number,
): UsageRecordRow {
  const text = JSON.stringify(payload)
  return {
    sequence,
    meter,
    identifier,
    series,
    value,
    occurredAt,
    recordedAt,
    payload: text === '{}' ? null : text,
    partition: partitionOf(stream),
    revision,
    cancelledAt: null,
    cancelledSequence: null,
    cancelledRevision: null,
  }
}

function anomaly({ stream, revision }: ProjectedEvent, message: string): Anomaly {
  return { message: `${message} Stream ${stream}, revision ${revision}.`, stream, revision }
}
