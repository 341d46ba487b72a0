import { describe, expect, it } from '@jest/globals'
import Big from 'big.js'
import fc from 'fast-check'
import {
  DECIMAL_PLACES_MAX,
  INTEGER_DIGITS_MAX,
  SIGNIFICANT_DIGITS_MAX,
  formatDecimal,
  parseDecimal,
  readDecimal,
} from '../../src/domain/decimal.js'

describe('Reading a decimal', () => {
  it.each([
    ['0', '0'],
    ['-0', '0'],
    ['0.0', '0'],
    ['0e999', '0'],
    ['-0.000000000000000000000', '0'],
    ['25', '25'],
    ['-25', '-25'],
    ['25.0', '25'],
    ['0025.500', '25.5'],
    ['00000000000000000000000001', '1'],
    ['0.5', '0.5'],
    ['-0.5', '-0.5'],
    ['5e0', '5'],
    ['5E+2', '500'],
    ['5e-2', '0.05'],
    ['1200e-2', '12'],
    ['12.5e1', '125'],
    ['12.5e-1', '1.25'],
    ['1e14', '100000000000000'],
    ['1e000000000014', '100000000000000'],
    ['1e-000000000001', '0.1'],
    ['0e1000000000', '0'],
    ['-1e14', '-100000000000000'],
    ['999999999999999', '999999999999999'],
    ['0.999999999999999', '0.999999999999999'],
    ['1e-15', '0.000000000000001'],
    ['0.00000000000001e-1', '0.000000000000001'],
    ['0.000000000000000000001e20', '0.1'],
    ['123456789012345e-15', '0.123456789012345'],
  ])('%s is %s', (text, value) => expect(readDecimal(text)).toEqual({ value }))

  it.each(
    ['', ' ', ' 5', '5 ', '5\n', '+5', '--5', '- 5', '.5', '5.', '.', '-', 'e5', '5e', '5e+', '5e1.5'].concat(
      ['NaN', 'Infinity', '-Infinity', '0x10', '0b1', '1_000', '1,5', '1.2.3', 'abc', '٣', '５', 'null', '5n'],
      ['5e12a', '5e--1', '5e1e1'],
    ),
  )('%j is not a number', (text) => expect(readDecimal(text)).toEqual({ problem: 'not_a_number' }))

  it.each(['1234567890123456', '-1234567890123456', '0.1234567890123456', '1.000000000000000', '9999999999999999e-5'])(
    '%s has too many digits',
    (text) => expect(readDecimal(text)).toEqual({ problem: 'too_many_digits' }),
  )

  it.each(['1e15', '-1e15', '1e999', '10e14', '1e999999', '1e1000000', `-1e${'9'.repeat(400)}`])(
    '%s is too large',
    (text) => {
      expect(readDecimal(text)).toEqual({ problem: 'too_large' })
    },
  )

  it.each(['1e-16', '0.0000000000000001', '-15e-16', '1e-999999', '1e-1000000', `1e-${'9'.repeat(400)}`])(
    '%s has too many decimal places',
    (text) => {
      expect(readDecimal(text)).toEqual({ problem: 'too_many_places' })
    },
  )
})

/** `-?digits[.digits][e±digits]`, many of them near the limits. */
const digits = (maxLength: number) => fc.string({ unit: fc.constantFrom(...'0012345678999'), minLength: 1, maxLength })
const numberTexts = fc
  .tuple(
    fc.constantFrom('', '-'),
    digits(18),
    fc.option(digits(18)),
    fc.option(fc.tuple(fc.constantFrom('e', 'E', 'e+', 'e-', 'E-'), fc.integer({ min: 0, max: 20 }))),
  )
  .map(
    ([sign, integer, fraction, exponent]) =>
      `${sign}${integer}${fraction === null ? '' : `.${fraction}`}${exponent === null ? '' : exponent.join('')}`,
  )

/** Values that are taken, as canonical text. */
const decimals = fc
  .tuple(fc.bigInt({ min: -(10n ** 15n) + 1n, max: 10n ** 15n - 1n }), fc.integer({ min: -15, max: 0 }))
  .map(([significant, power]) => readDecimal(`${significant}e${power}`))
  .map((read) => ('value' in read ? read.value : '0'))

describe('Decimals, beside big.js', () => {
  it('are read alike, within the limits', () => {
    fc.assert(
      fc.property(numberTexts, (text) => {
        const read = readDecimal(text)
        const oracle = new Big(text)
        if ('value' in read) {
          expect(new Big(read.value).eq(oracle)).toBe(true)
          expect(read.value).toBe(oracle.eq(0) ? '0' : oracle.toFixed())
          return
        }
        const sent = text.replace(/[eE].*|[-.]/g, '').replace(/^0+/, '').length
        const places = oracle.toFixed().split('.')[1]?.length ?? 0
        expect(read.problem).toBe(
          sent > SIGNIFICANT_DIGITS_MAX
            ? 'too_many_digits'
            : oracle.abs().gte(new Big(10).pow(INTEGER_DIGITS_MAX))
              ? 'too_large'
              : places > DECIMAL_PLACES_MAX
                ? 'too_many_places'
                : 'nothing',
        )
      }),
      { numRuns: 2000 },
    )
  })

  it('add up alike, to the last digit', () => {
    fc.assert(
      fc.property(fc.array(decimals, { maxLength: 50 }), (values) => {
        const sum = values.reduce((total, value) => total + parseDecimal(value), 0n)
        const oracle = values.reduce((total, value) => total.plus(value), new Big(0))
        expect(formatDecimal(sum)).toBe(oracle.toFixed().replace(/^-0$/, '0'))
      }),
      { numRuns: 500 },
    )
  })

  it('compare alike', () => {
    fc.assert(
      fc.property(decimals, decimals, (left, right) => {
        const [a, b] = [parseDecimal(left), parseDecimal(right)]
        expect(a < b ? -1 : a > b ? 1 : 0).toBe(new Big(left).cmp(right))
      }),
      { numRuns: 300 },
    )
  })
})

describe('Canonical text', () => {
  it('is what it was after parsing and formatting, and after being read again', () => {
    fc.assert(
      fc.property(decimals, (text) => {
        expect(formatDecimal(parseDecimal(text))).toBe(text)
        expect(readDecimal(text)).toEqual({ value: text })
      }),
      { numRuns: 500 },
    )
  })

  it('has no bound for a total', () => {
    const total = parseDecimal('999999999999999') * 1_000_000n + 1n
    expect(formatDecimal(total)).toBe('999999999999999000000.000000000000001')
    expect(parseDecimal(formatDecimal(-total))).toBe(-total)
  })

  it('is a JSON number literal', () => {
    fc.assert(
      fc.property(decimals, (text) => {
        expect(() => JSON.parse(text) as number).not.toThrow()
      }),
      { numRuns: 200 },
    )
  })
})
