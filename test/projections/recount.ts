/**
 * What the read model must hold, counted again from the whole history with plain loops and big.js: every record is looked
 * at as it stands at the end, nothing is folded step by step. Shares no code with the projections.
 */
import Big from 'big.js'
import type { MeterCreated } from '../../src/domain/meter-catalogue.js'
import type { UsageRecord } from '../../src/domain/usage-record.js'
import type {
  IdempotencyKeyRow,
  MeterRow,
  UsageCellRow,
  UsageRecordRow,
  UsageSeriesRow,
  UsageStreamRow,
  UsageWindowRow,
} from '../../src/read-model/tables.js'
import type { Entry } from './history.js'

const SIZES = [60_000, 3_600_000, 86_400_000]
const WINDOW_MS: Record<string, number> = { hour: 3_600_000, day: 86_400_000 }

export interface Recounted {
  readonly meters: MeterRow[]
  readonly usage_series: UsageSeriesRow[]
  readonly usage_records: UsageRecordRow[]
  readonly usage_streams: UsageStreamRow[]
  readonly usage_windows: UsageWindowRow[]
  readonly usage_cells: UsageCellRow[]
  readonly idempotency_keys: IdempotencyKeyRow[]
}

/** A record that counts, with all that a summary may ask of it. */
export interface Counted {
  readonly meterId: string
  readonly customer: string
  readonly dimensions: readonly string[]
  readonly series: number
  readonly sequence: number
  readonly occurredAt: number
  readonly value: string | null
}

interface Known {
  readonly meter: MeterCreated
  readonly record: UsageRecord
  readonly row: UsageRecordRow
}

export class Recount {
  private readonly meters = new Map<string, { created: MeterCreated; row: MeterRow }>()
  private readonly series: (UsageSeriesRow & { readonly meterId: string })[] = []
  private readonly records = new Map<string, Known>()
  private readonly revisions = new Map<string, number>()
  private readonly anomalous: string[] = []

  constructor(private readonly history: readonly Entry[]) {
    let sequence = 0
    for (const { stream, event } of history) {
      const revision = (this.revisions.get(stream) ?? 0) + 1
      this.revisions.set(stream, revision)
      switch (event.type) {
        case 'MeterCreated':
          this.createMeter(stream, event.data)
          break
        case 'MeterRenamed':
        case 'MeterDeactivated':
        case 'MeterReactivated': {
          const meter = this.meters.get(event.data.meterId)!
          const { at } = event.data
          if (event.type === 'MeterRenamed') {
            meter.row = { ...meter.row, displayName: event.data.displayName, updatedAt: at }
          } else if (event.type === 'MeterDeactivated') {
            meter.row = { ...meter.row, status: 'inactive', updatedAt: at, deactivatedAt: at }
          } else meter.row = { ...meter.row, status: 'active', updatedAt: at, deactivatedAt: null }
          break
        }
        case 'UsageRecorded': {
          sequence++
          const { created, row } = this.meters.get(event.data.meterId)!
          const series = this.seriesOf(created, row.number, event.data)
          const key = JSON.stringify([event.data.meterId, event.data.identifier])
          if (this.records.has(key)) this.anomalous.push(`${stream} ${revision}`)
          else {
            this.records.set(key, {
              meter: created,
              record: event.data,
              row: recordRow(event.data, row.number, series, sequence, stream, revision),
            })
          }
          break
        }
        case 'UsageCancelled': {
          sequence++
          const key = JSON.stringify([event.data.meterId, event.data.identifier])
          const known = this.records.get(key)!
          if (known.row.cancelledAt !== null) this.anomalous.push(`${stream} ${revision}`)
          else {
            const { cancelledAt } = event.data
            const row = { ...known.row, cancelledAt, cancelledSequence: sequence, cancelledRevision: revision }
            this.records.set(key, { ...known, row })
          }
          break
        }
        case 'LedgerOpened':
        case 'UsageRejected':
        case 'UsageRejectionResolved':
        case 'ApiKeyIssued':
        case 'ApiKeyRevoked':
          break
      }
    }
  }

  /** Events that contradict the log, as `<stream> <revision>`. */
  get anomalies(): readonly string[] {
    return this.anomalous
  }

  /** Every record that counts, by the rule of its meter. */
  effective(): Counted[] {
    const candidates = [...this.records.values()]
      .filter(({ row }) => row.cancelledAt === null)
      .map(({ meter, record, row }) => ({
        meter,
        counted: {
          meterId: meter.meterId,
          customer: record.customer,
          dimensions: dimensionsOf(meter, record),
          series: row.series,
          sequence: row.sequence,
          occurredAt: row.occurredAt,
          value: row.value,
        },
      }))
    return candidates
      .filter(({ meter, counted }) => {
        const windowMs = WINDOW_MS[meter.eventTimeWindow ?? '']
        if (windowMs === undefined) return true
        // In its window nothing else of its series was recorded later.
        return !candidates.some(
          ({ counted: other }) =>
            other.series === counted.series &&
            floor(other.occurredAt, windowMs) === floor(counted.occurredAt, windowMs) &&
            other.sequence > counted.sequence,
        )
      })
      .map(({ counted }) => counted)
  }

  /** All series a customer ever had on a meter: their dimension values. */
  combinations(meterId: string, customer: string): (readonly string[])[] {
    return this.series
      .filter((series) => series.meterId === meterId && series.customer === customer)
      .map(({ dimensions }) => JSON.parse(dimensions) as string[])
  }

  tables(): Recounted {
    return {
      meters: [...this.meters.values()].map(({ row }) => row),
      usage_series: this.series.map(({ meterId: _meterId, ...row }) => row),
      usage_records: [...this.records.values()].map(({ row }) => row).sort((a, b) => a.sequence - b.sequence),
      usage_streams: this.usageStreams(),
      usage_windows: this.windows(),
      usage_cells: this.cells(),
      idempotency_keys: this.idempotencyKeys(),
    }
  }

