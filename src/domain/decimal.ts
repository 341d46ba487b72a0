/**
 * Exact decimals. A `Decimal` is a bigint counting 10⁻¹⁵ units, so sums are integer sums: no rounding, no double, and no
 * bound on a total. Text is canonical: no exponent, no leading or trailing zeros, no `-0`.
 */
export type Decimal = bigint

/** Decimal places kept; a value with more is refused, never rounded. */
export const DECIMAL_PLACES_MAX = 15
/** Digits a value may have, leading zeros not counted (Stripe changelog 2026-04-22.dahlia). */
export const SIGNIFICANT_DIGITS_MAX = 15
/** Digits before the point: |value| < 10¹⁵. */
export const INTEGER_DIGITS_MAX = 15

const UNITS = 10n ** BigInt(DECIMAL_PLACES_MAX)
const NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/

export type DecimalProblem = 'not_a_number' | 'too_many_digits' | 'too_large' | 'too_many_places'

/** Reads `-?digits[.digits][e±digits]` into canonical text, or says what is wrong with it. */
export function readDecimal(text: string): { readonly value: string } | { readonly problem: DecimalProblem } {
  const match = NUMBER.exec(text)
  if (!match) return { problem: 'not_a_number' }
  const [, sign, integer = '', fraction = '', exponent = '0'] = match
  const digits = (integer + fraction).replace(/^0+/, '')
  if (digits.length > SIGNIFICANT_DIGITS_MAX) return { problem: 'too_many_digits' }
  if (digits === '') return { value: '0' }
  const significant = digits.replace(/0+$/, '')
  // The value is `significant` × 10^power. A power beyond all doubles is infinite, and refused as any other that is too large.
  const power = Number(exponent) - fraction.length + (digits.length - significant.length)
  if (significant.length + power > INTEGER_DIGITS_MAX) return { problem: 'too_large' }
  if (-power > DECIMAL_PLACES_MAX) return { problem: 'too_many_places' }
  return { value: sign + place(significant, power) }
}

function place(digits: string, power: number): string {
  if (power >= 0) return digits + '0'.repeat(power)
  if (digits.length > -power) return `${digits.slice(0, power)}.${digits.slice(power)}`
  return `0.${'0'.repeat(-power - digits.length)}${digits}`
}

/** Parses canonical text, as `readDecimal` and `formatDecimal` write it. */
export function parseDecimal(canonical: string): Decimal {
  const point = canonical.indexOf('.')
  if (point === -1) return BigInt(canonical) * UNITS
  return BigInt(canonical.slice(0, point) + canonical.slice(point + 1).padEnd(DECIMAL_PLACES_MAX, '0'))
}

/** Canonical text: also a valid JSON number literal. */
export function formatDecimal(value: Decimal): string {
  const negative = value < 0n
  const absolute = negative ? -value : value
  const integer = `${negative ? '-' : ''}${absolute / UNITS}`
  const rest = absolute % UNITS
  if (rest === 0n) return integer
  return `${integer}.${rest.toString().padStart(DECIMAL_PLACES_MAX, '0').replace(/0+$/, '')}`
}
