import { expect, it } from '@jest/globals'
import fc from 'fast-check'
import { mergeWalks, rowsPerRead, type Walk } from '../../src/queries/merged-walks.js'

interface NumberWalk extends Walk<number> {
  rest: readonly number[]
}

it('Walks in order are one walk in order, however each of them is read', async () => {
  const sorted = fc.array(fc.integer({ min: -20, max: 20 })).map((all) => all.sort((left, right) => left - right))
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(fc.array(sorted, { maxLength: 40 }), fc.array(sorted, { minLength: 257, maxLength: 300 })),
      fc.integer({ min: 1, max: 5 }),
      async (each, size) => {
        const walks = each.map((rest): NumberWalk => ({ buffer: [], at: 0, rest }))
        const merged = mergeWalks<number, NumberWalk>(
          walks,
          async (some) => {
            for (const walk of some) {
              walk.at = 0
              walk.buffer = walk.rest.slice(0, size)
              walk.rest = walk.rest.slice(size)
            }
          },
          (left, right) => left - right,
        )
        const found: number[] = []
        for await (const row of merged) found.push(row)
        expect(found).toEqual(each.flat().sort((left, right) => left - right))
      },
    ),
  )
})

it('Of very many walks few rows wait, of one walk many', () => {
  expect([0, 1, 2, 1000, 5000, 100_000].map((walks) => rowsPerRead(walks))).toEqual([256, 256, 16, 16, 3, 1])
})

it('The further a walk goes the more rows a read of it has, as long as few wait', () => {
  expect([16, 32, 100, 200, 256].map((lastRead) => rowsPerRead(3, lastRead))).toEqual([32, 64, 200, 256, 256])
  expect([0, 16, 32].map((lastRead) => rowsPerRead(500, lastRead))).toEqual([16, 32, 32])
})
