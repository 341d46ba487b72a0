/**
 * `npm run soak`: a steady load on the built service for as long as one likes, and then the proof that nothing was lost on the
 * way: no request failed, the rows catch up with the log, every customer's total is what was acknowledged, and folding the
 * log again gives the very same rows. Ends with 1 where one of these does not hold.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { differingRows, foldAfresh } from '../test/fresh-fold.js'
import { LoadMaker, reads } from './contestants.js'
import type { Load } from './load.js'
import { LagGauge, MeteringService, temporaryFolder } from './metering-service.js'
import { STREAM_CONNECTIONS, STREAM_EVENTS } from './settings.js'
import { readSoakSettings, type SoakSettings } from './soak-settings.js'
import { addTotals, usageEvent, type EventPlan } from './usage-events.js'

/** One line is printed for each; events of one are cancelled in the next. */
const INTERVAL_SECONDS = 10
const LAG_SAMPLE_MS = 20
const DUPLICATES_OF_TEN = 1
/** Of a hundred new events, one is cancelled. */
const CANCEL_EVERY = 100
const CANCEL_CONNECTIONS = 2
const READS_PER_SECOND = 10
const CUSTOMERS = 100
const SPREAD_MS = 3_600_000
/** Less than this share of what was asked for is a failure. */
const RATE_SHARE_MIN = 0.95

interface Interval {
  /** From the start of the soak to the end of the interval. */
  readonly atSeconds: number
  readonly eventsPerSecond: number
  readonly streamP99Ms: number
  readonly readP99Ms: number
  readonly cancelled: number
  readonly lagEventsMax: number
  readonly lagMsMax: number
  readonly residentMiB: number
}

class Soak {
  private readonly stream = new LoadMaker()
  private readonly cancels = new LoadMaker()
  private readonly reader = new LoadMaker()
  private readonly plan: Omit<EventPlan, 'first'> = {
    duplicatesOfTen: DUPLICATES_OF_TEN,
    bigOfHundred: 0,
    customers: CUSTOMERS,
    from: Math.floor(Date.now() / 1000) * 1000 - SPREAD_MS,
    spreadMs: SPREAD_MS,
  }
  /** What each customer used, as far as it was acknowledged. */
  private readonly totals = new Map<string, number>()
  private next = 0
  /** Recorded in the interval before, and not cancelled yet. */
  private toCancel: readonly number[] = []

  constructor(
    private readonly service: MeteringService,
    private readonly settings: SoakSettings,
  ) {}

  /** @throws Error where a request was not answered with a 200. */
  async interval(): Promise<Omit<Interval, 'atSeconds'>> {
    const lag = new LagGauge(this.service.folder)
    lag.sampleEvery(LAG_SAMPLE_MS)
    try {
      const first = this.next
      const requests = Math.ceil((this.settings.eventsPerSecond * INTERVAL_SECONDS) / STREAM_EVENTS)
      const [streamed, read, cancelled] = await Promise.all([
        this.stream.run(await this.streamLoad(requests)),
        this.reader.run(this.readLoad()),
        this.cancel(),
      ])
      this.next = addTotals(this.totals, { ...this.plan, first }, requests * STREAM_EVENTS)
      this.toCancel = Array.from({ length: this.next - first }, (_, index) => first + index).filter(
        (number) => number % CANCEL_EVERY === 0,
      )
      return {
        eventsPerSecond: streamed.eventsPerSecond,
        streamP99Ms: streamed.p99Ms,
        readP99Ms: read.p99Ms,
        cancelled,
        lagEventsMax: lag.eventsMax,
        lagMsMax: lag.msMax,
        residentMiB: this.service.residentMiB(),
      }
    } finally {
      lag.close()
    }
  }

  /** What does not hold, in words. */
  async check(): Promise<string[]> {
    await this.service.projected()
    const problems: string[] = []
    for (const [customer, expected] of this.totals) {
      const total = await this.service.total(customer)
      if (total !== expected) problems.push(`${customer} used ${expected}, but the service says ${total}.`)
    }
    await this.service.stop()
    const fresh = join(temporaryFolder(), 'fresh')
    mkdirSync(fresh)
    const dataDir = join(this.service.folder, 'data')
    await foldAfresh(dataDir, fresh)
    for (const [table, rows] of Object.entries(await differingRows(dataDir, fresh))) {
      problems.push(`${rows} rows of ${table} are not those of a fresh fold of the log.`)
    }
    return problems
  }

