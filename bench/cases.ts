/**
 * The benchmarks. Each says what it did, measures its two sides in turns (A B A B …) within one run, so that whatever else
 * the machine is doing falls on both, and checks that nothing acknowledged is missing from the service's own numbers.
 */
import { LoadedBare, LoadedService, LoadMaker, reads, type Burst, type ServiceBurst } from './contestants.js'
import type { Case } from './case.js'
import { eventStoreDbCase } from './eventstoredb.js'
import { alone, besides, type Figure, type Target } from './figures.js'
import { auditCase, rebuildCase } from './folding.js'
import { alternate, pick, withLoad } from './in-turns.js'
import { MeteringService } from './metering-service.js'
import { postgresqlCase } from './postgresql.js'
import { sideBySideCase } from './side-by-side.js'
import { SINGLE_CONNECTIONS, STREAM_CONNECTIONS, STREAM_EVENTS, targets, type Settings } from './settings.js'
import { BIG_CUSTOMER } from './usage-events.js'

const MONTH_DAYS = 30
const DAY_MS = 86_400_000
const MANY_CUSTOMERS = 1_000
/** Reads of the month while half the load comes in. */
const SUMMARIES_PER_SECOND = 100
/** Requests of one burst while the long log is filled; memory is looked at after each. */
const FILL_REQUESTS = 250

const stream: Case = {
  name: 'stream',
  what: `v2 stream, ${STREAM_EVENTS} events a call, ${STREAM_CONNECTIONS} connections; durable, projections running`,
  run: ({ runs, streamRequests: requests }) =>
    againstBare('stream', { shape: 'stream', requests }, runs, targets.stream),
}

const single: Case = {
  name: 'single',
  what: `v1, one event a call as a form, ${SINGLE_CONNECTIONS} connections; durable, projections running`,
  run: ({ runs, singleRequests: requests }) => againstBare('single', { shape: 'form', requests }, runs, targets.single),
}

function againstBare(of: string, burst: Burst, runs: number, target: Target): Promise<Figure[]> {
  return withLoad(async (load) => {
    const bare = await LoadedBare.start(load)
    const loaded = await LoadedService.start(load)
    const { first, second } = await alternate(
      runs,
      () => bare.burst(burst),
      () => loaded.burst(burst),
    )
    await loaded.check()
    await Promise.all([bare.end(), loaded.service.stop()])
    const perSecond = { name: 'bare', runs: pick(first, 'eventsPerSecond') }
    const figure = (name: string, key: 'p50Ms' | 'p99Ms' | 'processorMicrosecondsPerEvent'): Figure =>
      besides(of, name, pick(second, key), { name: 'bare', runs: pick(first, key) })
    return [
      besides(of, 'acknowledged events/s', pick(second, 'eventsPerSecond'), perSecond, target),
      besides(of, 'counted in the rows events/s', pick(second, 'projectedPerSecond'), perSecond),
      figure('processor time per event µs', 'processorMicrosecondsPerEvent'),
      figure('answer p50 ms', 'p50Ms'),
      figure('answer p99 ms', 'p99Ms'),
      alone(of, 'projection lag at most, events', pick(second, 'lagEventsMax')),
      alone(of, 'projection lag at most, ms', pick(second, 'lagMsMax')),
    ]
  })
}

