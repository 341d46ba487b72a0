/** The built service as it ships, in a process of its own over a fresh data folder, and the few calls a benchmark makes. */
import type Database from 'better-sqlite3'
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { SqliteDatabase } from '../src/sqlite.js'
import { watch } from './child.js'
import { EVENT_NAME } from './usage-events.js'

/** The build that is measured. */
const BUILD = fileURLToPath(new URL('../../dist', import.meta.url))
const KEY = 'sk_test_benchmarks0001'
const START_TIMEOUT_MS = 60_000
const READY_POLL_MS = 5
const PROJECTED_TIMEOUT_MS = 300_000
const REBUILT_TIMEOUT_MS = 1_800_000
const REBUILD_POLL_MS = 20
const DAY_MS = 86_400_000
/** Of the processor times in `/proc`. */
const TICKS_PER_SECOND = 100

const folders = new Set<string>()
process.on('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
})

/** Removed at the end, however that comes. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'meterbook-bench-'))
  folders.add(folder)
  return folder
}

export interface StartOptions {
  readonly nodeArguments?: readonly string[]
  /** Folder of another build, to compare with. */
  readonly build?: string
  /** A database without anything in it; the file by default. */
  readonly readModelUrl?: string
}

export class MeteringService {
  private meterId: string | null = null

  private constructor(
    readonly folder: string,
    private readonly isInFile: boolean,
    private readonly child: ChildProcess,
    readonly port: number,
    /** From the start of the process until it said that it is ready. */
    readonly startedInMs: number,
  ) {}

  /** Resolves when `/readyz` says so. */
  static async start(
    folder: string,
    { nodeArguments = [], build = BUILD, readModelUrl }: StartOptions = {},
  ): Promise<MeteringService> {
    const startedAt = performance.now()
    const child = spawn(process.execPath, [...nodeArguments, join(build, 'main.js')], {
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        PORT: '0',
        LOG_LEVEL: 'warn',
        DATA_DIR: join(folder, 'data'),
        BOOTSTRAP_API_KEY: KEY,
        ...(readModelUrl !== undefined && { READ_MODEL_URL: readModelUrl }),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    watch(child)
    const url = await listening(child)
    while ((await fetch(`${url}/readyz`)).status !== 200) await delay(READY_POLL_MS)
    const startedInMs = performance.now() - startedAt
    const port = Number(new URL(url).port)
    const service = new MeteringService(folder, readModelUrl === undefined, child, port, startedInMs)
    const { data } = (await service.call('GET', '/v1/billing/meters?limit=1')) as { data: { id: string }[] }
    service.meterId = data[0]?.id ?? null
    return service
  }

  async createMeter(): Promise<void> {
    const parameters = new URLSearchParams({
      display_name: 'Benchmark calls',
      event_name: EVENT_NAME,
      'default_aggregation[formula]': 'sum',
    })
    const { id } = (await this.call('POST', '/v1/billing/meters', parameters)) as { id: string }
    this.meterId = id
  }

  get keyAuthorization(): string {
    return `Bearer ${KEY}`
  }

  /** A new session each time: it lasts a quarter of an hour. */
  async sessionAuthorization(): Promise<string> {
    const session = await this.call('POST', '/v2/billing/meter_event_session', null)
    return `Bearer ${(session as { authentication_token: string }).authentication_token}`
  }

  /** Path of the summary of the whole days `[from, to)`, in days before tomorrow. */
  summaryPath(customer: string, daysBack: number): string {
    const end = Math.ceil(Date.now() / DAY_MS) * DAY_MS
    const interval = { start_time: String((end - daysBack * DAY_MS) / 1000), end_time: String(end / 1000) }
    const query = new URLSearchParams({ customer, ...interval })
    return `/v1/billing/meters/${this.meterId}/event_summaries?${query.toString()}`
  }

  /** What the service says a customer used, ever. Waits until everything acknowledged is in it. */
  async total(customer: string): Promise<number> {
    const list = await this.call('GET', this.summaryPath(customer, 40))
    return (list as { data: { aggregated_value: number }[] }).data[0]?.aggregated_value ?? NaN
  }

  /** Begins to build every projection anew, beside everything else. */
  async beginRebuild(): Promise<void> {
    await this.call('POST', '/meterbook/v1/projections/rebuild')
  }

  async isRebuilding(): Promise<boolean> {
    const list = await this.call('GET', '/meterbook/v1/projections')
    const [first] = (list as { data: { rebuild: { status: string; difference_count: number } | null }[] }).data
    const { status, difference_count: differences } = first?.rebuild ?? {}
    if (status === 'failed' || (differences ?? 0) > 0) throw new Error(`The rebuild: ${JSON.stringify(first?.rebuild)}`)
    return status === 'building' || status === 'comparing'
  }

  /** Resolves when nothing is being built anew. */
  async rebuilt(): Promise<void> {
    const since = performance.now()
    while (await this.isRebuilding()) {
      if (performance.now() - since > REBUILT_TIMEOUT_MS) throw new Error('The rebuild did not end in time.')
      await delay(REBUILD_POLL_MS)
    }
  }

  /** null where the rows are not in a file. */
  openLag(): LagGauge | null {
    return this.isInFile ? new LagGauge(this.folder) : null
  }

  /** Resolves when everything in the log is in the rows. */
  async projected(): Promise<void> {
    const since = performance.now()
    const lag = this.openLag()
    try {
      while (lag ? lag.read() > 0 : await this.isBehind()) {
        if (performance.now() - since > PROJECTED_TIMEOUT_MS) throw new Error('The projections did not catch up.')
        await delay(2)
      }
    } finally {
      lag?.close()
    }
  }

  private async isBehind(): Promise<boolean> {
    const list = (await this.call('GET', '/meterbook/v1/projections')) as { data: { lag_events: number }[] }
    return list.data.some(({ lag_events: events }) => events > 0)
  }

  /** Processor time it took so far, all threads. */
  processorSeconds(): number {
    return processorSeconds(this.child.pid ?? 0)
  }

  residentMiB(): number {
    const status = `/proc/${this.child.pid}/status`
    const kib = existsSync(status)
      ? /VmRSS:\s+(\d+)/.exec(readFileSync(status, 'utf8'))?.[1]
      : execFileSync('ps', ['-o', 'rss=', '-p', String(this.child.pid)], { encoding: 'utf8' })
    return Number(kib) / 1024
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const exited = once(this.child, 'exit')
    this.child.kill('SIGTERM')
    await exited
  }

  private async call(method: string, path: string, body: URLSearchParams | null = null): Promise<unknown> {
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method,
      headers: { authorization: this.keyAuthorization },
      body,
    })
    if (!answer.ok) throw new Error(`${method} ${path} answered ${answer.status}: ${await answer.text()}`)
    return answer.json()
  }
}

