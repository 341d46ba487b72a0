/**
 * Usage across customers against a model that adds up one customer, window and group after the other, by hand and over the
 * history itself, now and as of earlier moments.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import Big from 'big.js'
import fc from 'fast-check'
import { categories } from '../../src/event-store/streams.js'
import type { AsOfRequest } from '../../src/queries/as-of.js'
import { GetCustomerUsage, GetCustomerUsageHandler } from '../../src/queries/get-customer-usage.js'
import { GetMeterUsage, GetMeterUsageHandler } from '../../src/queries/get-meter-usage.js'
import { GetUsageByCustomer, GetUsageByCustomerHandler } from '../../src/queries/get-usage-by-customer.js'
import { UsageAt } from '../../src/queries/usage-at.js'
import { readingLimit } from '../../src/queries/usage-of-customers.js'
import { LongReadTurns, WholeMeterTurns } from '../../src/queries/read-turns.js'
import { collect, NOW } from '../controls.js'
import {
  histories,
  historyCustomers,
  historyMeters,
  historyRegions,
  opening,
  type Entry,
  type HistoryMeter,
} from '../projections/history.js'
import { Workspace } from '../projections/projecting.js'
import { asking, contextOf, type Asked } from './asking.js'
import { metersOf } from './questions.js'
import { explainByHand } from './usage-model.js'

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

const SIZES = { hour: 3_600_000, day: 86_400_000 }
const forEver = new AbortController().signal

const questions = fc.record({
  meter: fc.nat(),
  window: fc.constantFrom('hour' as const, 'day' as const),
  from: fc.integer({ min: -40, max: 3 }),
  length: fc.integer({ min: 1, max: 60 }),
  isGrouped: fc.boolean(),
  customer: fc.option(fc.constantFrom(...historyCustomers)),
  moment: fc.option(fc.nat()),
  limit: fc.integer({ min: 1, max: 4 }),
})
type Question = typeof questions extends fc.Arbitrary<infer Q> ? Q : never

interface Sum {
  readonly value: string
  readonly records: number
}
type Filters = Readonly<Record<string, string>>

it('Usage of all customers is the sum of what each of them used, by window, group, customer and meter', async () => {
  await fc.assert(
    fc.asyncProperty(histories(120), fc.array(questions, { minLength: 5, maxLength: 10 }), async (history, asked) => {
      await asking(workspace, history, async (over) => {
        for (const question of asked) await check(over, history, question)
      })
    }),
    { numRuns: 25 },
  )
})

it('Reading too much is refused, and reading for nobody ends', async () => {
  const history = opening(historyMeters.slice(0, 1))
  const [meter] = historyMeters
  await asking(workspace, history, async ({ readModel }) => {
    const usage = new UsageAt(readModel, meter!, null)
    const withinLimit = readingLimit(usage, forEver, { cellsReadMax: 2 })
    for (let customers = 1; customers <= 2; customers++) {
      await usage.buckets(customers, 'day', 0, NOW)
      withinLimit()
    }
    await usage.buckets(3, 'day', 0, NOW)
    expect(withinLimit).toThrow('Choose a shorter time, one customer, or some dimensions.')
    const gone = readingLimit(usage, AbortSignal.abort(new Error('gone')))
    expect(gone).toThrow('gone')
  })
})

async function check(over: Asked, history: readonly Entry[], question: Question): Promise<void> {
  const used = metersOf(history)
  const meter = used[question.meter % used.length] as HistoryMeter
  const { asOf, usageEvents } = await momentOf(over, history, meter, question)
  const size = SIZES[question.window]
  const start = Math.floor(NOW / size) * size + question.from * size
  const end = start + question.length * size
  const context = contextOf(meter.ledger)
  const byHand = (customer: string, filters: Filters = {}, from = start, to = end): Sum => {
    const { total, lines } = explainByHand(history, meter, { customer, start: from, end: to, filters }, usageEvents)
    return { value: total, records: lines.filter(({ code }) => effective.has(code)).length }
  }
  const sum = (customers: readonly string[], filters: Filters = {}, from = start, to = end): Sum =>
    added(customers.map((customer) => byHand(customer, filters, from, to)))

  const [key] = question.isGrouped ? meter.dimensionKeys : []
  const { result: usage } = await new GetMeterUsageHandler(over.reader, new WholeMeterTurns()).execute(
    new GetMeterUsage(
      context,
      {
        meterId: meter.meterId,
        customer: question.customer,
        start,
        end,
        window: question.window,
        filters: {},
        groupBy: key === undefined ? [] : [key],
      },
      asOf,
    ),
  )
  const asked = question.customer === null ? historyCustomers : [question.customer]
  expect(usage.total).toEqual(sum(asked))
  expect(usage.customers).toBe(asked.filter((customer) => byHand(customer).records > 0).length)
  const groupsOf = (from: number, to: number) =>
    (key === undefined ? [] : historyRegions)
      .map((region) => ({
        dimensions: { [key as string]: region },
        ...sum(asked, { [key as string]: region }, from, to),
      }))
      .filter(({ records }) => records > 0)
  const windows = Array.from({ length: question.length }, (_, index) => start + index * size)
    .map((from) => ({ start: from, ...sum(asked, {}, from, from + size), groups: groupsOf(from, from + size) }))
    .filter(({ records }) => records > 0)
  const inOneOrder = (groups: readonly object[]) => groups.map((group) => JSON.stringify(group)).sort()
  expect(inOneOrder(usage.groups)).toEqual(inOneOrder(groupsOf(start, end)))
  expect(usage.windows.map(({ groups, ...rest }) => ({ ...rest, groups: inOneOrder(groups) }))).toEqual(
    windows.map(({ groups, ...rest }) => ({ ...rest, groups: inOneOrder(groups) })),
  )

  const expected = historyCustomers
    .map((customer) => ({ customer, ...byHand(customer) }))
    .filter(({ records }) => records > 0)
  const handler = new GetUsageByCustomerHandler(over.reader, new WholeMeterTurns())
  for (const order of ['-value', 'customer'] as const) {
    const found: (typeof expected)[number][] = []
    for (let hasMore = true; hasMore;) {
      const request = { meterId: meter.meterId, start, end, filters: {}, order, search: null }
      const page = { limit: question.limit, startingAfter: found.at(-1)?.customer ?? null }
      const { result } = await handler.execute(new GetUsageByCustomer(context, request, page, asOf))
      if (order === '-value') {
        expect(result.total).toEqual({ ...sum(historyCustomers), customers: expected.length })
      }
      expect(result.items.length).toBeLessThanOrEqual(question.limit)
      found.push(...result.items)
      hasMore = result.hasMore
    }
    const ranked = expected.toSorted((left, right) =>
      order === 'customer' ? byName(left, right) : new Big(right.value).cmp(left.value) || byName(left, right),
    )
    expect(found).toEqual(ranked)
  }

  for (const customer of asked) {
    const { result } = await new GetCustomerUsageHandler(over.reader, new LongReadTurns()).execute(
      new GetCustomerUsage(context, { customer, start, end }, asOf),
    )
    const on = result.find((each) => each.meter.id === meter.meterId)
    const { value, records } = byHand(customer)
    expect(on && { value: on.value, records: on.records }).toEqual(records === 0 ? undefined : { value, records })
    if (on)
      expect(on.groups.reduce((all, group) => all + group.records, 0)).toBe(
        meter.dimensionKeys.length > 0 ? records : 0,
      )
  }
}

/** What was looked at and makes part of the value or could have: on a meter that takes the last, all that was not overwritten. */
const effective = new Set(['counted', 'not_last'])

function byName(left: { readonly customer: string }, right: { readonly customer: string }): number {
  return left.customer < right.customer ? -1 : 1
}

function added(sums: readonly Sum[]): Sum {
  const value = sums.reduce((all, each) => all.plus(each.value), new Big(0))
  return {
    value: value.toFixed().replace(/^-0$/, '0'),
    records: sums.reduce((all, { records }) => all + records, 0),
  }
}

/** Now, or the position of some event once the meter was there. */
async function momentOf(
  { store }: Asked,
  history: readonly Entry[],
  meter: HistoryMeter,
  { moment }: Question,
): Promise<{ asOf: AsOfRequest | null; usageEvents: number }> {
  if (moment === null) return { asOf: null, usageEvents: Infinity }
  const log = await collect(store.readAll({ after: null, categories: Object.values(categories) }))
  const created = history.findIndex(
    ({ event }) => event.type === 'MeterCreated' && event.data.meterId === meter.meterId,
  )
  const event = Math.max(moment % history.length, created)
  const usageEvents = history
    .slice(0, event + 1)
    .filter((entry) => entry.event.type === 'UsageRecorded' || entry.event.type === 'UsageCancelled').length
  return { asOf: { type: 'position', position: log[event]!.position }, usageEvents }
}
