/**
 * `npm run bench:profile`: where the time of the stream path goes, by thread. The service runs under node's own profiler
 * while the stream load comes in; for each thread the functions are printed in which it spent most time itself.
 * The profiles are left in `bench/profiles/`, for Chrome's developer tools or speedscope.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { LoadedService, LoadMaker } from './contestants.js'

/** What of the V8 profile format is read here. */
interface Profile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  }[]
  readonly samples: readonly number[]
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[]
}

const { values } = parseArgs({
  options: {
    shape: { type: 'string', default: 'stream' },
    requests: { type: 'string', default: '1000' },
    top: { type: 'string', default: '25' },
  },
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const folder = fileURLToPath(new URL('../../bench/profiles', import.meta.url))
rmSync(folder, { recursive: true, force: true })
mkdirSync(folder, { recursive: true })

const load = new LoadMaker()
const loaded = await LoadedService.start(load, { nodeArguments: ['--cpu-prof', `--cpu-prof-dir=${folder}`] })
const shape = values.shape === 'form' ? 'form' : 'stream'
const { eventsPerSecond } = await loaded.burst({ shape, requests: Number(values.requests) })
await loaded.service.stop()
await load.end()
process.stdout.write(`${Math.round(eventsPerSecond).toLocaleString('en')} events/s while being profiled\n`)
for (const file of readdirSync(folder).sort()) report(file, Number(values.top))
process.exit(0)

function report(file: string, top: number): void {
  const profile = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Profile
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const microseconds = new Map<string, number>()
  let busy = 0
  let whole = 0
  profile.samples.forEach((id, index) => {
    const name = names.get(id) ?? ''
    const delta = Math.max(0, profile.timeDeltas[index] ?? 0)
    whole += delta
    if (name === '(idle)' || name === '(root)') return
    busy += delta
    microseconds.set(name, (microseconds.get(name) ?? 0) + delta)
  })
  process.stdout.write(
    `\n${threadOf(profile)} (${file}): busy ${(busy / 1e6).toFixed(2)} of ${(whole / 1e6).toFixed(2)} s\n`,
  )
  const sorted = [...microseconds].sort(([, left], [, right]) => right - left).slice(0, top)
  for (const [name, time] of sorted) {
    process.stdout.write(`${((time / busy) * 100).toFixed(1).padStart(6)} %  ${name}\n`)
  }
}

function threadOf({ nodes }: Profile): string {
  const runs = (file: string): boolean => nodes.some(({ callFrame }) => callFrame.url.endsWith(file))
  if (runs('/projections/projector.js')) return 'Projector'
  if (runs('/event-store/embedded-event-store.worker.js')) return 'Log writer'
  if (runs('/read-model/embedded-log-copier.worker.js')) return 'Log copier'
  return 'Main thread'
}

function nameOf({ functionName, url, lineNumber }: Profile['nodes'][number]['callFrame']): string {
  const file = url.replace(/^.*\/(dist|node_modules)\//, '').replace(/^file:\/\//, '')
  return `${functionName || '(anonymous)'}${file === '' ? '' : `  ${file}:${lineNumber + 1}`}`
}