/** NaN where the system does not tell. */
export function processorSeconds(pid: number): number {
  const file = `/proc/${pid}/stat`
  if (!existsSync(file)) return NaN
  const fields = readFileSync(file, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
}

async function listening(child: ChildProcess): Promise<string> {
  let output = ''
  return new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`The service did not start in time.\n${output}`)), START_TIMEOUT_MS)
    child.stdout?.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      const url = /listening on (http:\S+)/.exec(output)?.[1]
      if (url === undefined) return
      clearTimeout(timer)
      resolve(url)
    })
    child.once('exit', (code) => reject(new Error(`The service ended with ${code} at its start.\n${output}`)))
  })
}

/** How far the rows are behind the log, read from the files themselves, so that asking does not slow the service down. */
export class LagGauge {
  private readonly log: Database.Database
  private readonly readModel: Database.Database
  private readonly selectHead: Database.Statement<[], { position: number }>
  private readonly selectReached: Database.Statement<[], { position: number | null }>
  /** When the log was first seen to be at a position. */
  private readonly heads: { at: number; position: number }[] = []
  private timer: NodeJS.Timeout | null = null
  eventsMax = 0
  msMax = 0

  constructor(folder: string) {
    this.log = new SqliteDatabase(join(folder, 'data', 'events.db'), { readonly: true })
    this.readModel = new SqliteDatabase(join(folder, 'data', 'read-model.db'), { readonly: true })
    this.selectHead = this.log.prepare('SELECT position FROM events ORDER BY position DESC LIMIT 1')
    this.selectReached = this.readModel.prepare(
      'SELECT min(coalesce(CAST(position AS INTEGER), 0)) AS position FROM projections',
    )
  }

  /** In events of the log. */
  read(): number {
    const head = this.selectHead.get()?.position ?? 0
    const reached = this.selectReached.get()?.position ?? 0
    const now = performance.now()
    if ((this.heads.at(-1)?.position ?? 0) < head) this.heads.push({ at: now, position: head })
    while (this.heads[0] && this.heads[0].position <= reached) this.heads.shift()
    const lag = Math.max(0, head - reached)
    this.eventsMax = Math.max(this.eventsMax, lag)
    this.msMax = Math.max(this.msMax, this.heads[0] ? now - this.heads[0].at : 0)
    return lag
  }

  sampleEvery(ms: number): void {
    this.timer = setInterval(() => this.read(), ms)
  }

  close(): void {
    if (this.timer) clearInterval(this.timer)
    this.log.close()
    this.readModel.close()
  }
}
