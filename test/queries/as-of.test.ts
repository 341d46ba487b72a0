/** What was answered at any earlier moment, against a model that looks at the history up to that moment only. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import Big from 'big.js'
import fc from 'fast-check'
import { categories } from '../../src/event-store/streams.js'
import type { AsOfRequest } from '../../src/queries/as-of.js'
import { ExplainUsage, ExplainUsageHandler } from '../../src/queries/explain-usage.js'
import { GetMeterEventSummaries, GetMeterEventSummariesHandler } from '../../src/queries/get-meter-event-summaries.js'
import { ListUsageRecords, ListUsageRecordsHandler } from '../../src/queries/list-usage-records.js'
import type { PageRequest } from '../../src/queries/page.js'
import { LongPageTurns, LongReadTurns } from '../../src/queries/read-turns.js'
import { MARK_EVENTS } from '../../src/read-model/tables.js'
import { collect, NOW } from '../controls.js'
import {
  histories,
  historyMeters,
  opening,
  recordedEntry,
  type Entry,
  type HistoryMeter,
} from '../projections/history.js'
import { Workspace } from '../projections/projecting.js'
import { asking, contextOf, walkBothWays, type Asked } from './asking.js'
import { lineOf, metersOf, questionParts, requestOf, whole, type Question } from './questions.js'
import { explainByHand, recordsAsOf } from './usage-model.js'

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

const MINUTE = 60_000
const SIZES = { hour: 3_600_000, day: 86_400_000 }
const LATER = NOW + 10_000 * SIZES.day

const moments = fc.oneof(
  fc.record({ type: fc.constant('position' as const), event: fc.nat() }),
  // At, just before and just after the receipt of some event.
  fc.record({ type: fc.constant('instant' as const), event: fc.nat(), shift: fc.constantFrom(-1, 0, 0, 1, 1000) }),
)
const questions = fc.record({
  ...questionParts,
  moment: moments,
  /** At a cancellation, where there is one: the moment that is easiest to miss by one. */
  atCancellation: fc.boolean(),
})

function receiptOf({ event }: Entry): number | null {
  if (event.type === 'UsageRecorded') return event.data.recordedAt
  return event.type === 'UsageCancelled' ? event.data.cancelledAt : null
}

/** Usage events before the first one by whose receipt some clock had passed the instant. */
function usageEventsUntil(history: readonly Entry[], instant: number): number {
  const receipts = history.map(receiptOf).filter((at) => at !== null)
  const first = receipts.findIndex((at) => at > instant)
  return first < 0 ? receipts.length : first
}

