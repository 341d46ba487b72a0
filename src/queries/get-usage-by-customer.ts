/**
 * Usage of each customer of a meter over an interval, highest first or by name, page by page. Each value is that of the
 * customer's summary; customers without records in the interval are left out.
 */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import { formulas, type Formula } from '../domain/aggregation.js'
import { compareCodePoints } from '../domain/canonical-record.js'
import { formatDecimal, type Decimal } from '../domain/decimal.js'
import { DomainError } from '../domain/errors.js'
import type { Meter } from '../domain/meter-catalogue.js'
import { toMeter } from '../projections/meters.js'
import type { RowReader } from '../read-model/read-model.js'
import type { AsOfRequest } from './as-of.js'
import { requireInterval, type SummaryRequest } from './get-meter-event-summaries.js'
import type { UsageSum } from './get-meter-usage.js'
import { meterAsOf } from './meter-as-of.js'
import type { Page } from './page.js'
import { Reader, requireMeter, type Answer, type QueryContext } from './reader.js'
import { UsageAt } from './usage-at.js'
import {
  customersOf,
  inBatches,
  readingLimit,
  seriesOfEach,
  type CustomerChoice,
  type CustomerSeries,
} from './usage-of-customers.js'
import { seriesGrouping } from './usage-series-of.js'
import { WholeMeterTurns } from './read-turns.js'

export const customerOrders = ['-value', 'customer'] as const
export type CustomerOrder = (typeof customerOrders)[number]

export interface UsageByCustomerRequest extends Omit<SummaryRequest, 'customer' | 'window' | 'groupBy'> {
  readonly order: CustomerOrder
  /** Part of the customers' names, in any case; null: all of them. */
  readonly search: string | null
}

export interface CustomerPage {
  readonly limit: number
  /** A customer; null: from the beginning. */
  readonly startingAfter: string | null
}

export interface CustomerUsage extends UsageSum {
  readonly customer: string
}

export interface UsageByCustomer extends Page<CustomerUsage> {
  readonly meter: Meter
  /** Of all customers, also of those that were not searched for; null in the order of names, which reads no more than it shows. */
  readonly total: (UsageSum & { readonly customers: number }) | null
}

export class GetUsageByCustomer extends Query<Answer<UsageByCustomer>> {
  constructor(
    readonly context: QueryContext,
    readonly request: UsageByCustomerRequest,
    readonly page: CustomerPage,
    /** null: as it stands. */
    readonly asOf: AsOfRequest | null,
  ) {
    super()
  }
}

interface Found {
  readonly customer: string
  readonly value: Decimal
  readonly records: number
}

type FindUsage = (choice: Omit<CustomerChoice, 'customer'>) => AsyncGenerator<Found>

@QueryHandler(GetUsageByCustomer)
export class GetUsageByCustomerHandler implements IQueryHandler<GetUsageByCustomer> {
  constructor(
    private readonly reader: Reader,
    private readonly turns: WholeMeterTurns,
  ) {}

  /** @throws DomainError for misaligned bounds, too much at once, an unknown meter, dimension or cursor; Overloaded. */
  async execute({ context, request, page, asOf }: GetUsageByCustomer): Promise<Answer<UsageByCustomer>> {
    requireInterval({ ...request, window: null })
    const then = await this.reader.momentOf(context, asOf)
    const meterThen = await meterAsOf(this.reader, context.ledger, request.meterId, then)
    const read = async (rows: RowReader): Promise<UsageByCustomer> => {
      const row = await requireMeter(rows, context.ledger, request.meterId)
      const meter = meterThen ?? toMeter(row)
      const usage = new UsageAt(rows, meter, then?.sequence ?? null)
      const find: FindUsage = (choice) => usageOf(rows, row.number, meter, usage, request, choice, context.signal)
      return {
        meter,
        ...(request.order === 'customer' ? await byName(find, request, page) : await byValue(find, request, page)),
      }
    }
    return this.reader.readAsOf(context, 'usage-cells', then, read, this.turns)
  }
}

async function* usageOf(
  rows: RowReader,
  meterNumber: number,
  meter: Meter,
  usage: UsageAt,
  { start, end, filters }: UsageByCustomerRequest,
  choice: Omit<CustomerChoice, 'customer'>,
  signal: AbortSignal,
): AsyncGenerator<Found> {
  const formula: Formula<unknown> = formulas[meter.formula]
  const grouping = seriesGrouping(meter, { filters, groupBy: [] })
  const withinLimit = readingLimit(usage, signal)
  for await (const batch of inBatches(customersOf(rows, meterNumber, { customer: null, ...choice }, grouping))) {
    const customers = batch.values()
    for await (const { state, records } of usage.wholeOfEach(seriesOfEach(batch), start, end)) {
      withinLimit()
      const { customer } = customers.next().value as CustomerSeries
      if (records > 0) yield { customer, value: formula.value(state), records }
    }
  }
}

async function byName(
  find: FindUsage,
  { search }: UsageByCustomerRequest,
  { limit, startingAfter }: CustomerPage,
): Promise<Omit<UsageByCustomer, 'meter'>> {
  const found: Found[] = []
  for await (const each of find({ after: startingAfter, isWanted: matcher(search) })) {
    found.push(each)
    if (found.length > limit) break
  }
  return { ...toPage(found, limit), total: null }
}

async function byValue(
  find: FindUsage,
  { search }: UsageByCustomerRequest,
  { limit, startingAfter }: CustomerPage,
): Promise<Omit<UsageByCustomer, 'meter'>> {
  const all: Found[] = []
  for await (const each of find({})) all.push(each)
  const isWanted = matcher(search)
  const ranked = all.filter(({ customer }) => isWanted(customer)).sort(highestFirst)
  const at = startingAfter === null ? -1 : ranked.findIndex(({ customer }) => customer === startingAfter)
  if (startingAfter !== null && at < 0) {
    throw new DomainError('resource_missing', `No such item: '${startingAfter}'.`, 'starting_after')
  }
  const value = all.reduce((sum, each) => sum + each.value, 0n)
  const records = all.reduce((sum, each) => sum + each.records, 0)
  return {
    ...toPage(ranked.slice(at + 1, at + 2 + limit), limit),
    total: { value: formatDecimal(value), records, customers: all.length },
  }
}

/** Equal values by name. */
function highestFirst(left: Found, right: Found): number {
  if (left.value !== right.value) return left.value < right.value ? 1 : -1
  return compareCodePoints(left.customer, right.customer)
}

function matcher(search: string | null): (customer: string) => boolean {
  if (search === null) return () => true
  const wanted = search.toLowerCase()
  return (customer) => customer.toLowerCase().includes(wanted)
}

function toPage(found: readonly Found[], limit: number): Page<CustomerUsage> {
  const items = found
    .slice(0, limit)
    .map(({ customer, value, records }) => ({ customer, value: formatDecimal(value), records }))
  return { items, hasMore: found.length > limit }
}
