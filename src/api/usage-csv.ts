/**
 * Usage by customer as CSV (RFC 4180). A program that opens it reads no cell as a formula: a name that begins like one is
 * written with an apostrophe before it, as spreadsheets themselves do for text. So is one that looks as if that had been
 * done to it already: no two customers have the same cell.
 */
import type { CustomerUsage } from '../queries/get-usage-by-customer.js'

/** What a spreadsheet that is not told tells UTF-8 by; a program would take it for a part of the first name. */
export const BYTE_ORDER_MARK = '\ufeff'
export const CSV_HEADER = 'customer,value,records\r\n'

export function csvLine({ customer, value, records }: CustomerUsage): string {
  // Value and records are numbers, which need neither quotes nor care.
  return `${textCell(customer)},${value},${records}\r\n`
}

const BEGINS_LIKE_A_FORMULA = /^'*(?:\s*[=+\-@|%＝＋－＠]|[\t\r\n])/

function textCell(text: string): string {
  const plain = BEGINS_LIKE_A_FORMULA.test(text) ? `'${text}` : text
  return `"${plain.replaceAll('"', '""')}"`
}
