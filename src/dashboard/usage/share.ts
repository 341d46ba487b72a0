/** How much of a total is one part's: exact texts in, rounded for people. Of a total that is not positive there are no shares. */
const percent = new Intl.NumberFormat('en', { style: 'percent', maximumSignificantDigits: 2 })

export function shareText(value: string, total: string): string {
  const whole = Number(total)
  return whole > 0 ? percent.format(Number(value) / whole) : '–'
}
