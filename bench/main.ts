/** `npm run bench -- [--quick | --full] [--case NAME]… [--json FILE]` */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { cases } from './cases.js'
import { table, toJson, type Figure } from './figures.js'
import { full, quick } from './settings.js'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    full: { type: 'boolean', default: false },
    case: { type: 'string', multiple: true },
    json: { type: 'string', default: 'bench/results.json' },
  },
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const settings = values.full ? full : quick
const unknown = values.case?.find((name) => !cases.some((known) => known.name === name))
if (unknown !== undefined) {
  process.stderr.write(`There is no case ${unknown}. There are: ${cases.map(({ name }) => name).join(', ')}.\n`)
  process.exit(2)
}
const figures: Figure[] = []
for (const each of cases) {
  const { name, what } = each
  if (values.case && !values.case.includes(name)) continue
  const startedAt = performance.now()
  process.stdout.write(`${name}: ${what} …`)
  figures.push(...(await each.run(settings)))
  process.stdout.write(` ${((performance.now() - startedAt) / 1000).toFixed(1)} s\n`)
}
process.stdout.write(`\n${table(figures)}\n`)
writeFileSync(values.json, `${toJson(figures, settings.mode)}\n`)
process.exit(0)
