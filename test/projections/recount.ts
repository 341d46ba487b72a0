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
  UsageBlockRow,
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
  readonly usage_blocks: UsageBlockRow[]
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

interface CellGroup {
  /** Any of those that were ever in it. */
  readonly record: Counted
  readonly size: number
  readonly start: number
  readonly records: Counted[]
  /** Sequences of the events that put something in or took something out, in order. */
  readonly touched: number[]
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
  /** Usage events in the history. */
  private readonly sequence: number

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
    this.sequence = sequence
  }

  /** Events that contradict the log, as `<stream> <revision>`. */
  get anomalies(): readonly string[] {
    return this.anomalous
  }

  /** Every record that counts, by the rule of its meter; or that counted once the usage event at `sequence` had happened. */
  effective(sequence = Infinity): Counted[] {
    const candidates = [...this.records.values()]
      .filter(({ row }) => row.sequence <= sequence)
      .filter(({ row }) => row.cancelledSequence === null || row.cancelledSequence > sequence)
    const windowOf = ({ meter, row }: Known): string | null => {
      const windowMs = WINDOW_MS[meter.eventTimeWindow ?? '']
      return windowMs === undefined ? null : `${row.series} ${floor(row.occurredAt, windowMs)}`
    }
    const latest = new Map<string, number>()
    for (const known of candidates) {
      const window = windowOf(known)
      if (window !== null) latest.set(window, Math.max(latest.get(window) ?? 0, known.row.sequence))
    }
    return candidates
      .filter((known) => {
        const window = windowOf(known)
        return window === null || latest.get(window) === known.row.sequence
      })
      .map(({ meter, record, row }) => ({
        meterId: meter.meterId,
        customer: record.customer,
        dimensions: dimensionsOf(meter, record),
        series: row.series,
        sequence: row.sequence,
        occurredAt: row.occurredAt,
        value: row.value,
      }))
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
      usage_blocks: this.blocks(),
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

  private blocks(): UsageBlockRow[] {
    const all = [...this.records.values()].map(
      ({ row: { meter, sequence } }) => `${meter} ${Math.floor(sequence / 1024)}`,
    )
    return [...new Set(all)]
      .map((text) => text.split(' ').map(Number) as [number, number])
      .map(([meter, block]) => ({ meter, block }))
      .sort((a, b) => a.meter - b.meter || a.block - b.block)
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
    const groups = new Map<string, CellGroup>()
    const groupsOf = (record: Counted): CellGroup[] =>
      SIZES.map((size) => {
        const start = floor(record.occurredAt, size)
        const key = `${record.series} ${size} ${start}`
        const group = groups.get(key) ?? { record, size, start, records: [], touched: [] }
        groups.set(key, group)
        return group
      })
    // An event touches the cells of every record that begins or ends to count with it.
    let before: Counted[] = []
    for (let sequence = 1; sequence <= this.sequence; sequence++) {
      const now = this.effective(sequence)
      for (const record of difference(before, now)) {
        for (const { touched } of groupsOf(record)) touched.push(sequence)
      }
      before = now
    }
    for (const record of before) for (const { records } of groupsOf(record)) records.push(record)
    return [...groups.values()]
      .map(({ record, size, start, records, touched }) => ({
        series: record.series,
        size,
        start,
        records: records.length,
        state: state(this.meters.get(record.meterId)!.created.formula, records),
        firstSequence: touched[0]!,
        changedSequence: touched.at(-1)!,
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
      if (kept.some((row) => isSame(row) && row.recordedAt >= oldest)) continue
      kept = kept.filter((row) => row.recordedAt >= oldest)
      // A clock that was far ahead makes nothing old that comes after it was set right.
      const at = recordedAt < oldest ? oldest + keptMs : recordedAt
      kept.push({ ledger, idempotencyKey, requestHash, stream, revision, recordedAt: at })
    }
    const byKey = (row: IdempotencyKeyRow) => `${row.ledger} ${row.idempotencyKey}`
    return kept.sort((a, b) => (byKey(a) < byKey(b) ? -1 : 1))
  }
}

/** What is in one of the two but not in the other. */
function difference(left: readonly Counted[], right: readonly Counted[]): Counted[] {
  const inLeft = new Set(left.map(({ sequence }) => sequence))
  const inRight = new Set(right.map(({ sequence }) => sequence))
  return [
    ...left.filter(({ sequence }) => !inRight.has(sequence)),
    ...right.filter(({ sequence }) => !inLeft.has(sequence)),
  ]
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
  if (records.length === 0) return ''
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