/** Not one of the cases: only where another build is named. */
export function againstBuild({ runs, streamRequests, singleRequests }: Settings, build: string): Promise<Figure[]> {
  return withLoad(async (load) => {
    const figures: Figure[] = []
    const bursts: Burst[] = [
      { shape: 'stream', requests: streamRequests },
      { shape: 'form', requests: singleRequests },
    ]
    for (const burst of bursts) {
      const theirs = await LoadedService.start(load, { build })
      const ours = await LoadedService.start(load)
      const { first, second } = await alternate(
        runs,
        () => theirs.burst(burst),
        () => ours.burst(burst),
      )
      for (const loaded of [theirs, ours]) {
        await loaded.check()
        await loaded.service.stop()
      }
      const figure = (
        name: string,
        key: keyof ServiceBurst &
          ('eventsPerSecond' | 'projectedPerSecond' | 'lagMsMax' | 'processorMicrosecondsPerEvent'),
      ): Figure =>
        besides(`against ${burst.shape}`, name, pick(second, key), { name: 'other build', runs: pick(first, key) })
      figures.push(
        figure('acknowledged events/s', 'eventsPerSecond'),
        figure('counted in the rows events/s', 'projectedPerSecond'),
        figure('processor time per event µs', 'processorMicrosecondsPerEvent'),
        figure('projection lag at most, ms', 'lagMsMax'),
      )
    }
    return figures
  })
}

const duplicates: Case = {
  name: 'duplicates',
  what: 'the stream load with 3 of 10 events sent before (some projected by then, some not), against all new',
  run: ({ runs, streamRequests: requests }) =>
    withLoad(async (load) => {
      const loaded = await LoadedService.start(load)
      const { first: clean, second: mixed } = await alternate(
        runs,
        () => loaded.burst({ shape: 'stream', requests }),
        () => loaded.burst({ shape: 'stream', requests, duplicatesOfTen: 3 }),
      )
      await loaded.check()
      await loaded.service.stop()
      const beside = { name: 'all new', runs: pick(clean, 'eventsPerSecond') }
      return [besides('duplicates', 'taken events/s', pick(mixed, 'eventsPerSecond'), beside, targets.duplicates)]
    }),
}

/** One long log serves four questions, because filling it takes longer than asking them. */
const longLog: Case = {
  name: 'long-log',
  what: 'a log of many records over a month: the stream load on it against an empty one; memory, start, a full month read',
  run: (settings) =>
    withLoad(async (load) => {
      const loaded = await LoadedService.start(load)
      const memory = await fill(loaded, settings)
      const perSecond = await againstEmpty(loaded, load, settings)
      const summaries = await summariesUnderLoad(loaded, load, settings)
      await loaded.check()
      return [perSecond, ...summaries, ...memory, await starts(loaded, settings)]
    }),
}

async function fill(loaded: LoadedService, { records, bigCustomerRecords }: Settings): Promise<Figure[]> {
  const resident: number[] = []
  const bigOfHundred = Math.min(100, Math.round((bigCustomerRecords / records) * 100))
  const month = { bigOfHundred, customers: MANY_CUSTOMERS, spreadMs: MONTH_DAYS * DAY_MS }
  for (let left = records; left > 0; left -= FILL_REQUESTS * STREAM_EVENTS) {
    const requests = Math.ceil(Math.min(left, FILL_REQUESTS * STREAM_EVENTS) / STREAM_EVENTS)
    await loaded.burst({ shape: 'stream', requests, ...month })
    resident.push(loaded.service.residentMiB())
  }
  // From the second half of the filling: before that the heap is still finding its size.
  const late = resident.slice(resident.length >> 1)
  const growth = ((late.at(-1) ?? NaN) / (late[0] ?? NaN) - 1) * 100
  const of = `long-log ${records.toLocaleString('en')}`
  return [
    alone(of, 'resident at the end MiB', resident.slice(-1), targets.residentMiB),
    alone(of, 'resident growth, last half %', [growth], targets.residentGrowthPercent),
  ]
}

async function againstEmpty(
  loaded: LoadedService,
  load: LoadMaker,
  { runs, streamRequests: requests, records }: Settings,
): Promise<Figure> {
  const empty = await LoadedService.start(load)
  const burst: Burst = { shape: 'stream', requests }
  const { first, second } = await alternate(
    runs,
    () => empty.burst(burst),
    () => loaded.burst(burst),
  )
  await empty.check()
  await empty.service.stop()
  const beside = { name: 'empty', runs: pick(first, 'eventsPerSecond') }
  const of = `long-log ${records.toLocaleString('en')}`
  return besides(of, 'acknowledged events/s', pick(second, 'eventsPerSecond'), beside, targets.longLog)
}

