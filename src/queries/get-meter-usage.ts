/**
 * Usage of a meter by hour or day, of all customers or of one: in each window the sum of the customers' summaries of it, and
 * as a whole the sum of their summaries of the interval. On a meter that takes the last value the whole is not the sum of
 * the windows: a customer has a last value in each and one in all.
 */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import { formulas, type Formula } from '../domain/aggregation.js'
import { formatDecimal, type Decimal } from '../domain/decimal.js'
import { DomainError } from '../domain/errors.js'
import type { Meter } from '../domain/meter-catalogue.js'
import { bucketMs } from '../domain/time-bucket.js'
import { toMeter } from '../projections/meters.js'
import type { RowReader } from '../read-model/read-model.js'
import type { AsOfRequest } from './as-of.js'
import { requireInterval, type SummaryRequest } from './get-meter-event-summaries.js'
import { meterAsOf } from './meter-as-of.js'
import { Reader, requireMeter, type Answer, type QueryContext } from './reader.js'
import { UsageAt, type Bucket } from './usage-at.js'
import { customersOf, inBatches, readingLimit, seriesOfEach } from './usage-of-customers.js'
import { seriesGrouping } from './usage-series-of.js'
import { WholeMeterTurns } from './read-turns.js'

export interface MeterUsageRequest extends Omit<SummaryRequest, 'customer' | 'window'> {
  /** null: of all of them. */
  readonly customer: string | null
  readonly window: 'hour' | 'day'
}

export interface UsageSum {
  /** Exact decimal text. */
  readonly value: string
  /** Effective ones. */
  readonly records: number
}

export interface GroupSum extends UsageSum {
  /** Values of the group-by keys; null: all groups that are not named. */
  readonly dimensions: Readonly<Record<string, string>> | null
}

export interface WindowUsage extends UsageSum {
  /** Milliseconds since the epoch. */
  readonly start: number
  /** Those that have records; none where nothing is grouped. */
  readonly groups: readonly GroupSum[]
}

export interface MeterUsage {
  readonly meter: Meter
  readonly total: UsageSum
  /** Who have records in the interval. */
  readonly customers: number
  /** Highest first. */
  readonly groups: readonly GroupSum[]
  /** Those that have records, in time order. */
  readonly windows: readonly WindowUsage[]
}

export class GetMeterUsage extends Query<Answer<MeterUsage>> {
  constructor(
    readonly context: QueryContext,
    readonly request: MeterUsageRequest,
    /** null: as it stands. */
    readonly asOf: AsOfRequest | null,
  ) {
    super()
  }
}

/** Windows of one answer: ten years of days, five months of hours. */
export const WINDOWS_MAX = 3_660
/** Groups that are named, those with the highest totals; the others are one more. */
export const GROUPS_MAX = 20

@QueryHandler(GetMeterUsage)
export class GetMeterUsageHandler implements IQueryHandler<GetMeterUsage> {
  constructor(
    private readonly reader: Reader,
    private readonly turns: WholeMeterTurns,
  ) {}

  /** @throws DomainError for misaligned bounds, too much at once, an unknown meter or dimension; Overloaded. */
  async execute({ context, request, asOf }: GetMeterUsage): Promise<Answer<MeterUsage>> {
    requireInterval(request)
    requireFewWindows(request)
    const { start, end, window, customer } = request
    const then = await this.reader.momentOf(context, asOf)
    const meterThen = await meterAsOf(this.reader, context.ledger, request.meterId, then)
    const read = async (rows: RowReader): Promise<MeterUsage> => {
      const row = await requireMeter(rows, context.ledger, request.meterId)
      const meter = meterThen ?? toMeter(row)
      const usage = new UsageAt(rows, meter, then?.sequence ?? null)
      const grouping = seriesGrouping(meter, request)
      const book = new UsageBook(formulas[meter.formula], request.groupBy.length > 0)
      const withinLimit = readingLimit(usage, context.signal)
      for await (const batch of inBatches(customersOf(rows, row.number, { customer }, grouping))) {
        const read = usage.bucketsOfEach(seriesOfEach(batch).flat(), window, start, end)
        for (const { groups } of batch) {
          const parts: CustomerPart[] = []
          for (const { dimensions, series } of groups) {
            const buckets: Bucket[] = []
            for (let at = 0; at < series.length; at++) {
              for (const bucket of (await read.next()).value as Bucket[]) buckets.push(bucket)
              withinLimit()
            }
            parts.push({ dimensions, buckets })
          }
          book.add(parts)
        }
      }
      return { meter, ...book.close() }
    }
    return this.reader.readAsOf(context, 'usage-cells', then, read, this.turns)
  }
}

