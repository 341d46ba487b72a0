/** How many of all records are a part's. */
const percent = new Intl.NumberFormat('en', { style: 'percent', maximumSignificantDigits: 2 })

export function shareText(records: number, all: number): string {
  return all === 0 ? '–' : percent.format(records / all)
}
