import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  ExplainUsage,
  ExplainUsageHandler,
  type ExplainedRecord,
  type ExplanationRequest,
} from '../../src/queries/explain-usage.js'
import { GetMeterEventSummaries, GetMeterEventSummariesHandler } from '../../src/queries/get-meter-event-summaries.js'
import type { PageRequest } from '../../src/queries/page.js'
import { NOW } from '../controls.js'
import {
  histories,
  historyCustomers,
  historyMeters,
  historyRegions,
  type HistoryMeter,
} from '../projections/history.js'
import { Workspace } from '../projections/projecting.js'
import { asking, walkBothWays } from './asking.js'
import { explainByHand, type ModelLine } from './usage-model.js'

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

const MINUTE = 60_000
const whole: PageRequest = { limit: 100_000, startingAfter: null, endingBefore: null }

function line({ record, fate, contribution, runningTotal }: ExplainedRecord): ModelLine {
  const by = 'by' in fate ? fate.by : null
  return { identifier: record.identifier, code: fate.code, by, contribution, runningTotal }
}

const questions = fc.record({
  meter: fc.nat(),
  customer: fc.constantFrom(...historyCustomers),
  base: fc.constantFrom(NOW, NOW, NOW, 0),
  from: fc.integer({ min: -60, max: 30 }),
  length: fc.integer({ min: 1, max: 80 }),
  stretch: fc.constantFrom(1, 60, 1440),
  filter: fc.option(fc.record({ key: fc.nat({ max: 1 }), value: fc.constantFrom(...historyRegions) })),
  limit: fc.integer({ min: 1, max: 7 }),
})
type Question = typeof questions extends fc.Arbitrary<infer Q> ? Q : never

function requestOf(meter: HistoryMeter, question: Question): ExplanationRequest {
  const { customer, base, from, length, stretch, filter } = question
  const start = Math.floor(base / MINUTE) * MINUTE + from * stretch * MINUTE
  const key = filter && meter.dimensionKeys[filter.key]
  const filters = key === undefined || key === null ? {} : Object.fromEntries([[key, filter!.value]])
  return { meterId: meter.meterId, customer, start, end: start + length * stretch * MINUTE, filters }
}

describe('An explanation', () => {
  it('is what a model finds by hand, adds up to the summary, and is the same page by page from either end', async () => {
    await fc.assert(
      fc.asyncProperty(histories(120), fc.array(questions, { minLength: 8, maxLength: 16 }), async (history, asked) => {
        const used = historyMeters.filter(({ meterId }) =>
          history.some(({ event }) => event.type === 'MeterCreated' && event.data.meterId === meterId),
        )
        await asking(workspace, history, async ({ reader }) => {
          const handler = new ExplainUsageHandler(reader)
          const summaries = new GetMeterEventSummariesHandler(reader)
          for (const question of asked) {
            const meter = used[question.meter % used.length] as HistoryMeter
            const context = { ledger: meter.ledger, minPosition: null }
            const request = requestOf(meter, question)
            const explain = (page: PageRequest) => handler.execute(new ExplainUsage(context, request, page, () => null))
            const { result, position } = await explain(whole)
            const model = explainByHand(history, meter, request)
            expect(result.records.items.map(line)).toEqual(model.lines)
            expect(result.records.hasMore).toBe(false)
            expect(result.summary.value).toBe(model.total)
            expect(result.meter.id).toBe(meter.meterId)

            const summary = await summaries.execute(
              new GetMeterEventSummaries(context, { ...request, window: null, groupBy: [] }, whole),
            )
            expect(summary.position).toBe(position)
            expect(summary.result.items).toEqual([result.summary])

            const read = async (page: PageRequest) => {
              const { records } = (await explain(page)).result
              return { ...records, items: records.items.map((item) => ({ id: item.record.id, ...line(item) })) }
            }
            const { forwards, backwards } = await walkBothWays(question.limit, read)
            const ids = result.records.items.map((item) => ({ id: item.record.id, ...line(item) }))
            expect(forwards).toEqual(ids)
            expect(backwards).toEqual(ids.slice(0, -1))
          }
        })
      }),
      { numRuns: 25 },
    )
  })
})
