/**
 * What meter events would come to under a meter that need not exist: the rules of reading, of once and of aggregating, run
 * over events one by one in the order of their receipt. Nothing is stored and nothing outside is needed, so a page in a
 * browser can run it too.
 */
import { effectiveInWindow, formulas, type EffectiveRecord } from './aggregation.js'
import { formatDecimal, type Decimal } from './decimal.js'
import { DomainError, type ErrorCode } from './errors.js'
import type { Meter } from './meter-catalogue.js'
import { dimensionValues, readMeterEvent, type MeterEvent } from './meter-event.js'
import type { RecordFate } from './record-fate.js'
import { bucketMs, bucketStart } from './time-bucket.js'
import { decide, initial, type State, type UsageRecord } from './usage-record.js'

export interface PreviewedEvent {
  readonly event: MeterEvent
  readonly receivedAt: number
  /** The oldest timestamp that is taken. */
  readonly earliest: number
  readonly cancelledAt: number | null
}

export type PreviewedFate =
  | RecordFate
  /** The same event as an earlier one, `by`: it counts once. */
  | { readonly code: 'duplicate'; readonly by: string }
  | { readonly code: 'refused'; readonly error: ErrorCode; readonly message: string; readonly param: string | null }

export interface EventPreview {
  readonly identifier: string
  /** null where none could be read. */
  readonly customer: string | null
  readonly fate: PreviewedFate
  /** Exact decimal text; 0 where it does not count. */
  readonly contribution: string
}

/** Half-open, milliseconds since the epoch. */
export interface PreviewInterval {
  readonly start: number
  readonly end: number
}

export interface CustomerPreview {
  readonly customer: string
  /** Exact decimal text. */
  readonly value: string
  /** Those with usage, oldest first. */
  readonly windows: readonly (PreviewInterval & { readonly value: string })[]
}

export interface MeterPreview {
  /** In the order they were taken. */
  readonly events: readonly EventPreview[]
  /** In the order they first appeared. */
  readonly customers: readonly CustomerPreview[]
}

interface Candidate extends EffectiveRecord {
  readonly identifier: string
  readonly customer: string
  /** Customer, dimensions and window: of these one record counts. null on raw meters, and for what is cancelled. */
  readonly slot: string | null
  readonly cancelledAt: number | null
}

type Taken = Candidate | { readonly identifier: string; readonly customer: string | null; readonly fate: PreviewedFate }

/** Events, and windows of customers: some milliseconds. */
const DONE_IN_A_STEP = 2_000

/** Takes events one by one, in the order of their receipt, and tells at the end what they come to. */
export class Preview {
  private readonly taken: Taken[] = []
  private readonly known = new Map<string, State>()
  private readonly winners = new Map<string, Candidate>()

  constructor(private readonly meter: Meter) {}

  take({ event, receivedAt, earliest, cancelledAt }: PreviewedEvent): void {
    const { identifier } = event
    let record: UsageRecord
    try {
      record = readMeterEvent(this.meter, event, receivedAt)
      const state = this.known.get(identifier) ?? initial
      const hasTimestamp = event.timestamp !== null
      const [recorded] = decide(state, { type: 'RecordUsage', record, hasTimestamp, earliest })
      if (!recorded) {
        this.taken.push({ identifier, customer: record.customer, fate: { code: 'duplicate', by: identifier } })
        return
      }
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      const { code, message, param } = error
      const customer = Object.hasOwn(event.payload, this.meter.customerKey)
        ? (event.payload[this.meter.customerKey] ?? null)
        : null
      this.taken.push({ identifier, customer, fate: { code: 'refused', error: code, message, param } })
      return
    }
    this.known.set(identifier, { status: 'recorded', record })
    const candidate = this.candidate(record, cancelledAt)
    this.taken.push(candidate)
    if (candidate.slot === null) return
    this.winners.set(candidate.slot, effectiveInWindow(this.winners.get(candidate.slot) ?? null, candidate))
  }

  /** Over an interval (null: all time), with each customer's usage by hour or day too if asked for. */
  finish(interval: PreviewInterval | null, window: 'hour' | 'day' | null): MeterPreview {
    const steps = this.finishing(interval, window)
    for (;;) {
      const step = steps.next()
      if (step.done === true) return step.value
    }
  }

