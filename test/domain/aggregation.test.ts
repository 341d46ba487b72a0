import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  effectiveInWindow,
  formulaNames,
  formulas,
  isFormulaName,
  type EffectiveRecord,
  type Formula,
} from '../../src/domain/aggregation.js'
import { formatDecimal } from '../../src/domain/decimal.js'

/** Records of one log: each has its own sequence; times and values repeat. */
const histories = fc
  .array(
    fc.record({
      value: fc.constantFrom('0', '1', '-1', '2.5', '-0.000000000000001', '999999999999999', '0.1', '0.2'),
      occurredAt: fc.integer({ min: -3, max: 3 }),
    }),
    { maxLength: 12 },
  )
  .map((records) => records.map((record, index): EffectiveRecord => ({ ...record, sequence: index + 1 })))

const cuts = (records: readonly EffectiveRecord[], seed: readonly number[]): EffectiveRecord[][] => {
  const parts: EffectiveRecord[][] = [[], [], []]
  records.forEach((record, index) => parts[(seed[index] ?? 0) % 3]!.push(record))
  return parts
}
const seeds = fc.array(fc.nat({ max: 2 }), { minLength: 12, maxLength: 12 })

describe.each(formulaNames)('The formula %s', (name) => {
  const formula: Formula<unknown> = formulas[name]
  const fold = (records: Iterable<EffectiveRecord>) => {
    let state = formula.empty
    for (const record of records) state = formula.add(state, record)
    return state
  }

  it('merges in any grouping and any order, and the empty state changes nothing', () => {
    fc.assert(
      fc.property(histories, seeds, (records, seed) => {
        const [a, b, c] = cuts(records, seed).map(fold) as [unknown, unknown, unknown]
        const { empty } = formula
        const merge = (left: unknown, right: unknown) => formula.merge(left, right)
        expect(merge(merge(a, b), c)).toEqual(merge(a, merge(b, c)))
        expect(merge(a, b)).toEqual(merge(b, a))
        expect(merge(a, empty)).toEqual(a)
        expect(merge(empty, a)).toEqual(a)
        expect(merge(merge(a, b), c)).toEqual(fold(records))
      }),
      { numRuns: 300 },
    )
  })

  it('adds a record as the merge of a state of its own', () => {
    fc.assert(
      fc.property(histories, (records) => {
        let merged = formula.empty
        for (const record of records) merged = formula.merge(merged, formula.add(formula.empty, record))
        expect(merged).toEqual(fold(records))
      }),
      { numRuns: 200 },
    )
  })

  it('takes a record out as if it had never been added, or says that it cannot', () => {
    fc.assert(
      fc.property(histories, fc.nat(), (records, pick) => {
        if (records.length === 0) return
        const index = pick % records.length
        const removed = formula.remove(fold(records), records[index]!)
        if (removed === null) expect(name).toBe('last')
        else expect(removed).toEqual(fold(records.filter((_, at) => at !== index)))
      }),
      { numRuns: 300 },
    )
  })

  it('is settled only where earlier records change nothing', () => {
    fc.assert(
      fc.property(histories, (records) => {
        const latestFirst = [...records].sort((a, b) => b.occurredAt - a.occurredAt || b.sequence - a.sequence)
        let state = formula.empty
        for (const record of latestFirst) {
          const next = formula.add(state, record)
          if (formula.isSettled(state)) expect(next).toEqual(state)
          state = next
        }
        expect(state).toEqual(fold(records))
      }),
      { numRuns: 200 },
    )
  })

  it('is the same after its state was stored', () => {
    fc.assert(
      fc.property(histories, (records) => {
        const state = fold(records)
        expect(formula.decode(formula.encode(state))).toEqual(state)
      }),
      { numRuns: 200 },
    )
  })

  it('is 0 without records', () => expect(formula.value(formula.empty)).toBe(0n))
})

describe('Formulas', () => {
  const records: EffectiveRecord[] = [
    { value: '2.5', occurredAt: 10, sequence: 1 },
    { value: '-4', occurredAt: 30, sequence: 2 },
    { value: '7', occurredAt: 30, sequence: 3 },
    { value: '100', occurredAt: 20, sequence: 4 },
  ]
  const total = (name: (typeof formulaNames)[number]) => {
    const formula = formulas[name]
    return formatDecimal(
      formula.value(records.reduce<unknown>((state, record) => formula.add(state, record), formula.empty)),
    )
  }

  it('are sum, count and last', () => {
    expect(formulaNames.map((name) => [name, total(name)])).toEqual([
      ['sum', '105.5'],
      ['count', '4'],
      ['last', '7'],
    ])
  })

  it('store their states in these words, for ever', () => {
    const [first] = records as [EffectiveRecord]
    const encoded = (name: (typeof formulaNames)[number]) =>
      [formulas[name].empty, formulas[name].add(formulas[name].empty, first)].map((state) =>
        formulas[name].encode(state),
      )
    expect({ sum: encoded('sum'), count: encoded('count'), last: encoded('last') }).toEqual({
      sum: ['0', '2.5'],
      count: ['0', '1'],
      last: ['', '2.5 10 1'],
    })
  })

  it('read a value, but for count', () => {
    expect(formulaNames.map((name) => formulas[name].usesValue)).toEqual([true, false, true])
  })

  it('are known by their names only', () => {
    expect(['sum', 'count', 'last', 'max', 'toString', '', 'SUM'].filter(isFormulaName)).toEqual([
      'sum',
      'count',
      'last',
    ])
  })

  it('sum to a negative number where that is what was used', () => {
    const state = formulas.sum.add(formulas.sum.empty, { value: '-0.5', occurredAt: 0, sequence: 1 })
    expect(formatDecimal(formulas.sum.value(state))).toBe('-0.5')
  })
})

describe('The effective record of a window', () => {
  it('is the one recorded last, whenever it happened and in whatever order they come', () => {
    fc.assert(
      fc.property(histories, seeds, (records, seed) => {
        const shuffled = cuts(records, seed).flat()
        let effective: EffectiveRecord | null = null
        for (const record of shuffled) effective = effectiveInWindow(effective, record)
        expect(effective).toEqual(records.at(-1) ?? null)
      }),
      { numRuns: 200 },
    )
  })
})
