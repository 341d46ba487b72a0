import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { RATE_LIMITED_KEYS_MAX, RateLimiter } from '../../src/api/rate-limiter.js'

class FixedStopwatch {
  now = 0
  elapsedMs(): number {
    return this.now
  }
}

const calls = fc.array(
  fc.record({
    key: fc.constantFrom('key_a', 'key_b'),
    cost: fc.integer({ min: 1, max: 100 }),
    afterMs: fc.double({ min: 0, max: 3_000, noNaN: true }),
  }),
  { maxLength: 200 },
)
/** Once it failed by a rounding: what was paid back after the seconds that were said was a little less than was owed. */
const justEnough = (
  [
    ['key_a', 74],
    ['key_a', 1],
    ['key_b', 58],
    ['key_b', 1],
    ['key_a', 69],
    ['key_a', 32],
    ['key_a', 37],
    ['key_a', 1],
  ] as const
).map(([key, cost]) => ({ key, cost, afterMs: 0 }))
const rate = fc.integer({ min: 1, max: 1_000 })

describe('A rate limit', () => {
  it('lets no key spend more than the rate, one second of it ahead, and one call', () => {
    fc.assert(
      fc.property(rate, calls, (perSecond, sequence) => {
        const stopwatch = new FixedStopwatch()
        const limiter = new RateLimiter(perSecond, stopwatch)
        const spent: { key: string; at: number; cost: number }[] = []
        for (const { key, cost, afterMs } of sequence) {
          stopwatch.now += afterMs
          if (limiter.take(key, cost) === null) spent.push({ key, at: stopwatch.now, cost })
        }
        for (const [first, { key, at: from }] of spent.entries()) {
          let total = 0
          for (const { key: other, at, cost } of spent.slice(first)) {
            if (other !== key) continue
            expect(total).toBeLessThan(perSecond * (1 + (at - from) / 1000) + 1e-6)
            total += cost
          }
        }
      }),
    )
  })

  it('takes what it refused after the seconds it said, and not much earlier', () => {
    fc.assert(
      fc.property(rate, calls, (perSecond, sequence) => {
        const stopwatch = new FixedStopwatch()
        const limiter = new RateLimiter(perSecond, stopwatch)
        for (const { key, cost, afterMs } of sequence) {
          stopwatch.now += afterMs
          const seconds = limiter.take(key, cost)
          if (seconds === null) continue
          expect(Number.isInteger(seconds) && seconds >= 1).toBe(true)
          if (seconds > 1) {
            stopwatch.now += (seconds - 1) * 1000 - 1e-3
            expect(limiter.take(key, cost)).not.toBeNull()
            stopwatch.now += 1e-3
          }
          stopwatch.now += seconds > 1 ? 1000 : seconds * 1000
          expect(limiter.take(key, cost)).toBeNull()
        }
      }),
      { examples: [[2, justEnough]] },
    )
  })

  it('takes nothing out of the bucket for a call that is refused', () => {
    const stopwatch = new FixedStopwatch()
    const limiter = new RateLimiter(10, stopwatch)
    expect(limiter.take('key_a', 30)).toBeNull()
    for (let attempt = 0; attempt < 1_000; attempt++) expect(limiter.take('key_a', 100)).toBe(3)
    stopwatch.now += 2_001
    expect(limiter.take('key_a', 1)).toBeNull()
  })

  it('remembers a bounded number of keys, those used last', () => {
    const stopwatch = new FixedStopwatch()
    const limiter = new RateLimiter(1, stopwatch)
    expect(limiter.take('first', 1)).toBeNull()
    stopwatch.now += 500
    expect(limiter.take('used again', 1)).toBeNull()
    for (let key = 0; key < RATE_LIMITED_KEYS_MAX - 2; key++) limiter.take(`key_${key}`, 1)
    expect(limiter.take('first', 1)).toBeNull()
    expect(limiter.take('first', 1)).not.toBeNull()
    limiter.take('one more', 1)
    expect(limiter.take('first', 1)).not.toBeNull()
    expect(limiter.take('one more', 1)).not.toBeNull()
    expect(limiter.take('used again', 1)).toBeNull()
  })
})
