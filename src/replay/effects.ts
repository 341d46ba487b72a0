/**
 * What each usage event did to the number it is about: to the minute it falls into, or to its window where a meter has one. All
 * that the events of a bucket did adds up to what it comes to, so all that they did to a meter of sums or counts adds up to its
 * number.
 *
 * Buckets are folded here by themselves, event by event, whatever batches the log is folded in.
 */
import { effectiveInWindow, formulas, type EffectiveRecord, type Formula } from '../domain/aggregation.js'
import { formatDecimal, type Decimal } from '../domain/decimal.js'
import { bucketMs, bucketStart, type BucketSize } from '../domain/time-bucket.js'
import { ledgerOf } from '../event-store/streams.js'
import type { ProjectedEvent } from '../projections/projection.js'
import { findChanges, FoldedMeters, type FoldedMeter, type UsageChange } from '../projections/usage-changes.js'
import type { RowReader } from '../read-model/read-model.js'
import type { Watcher } from './refold.js'
import { isSelected, type Selection } from './row-scope.js'

export interface Effect {
  readonly type: 'UsageRecorded' | 'UsageCancelled'
  readonly stream: string
  readonly revision: number
  readonly position: string
  readonly sequence: number
  readonly meterId: string
  readonly identifier: string
  readonly customer: string
  readonly value: string | null
  /** Milliseconds since the epoch, like `start`, where the bucket begins. */
  readonly occurredAt: number
  /** The meter's window, or a minute. */
  readonly bucket: BucketSize
  readonly start: number
  /** Exact decimal text: what the bucket came to before and after. */
  readonly before: string
  readonly after: string
}

/** Events whose effect is told; later ones are counted. */
export const EFFECTS_MAX = 10_000

export class EffectWatcher implements Watcher {
  private readonly meters = new FoldedMeters()
  private readonly buckets = new Map<string, Bucket>()
  private watched = 0

  constructor(
    private readonly selection: Selection,
    private readonly onEffect: (effect: Effect) => void,
    private readonly effectsMax = EFFECTS_MAX,
  ) {}

  /** Selected events so far, of which the first `effectsMax` were told. */
  get count(): number {
    return this.watched
  }

  async folded(events: readonly ProjectedEvent[], rows: RowReader): Promise<void> {
    const concerned = this.isFull ? [] : await this.concerned(events, rows)
    const changes = new Map(
      (await findChanges(concerned, this.meters, rows)).map((change) => [change.sequence, change]),
    )
    const meters = await this.meters.ofNumbers(new Set([...changes.values()].map(({ row }) => row.meter)), rows)
    for (const projected of events) {
      if (this.isFull) {
        if (this.isWatched(projected)) this.watched++
        continue
      }
      // What was not folded did nothing: the audit says why.
      const change = changes.get(projected.sequence)
      const meter = change && meters.get(change.row.meter)
      if (meter) this.take(projected, change, meter)
    }
    if (this.isFull) this.buckets.clear()
  }

  private get isFull(): boolean {
    return this.watched >= this.effectsMax
  }

