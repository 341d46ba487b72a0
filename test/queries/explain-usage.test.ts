import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { ExplainUsage, ExplainUsageHandler } from '../../src/queries/explain-usage.js'
import { GetMeterEventSummaries, GetMeterEventSummariesHandler } from '../../src/queries/get-meter-event-summaries.js'
import type { PageRequest } from '../../src/queries/page.js'
import { LongReadTurns } from '../../src/queries/read-turns.js'
import { NOW } from '../controls.js'
import { histories, historyMeters, opening, recordedEntry, type HistoryMeter } from '../projections/history.js'
import { Workspace } from '../projections/projecting.js'
import { asking, contextOf, walkBothWays } from './asking.js'
import { lineOf, metersOf, questionParts, requestOf, whole } from './questions.js'
import { explainByHand } from './usage-model.js'

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

const questions = fc.record(questionParts)

describe('An explanation', () => {
  it('is what a model finds by hand, adds up to the summary, and is the same page by page from either end', async () => {
    await fc.assert(
      fc.asyncProperty(histories(120), fc.array(questions, { minLength: 6, maxLength: 10 }), async (history, asked) => {
        const used = metersOf(history)
        await asking(workspace, history, async ({ reader }) => {
          const handler = new ExplainUsageHandler(reader, new LongReadTurns())
          const summaries = new GetMeterEventSummariesHandler(reader, new LongReadTurns())
          for (const question of asked) {
            const meter = used[question.meter % used.length] as HistoryMeter
            const context = contextOf(meter.ledger)
            const request = requestOf(meter, question)
            const explain = (page: PageRequest) => handler.execute(new ExplainUsage(context, request, page, () => null))
            const { result, position } = await explain(whole)
            const model = explainByHand(history, meter, request)
            expect(result.records.items.map(lineOf)).toEqual(model.lines)
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
              return { ...records, items: records.items.map((item) => ({ id: item.record.id, ...lineOf(item) })) }
            }
            const { forwards, backwards } = await walkBothWays(question.limit, read)
            const ids = result.records.items.map((item) => ({ id: item.record.id, ...lineOf(item) }))
            expect(forwards).toEqual(ids)
            expect(backwards).toEqual(ids.slice(0, -1))
          }
        })
      }),
      { numRuns: 14 },
    )
  })

  it('adds up very many records of one minute before a page, several of them at one instant', async () => {
    const meter = historyMeters.find(({ formula, eventTimeWindow }) => formula === 'sum' && eventTimeWindow === null)!
    const history = [
      ...opening([meter]),
      ...Array.from({ length: 1_300 }, (_, n) =>
        recordedEntry(meter, `id-${n}`, { value: String(n), occurredAt: NOW + Math.floor(n / 7) }),
      ),
    ]
    const request = { meterId: meter.meterId, customer: 'cus_A', start: NOW, end: NOW + 60_000, filters: {} }
    const { lines } = explainByHand(history, meter, request)
    await asking(workspace, history, async ({ reader }) => {
      const handler = new ExplainUsageHandler(reader, new LongReadTurns())
      const page = async (given: Partial<PageRequest>) => {
        const asked = { limit: 3, startingAfter: null, endingBefore: null, ...given }
        const query = new ExplainUsage(contextOf(meter.ledger), request, asked, () => null)
        return (await handler.execute(query)).result.records.items.map(lineOf)
      }
      for (const place of [254, 255, 256, 800, 1_295]) {
        const cursor = `${meter.meterId}.id-${place}`
        expect(await page({ startingAfter: cursor })).toEqual(lines.slice(place + 1, place + 4))
        expect(await page({ endingBefore: cursor })).toEqual(lines.slice(place - 3, place))
      }
      expect(await page({ limit: 2_000 })).toEqual(lines)
    })
  })
})
