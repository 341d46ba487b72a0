import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { usagePartition } from '../../src/domain/usage-partition.js'

describe('The partition of a usage record', () => {
  // Computed by another program. Never changed: every stored record stands where these say.
  it.each([
    ['mtr_a', 'id_1', 7, 119, 1],
    ['mtr_test_61Qabc', 'req-0001', 0, 72, 1],
    ['mtr_tokens', '3f6d1e0a-9b0c-4a55-8d0f-6a1d2c3b4e5f', 2, 162, 3],
    ['mtr_a', '', 6, 118, 2],
    ['mtr_a', 'ümläut', 0, 88, 4],
    ['mtr_a', '𝄞', 0, 104, 3],
    ['mtr_a', 'x'.repeat(100), 6, 118, 6],
    ['mtr_a', 'a b', 7, 151, 0],
  ])('of %s %j is the same for ever', (meterId, identifier, of8, of256, of7) => {
    expect([8, 256, 7, 1].map((partitions) => usagePartition(meterId, identifier, partitions))).toEqual([
      of8,
      of256,
      of7,
      0,
    ])
  })

  it('is one of the partitions', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.string({ unit: 'binary' }),
        fc.integer({ min: 1, max: 256 }),
        (meterId, id, count) => {
          const partition = usagePartition(meterId, id, count)
          expect(Number.isInteger(partition) && partition >= 0 && partition < count).toBe(true)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('is evenly spread over consecutive identifiers', () => {
    const records = Array.from({ length: 8 }, () => 0)
    for (let n = 0; n < 8000; n++) records[usagePartition('mtr_test_61Qabc', `req-${n}`, 8)]!++
    for (const count of records) expect(Math.abs(count - 1000)).toBeLessThan(150)
  })
})
