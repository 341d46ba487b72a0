/** The table of refusals in docs/wire-compatibility.md names the codes that are answered: all of them, and no others. */
import { expect, it } from '@jest/globals'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { apiErrorCodes } from '../../src/api/stripe/api-error.js'
import { METERS_MAX } from '../../src/domain/meter-catalogue.js'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const docs = readFileSync(join(root, 'docs/wire-compatibility.md'), 'utf8')
const [refusals = ''] = docs.split('\n## Refusals\n')[1]?.split('\n## ') ?? []

const NEVER_ANSWERED = ['meter_event_customer_not_found', 'meter_event_dimension_count_too_high']

function codesIn(text: string): string[] {
  return [...text.matchAll(/`(\w+)`/g)].map(([, code = '']) => code)
}

it('The table of refusals has every code that is answered', () => {
  const rows = refusals.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
  const table = rows.slice(1).flatMap((row) => row.split(' | ').slice(0, 2).flatMap(codesIn))
  expect(new Set(table).size).toBeGreaterThan(30)
  expect([...new Set([...table, ...NEVER_ANSWERED])].sort()).toEqual([...apiErrorCodes].sort())
})

it('The text below the table names the codes that never come', () => {
  for (const code of NEVER_ANSWERED) expect(refusals.split('\n\n').at(-1)).toContain(`\`${code}\``)
})

it('No code is kept that nothing answers', () => {
  const folder = join(root, 'src/api')
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .join('\n')
  const [beforeList = '', afterList = ''] = sources.split(/export const apiErrorCodes = [^\]]*\]/)
  expect(afterList).not.toBe('')
  const used = beforeList + afterList
  expect(apiErrorCodes.filter((code) => !used.includes(`'${code}'`))).toEqual([])
})

it('The limit on meters is documented', () => {
  expect(docs).toContain(`up to ${METERS_MAX / 1000} 000 meters`)
})
