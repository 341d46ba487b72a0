import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { compareEntries, sortedPlaces } from '../../src/read-model/entry-order.js'
import { Random } from '../random.js'

/** What the numbers of a column are like: from where to where, or in order already. */
const ranges = {
  'all equal': [42, 42],
  'a few': [0, 3],
  'around zero': [-5, 5],
  'one digit': [-1, 2_046],
  'just more than one digit': [-1, 2_047],
  instants: [1_700_000_000_000, 1_700_086_400_000],
  'all that are not negative': [0, Number.MAX_SAFE_INTEGER],
  'from below zero up to the widest range that is exact': [-7, Number.MAX_SAFE_INTEGER - 7],
  'beyond the widest range that is exact': [-8, Number.MAX_SAFE_INTEGER],
  'all there are': [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
} as const
const kinds = [...(Object.keys(ranges) as (keyof typeof ranges)[]), 'in order', 'in order but for one'] as const
type Kind = (typeof kinds)[number]

/** Neighbours at both ends of the range are likely, and every bit of what lies between. */
function numberOf(random: Random, kind: Kind, row: number, count: number): number {
  if (kind === 'in order') return row - 50
  if (kind === 'in order but for one') return row === count - 1 ? -51 : row
  const [min, max] = ranges[kind]
  const near = random.integer(0, 3)
  if (random.chance(0.1)) return random.chance(0.5) ? Math.min(max, min + near) : Math.max(min, max - near)
  const wide = random.integer(0, 2 ** 21 - 1) * 2 ** 32 + random.integer(0, 2 ** 32 - 1)
  if (max - min < 2 ** 53) return min + (wide % (max - min + 1))
  return Math.max(min, Math.min(max, random.chance(0.5) ? wide : -wide))
}

interface Shape {
  readonly count: number
  readonly keys: readonly Kind[]
  readonly seed: number
}

/** Entries of the key columns and one more, which holds where the entry stood. */
function entriesOf({ count, keys, seed }: Shape): Float64Array {
  const random = new Random(seed)
  return Float64Array.from(
    Array.from({ length: count }, (_, row) => [...keys.map((kind) => numberOf(random, kind, row, count)), row]).flat(),
  )
}

/** The stable sort of the language, over the keys as lists. */
function sortedPlainly(entries: Float64Array, count: number, width: number): number[] {
  const keyOf = (place: number) => entries.subarray(place * width, (place + 1) * width - 1)
  const places = Array.from({ length: count }, (_, place) => place)
  return places.sort((left, right) => {
    const [one, other] = [keyOf(left), keyOf(right)]
    const column = one.findIndex((value, at) => value !== other[at])
    return column === -1 ? 0 : one[column]! < other[column]! ? -1 : 1
  })
}

const counts = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 200 }) },
  { weight: 1, arbitrary: fc.constantFrom(63, 64, 65) },
  { weight: 1, arbitrary: fc.integer({ min: 1_000, max: 3_000 }) },
)
const shapes = fc.record({
  count: counts,
  keys: fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 3 }),
  seed: fc.integer(),
})

describe('The order of entries', () => {
  it('is that of a stable sort by their keys', () => {
    fc.assert(
      fc.property(shapes, (shape) => {
        const width = shape.keys.length + 1
        const entries = entriesOf(shape)
        const places = sortedPlaces(entries, shape.count, width, shape.keys.length)
        expect(Array.from(places)).toEqual(sortedPlainly(entries, shape.count, width))
      }),
      { numRuns: 120 },
    )
  })

  it.each(kinds)('is so for thousands of numbers: %s', (kind) => {
    for (const keys of [[kind], [kind, 'a few'], ['a few', kind]] as const) {
      const entries = entriesOf({ count: 3_000, keys, seed: 1 })
      const places = sortedPlaces(entries, 3_000, keys.length + 1, keys.length)
      expect(Array.from(places)).toEqual(sortedPlainly(entries, 3_000, keys.length + 1))
    }
  })

  it('leaves the entries where they are, and what is behind them', () => {
    const entries = Float64Array.from({ length: 300 }, (_, at) => -at)
    const before = entries.slice()
    expect(sortedPlaces(entries, 100, 1, 1)).toHaveLength(100)
    expect(entries).toEqual(before)
  })
})

describe('Two entries', () => {
  it('are compared by the first columns in which they differ', () => {
    const left = [0, 1, 2, 9]
    const right = [1, 3, 0]
    expect(compareEntries(left, 1, right, 0, 1)).toBe(0)
    expect(compareEntries(left, 1, right, 0, 2)).toBeLessThan(0)
    expect(compareEntries(right, 0, left, 1, 2)).toBeGreaterThan(0)
    expect(compareEntries(left, 1, [1, 2, 8], 0, 2)).toBe(0)
  })

  it('may be bounds', () => {
    expect(compareEntries([5, -Infinity], 0, [5, Number.MIN_SAFE_INTEGER], 0, 2)).toBeLessThan(0)
    expect(compareEntries([5, Infinity], 0, [5, Number.MAX_SAFE_INTEGER], 0, 2)).toBeGreaterThan(0)
    expect(compareEntries([5, Infinity], 0, [5, Infinity], 0, 2)).toBe(0)
  })
})