  private isWatched({ event, stream }: ProjectedEvent): boolean {
    if (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled') return false
    const { meterId, customer, occurredAt } = event.data
    return isSelected(
      { ledger: ledgerOf(stream), meterId, customer, from: occurredAt, to: occurredAt + 1 },
      this.selection,
    )
  }

  /** Events of the buckets that selected ones may be in. */
  private async concerned(events: readonly ProjectedEvent[], rows: RowReader): Promise<ProjectedEvent[]> {
    const all = { ...this.selection, from: null, to: null }
    const ofAnyTime = events.flatMap((projected) => {
      const { event, stream } = projected
      if (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled') return []
      const { meterId, customer, occurredAt } = event.data
      const scope = { ledger: ledgerOf(stream), meterId, customer, from: null, to: null }
      return isSelected(scope, all) ? [{ projected, scope, occurredAt }] : []
    })
    const meters = await this.meters.ofIds(new Set(ofAnyTime.map(({ scope }) => scope.meterId)), rows)
    return ofAnyTime.flatMap(({ projected, scope, occurredAt }) => {
      const meter = meters.get(scope.meterId)
      if (!meter) return []
      const { start: from, size } = bucketOf(meter, occurredAt)
      return isSelected({ ...scope, from, to: from + bucketMs[size] }, this.selection) ? [projected] : []
    })
  }

  private take(projected: ProjectedEvent, { type, row }: UsageChange, meter: FoldedMeter): void {
    const { event, stream, revision, position, sequence } = projected
    if (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled') return
    const { start, size } = bucketOf(meter, row.occurredAt)
    const bucket = this.bucket(`${row.series} ${start}`, meter)
    const before = bucket.value
    if (type === 'recorded') bucket.add(row)
    else bucket.remove(row)
    if (!this.isWatched(projected)) return
    this.watched++
    const { meterId, identifier, customer, value, occurredAt } = event.data
    this.onEffect({
      type: event.type,
      stream,
      revision,
      position,
      sequence,
      meterId,
      identifier,
      customer,
      value,
      occurredAt,
      bucket: size,
      start,
      before: formatDecimal(before),
      after: formatDecimal(bucket.value),
    })
  }

  private bucket(key: string, { formula, eventTimeWindow }: FoldedMeter): Bucket {
    let bucket = this.buckets.get(key)
    if (!bucket) {
      bucket = eventTimeWindow === null ? new MinuteBucket(formulas[formula]) : new WindowBucket(formulas[formula])
      this.buckets.set(key, bucket)
    }
    return bucket
  }
}

function bucketOf(
  { eventTimeWindow }: FoldedMeter,
  occurredAt: number,
): { readonly size: BucketSize; readonly start: number } {
  const size = eventTimeWindow ?? 'minute'
  return { size, start: bucketStart(size, occurredAt) }
}

interface Bucket {
  readonly value: Decimal
  add(record: EffectiveRecord): void
  remove(record: EffectiveRecord): void
}

/** Every record of it counts that is not cancelled. */
class MinuteBucket implements Bucket {
  private state: unknown
  /** Kept where a cancellation may have them counted again. */
  private readonly records: Map<number, EffectiveRecord> | null

  constructor(private readonly formula: Formula<unknown>) {
    this.state = formula.empty
    this.records = formula.isOrderFree ? null : new Map()
  }

  get value(): Decimal {
    return this.formula.value(this.state)
  }

  add({ sequence, value, occurredAt }: EffectiveRecord): void {
    const record = { sequence, value, occurredAt }
    this.records?.set(sequence, record)
    this.state = this.formula.add(this.state, record)
  }

  remove(record: EffectiveRecord): void {
    this.records?.delete(record.sequence)
    this.state = this.formula.remove(this.state, record) ?? this.counted()
  }

  private counted(): unknown {
    let state = this.formula.empty
    for (const record of this.records?.values() ?? []) state = this.formula.add(state, record)
    return state
  }
}

/** The record of it counts that was recorded last of those that are not cancelled. */
class WindowBucket implements Bucket {
  private readonly records = new Map<number, EffectiveRecord>()
  private effective: EffectiveRecord | null = null

  constructor(private readonly formula: Formula<unknown>) {}

  get value(): Decimal {
    const { formula, effective } = this
    return formula.value(effective ? formula.add(formula.empty, effective) : formula.empty)
  }

  add({ sequence, value, occurredAt }: EffectiveRecord): void {
    const record = { sequence, value, occurredAt }
    this.records.set(sequence, record)
    this.effective = effectiveInWindow(this.effective, record)
  }

  remove({ sequence }: EffectiveRecord): void {
    this.records.delete(sequence)
    if (this.effective?.sequence !== sequence) return
    this.effective = null
    for (const record of this.records.values()) this.effective = effectiveInWindow(this.effective, record)
  }
}
