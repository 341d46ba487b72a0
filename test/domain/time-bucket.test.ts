import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  DAY_MS,
  HOUR_MS,
  MINUTE_MS,
  bucketMs,
  bucketSizes,
  bucketStart,
  coverWithBuckets,
  isAligned,
  type BucketRun,
} from '../../src/domain/time-bucket.js'

const utc = (text: string) => Date.parse(`${text}Z`)

describe('A bucket', () => {
  it.each([
    ['minute', '2026-01-15T10:42:31.999', '2026-01-15T10:42:00'],
    ['hour', '2026-01-15T10:42:31.999', '2026-01-15T10:00:00'],
    ['day', '2026-01-15T10:42:31.999', '2026-01-15T00:00:00'],
    ['day', '2026-01-15T00:00:00', '2026-01-15T00:00:00'],
    ['day', '2024-02-29T23:59:59.999', '2024-02-29T00:00:00'],
    ['minute', '1969-12-31T23:59:59.999', '1969-12-31T23:59:00'],
    ['hour', '1969-12-31T23:59:59.999', '1969-12-31T23:00:00'],
    ['day', '1969-12-31T00:00:00', '1969-12-31T00:00:00'],
  ] as const)('of one %s: %s is in the one of %s', (size, instant, start) => {
    expect(bucketStart(size, utc(instant))).toBe(utc(start))
  })

  const instants = fc.integer({ min: utc('1900-01-01T00:00'), max: utc('2200-01-01T00:00') })

  it('holds its instant, and its start is aligned', () => {
    fc.assert(
      fc.property(fc.constantFrom(...bucketSizes), instants, (size, instant) => {
        const start = bucketStart(size, instant)
        expect(start <= instant && instant < start + bucketMs[size]).toBe(true)
        expect(isAligned(size, start)).toBe(true)
        expect(isAligned(size, instant)).toBe(start === instant)
      }),
      { numRuns: 500 },
    )
  })

  it('begins where UTC says, whatever the time zone here', () => {
    fc.assert(
      fc.property(instants, (instant) => {
        const text = new Date(instant).toISOString()
        expect(bucketStart('day', instant)).toBe(Date.parse(`${text.slice(0, -13)}00:00:00.000Z`))
        expect(bucketStart('hour', instant)).toBe(Date.parse(`${text.slice(0, -10)}00:00.000Z`))
        expect(bucketStart('minute', instant)).toBe(Date.parse(`${text.slice(0, -7)}00.000Z`))
      }),
      { numRuns: 300 },
    )
  })
})

describe('Covering an interval with buckets', () => {
  it('takes days in the middle, hours and minutes at the edges', () => {
    expect(coverWithBuckets(utc('2026-01-01T22:58'), utc('2026-01-04T01:02'))).toEqual([
      { size: 'minute', start: utc('2026-01-01T22:58'), end: utc('2026-01-01T23:00') },
      { size: 'hour', start: utc('2026-01-01T23:00'), end: utc('2026-01-02T00:00') },
      { size: 'day', start: utc('2026-01-02T00:00'), end: utc('2026-01-04T00:00') },
      { size: 'hour', start: utc('2026-01-04T00:00'), end: utc('2026-01-04T01:00') },
      { size: 'minute', start: utc('2026-01-04T01:00'), end: utc('2026-01-04T01:02') },
    ])
  })

  it.each([
    ['2026-01-01T00:00', '2026-02-01T00:00', [['day', 31]]],
    ['2026-01-01T10:00', '2026-01-01T12:00', [['hour', 2]]],
    ['2026-01-01T10:05', '2026-01-01T10:07', [['minute', 2]]],
    [
      '2026-01-01T10:59',
      '2026-01-01T11:01',
      [
        ['minute', 1],
        ['minute', 1],
      ],
    ],
    [
      '1969-12-31T23:59',
      '1970-01-02T00:00',
      [
        ['minute', 1],
        ['day', 1],
      ],
    ],
    ['2026-01-01T00:00', '2026-01-01T00:00', []],
  ])('%s to %s', (start, end, buckets) => {
    const runs = coverWithBuckets(utc(start), utc(end))
    expect(runs.map((run) => [run.size, (run.end - run.start) / bucketMs[run.size]])).toEqual(buckets)
  })

  const minutes = fc.integer({ min: -80 * 365 * 1440, max: 200 * 365 * 1440 })
  const lengths = fc.oneof(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 1, max: 90 * 1440 }))
  const intervals = fc
    .tuple(minutes, lengths)
    .map(([start, length]) => [start * MINUTE_MS, (start + length) * MINUTE_MS] as const)

  it('covers all of it, in order and without overlap, with whole buckets', () => {
    fc.assert(
      fc.property(intervals, ([start, end]) => {
        const runs = coverWithBuckets(start, end)
        let reached = start
        for (const run of runs) {
          expect(run.start).toBe(reached)
          expect(run.end).toBeGreaterThan(run.start)
          expect(isAligned(run.size, run.start) && isAligned(run.size, run.end)).toBe(true)
          reached = run.end
        }
        expect(reached).toBe(end)
      }),
      { numRuns: 500 },
    )
  })

  it('takes the fewest buckets there are', () => {
    const bucketsOf = (runs: readonly BucketRun[]) =>
      runs.reduce((total, { size, start, end }) => total + (end - start) / bucketMs[size], 0)
    const fewest = (start: number, end: number) => {
      let buckets = 0
      for (let at = start; at < end; buckets++) {
        // The largest bucket that begins here and does not reach too far.
        const size = [DAY_MS, HOUR_MS, MINUTE_MS].find((ms) => at % ms === 0 && at + ms <= end) ?? MINUTE_MS
        at += size
      }
      return buckets
    }
    fc.assert(
      fc.property(intervals, ([start, end]) => {
        const buckets = bucketsOf(coverWithBuckets(start, end))
        expect(buckets).toBe(fewest(start, end))
        expect(buckets).toBeLessThanOrEqual((end - start) / DAY_MS + 46 + 118)
      }),
      { numRuns: 300 },
    )
  })
})