async function summariesUnderLoad(
  loaded: LoadedService,
  load: LoadMaker,
  { summarySeconds, runs, records, bigCustomerRecords }: Settings,
): Promise<Figure[]> {
  const bare = await LoadedBare.start(load)
  const reader = new LoadMaker()
  const { service } = loaded
  const fullSpeed = (await loaded.burst({ shape: 'stream', requests: FILL_REQUESTS })).requestsPerSecond
  const half = fullSpeed / 2
  const burst: Burst = { shape: 'stream', requests: Math.ceil(half * summarySeconds), requestsPerSecond: half }
  const asked = SUMMARIES_PER_SECOND * summarySeconds
  const path = service.summaryPath(BIG_CUSTOMER, MONTH_DAYS + 1)
  const { first, second } = await alternate(
    Math.ceil(runs / 2),
    async () => {
      const ingest = bare.burst(burst)
      const read = await reader.run(reads(bare.port, '/bare', 'none', SUMMARIES_PER_SECOND, asked))
      await ingest
      return read
    },
    async () => {
      const ingest = loaded.burst(burst)
      const read = await reader.run(reads(service.port, path, service.keyAuthorization, SUMMARIES_PER_SECOND, asked))
      await ingest
      return read
    },
  )
  await Promise.all([reader.end(), bare.end()])
  const of = `long-log ${records.toLocaleString('en')}`
  const what = `month of ${Math.min(records, bigCustomerRecords).toLocaleString('en')} at half load`
  // A ratio to a route that reads nothing says little, so the value itself is judged.
  const figure = (key: 'p50Ms' | 'p99Ms'): Figure => ({
    ...besides(of, `${what}, ${key.slice(0, 3)} ms`, pick(second, key), { name: 'bare route', runs: pick(first, key) }),
    ratio: null,
    target: targets.summaryMs,
  })
  return [figure('p50Ms'), figure('p99Ms')]
}

async function starts(loaded: LoadedService, { runs, records }: Settings): Promise<Figure> {
  const { folder } = loaded.service
  await loaded.service.stop()
  const ours: number[] = []
  for (let run = 0; run < runs; run++) {
    const service = await MeteringService.start(folder)
    ours.push(service.startedInMs)
    await service.stop()
  }
  return alone(`long-log ${records.toLocaleString('en')}`, 'start to ready ms', ours, targets.startMs)
}

const duringRebuild: Case = {
  name: 'during-rebuild',
  what: 'the stream load while every projection is built anew beside it, against the same load alone',
  run: ({ runs, streamRequests: requests, foldedRecords }) =>
    withLoad(async (load) => {
      const loaded = await LoadedService.start(load)
      await loaded.burst({ shape: 'stream', requests: Math.ceil(foldedRecords / STREAM_EVENTS) })
      const { service } = loaded
      const { first: alone, second: beside } = await alternate(
        Math.ceil(runs / 2),
        () => loaded.burst({ shape: 'stream', requests }),
        async () => {
          await service.beginRebuild()
          const burst = await loaded.burst({ shape: 'stream', requests })
          if (!(await service.isRebuilding())) throw new Error('The rebuild was over before the load was.')
          await service.rebuilt()
          return burst
        },
      )
      await loaded.check()
      await loaded.service.stop()
      const figure = (name: string, key: 'eventsPerSecond' | 'projectedPerSecond', target?: Target): Figure =>
        besides('during-rebuild', name, pick(beside, key), { name: 'alone', runs: pick(alone, key) }, target)
      return [
        figure('acknowledged events/s', 'eventsPerSecond', targets.duringRebuild),
        figure('counted in the rows events/s', 'projectedPerSecond'),
      ]
    }),
}

export const cases: readonly Case[] = [
  stream,
  single,
  duplicates,
  longLog,
  duringRebuild,
  eventStoreDbCase,
  postgresqlCase,
  sideBySideCase,
  rebuildCase,
  auditCase,
]
