import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  GetMeterEventSummaries,
  GetMeterEventSummariesHandler,
  type MeterEventSummary,
  type SummaryRequest,
} from '../../src/queries/get-meter-event-summaries.js'
import type { PageRequest } from '../../src/queries/page.js'
import { LongReadTurns } from '../../src/queries/read-turns.js'
import { NOW } from '../controls.js'
import {
  histories,
  historyCustomers,
  historyMeters,
  historyRegions,
  opening,
  usageEntry,
  type Entry,
  type HistoryMeter,
} from './history.js'
import { asking as askingOf, contextOf } from '../queries/asking.js'
import { Workspace } from './projecting.js'
import { Recount, floor, total, type Counted } from './recount.js'

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

type Ask = (meter: HistoryMeter, request: SummaryRequest, page?: Partial<PageRequest>) => ReturnType<typeof answer>

async function answer(
  handler: GetMeterEventSummariesHandler,
  meter: HistoryMeter,
  request: SummaryRequest,
  page: Partial<PageRequest> = {},
): Promise<{ items: readonly MeterEventSummary[]; hasMore: boolean }> {
  const whole: PageRequest = { limit: 100_000, startingAfter: null, endingBefore: null, ...page }
  const context = contextOf(meter.ledger)
  const { result } = await handler.execute(new GetMeterEventSummaries(context, request, whole))
  return result
}

/** Questions to a read model that has all of a history. */
async function asking(history: readonly Entry[], ask: (question: Ask, recount: Recount) => Promise<void>) {
  await askingOf(workspace, history, async ({ reader }) => {
    const handler = new GetMeterEventSummariesHandler(reader, new LongReadTurns())
    await ask((meter, request, page) => answer(handler, meter, request, page), new Recount(history))
  })
}