interface CustomerPart {
  readonly dimensions: GroupSum['dimensions']
  readonly buckets: readonly Bucket[]
}

interface Sum {
  value: Decimal
  records: number
}

/** Of all customers, or of all in one group. */
interface Sums {
  readonly dimensions: GroupSum['dimensions']
  readonly whole: Sum
  readonly windows: Map<number, Sum>
}

/** Adds up customer by customer: states merge within a customer, values add up between them. */
class UsageBook {
  private readonly all = newSums(null)
  private readonly groups = new Map<string, Sums>()
  private customers = 0

  constructor(
    private readonly formula: Formula<unknown>,
    private readonly isGrouped: boolean,
  ) {}

  add(parts: readonly CustomerPart[]): void {
    this.addCustomer(
      this.all,
      parts.flatMap(({ buckets }) => buckets),
    )
    if (parts.some(({ buckets }) => buckets.length > 0)) this.customers++
    if (!this.isGrouped) return
    for (const { dimensions, buckets } of parts) {
      if (buckets.length === 0) continue
      const key = JSON.stringify(dimensions)
      const group = this.groups.get(key) ?? newSums(dimensions)
      this.groups.set(key, group)
      this.addCustomer(group, buckets)
    }
  }

  close(): Omit<MeterUsage, 'meter'> {
    const ranked = [...this.groups.values()].sort((left, right) => compare(right.whole.value, left.whole.value))
    const named = ranked.slice(0, GROUPS_MAX)
    if (ranked.length > named.length) named.push(together(ranked.slice(GROUPS_MAX)))
    return {
      total: written(this.all.whole),
      customers: this.customers,
      groups: named.map(({ dimensions, whole }) => ({ dimensions, ...written(whole) })),
      windows: [...this.all.windows]
        .sort(([left], [right]) => left - right)
        .map(([start, sum]) => ({
          start,
          ...written(sum),
          groups: named.flatMap(({ dimensions, windows }) => {
            const part = windows.get(start)
            return part ? [{ dimensions, ...written(part) }] : []
          }),
        })),
    }
  }

  private addCustomer(sums: Sums, buckets: readonly Bucket[]): void {
    const { formula } = this
    const states = new Map<number, { state: unknown; records: number }>()
    for (const { start, state, records } of buckets) {
      const known = states.get(start)
      if (!known) states.set(start, { state, records })
      else {
        known.state = formula.merge(known.state, state)
        known.records += records
      }
    }
    let whole = formula.empty
    let records = 0
    for (const [start, each] of states) {
      whole = formula.merge(whole, each.state)
      records += each.records
      addTo(windowOf(sums, start), formula.value(each.state), each.records)
    }
    if (records > 0) addTo(sums.whole, formula.value(whole), records)
  }
}

function newSums(dimensions: GroupSum['dimensions']): Sums {
  return { dimensions, whole: { value: 0n, records: 0 }, windows: new Map() }
}

function windowOf({ windows }: Sums, start: number): Sum {
  const known = windows.get(start)
  if (known) return known
  const sum = { value: 0n, records: 0 }
  windows.set(start, sum)
  return sum
}

function addTo(sum: Sum, value: Decimal, records: number): void {
  sum.value += value
  sum.records += records
}

/** The groups that are not named, as one. */
function together(groups: readonly Sums[]): Sums {
  const sums = newSums(null)
  for (const { whole, windows } of groups) {
    addTo(sums.whole, whole.value, whole.records)
    for (const [start, { value, records }] of windows) addTo(windowOf(sums, start), value, records)
  }
  return sums
}

function written({ value, records }: Sum): UsageSum {
  return { value: formatDecimal(value), records }
}

function compare(left: Decimal, right: Decimal): number {
  return left < right ? -1 : left > right ? 1 : 0
}

function requireFewWindows({ start, end, window }: MeterUsageRequest): void {
  if ((end - start) / bucketMs[window] <= WINDOWS_MAX) return
  throw new DomainError(
    'parameter_invalid',
    `At most ${WINDOWS_MAX} windows are answered at once. Choose a shorter time${window === 'hour' ? ', or days' : ''}.`,
    'end_time',
  )
}
