import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  DAY_MS,
  HOUR_MS,
  MINUTE_MS,
  bucketMs,
  bucketSizes,
  bucketStart,
  isAligned,
  isWithin,
  touchedBuckets,
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

describe('An interval', () => {
  it.each([
    ['day', '2026-01-01T00:00', '2026-02-01T00:00', '2026-01-01T00:00', '2026-02-01T00:00'],
    ['day', '2026-01-01T22:58', '2026-01-04T01:02', '2026-01-01T00:00', '2026-01-05T00:00'],
    ['hour', '2026-01-01T10:59', '2026-01-01T11:01', '2026-01-01T10:00', '2026-01-01T12:00'],
    ['minute', '2026-01-01T10:59', '2026-01-01T11:01', '2026-01-01T10:59', '2026-01-01T11:01'],
    ['day', '1969-12-31T23:59', '1970-01-02T00:00', '1969-12-31T00:00', '1970-01-02T00:00'],
  ] as const)('touches each %s of %s to %s', (size, start, end, from, to) => {
    expect(touchedBuckets(size, utc(start), utc(end))).toEqual({ from: utc(from), to: utc(to) })
  })

  it('has a bucket in it as a whole where neither edge cuts it', () => {
    const day = utc('2026-01-02T00:00')
    expect(isWithin('day', day, day, day + DAY_MS)).toBe(true)
    expect(isWithin('day', day, day + MINUTE_MS, day + DAY_MS)).toBe(false)
    expect(isWithin('day', day, day, day + DAY_MS - MINUTE_MS)).toBe(false)
    expect(isWithin('hour', day, day - HOUR_MS, day + DAY_MS)).toBe(true)
  })
})