describe('As of any earlier moment', () => {
  it('summaries, explanations and records are what they were then', async () => {
    await fc.assert(
      fc.asyncProperty(histories(120), fc.array(questions, { minLength: 5, maxLength: 10 }), async (history, asked) => {
        const used = metersOf(history)
        await asking(workspace, history, async (over) => {
          const log = await collect(over.store.readAll({ after: null, categories: Object.values(categories) }))
          for (const question of asked) {
            const meter = used[question.meter % used.length] as HistoryMeter
            const cancellations = [...history.keys()].filter((n) => history[n]!.event.type === 'UsageCancelled')
            const candidates = question.atCancellation && cancellations.length > 0 ? cancellations : [...history.keys()]
            const at = candidates[question.moment.event % candidates.length]!
            if (question.moment.type === 'position') {
              // A meter that did not exist yet is another test.
              const created = history.findIndex(
                ({ event }) => event.type === 'MeterCreated' && event.data.meterId === meter.meterId,
              )
              const event = Math.max(at, created)
              const usageEvents = history.slice(0, event + 1).filter((entry) => receiptOf(entry) !== null).length
              await check(over, history, meter, question, usageEvents, {
                type: 'position',
                position: log[event]!.position,
              })
            } else {
              const instant = (receiptOf(history[at]!) ?? NOW - 30 * SIZES.day) + question.moment.shift
              const usageEvents = usageEventsUntil(history, instant)
              await check(over, history, meter, question, usageEvents, { type: 'instant', at: instant, now: LATER })
            }
          }
        })
      }),
      // Made smaller a counterexample would take longer than a test may.
      { numRuns: 16, endOnFailure: true },
    )
  })

  async function check(
    { reader, store }: Asked,
    history: readonly Entry[],
    meter: HistoryMeter,
    question: Question,
    usageEvents: number,
    asOf: AsOfRequest,
  ): Promise<void> {
    const request = requestOf(meter, question)
    const { customer } = request
    const { limit } = question
    const context = contextOf(meter.ledger)
    const model = explainByHand(history, meter, request, usageEvents)
    const usage = await collect(store.readAll({ after: null, categories: [categories.usage] }))
    const position = usageEvents === 0 ? null : usage[usageEvents - 1]!.position

    const explainer = new ExplainUsageHandler(reader, new LongReadTurns())
    const explain = (page: PageRequest) => explainer.execute(new ExplainUsage(context, request, page, () => null, asOf))
    const explained = await explain(whole)
    expect(explained.result.records.items.map(lineOf)).toEqual(model.lines)
    expect(explained.result.summary.value).toBe(model.total)
    expect(explained.position).toBe(position)
    for (const { record, fate } of explained.result.records.items) {
      expect(record.status === 'cancelled').toBe(record.cancelledAt !== null)
      if (fate.code === 'cancelled') expect(record.status).toBe('cancelled')
    }
    const { forwards, backwards } = await walkBothWays(limit, async (page) => {
      const { records } = (await explain(page)).result
      return { ...records, items: records.items.map((item) => ({ id: item.record.id, total: item.runningTotal })) }
    })
    const all = explained.result.records.items.map((item) => ({ id: item.record.id, total: item.runningTotal }))
    expect([forwards, backwards]).toEqual([all, all.slice(0, -1)])

    const summaries = new GetMeterEventSummariesHandler(reader, new LongReadTurns())
    const summarize = (window: 'hour' | 'day' | null, ms: number) =>
      summaries.execute(
        new GetMeterEventSummaries(
          context,
          {
            ...request,
            window,
            groupBy: [],
            start: Math.floor(request.start / ms) * ms,
            end: Math.ceil(request.end / ms) * ms,
          },
          whole,
          asOf,
        ),
      )
    const [total] = (await summarize(null, MINUTE)).result.items
    expect(total?.value).toBe(model.total)
    for (const window of ['hour', 'day'] as const) {
      for (const item of (await summarize(window, SIZES[window])).result.items) {
        const inside = explainByHand(history, meter, { ...request, start: item.start, end: item.end }, usageEvents)
        expect(item.value).toBe(inside.total)
        expect(inside.lines.some(({ code }) => code === 'counted')).toBe(true)
      }
      const sum = (await summarize(window, SIZES[window])).result.items.reduce(
        (so, { value }) => so.plus(value),
        new Big(0),
      )
      const rounded = {
        start: Math.floor(request.start / SIZES[window]) * SIZES[window],
        end: Math.ceil(request.end / SIZES[window]) * SIZES[window],
      }
      if (meter.formula !== 'last') {
        expect(sum.eq(explainByHand(history, meter, { ...request, ...rounded }, usageEvents).total)).toBe(true)
      }
    }

    const lister = new ListUsageRecordsHandler(reader, new LongReadTurns(), new LongPageTurns())
    for (const status of [null, 'recorded', 'cancelled'] as const) {
      const none = { from: null, to: null }
      const filtered = {
        meterId: meter.meterId,
        eventName: null,
        customer: status === null ? null : customer,
        identifier: null,
        status,
        occurred: none,
        recorded: none,
      }
      const list = (page: PageRequest) => lister.execute(new ListUsageRecords(context, filtered, page, asOf))
      const { result } = await list(whole)
      const known = recordsAsOf(history, meter.meterId, usageEvents)
        .filter(
          (record) =>
            status === null || (record.customer === customer && record.cancelled === (status === 'cancelled')),
        )
        .reverse()
      expect(result.items.map(({ identifier, status: is }) => [identifier, is])).toEqual(
        known.map(({ identifier, cancelled }) => [identifier, cancelled ? 'cancelled' : 'recorded']),
      )
      const walked = await walkBothWays(limit, async (page) => (await list(page)).result)
      expect([walked.forwards, walked.backwards]).toEqual([result.items, result.items.slice(0, -1)])
    }
  }

  it('is found behind a series whose first event contradicts the log and gives no record', async () => {
    const meter = historyMeters.find(({ formula, dimensionKeys }) => formula === 'sum' && dimensionKeys.length > 0)!
    const recorded = (identifier: string, region: string, minute: number): Entry =>
      recordedEntry(meter, identifier, { recordedAt: NOW + minute * MINUTE, payload: { region } })
    const history = [
      ...opening([meter]),
      recorded('id-0', 'eu', 0),
      recorded('id-0', 'us "west"', 1),
      recorded('id-1', '', 2),
      recorded('id-2', 'us "west"', 3),
    ]
    await asking(workspace, history, async (over) => {
      const log = await collect(over.store.readAll({ after: null, categories: [categories.usage] }))
      const interval = { start: NOW, end: NOW + MINUTE }
      const question = {
        meter: 0,
        customer: 'cus_A',
        interval,
        filter: null,
        limit: 1,
      } as const
      for (const [index, { position }] of log.entries()) {
        await check(over, history, meter, question, index + 1, { type: 'position', position })
      }
    })
  })

  it('is found among very many events, by instant and by position', async () => {
    const meter = historyMeters[0]!
    const count = 2 * MARK_EVENTS + 99
    const history: Entry[] = [
      ...opening([meter]),
      ...Array.from({ length: count }, (_, n) =>
        // Two a millisecond, and a clock that goes back a little now and then.
        recordedEntry(meter, `id-${n}`, { recordedAt: NOW + Math.floor(n / 2) - (n % 100 === 99 ? 10 : 0) }),
      ),
    ]
    await asking(workspace, history, async ({ reader, store }) => {
      const log = await collect(store.readAll({ after: null, categories: [categories.usage] }))
      const handler = new GetMeterEventSummariesHandler(reader, new LongReadTurns())
      const total = async (asOf: AsOfRequest) => {
        const { result, position } = await handler.execute(
          new GetMeterEventSummaries(
            contextOf(meter.ledger),
            {
              meterId: meter.meterId,
              customer: 'cus_A',
              start: NOW,
              end: NOW + MINUTE,
              window: null,
              filters: {},
              groupBy: [],
            },
            whole,
            asOf,
          ),
        )
        const sequence = Number(result.items[0]!.value)
        expect(position).toBe(sequence === 0 ? null : log[sequence - 1]!.position)
        return sequence
      }
      for (const n of [0, 1, 500, MARK_EVENTS - 1, MARK_EVENTS, MARK_EVENTS + 1, 2 * MARK_EVENTS + 77, count - 1]) {
        expect(await total({ type: 'position', position: log[n]!.position })).toBe(n + 1)
        const instant = NOW + Math.floor(n / 2)
        const expected = usageEventsUntil(history, instant)
        expect(await total({ type: 'instant', at: instant, now: LATER })).toBe(expected)
      }
      expect(await total({ type: 'instant', at: NOW - 1, now: LATER })).toBe(0)
      expect(await total({ type: 'instant', at: LATER, now: LATER })).toBe(count)
    })
  })
})