  /** The same in steps, for whoever lets others in between them. */
  *finishing(interval: PreviewInterval | null, window: 'hour' | 'day' | null): Generator<void, MeterPreview> {
    const formula = formulas[this.meter.formula]
    const totals = new Map<string, { state: unknown; windows: Map<number, unknown> }>()
    let done = 0
    const isStep = (): boolean => ++done % DONE_IN_A_STEP === 0
    for (const each of this.taken) {
      if (isStep()) yield
      if ('fate' in each || !this.isEffective(each, interval)) continue
      const total = totals.get(each.customer) ?? { state: formula.empty, windows: new Map<number, unknown>() }
      totals.set(each.customer, total)
      total.state = formula.add(total.state, each)
      if (window === null) continue
      const start = bucketStart(window, each.occurredAt)
      total.windows.set(start, formula.add(total.windows.get(start) ?? formula.empty, each))
    }
    const events: EventPreview[] = []
    for (const each of this.taken) {
      if (isStep()) yield
      events.push(this.describe(each, interval, totals))
    }
    const customers: CustomerPreview[] = []
    for (const [customer, { state, windows }] of totals) {
      const shown: CustomerPreview['windows'][number][] = []
      for (const [start, each] of [...windows].sort(([left], [right]) => left - right)) {
        if (isStep()) yield
        const end = start + (window === null ? 0 : bucketMs[window])
        shown.push({ start, end, value: formatDecimal(formula.value(each)) })
      }
      customers.push({ customer, value: formatDecimal(formula.value(state)), windows: shown })
    }
    return { events, customers }
  }

  private candidate(record: UsageRecord, cancelledAt: number | null): Candidate {
    const { identifier, customer, value, occurredAt } = record
    const window = this.meter.eventTimeWindow
    const slot =
      window === null || cancelledAt !== null
        ? null
        : JSON.stringify([customer, ...dimensionValues(this.meter, record), bucketStart(window, occurredAt)])
    return { identifier, customer, value, occurredAt, sequence: this.taken.length + 1, slot, cancelledAt }
  }

  private isEffective(candidate: Candidate, interval: PreviewInterval | null): boolean {
    if (candidate.cancelledAt !== null || !isWithin(candidate.occurredAt, interval)) return false
    return candidate.slot === null || this.winners.get(candidate.slot) === candidate
  }

  private describe(
    each: Taken,
    interval: PreviewInterval | null,
    totals: ReadonlyMap<string, { readonly state: unknown }>,
  ): EventPreview {
    const { identifier, customer } = each
    if ('fate' in each) return { identifier, customer, fate: each.fate, contribution: '0' }
    const formula = formulas[this.meter.formula]
    const decidedBy = formula.decidedBy(totals.get(each.customer)?.state ?? formula.empty)
    const fate = this.fateOf(each, interval, decidedBy)
    return { identifier, customer, fate, contribution: formatDecimal(this.contributionOf(each, fate)) }
  }

  private fateOf(candidate: Candidate, interval: PreviewInterval | null, decidedBy: number | null): RecordFate {
    const { occurredAt, cancelledAt, slot, sequence } = candidate
    const window = this.meter.eventTimeWindow
    if (!isWithin(occurredAt, interval)) return { code: 'outside', window }
    if (cancelledAt !== null) return { code: 'cancelled', at: cancelledAt }
    const winner = slot === null ? candidate : (this.winners.get(slot) ?? candidate)
    if (window !== null && winner !== candidate) {
      const hasDimensions = this.meter.dimensionKeys.length > 0
      return { code: 'overwritten', by: winner.identifier, window, hasDimensions }
    }
    if (decidedBy === null || decidedBy === sequence) return { code: 'counted' }
    return { code: 'not_last', by: this.taken[decidedBy - 1]?.identifier ?? '', day: null }
  }

  private contributionOf(candidate: Candidate, fate: RecordFate): Decimal {
    const formula = formulas[this.meter.formula]
    return fate.code === 'counted' ? formula.value(formula.add(formula.empty, candidate)) : 0n
  }
}

function isWithin(instant: number, interval: PreviewInterval | null): boolean {
  return interval === null || (instant >= interval.start && instant < interval.end)
}
