/** `npm run bench -- [--quick | --full] [--case NAME]… [--json FILE] [--against FOLDER]` */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { againstBuild, cases } from './cases.js'
import { table, toJson, type Figure } from './figures.js'
import { full, quick } from './settings.js'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean' },
    full: { type: 'boolean', default: false },
    case: { type: 'string', multiple: true },
    /** Folder of another build of the service: only the two are compared. */
    against: { type: 'string' },
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
if (values.against !== undefined) figures.push(...(await againstBuild(settings, resolve(values.against))))
for (const each of values.against === undefined ? cases : []) {
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