const SIZES = { minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const

/** What the summaries must be: `[start, value, dimensions]`, newest first, groups by their values. */
function expected(recount: Recount, meter: HistoryMeter, request: SummaryRequest): unknown[] {
  const { customer, start, end, window, filters, groupBy } = request
  const valueOf = (dimensions: readonly string[], key: string) => dimensions[meter.dimensionKeys.indexOf(key)]!
  const passes = (dimensions: readonly string[]) =>
    Object.entries(filters).every(([key, value]) => valueOf(dimensions, key) === value)
  const groupOf = (dimensions: readonly string[]) => JSON.stringify(groupBy.map((key) => valueOf(dimensions, key)))
  const records = recount
    .effective()
    .filter((record) => record.meterId === meter.meterId && record.customer === customer)
    .filter(({ occurredAt, dimensions }) => occurredAt >= start && occurredAt < end && passes(dimensions))
  const groups = [
    ...new Set(
      groupBy.length === 0 ? ['[]'] : recount.combinations(meter.meterId, customer).filter(passes).map(groupOf),
    ),
  ].sort()
  const named = (group: string) => {
    if (groupBy.length === 0) return null
    const values = JSON.parse(group) as string[]
    return groupBy.map((key, index) => [key, values[index]])
  }
  const line = (at: number, to: number, group: string, counted: readonly Counted[]) => [
    at,
    to,
    total(meter.formula, counted),
    named(group),
  ]
  const ofGroup = (group: string, from = start, to = end) =>
    records.filter(
      (record) => groupOf(record.dimensions) === group && record.occurredAt >= from && record.occurredAt < to,
    )
  if (window === null) {
    // The whole is there even when nothing was used; a group is not.
    const used = groups.filter((group) => groupBy.length === 0 || ofGroup(group).length > 0)
    return used.map((group) => line(start, end, group, ofGroup(group)))
  }
  const ms = SIZES[window]
  const lines: unknown[] = []
  for (let at = floor(end - 1, ms); at >= start; at -= ms) {
    for (const group of groups) {
      const counted = ofGroup(group, at, at + ms)
      if (counted.length > 0) lines.push(line(at, at + ms, group, counted))
    }
  }
  return lines
}

function shown({ start, end, value, dimensions }: MeterEventSummary): unknown[] {
  return [start, end, value, dimensions && Object.entries(dimensions)]
}

const requests = fc.record({
  meter: fc.nat(),
  customer: fc.constantFrom(...historyCustomers),
  window: fc.constantFrom<'hour' | 'day' | null>(null, 'hour', 'day'),
  /** Where the interval begins and how long it is, in buckets of the window (minutes for the whole). */
  base: fc.constantFrom(NOW, NOW, NOW, 0),
  from: fc.integer({ min: -60, max: 30 }),
  length: fc.integer({ min: 1, max: 80 }),
  stretch: fc.constantFrom(1, 60, 1440),
  filter: fc.option(fc.record({ key: fc.nat({ max: 1 }), value: fc.constantFrom(...historyRegions) })),
  groupBy: fc.constantFrom<readonly number[]>([], [0], [1], [0, 1], [1, 0]),
  limit: fc.integer({ min: 1, max: 5 }),
})

describe('Summaries', () => {
  it('are what a recount gives, over any aligned interval, window, filter and group, page by page', async () => {
    await fc.assert(
      fc.asyncProperty(
        histories(120),
        fc.array(requests, { minLength: 10, maxLength: 25 }),
        async (history, questions) => {
          const used = historyMeters.filter(({ meterId }) =>
            history.some(({ event }) => event.type === 'MeterCreated' && event.data.meterId === meterId),
          )
          await asking(history, async (ask, recount) => {
            for (const { meter: at, customer, window, base, from, length, stretch, ...rest } of questions) {
              const meter = used[at % used.length] as HistoryMeter
              const unit = window === null ? SIZES.minute * stretch : SIZES[window]
              const start = floor(base, SIZES[window ?? 'minute']) + from * unit
              const keys = meter.dimensionKeys
              const filters =
                rest.filter && keys.length > 0 ? Object.fromEntries([[keys[rest.filter.key], rest.filter.value]]) : {}
              const request: SummaryRequest = {
                meterId: meter.meterId,
                customer,
                window,
                start,
                end: start + length * unit,
                filters: filters as Record<string, string>,
                groupBy: keys.length > 0 ? rest.groupBy.map((index) => keys[index] as string) : [],
              }
              const { items, hasMore } = await ask(meter, request)
              expect(items.map(shown)).toEqual(expected(recount, meter, request))
              expect(hasMore).toBe(false)
              expect(new Set(items.map(({ id }) => id)).size).toBe(items.length)
              expect(await forwards(ask, meter, request, rest.limit)).toEqual(items)
              expect(await backwards(ask, meter, request, rest.limit, items)).toEqual(items.slice(0, -1))
            }
          })
        },
      ),
      { numRuns: 25 },
    )
  })

  it('by hour and by day add up to the whole', async () => {
    const meters = historyMeters.filter(
      ({ dimensionKeys, formula }) => dimensionKeys.length === 0 && formula !== 'last',
    )
    await fc.assert(
      fc.asyncProperty(histories(80, 6), async (history) => {
        await asking(history, async (ask) => {
          for (const meter of meters) {
            if (!history.some(({ event }) => 'meterId' in event.data && event.data.meterId === meter.meterId)) continue
            const start = floor(NOW, SIZES.day) - 2 * SIZES.day
            const whole = { start, end: start + 5 * SIZES.day, filters: {}, groupBy: [] }
            for (const customer of historyCustomers) {
              const values = async (window: 'hour' | 'day' | null) =>
                (await ask(meter, { ...whole, meterId: meter.meterId, customer, window })).items.map(({ value }) => ({
                  value,
                }))
              const sum = async (window: 'hour' | 'day' | null) =>
                total('sum', (await values(window)) as unknown as Counted[])
              expect([await sum('hour'), await sum('day')]).toEqual([await sum(null), await sum(null)])
            }
          }
        })
      }),
      { numRuns: 8 },
    )
  })

  describe('are refused', () => {
    const meter = historyMeters[0]!
    const by = historyMeters[1]!
    const day = floor(NOW, SIZES.day)
    const request: SummaryRequest = {
      meterId: meter.meterId,
      customer: 'cus_A',
      start: day,
      end: day + SIZES.day,
      window: null,
      filters: {},
      groupBy: [],
    }
    const record = {
      meterId: meter.meterId,
      identifier: 'id-1',
      customer: 'cus_A',
      value: '1',
      occurredAt: NOW,
      recordedAt: NOW,
      payload: {},
    }
    const history = [...opening([meter, by]), usageEntry(meter, { type: 'UsageRecorded', data: record })]

    it.each<[string, Partial<SummaryRequest>, string, string]>([
      ['amid a minute', { start: day + 1 }, 'parameter_invalid', 'start_time'],
      ['amid a minute', { end: day + 1 }, 'parameter_invalid', 'end_time'],
      ['amid an hour', { window: 'hour', start: day + SIZES.minute }, 'parameter_invalid', 'start_time'],
      ['amid a day', { window: 'day', end: day + SIZES.hour }, 'parameter_invalid', 'end_time'],
      ['for an empty interval', { end: day }, 'parameter_invalid', 'end_time'],
      ['for an interval that ends before it starts', { end: day - SIZES.day }, 'parameter_invalid', 'end_time'],
      ['for a meter that is not there', { meterId: 'mtr_x' }, 'resource_missing', 'id'],
      ['by what is no dimension', { filters: { region: 'eu' } }, 'parameter_invalid', 'dimension_filters[region]'],
      ['by what is no dimension', { groupBy: ['region'] }, 'parameter_invalid', 'dimension_group_by_keys'],
    ])('%s: %j', async (_when, change, code, param) => {
      await asking(history, async (ask) => {
        await expect(ask(meter, { ...request, ...change })).rejects.toMatchObject({ name: 'DomainError', code, param })
      })
    })

    it("for another ledger's meter", async () => {
      await asking(history, async (ask) => {
        const elsewhere = { ...meter, ledger: 'default~live' as const }
        await expect(ask(elsewhere, request)).rejects.toMatchObject({ code: 'resource_missing' })
      })
    })

    it('after a cursor that was never in the list', async () => {
      await asking(history, async (ask) => {
        for (const window of [null, 'day'] as const) {
          const [known] = (await ask(meter, { ...request, window })).items
          const id = known?.id.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')) ?? ''
          for (const cursor of [id, 'x', 'mtrusg_test_zzzzz_00']) {
            await expect(ask(meter, { ...request, window }, { startingAfter: cursor })).rejects.toMatchObject({
              code: 'resource_missing',
              param: 'starting_after',
            })
            await expect(ask(meter, { ...request, window }, { endingBefore: cursor })).rejects.toMatchObject({
              param: 'ending_before',
            })
          }
        }
      })
    })
  })
})

async function forwards(ask: Ask, meter: HistoryMeter, request: SummaryRequest, limit: number) {
  const read: MeterEventSummary[] = []
  for (;;) {
    const { items, hasMore } = await ask(meter, request, { limit, startingAfter: read.at(-1)?.id ?? null })
    read.push(...items)
    if (!hasMore) return read
  }
}

/** All before the last item, read backwards from it. */
async function backwards(
  ask: Ask,
  meter: HistoryMeter,
  request: SummaryRequest,
  limit: number,
  all: readonly MeterEventSummary[],
) {
  const read: MeterEventSummary[] = []
  for (let before = all.at(-1)?.id; before !== undefined; before = read[0]?.id) {
    const { items, hasMore } = await ask(meter, request, { limit, endingBefore: before })
    read.unshift(...items)
    if (!hasMore) return read
  }
  return read
}
