import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { formatTimestamp, parseTimestamp } from '../../../src/api/stripe/timestamp.js'
import { toUnixSeconds } from '../../../src/api/stripe/unix-time.js'

const DAY = '2026-01-15'
const LAST = Date.parse('9999-12-31T23:59:59.999Z')
const MIDNIGHT = Date.parse(`${DAY}T00:00:00.000Z`)

describe('A timestamp of the v2 API', () => {
  it('is read as it was written, on any date', () => {
    const instant = fc.integer({ min: Date.parse('1000-01-01T00:00:00Z'), max: LAST })
    const near = fc.tuple(instant, fc.integer({ min: 0, max: 200_000_000 }))
    fc.assert(
      fc.property(near, ([at, later]) => {
        for (const each of [at, Math.min(at + later, LAST)]) {
          expect(parseTimestamp(formatTimestamp(each))).toBe(each)
        }
      }),
    )
  })

  it.each([
    ['T23:59:59.999Z', 86_399_999],
    ['t10:00:00z', 36_000_000],
    ['T10:00:00Z', 36_000_000],
    ['T10:00:00.5Z', 36_000_500],
    ['T10:00:00.123456789Z', 36_000_123],
    ['T10:00:00.000+02:00', 28_800_000],
    ['T10:00:00-00:30', 37_800_000],
  ])('with the time %s is that instant', (time, expected) => {
    expect(parseTimestamp(`${DAY}T00:00:00.000Z`)).toBe(MIDNIGHT)
    expect(parseTimestamp(`${DAY}${time}`)).toBe(MIDNIGHT + expected)
  })

  it.each([
    'T24:00:00.000Z',
    'T10:60:00.000Z',
    'T10:00:60.000Z',
    'T1 :00:00.000Z',
    'T10:00:00.00 Z',
    'T10:00:00.00xZ',
    'T10:00:00,000Z',
    'T10-00:00.000Z',
    ' 10:00:00.000Z',
    'T10:00:00.000 ',
    'T+1:00:00.000Z',
    'T10:00:00.٠٠٠Z',
    'T10:00:00.000+24:00',
    'T10:00:00.000+00:60',
  ])('with the time %s is none', (time) => {
    expect(parseTimestamp(`${DAY}T00:00:00.000Z`)).toBe(MIDNIGHT)
    expect(parseTimestamp(`${DAY}${time}`)).toBeNull()
  })

  it.each([
    '2026-02-30',
    // Taken for one of 1950 by the dates of JavaScript.
    '0050-02-03',
  ])('is none on a date that does not exist, or not here, however often it is asked for: %s', (date) => {
    for (let time = 0; time < 2; time++) expect(parseTimestamp(`${date}T10:00:00.000Z`)).toBeNull()
  })
})

it('Unix seconds are those that have begun', () => {
  expect([0, 999, 1000, 1999, -1].map(toUnixSeconds)).toEqual([0, 0, 1, 1, -1])
})