  private createMeter(stream: string, created: MeterCreated): void {
    const { dimensionKeys, ...rest } = created
    this.meters.set(created.meterId, {
      created,
      row: {
        ...rest,
        number: this.meters.size + 1,
        ledger: stream.slice('meters-'.length),
        dimensionKeys: JSON.stringify(dimensionKeys),
        status: 'active',
        updatedAt: created.createdAt,
        deactivatedAt: null,
      },
    })
  }

  private seriesOf(meter: MeterCreated, number: number, record: UsageRecord): number {
    const dimensions = JSON.stringify(dimensionsOf(meter, record))
    const { meterId, customer } = record
    const known = this.series.find(
      (each) => each.meterId === meterId && each.customer === customer && each.dimensions === dimensions,
    )
    if (known) return known.series
    const series = this.series.length + 1
    this.series.push({ series, meter: number, customer, dimensions, meterId })
    return series
  }

  private usageStreams(): UsageStreamRow[] {
    return [...this.revisions]
      .filter(([stream]) => stream.startsWith('usage-'))
      .map(([stream, revision]) => ({ stream, revision }))
      .sort((a, b) => (a.stream < b.stream ? -1 : 1))
  }

  private windows(): UsageWindowRow[] {
    return this.effective()
      .flatMap(({ meterId, series, sequence, occurredAt, value }) => {
        const windowMs = WINDOW_MS[this.meters.get(meterId)!.created.eventTimeWindow ?? '']
        return windowMs === undefined
          ? []
          : [{ series, start: floor(occurredAt, windowMs), sequence, occurredAt, value }]
      })
      .sort((a, b) => a.series - b.series || a.start - b.start)
  }

  private cells(): UsageCellRow[] {
    const groups = new Map<string, { series: number; size: number; start: number; records: Counted[] }>()
    for (const record of this.effective()) {
      for (const size of SIZES) {
        const start = floor(record.occurredAt, size)
        const key = `${record.series} ${size} ${start}`
        const group = groups.get(key) ?? { series: record.series, size, start, records: [] }
        group.records.push(record)
        groups.set(key, group)
      }
    }
    return [...groups.values()]
      .map(({ records, ...cell }) => ({
        ...cell,
        records: records.length,
        state: state(this.meters.get(records[0]!.meterId)!.created.formula, records),
      }))
      .sort((a, b) => a.series - b.series || a.size - b.size || a.start - b.start)
  }

  /** The first event of each key, forgotten once a key is more than 25 hours newer; it may then be used again. */
  private idempotencyKeys(): IdempotencyKeyRow[] {
    const keptMs = 25 * 3_600_000
    const revisions = new Map<string, number>()
    let kept: IdempotencyKeyRow[] = []
    for (const { stream, event, idempotency } of this.history) {
      const revision = (revisions.get(stream) ?? 0) + 1
      revisions.set(stream, revision)
      if (!idempotency || (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled')) continue
      const recordedAt = event.type === 'UsageRecorded' ? event.data.recordedAt : event.data.cancelledAt
      const oldest = Math.max(recordedAt, ...kept.map((row) => row.recordedAt)) - keptMs
      const ledger = stream.slice('usage-'.length, stream.indexOf('.'))
      const { key: idempotencyKey, requestHash } = idempotency
      const isSame = (row: IdempotencyKeyRow) => row.ledger === ledger && row.idempotencyKey === idempotencyKey
      if (recordedAt < oldest || kept.some((row) => isSame(row) && row.recordedAt >= oldest)) continue
      kept = kept.filter((row) => row.recordedAt >= oldest)
      kept.push({ ledger, idempotencyKey, requestHash, stream, revision, recordedAt })
    }
    const byKey = (row: IdempotencyKeyRow) => `${row.ledger} ${row.idempotencyKey}`
    return kept.sort((a, b) => (byKey(a) < byKey(b) ? -1 : 1))
  }
}

/** The exact total of records by a formula, as canonical text. */
export function total(formula: string, records: readonly Counted[]): string {
  if (formula === 'count') return String(records.length)
  if (formula === 'last') return latest(records)?.value ?? '0'
  let sum = new Big(0)
  for (const { value } of records) sum = sum.plus(value!)
  return sum.toFixed().replace(/^-0$/, '0')
}

/** As a cell stores it. */
function state(formula: string, records: readonly Counted[]): string {
  if (formula !== 'last') return total(formula, records)
  const { value, occurredAt, sequence } = latest(records)!
  return `${value} ${occurredAt} ${sequence}`
}

function latest(records: readonly Counted[]): Counted | undefined {
  return [...records].sort((a, b) => b.occurredAt - a.occurredAt || b.sequence - a.sequence)[0]
}

export function floor(instant: number, ms: number): number {
  return Math.floor(instant / ms) * ms
}

function dimensionsOf(meter: MeterCreated, record: UsageRecord): string[] {
  return meter.dimensionKeys.map((key) => Object.entries(record.payload).find(([name]) => name === key)?.[1] ?? '')
}

function recordRow(
  { identifier, value, occurredAt, recordedAt, payload }: UsageRecord,
  meter: number,
  series: number,
  sequence: number,
  stream: string,
  revision: number,
): UsageRecordRow {
  return {
    sequence,
    meter,
    identifier,
    series,
    value,
    occurredAt,
    recordedAt,
    payload: Object.keys(payload).length === 0 ? null : JSON.stringify(payload),
    partition: Number(stream.slice(stream.lastIndexOf('.') + 1)),
    revision,
    cancelledAt: null,
    cancelledSequence: null,
    cancelledRevision: null,
  }
}