  async end(): Promise<void> {
    await Promise.all([this.stream.end(), this.cancels.end(), this.reader.end(), this.service.stop()])
  }

  private async streamLoad(requests: number): Promise<Load> {
    return {
      port: this.service.port,
      path: '/v2/billing/meter_event_stream',
      // A session lasts a quarter of an hour, so each interval opens one.
      authorization: await this.service.sessionAuthorization(),
      shape: 'stream',
      connections: STREAM_CONNECTIONS,
      requests,
      requestsPerSecond: this.settings.eventsPerSecond / STREAM_EVENTS,
      eventsPerRequest: STREAM_EVENTS,
      events: { ...this.plan, first: this.next },
    }
  }

  private readLoad(): Load {
    const { port, keyAuthorization } = this.service
    const customer = `cus_${String(((this.next / STREAM_EVENTS) % CUSTOMERS) | 0).padStart(6, '0')}`
    const path = this.service.summaryPath(customer, 2)
    return reads(port, path, keyAuthorization, READS_PER_SECOND, READS_PER_SECOND * INTERVAL_SECONDS)
  }

  private async cancel(): Promise<number> {
    const numbers = this.toCancel
    if (numbers.length === 0) return 0
    await this.cancels.run({
      port: this.service.port,
      path: '/v2/billing/meter_event_adjustments',
      authorization: this.service.keyAuthorization,
      shape: 'cancel',
      connections: CANCEL_CONNECTIONS,
      requests: numbers.length,
      requestsPerSecond: numbers.length / INTERVAL_SECONDS,
      eventsPerRequest: 1,
      events: { ...this.plan, first: 0 },
      numbers,
    } satisfies Load)
    for (const number of numbers) {
      const { customer, value } = usageEvent(number, { ...this.plan, first: 0 })
      this.totals.set(customer, (this.totals.get(customer) ?? 0) - value)
    }
    return numbers.length
  }
}

function line(interval: Interval): string {
  const { atSeconds, eventsPerSecond, streamP99Ms, readP99Ms, cancelled, lagEventsMax, lagMsMax, residentMiB } =
    interval
  return [
    `${atSeconds.toFixed(0).padStart(6)} s`,
    `${eventsPerSecond.toFixed(0).padStart(7)} events/s`,
    `p99 ${streamP99Ms.toFixed(0).padStart(4)} ms`,
    `read p99 ${readP99Ms.toFixed(0).padStart(4)} ms`,
    `${String(cancelled).padStart(4)} cancelled`,
    `lag ≤ ${String(lagEventsMax).padStart(5)} events, ${lagMsMax.toFixed(0).padStart(4)} ms`,
    `${residentMiB.toFixed(0).padStart(4)} MiB`,
  ].join('  ')
}

async function run(settings: SoakSettings): Promise<boolean> {
  const service = await MeteringService.start(temporaryFolder())
  await service.createMeter()
  const soak = new Soak(service, settings)
  const intervals: Interval[] = []
  const problems: string[] = []
  const startedAt = performance.now()
  const seconds = (): number => (performance.now() - startedAt) / 1000
  try {
    while (seconds() < settings.minutes * 60) {
      const interval = { ...(await soak.interval()), atSeconds: seconds() }
      intervals.push(interval)
      process.stdout.write(`${line(interval)}\n`)
    }
    const rate = intervals.reduce((sum, { eventsPerSecond }) => sum + eventsPerSecond, 0) / intervals.length
    if (rate < settings.eventsPerSecond * RATE_SHARE_MIN) {
      problems.push(`Only ${rate.toFixed(0)} of ${settings.eventsPerSecond} events/s were taken.`)
    }
    problems.push(...(await soak.check()))
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error))
  } finally {
    await soak.end()
  }
  if (settings.json !== null) {
    writeFileSync(settings.json, `${JSON.stringify({ settings, intervals, problems }, null, 2)}\n`)
  }
  for (const problem of problems) process.stdout.write(`FAILED: ${problem}\n`)
  if (problems.length === 0) {
    process.stdout.write(
      'No request failed, lag is zero, totals are what was acknowledged, a fresh fold gives the same rows.\n',
    )
  }
  return problems.length === 0
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
let settings: SoakSettings
try {
  settings = readSoakSettings()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(2)
}
process.exit((await run(settings)) ? 0 : 1)
