import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { formatDecimal, parseDecimal } from '../../src/domain/decimal.js'
import { AddedRows } from '../../src/read-model/added-rows.js'
import type { Entries } from '../../src/read-model/run-walk.js'
import type { Table } from '../../src/read-model/tables.js'
import { Random } from '../random.js'

type Tally = {
  readonly total: string
  readonly place: number
  readonly first: number
  readonly records: number
  readonly at: number
  readonly refund: string
  readonly last: number
}

/** Keys and what is added to in no particular order. */
const tallies: Table<Tally> = {
  name: 'tallies',
  columns: {
    total: 'text',
    place: 'integer',
    first: 'integer',
    records: 'integer',
    at: 'integer',
    refund: 'text',
    last: 'integer',
  },
  key: ['at', 'place'],
  indexes: {},
  adding: { records: 'sum', total: 'decimal', first: 'least', last: 'greatest', refund: 'decimal' },
}

const shape = new AddedRows(tallies as unknown as Table<Record<string, string | number | null>>)
const { width } = shape

/** Adds entries to one another in pairs at random, as merging runs does, and answers the row. */
function addedUp(rows: readonly Tally[], seed = 0): Tally {
  const random = new Random(seed)
  const entries = shape.encode(rows)
  // Anything else could not be packed.
  expect(entries.every(Number.isSafeInteger)).toBe(true)
  const sum = (from: number, to: number): Entries => {
    if (to - from === 1) return entries.slice(from * width, to * width)
    const middle = random.integer(from + 1, to - 1)
    const into = sum(from, middle)
    shape.add(into, 0, sum(middle, to), 0)
    expect(into.every(Number.isSafeInteger)).toBe(true)
    return into
  }
  return shape.decode(sum(0, rows.length), 0) as Tally
}

const UNITS = 10n ** 15n
const between = (most: bigint) => fc.bigInt({ min: -most, max: most })

/** Canonical decimals as events bring them, 15 digits and 15 places at most, many of them next to a carry. */
const decimals = fc
  .oneof(
    between(10n ** 30n - 1n),
    between(UNITS - 1n),
    between(10n ** 15n - 1n).map((whole) => whole * UNITS),
    fc.tuple(between(3n), between(3n)).map(([whole, units]) => whole * UNITS + units),
    fc
      .tuple(fc.constantFrom(1n, -1n), fc.bigInt({ min: 1n, max: 3n }))
      .map(([sign, less]) => sign * (10n ** 30n - less)),
    fc.constant(0n),
  )
  .map(formatDecimal)
/** Totals of very many of them. */
const totals = between(10n ** 43n).map(formatDecimal)

function tally(total: string, rest: Partial<Tally> = {}): Tally {
  return { total, place: 1, first: 0, records: 0, at: 2, refund: '0', last: 0, ...rest }
}

function exactSum(texts: readonly string[]): string {
  return formatDecimal(texts.reduce((sum, text) => sum + parseDecimal(text), 0n))
}

describe('A decimal of an added row', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(fc.oneof(decimals, totals), (text) => {
        expect(addedUp([tally(text)]).total).toBe(text)
      }),
      { numRuns: 500 },
    )
  })

  it('is the exact sum of all that were added, whichever first', () => {
    fc.assert(
      fc.property(fc.array(decimals, { minLength: 1, maxLength: 40 }), fc.integer(), (texts, seed) => {
        const sum = addedUp(
          texts.map((text) => tally(text)),
          seed,
        )
        expect(sum.total).toBe(exactSum(texts))
      }),
      { numRuns: 300 },
    )
  })

  it('is exact far beyond what one value may be', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(totals, decimals), { minLength: 2, maxLength: 12 }),
        fc.integer(),
        (texts, seed) => {
          const sum = addedUp(
            texts.map((text) => tally(text)),
            seed,
          )
          expect(sum.total).toBe(exactSum(texts))
        },
      ),
      { numRuns: 200 },
    )
  })

  it('is zero again once everything was taken out', () => {
    fc.assert(
      fc.property(fc.array(decimals, { minLength: 1, maxLength: 20 }), fc.integer(), (texts, seed) => {
        const out = texts.map((text) => formatDecimal(-parseDecimal(text)))
        const sum = addedUp(
          [...texts, ...out].map((text) => tally(text)),
          seed,
        )
        expect(sum.total).toBe('0')
      }),
      { numRuns: 100 },
    )
  })

  it.each([
    ['0.999999999999999', '0.000000000000001', '1'],
    ['999999999999999', '1', '1000000000000000'],
    ['9999999999999999', '9999999999999999', '19999999999999998'],
    ['999999999999999.999999999999999', '0.000000000000001', '1000000000000000'],
    ['-0.000000000000001', '0.000000000000001', '0'],
    ['-0.000000000000001', '-0.999999999999999', '-1'],
    ['-1', '0.000000000000001', '-0.999999999999999'],
    ['-1000000000000000', '0.000000000000001', '-999999999999999.999999999999999'],
    ['-999999999999999.999999999999999', '-0.000000000000001', '-1000000000000000'],
    ['1', '-2.5', '-1.5'],
    ['-2000000000000000', '-0.5', '-2000000000000000.5'],
    ['10', '100', '110'],
    ['0', '0', '0'],
  ])('%s and %s are %s', (one, other, sum) => {
    expect(addedUp([tally(one), tally(other)]).total).toBe(sum)
    expect(addedUp([tally(other), tally(one)]).total).toBe(sum)
  })
})

describe('The other columns of an added row', () => {
  const numbers = fc.integer({ min: -(2 ** 45), max: 2 ** 45 })
  const rows = fc.record({
    total: decimals,
    place: fc.constant(Number.MAX_SAFE_INTEGER),
    first: numbers,
    records: numbers,
    at: fc.constant(-3),
    refund: decimals,
    last: numbers,
  })

  it('are the sum, the least and the greatest, each beside the others', () => {
    fc.assert(
      fc.property(fc.array(rows, { minLength: 1, maxLength: 30 }), fc.integer(), (added, seed) => {
        expect(addedUp(added, seed)).toEqual({
          total: exactSum(added.map(({ total }) => total)),
          place: Number.MAX_SAFE_INTEGER,
          first: Math.min(...added.map(({ first }) => first)),
          records: added.reduce((sum, { records }) => sum + records, 0),
          at: -3,
          refund: exactSum(added.map(({ refund }) => refund)),
          last: Math.max(...added.map(({ last }) => last)),
        })
      }),
      { numRuns: 200 },
    )
  })

  it('come in the order of the table, and one by one', () => {
    const row = tally('-1.5', { place: 7, first: 3, records: 9, at: 8, refund: '0.25', last: 4 })
    const entries = shape.encode([tally('0'), row])
    expect(Object.entries(shape.decode(entries, width))).toEqual(Object.entries(row))
    for (const [column, value] of Object.entries(row)) expect(shape.reader(column)(entries, width)).toBe(value)
  })
})
