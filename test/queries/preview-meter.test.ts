import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import Big from 'big.js'
import fc from 'fast-check'
import { formulaNames } from '../../src/domain/aggregation.js'
import { PreviewMeter, PreviewMeterHandler } from '../../src/queries/preview-meter.js'
import { WholeMeterTurns } from '../../src/queries/read-turns.js'
import { histories, historyCustomers, type Entry, type HistoryMeter } from '../projections/history.js'
import { Workspace } from '../projections/projecting.js'
import { asking, contextOf } from './asking.js'
import { intervals, metersOf } from './questions.js'
import { explainByHand } from './usage-model.js'

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

const configurations = fc.record({
  formula: fc.constantFrom(...formulaNames),
  eventTimeWindow: fc.constantFrom(null, 'hour' as const, 'day' as const),
  dimensionKeys: fc.constantFrom<string[]>([], ['region'], ['__proto__', 'region'], ['note']),
})
const questions = fc.record({
  of: fc.nat(),
  configuration: configurations,
  customer: fc.option(fc.constantFrom(...historyCustomers)),
  interval: intervals,
  compareTo: fc.nat(),
})

/** The history a meter would have had under another configuration: what it could not have read is left out. */
function asIf(history: readonly Entry[], recordedOn: HistoryMeter, previewed: HistoryMeter): Entry[] {
  const readable = (payload: object, value: string | null) =>
    (previewed.formula === 'count' || value !== null) &&
    previewed.dimensionKeys.every((key) => Object.keys(payload).includes(key))
  // What is recorded a second time is passed over before it is read.
  const seen = new Set<string>()
  return history.filter(({ event }) => {
    if (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled') return false
    const { meterId, identifier, payload, value } = event.data
    if (meterId !== recordedOn.meterId) return false
    if (event.type === 'UsageRecorded' && seen.has(identifier)) return false
    seen.add(identifier)
    return readable(payload, value)
  })
}

describe('A preview over recorded events', () => {
  it('is what a meter of that configuration would have counted, beside what a saved meter counts', async () => {
    await fc.assert(
      fc.asyncProperty(histories(120), fc.array(questions, { minLength: 8, maxLength: 16 }), async (history, asked) => {
        const used = metersOf(history)
        await asking(workspace, history, async ({ reader }) => {
          const handler = new PreviewMeterHandler(reader, new WholeMeterTurns())
          for (const { of, configuration, customer, interval, compareTo } of asked) {
            const recordedOn = used[of % used.length]!
            const sameLedger = used.filter(({ ledger }) => ledger === recordedOn.ledger)
            const saved = sameLedger[compareTo % sameLedger.length]!
            const { ledger, ...previewed } = { ...recordedOn, ...configuration }
            const { result } = await handler.execute(
              new PreviewMeter(
                contextOf(ledger),
                previewed,
                { type: 'history', eventName: recordedOn.eventName, customer, ...interval },
                'day',
                saved.meterId,
              ),
            )
            expect(result.reached).toBe(null)
            const would = asIf(history, recordedOn, { ...previewed, ledger })
            const shown = new Map(result.customers.map((each) => [each.customer, each]))
            for (const name of customer === null ? historyCustomers : [customer]) {
              const ask = { customer: name, ...interval, filters: {} }
              const { total } = explainByHand(would, { ...previewed, ledger }, ask)
              const compared = explainByHand(history, saved, ask).total
              const each = shown.get(name) ?? { value: '0', compared: { value: '0', difference: '0' }, windows: [] }
              expect(each.value).toBe(total)
              expect(each.compared).toEqual({
                value: compared,
                difference: new Big(total).minus(compared).toFixed().replace(/^-0$/, '0'),
              })
              if (previewed.formula !== 'last') {
                const sum = each.windows.reduce((whole, { value }) => whole.plus(value), new Big(0))
                expect(sum.eq(total)).toBe(true)
              }
            }
          }
        })
      }),
      { numRuns: 20 },
    )
  })
})
