import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { packColumns, unpackColumns } from '../../src/read-model/packed-columns.js'

const LEAST = Number.MIN_SAFE_INTEGER
const MOST = Number.MAX_SAFE_INTEGER
/** Distances between the least and the greatest of a column, on both sides of every width. */
const spreads = [0, 1, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]

/** So many numbers that are no further apart than one of the spreads, or anything. */
function columnOf(rows: number): fc.Arbitrary<number[]> {
  const numbers = (min: number, max: number) => fc.array(fc.integer({ min, max }), { minLength: rows, maxLength: rows })
  const near = fc
    .constantFrom(...spreads)
    .chain((spread) => fc.integer({ min: LEAST, max: MOST - spread }).chain((from) => numbers(from, from + spread)))
  return fc.oneof(near, numbers(LEAST, MOST))
}

/** Rows that stand one behind the other, and how many numbers each has. */
const blocks = fc
  .tuple(fc.oneof(fc.integer({ min: 1, max: 20 }), fc.constantFrom(1, 255, 256)), fc.integer({ min: 1, max: 8 }))
  .chain(([rows, width]) => fc.array(columnOf(rows), { minLength: width, maxLength: width }))
  .map((columns) => ({
    rows: columns[0]!.length,
    width: columns.length,
    values: Float64Array.from(columns[0]!.flatMap((_, row) => columns.map((column) => column[row]!))),
  }))

describe('Packed columns', () => {
  it('are unpacked as they were', () => {
    fc.assert(
      fc.property(blocks, ({ values, rows, width }) => {
        expect(unpackColumns(packColumns(values, rows, width), width)).toEqual(values)
      }),
      { numRuns: 200 },
    )
  })

  it.each(spreads)('hold numbers that are %d apart', (spread) => {
    for (const from of [LEAST, 0 - spread, 0, MOST - spread]) {
      const values = Float64Array.of(from + spread, from, from + spread)
      expect(unpackColumns(packColumns(values, 3, 1), 1)).toEqual(values)
    }
  })

  it('hold the least and the greatest number beside one another', () => {
    const values = Float64Array.of(MOST, 7, LEAST, 7, 0, 7)
    expect(unpackColumns(packColumns(values, 3, 2), 2)).toEqual(values)
  })

  it('are only of the rows that are asked for', () => {
    const values = Float64Array.of(1, 2, 3, 4, MOST, LEAST)
    expect(unpackColumns(packColumns(values, 2, 2), 2)).toEqual(Float64Array.of(1, 2, 3, 4))
  })

  it('take as few bytes as the numbers of a column are apart', () => {
    const bytesOf = (spread: number) =>
      packColumns(
        Float64Array.from({ length: 256 }, (_, row) => 2 ** 40 + (row * spread) / 255),
        256,
        1,
      ).length
    const none = bytesOf(0)
    expect([255, 65_535, 2 ** 32 - 1].map((spread) => bytesOf(spread) - none)).toEqual([256, 512, 1024])
  })

  it('can be unpacked from anywhere in memory', () => {
    const values = Float64Array.of(1, MOST, 70_000, LEAST)
    const packed = packColumns(values, 2, 2)
    for (let before = 0; before < 9; before++) {
      const moved = Buffer.concat([Buffer.alloc(before, 0xff), packed]).subarray(before)
      expect(unpackColumns(moved, 2)).toEqual(values)
    }
  })
})

describe('Damaged packed columns', () => {
  it('are noticed, whichever byte is another', () => {
    fc.assert(
      fc.property(blocks, fc.nat(), fc.integer({ min: 1, max: 255 }), ({ values, rows, width }, place, change) => {
        const packed = packColumns(values, rows, width)
        packed[place % packed.length]! ^= change
        expect(unpackColumns(packed, width)).toBeNull()
      }),
      { numRuns: 200 },
    )
  })

  it('are noticed at each single byte', () => {
    const values = Float64Array.of(1, 2 ** 20, LEAST, 5, 300, 2 ** 20 + 9, MOST, 5)
    const packed = packColumns(values, 2, 4)
    for (let place = 0; place < packed.length; place++) {
      const damaged = Buffer.from(packed)
      damaged[place]! ^= 1
      expect(unpackColumns(damaged, 4)).toBeNull()
    }
  })

  it('are noticed where bytes are missing or too many', () => {
    fc.assert(
      fc.property(blocks, fc.nat(), ({ values, rows, width }, length) => {
        const packed = packColumns(values, rows, width)
        expect(unpackColumns(packed.subarray(0, length % packed.length), width)).toBeNull()
        expect(unpackColumns(Buffer.concat([packed, Buffer.from([0])]), width)).toBeNull()
      }),
      { numRuns: 50 },
    )
  })

  it('are only read at the place they were packed for', () => {
    const packed = packColumns(Float64Array.of(1, 2, 3, 4), 2, 2, 2 ** 40 + 7)
    expect(unpackColumns(packed, 2, 2 ** 40 + 7)).toEqual(Float64Array.of(1, 2, 3, 4))
    expect(unpackColumns(packed, 2, 2 ** 40 + 8)).toBeNull()
  })
})
