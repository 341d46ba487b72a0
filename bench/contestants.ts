/** What is measured against what: the service, the bare server, and the process that makes load for either. */
import { join } from 'node:path'
import type { BareQuestion } from './bare-server.js'
import { Child } from './child.js'
import type { Load, LoadResult } from './load.js'
import { MeteringService, processorSeconds, temporaryFolder, type StartOptions } from './metering-service.js'
import { SINGLE_CONNECTIONS, STREAM_CONNECTIONS, STREAM_EVENTS } from './settings.js'
import { addTotals, type EventPlan } from './usage-events.js'

const LAG_SAMPLE_MS = 20
const CUSTOMERS = 100
const MINUTE_MS = 60_000
const STREAM_PATH = '/v2/billing/meter_event_stream'
const SINGLE_PATH = '/v1/billing/meter_events'

export interface Burst {
  readonly shape: 'stream' | 'form'
  readonly requests: number
  readonly duplicatesOfTen?: number
  readonly bigOfHundred?: number
  readonly customers?: number
  /** How far back the events occurred, evenly; the last minute by default. */
  readonly spreadMs?: number
  readonly requestsPerSecond?: number
}

export interface ServiceBurst extends LoadResult {
  /** Counted from the first request until the rows had everything. */
  readonly projectedPerSecond: number
  readonly processorMicrosecondsPerEvent: number
  readonly lagEventsMax: number
  readonly lagMsMax: number
}

export class LoadMaker {
  private readonly child = new Child<Load, LoadResult>('./load.js')

  /** @throws Error if any request was not answered with a 200. */
  async run(load: Load): Promise<LoadResult> {
    const result = await this.child.ask(load)
    if (result.errors > 0) throw new Error(`${result.errors} requests failed, the first with:\n${result.firstError}`)
    return result
  }

  end(): Promise<void> {
    return this.child.end()
  }
}

/** Loads one service, remembers what was acknowledged and checks it. */
export class LoadedService {
  private readonly acknowledged = new Map<string, number>()
  private next = 0

  private constructor(
    public service: MeteringService,
    private readonly load: LoadMaker,
  ) {}

  static async start(load: LoadMaker, options: StartOptions = {}): Promise<LoadedService> {
    const service = await MeteringService.start(temporaryFolder(), options)
    await service.createMeter()
    return new LoadedService(service, load)
  }

  async burst(burst: Burst): Promise<ServiceBurst> {
    const { service } = this
    const events = planOf(burst, this.next)
    const isStream = burst.shape === 'stream'
    const authorization = isStream ? await service.sessionAuthorization() : service.keyAuthorization
    const lag = service.openLag()
    lag?.sampleEvery(LAG_SAMPLE_MS)
    const processorBefore = service.processorSeconds()
    const result = await this.load.run(loadOf(burst, events, service.port, authorization))
    const loadedAt = performance.now()
    await service.projected()
    const seconds = result.seconds + (performance.now() - loadedAt) / 1000
    const processor = service.processorSeconds() - processorBefore
    lag?.close()
    const count = burst.requests * (isStream ? STREAM_EVENTS : 1)
    this.next = addTotals(this.acknowledged, events, count)
    return {
      ...result,
      projectedPerSecond: count / seconds,
      processorMicrosecondsPerEvent: (processor / count) * 1e6,
      lagEventsMax: lag?.eventsMax ?? NaN,
      lagMsMax: lag?.msMax ?? NaN,
    }
  }

  /** Its own totals must be what was acknowledged. @throws Error naming the customer whose is not. */
  async check(): Promise<void> {
    for (const [customer, expected] of this.acknowledged) {
      const total = await this.service.total(customer)
      if (total !== expected) throw new Error(`${customer} used ${expected}, but the service says ${total}.`)
    }
  }

  /** Down and up again on the same data. */
  async restart(): Promise<void> {
    await this.service.stop()
    this.service = await MeteringService.start(this.service.folder)
  }
}

/** Loads the bare server. */
export class LoadedBare {
  private next = 0
  private constructor(
    private readonly child: Child<BareQuestion, number>,
    readonly port: number,
    readonly startedInMs: number,
    private readonly load: LoadMaker,
  ) {}

  static async start(load: LoadMaker): Promise<LoadedBare> {
    const startedAt = performance.now()
    const child = new Child<BareQuestion, number>('./bare-server.js')
    const port = await child.ask({ type: 'start', file: join(temporaryFolder(), 'events.db') })
    return new LoadedBare(child, port, performance.now() - startedAt, load)
  }

  async burst(burst: Burst): Promise<LoadResult & { readonly processorMicrosecondsPerEvent: number }> {
    const events = planOf(burst, this.next)
    const count = burst.requests * (burst.shape === 'stream' ? STREAM_EVENTS : 1)
    this.next += count
    const processorBefore = processorSeconds(this.child.pid)
    const result = await this.load.run(loadOf(burst, events, this.port, 'none'))
    const processor = processorSeconds(this.child.pid) - processorBefore
    const written = await this.child.ask({ type: 'count' })
    if (written !== this.next) throw new Error(`The bare server wrote ${written} events of ${this.next}.`)
    return { ...result, processorMicrosecondsPerEvent: (processor / count) * 1e6 }
  }

  end(): Promise<void> {
    return this.child.end()
  }
}

export function reads(port: number, path: string, authorization: string, perSecond: number, requests: number): Load {
  return {
    port,
    path,
    authorization,
    shape: 'read',
    connections: 1,
    requests,
    requestsPerSecond: perSecond,
    eventsPerRequest: 0,
    events: planOf({ shape: 'stream', requests: 0 }, 0),
  }
}

function planOf(
  { duplicatesOfTen = 0, bigOfHundred = 0, customers = CUSTOMERS, spreadMs }: Burst,
  first: number,
): EventPlan {
  const spread = spreadMs ?? MINUTE_MS
  // Everything a service ever gets is planned from one moment, so that a duplicate is the same to the second.
  return { first, duplicatesOfTen, bigOfHundred, customers, from: PLANNED_AT - spread, spreadMs: spread }
}

const PLANNED_AT = Math.floor(Date.now() / 1000) * 1000

function loadOf(
  { shape, requests, requestsPerSecond }: Burst,
  events: EventPlan,
  port: number,
  authorization: string,
): Load {
  const isStream = shape === 'stream'
  return {
    port,
    path: isStream ? STREAM_PATH : SINGLE_PATH,
    authorization,
    shape,
    connections: isStream ? STREAM_CONNECTIONS : SINGLE_CONNECTIONS,
    requests,
    requestsPerSecond: requestsPerSecond ?? null,
    eventsPerRequest: isStream ? STREAM_EVENTS : 1,
    events,
  }
}
