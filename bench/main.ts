/** `npm run bench -- --help` */
import { Command, Option } from 'commander'
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { againstBuild, cases } from './cases.js'
import { table, toJson, type Figure } from './figures.js'
import { full, quick } from './settings.js'

interface Options {
  readonly full?: true
  readonly case?: readonly string[]
  readonly against?: string
  readonly json: string
}

const command = new Command('bench')
  .description('Measures the service beside what it is made of, and prints a table.')
  .option('--quick', 'few and short runs, about three minutes: the default')
  .option('--full', 'more and longer runs, of ten million records; hours')
  .addOption(new Option('--case <name...>', 'only these').choices(cases.map(({ name }) => name)))
  .option('--against <folder>', 'only the stream load and single events, beside another build (its dist)')
  .option('--json <file>', 'where the figures go as JSON', 'bench/results.json')
  .addHelpText('after', `\nCases:\n${cases.map(({ name, what }) => `  ${name.padEnd(16)}${what}`).join('\n')}`)
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()
const values = command.opts<Options>()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const settings = values.full ? full : quick
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
