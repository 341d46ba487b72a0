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
  BLOCK_RECORDS,
  usageBlocks,
  usageRecords,
  usageSeries,
  usageStreams,
  type UsageRecordRow,
  type UsageSeriesRow,
} from '../read-model/tables.js'
import { ProjectionStopped, type Anomaly, type ProjectedEvent, type Projection } from './projection.js'
import { FoldedMeters, type FoldedMeter, type UsageChange, type UsageChanges } from './usage-changes.js'
import { SeriesNumbers } from './usage-series-numbers.js'

interface Recorded {
  readonly projected: ProjectedEvent
  readonly record: UsageRecord
  readonly meter: FoldedMeter
}

interface Cancelled extends Recorded {
  readonly record: UsageCancelled
}

export class UsageIndexProjection implements Projection {
  readonly projection = 'usage-index'
  readonly schema = 4
  readonly tables = [usageSeries, usageRecords, usageBlocks, usageStreams]

  private readonly meters = new FoldedMeters()
  private readonly series = new SeriesNumbers()

  constructor(
    private readonly report: (anomaly: Anomaly) => void,
    private readonly changes: UsageChanges,
  ) {}

  async apply(events: readonly ProjectedEvent[], rows: RowWriter): Promise<void> {
    const { recorded, cancelled, revisions } = await this.usageOf(events, rows)
    if (revisions.size === 0) return this.changes.set(events, [])
    const changes = await this.insert(recorded, rows)
    changes.push(...(await this.cancel(cancelled, rows)))
    // Cells look at changes in the order of the log.
    if (cancelled.length > 0) changes.sort((left, right) => left.sequence - right.sequence)
    await rows.put(usageBlocks, blocksOf(changes))
    await rows.put(
      usageStreams,
      Array.from(revisions, ([stream, revision]) => ({ stream, revision })),
    )
    this.changes.set(events, changes)
  }

  forget(): void {
    this.meters.forget()
    this.series.forget()
  }

  private async usageOf(
    events: readonly ProjectedEvent[],
    rows: RowWriter,
  ): Promise<{ recorded: Recorded[]; cancelled: Cancelled[]; revisions: ReadonlyMap<string, number> }> {
    const meterIds = new Set<string>()
    for (const { event } of events) {
      if (event.type === 'UsageRecorded' || event.type === 'UsageCancelled') meterIds.add(event.data.meterId)
    }
    const meters = await this.meters.ofIds(meterIds, rows)
    const recorded: Recorded[] = []
    const cancelled: Cancelled[] = []
    const revisions = new Map<string, number>()
    for (const projected of events) {
      const { event } = projected
      if (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled') continue
      const meter = meters.get(event.data.meterId)
      if (!meter) throw stopped(projected, 'Usage was recorded on a meter that was never created.')
      if (event.type === 'UsageRecorded') recorded.push({ projected, record: event.data, meter })
      else cancelled.push({ projected, record: event.data, meter })
      revisions.set(projected.stream, projected.revision)
    }
    return { recorded, cancelled, revisions }
  }

  private async insert(recorded: readonly Recorded[], rows: RowWriter): Promise<UsageChange[]> {
    const series = await this.series.of(recorded.map(combinationOf), rows)
    const records = recorded.map(({ projected, record, meter }, index) =>
      recordRow(projected, record, meter.number, series[index] as number),
    )
    const inserted = await rows.insertNew(usageRecords, records)
    const changes: UsageChange[] = []
    for (const [index, row] of records.entries()) {
      if (inserted[index]) changes.push({ type: 'recorded', sequence: row.sequence, row })
      else this.report(anomaly((recorded[index] as Recorded).projected, 'A usage record was recorded a second time.'))
    }
    return changes
  }

  private async cancel(cancelled: readonly Cancelled[], rows: RowWriter): Promise<UsageChange[]> {
    const found = await rows.get(
      usageRecords,
      cancelled.map(({ record, meter }) => [meter.number, record.identifier]),
      'identifier',
    )
    const changes: UsageChange[] = []
    const seen = new Set<number>()
    for (const [index, { projected, record }] of cancelled.entries()) {
      const row = found[index]
      if (!row) throw stopped(projected, 'A usage record was cancelled that was never recorded.')
      if (row.cancelledAt !== null || seen.has(row.sequence)) {
        this.report(anomaly(projected, 'A usage record was cancelled a second time.'))
        continue
      }
      seen.add(row.sequence)
      const { sequence, revision } = projected
      const changed = {
        ...row,
        cancelledAt: record.cancelledAt,
        cancelledSequence: sequence,
        cancelledRevision: revision,
      }
      changes.push({ type: 'cancelled', sequence, row: changed })
    }
    await rows.put(
      usageRecords,
      changes.map(({ row }) => row),
    )
    return changes
  }
}

function combinationOf({ record, meter }: Recorded): Omit<UsageSeriesRow, 'series'> {
  const dimensions = meter.dimensionKeys.length === 0 ? '[]' : JSON.stringify(dimensionValues(meter, record))
  return { meter: meter.number, customer: record.customer, dimensions }
}

function blocksOf(changes: readonly UsageChange[]): { meter: number; block: number }[] {
  const blocks = new Map<string, { meter: number; block: number }>()
  for (const { type, row } of changes) {
    if (type !== 'recorded') continue
    const block = Math.floor(row.sequence / BLOCK_RECORDS)
    blocks.set(`${row.meter} ${block}`, { meter: row.meter, block })
  }
  return [...blocks.values()]
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

function stopped(projected: ProjectedEvent, message: string): ProjectionStopped {
  return new ProjectionStopped(anomaly(projected, message).message)
}

function anomaly({ stream, revision }: ProjectedEvent, message: string): Anomaly {
  return { message: `${message} Stream ${stream}, revision ${revision}.`, stream, revision }
}
