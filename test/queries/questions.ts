/** Random questions about a history: a customer's usage on one of its meters, over an interval that may hold any part of it. */
import fc from 'fast-check'
import type { PageRequest } from '../../src/queries/page.js'
import { NOW } from '../controls.js'
import {
  historyCustomers,
  historyMeters,
  historyRegions,
  type Entry,
  type HistoryMeter,
} from '../projections/history.js'
import type { ExplainedRecord, ExplanationRequest } from '../../src/queries/explain-usage.js'
import type { ModelLine } from './usage-model.js'

const MINUTE = 60_000

/** As much as there is. */
export const whole: PageRequest = { limit: 100_000, startingAfter: null, endingBefore: null }

const interval = {
  base: fc.constantFrom(NOW, NOW, NOW, 0),
  from: fc.integer({ min: -60, max: 30 }),
  length: fc.integer({ min: 1, max: 80 }),
  stretch: fc.constantFrom(1, 60, 1440),
}
export const intervals = fc.record(interval).map(({ base, from, length, stretch }) => {
  const start = Math.floor(base / MINUTE) * MINUTE + from * stretch * MINUTE
  return { start, end: start + length * stretch * MINUTE }
})

/** What a question has in common with all others. */
export const questionParts = {
  meter: fc.nat(),
  customer: fc.constantFrom(...historyCustomers),
  interval: intervals,
  filter: fc.option(fc.record({ key: fc.nat({ max: 1 }), value: fc.constantFrom(...historyRegions) })),
  limit: fc.integer({ min: 1, max: 7 }),
}
const _question = fc.record(questionParts)
export type Question = typeof _question extends fc.Arbitrary<infer Q> ? Q : never

export function requestOf(meter: HistoryMeter, { customer, interval, filter }: Question): ExplanationRequest {
  const key = filter && meter.dimensionKeys[filter.key]
  const filters = key === undefined || key === null ? {} : Object.fromEntries([[key, filter!.value]])
  return { meterId: meter.meterId, customer, ...interval, filters }
}

/** The meters that a history creates. */
export function metersOf(history: readonly Entry[]): readonly HistoryMeter[] {
  return historyMeters.filter(({ meterId }) =>
    history.some(({ event }) => event.type === 'MeterCreated' && event.data.meterId === meterId),
  )
}

/** A line of an explanation as the model writes it. */
export function lineOf({ record, fate, contribution, runningTotal }: ExplainedRecord): ModelLine {
  const by = 'by' in fate ? fate.by : null
  return { identifier: record.identifier, code: fate.code, by, contribution, runningTotal }
}
