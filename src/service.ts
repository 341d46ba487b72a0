/**
 * The whole service in one process, put together and taken apart in order: store, projections, write side, HTTP. Closing
 * takes no new requests, settles the appends under way, then closes the files.
 */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { READINESS, type Readiness } from './api/health.controller.js'
import { SYSTEM_FACTS, type SystemFacts } from './api/system.controller.js'
import { createApp, type App } from './app.js'
import type { ServiceParts } from './app.module.js'
import { ApiKeyRing } from './commands/api-key-ring.js'
import {
  randomIds,
  systemClock,
  systemStopwatch,
  type Clock,
  type Ids,
  type Stopwatch,
} from './commands/environment.js'
import { issueApiKey } from './commands/issue-api-key.js'
import { MeterCatalogues } from './commands/meter-catalogues.js'
import { RejectionLog } from './commands/rejection-log.js'
import { SignedTokens } from './commands/signed-token.js'
import { UsageIndex } from './commands/usage-index.js'
import { UsageLedger } from './commands/usage-ledger.js'
import { reportCatchingUp } from './catching-up.js'
import { hostRefused, type Config, type HostSetting } from './config.js'
import { dataFolderOpenToOthers, lockDataFolder, makeDataFolder } from './data-folder.js'
import { EventStoreUnavailable } from './event-store/event-store.js'
import { EMBEDDED, openEventStore } from './event-store/open-event-store.js'
import { ReadYourWrites } from './event-store/read-your-writes.js'
import type { MetricsServer } from './metrics/metrics-server.js'
import { observing } from './observed.js'
import { ProjectorThread } from './projections/projector-thread.js'
import { EMBEDDED_READ_MODEL, openReadModel } from './read-model/open-read-model.js'
import { tellReadiness } from './readiness.js'
import { ReadModelUnusable } from './read-model/read-model.js'
import { Audits } from './replay/audits.js'
import { keptSessionSecret } from './session-secret.js'

/** How long a read waits for the projections to reach what was acknowledged. */
const READ_TIMEOUT_MS = 10_000
/** How long a start waits for the event store. */
const STORE_WAIT_MS = 60_000
const STORE_RETRY_MS = 1_000

/** How long a stop waits for requests that clients have begun: longer than a read may wait. */
export const UNFINISHED_REQUESTS_MS = 15_000

const AUDIT_ID_LENGTH = 24

export interface ServiceOptions {
  readonly config: Config
  readonly log: Logger
  readonly clock?: Clock
  readonly ids?: Ids
  readonly stopwatch?: Stopwatch
  /** See `ServiceParts`. */
  readonly requestTimeoutMs?: number | undefined
  /** Ends the start, wherever it is. */
  readonly signal?: AbortSignal
}

export interface Service {
  readonly url: string
  /** A key issued at this, the first start; null later. It is not stored and not shown again. */
  readonly issuedKey: string | null
  close(): Promise<void>
}

/**
 * @throws the reason of `signal` where that ended the start; else what keeps the service from starting, with a message
 * for the operator.
 */
export async function startService({
  config,
  log,
  clock = systemClock,
  ids = randomIds,
  stopwatch = systemStopwatch,
  requestTimeoutMs,
  signal = new AbortController().signal,
}: ServiceOptions): Promise<Service> {
  const { dataDir, eventStoreUrl, readModelUrl } = config
  makeDataFolder(dataDir)
  warnOfOthers(dataDir, log)
  // Whatever was opened is closed again, newest first, also when a later step fails.
  const closing: (() => Promise<unknown> | void)[] = []
  const closeAll = async (): Promise<void> => {
    const failures: unknown[] = []
    for (let close = closing.pop(); close; close = closing.pop()) {
      try {
        await close()
      } catch (error) {
        // What was opened before it is closed all the same.
        failures.push(error)
      }
    }
    if (failures.length > 0) throw failures[0]
  }
  try {
    const lock = lockDataFolder(dataDir)
    closing.push(() => lock.release())
    const secret = sessionSecret(config, log)
    const store = await openEventStore(eventStoreUrl, dataDir, log)
    closing.push(() => store.close())
    // A file is there or is not.
    const start: Start = { log, signal, storeWaitMs: eventStoreUrl === EMBEDDED ? 0 : STORE_WAIT_MS }
    await untilReachable(() => store.check(), start)
    const readModel = openReadModel(readModelUrl, dataDir)
    closing.push(() => readModel.close())
    if (readModelUrl !== EMBEDDED_READ_MODEL) {
      await untilReachable(() => readModel.schemas(), { ...start, storeWaitMs: STORE_WAIT_MS })
    }
    signal.throwIfAborted()
    const readYourWrites = new ReadYourWrites(store, READ_TIMEOUT_MS)
    // Before writers forget what they remember of those events.
    readYourWrites.onProgress(({ sequence }) => readModel.reached(sequence))
    const projector = await ProjectorThread.start({ eventStoreUrl, readModelUrl, dataDir }, readYourWrites, log)
    closing.push(() => projector.stop())
    signal.throwIfAborted()

    const newEventId = (): string => ids.uuid()
    const catalogues = new MeterCatalogues(store, newEventId, ({ message }) => readYourWrites.stop(message))
    const keyRing = new ApiKeyRing(store, newEventId)
    const tokens = new SignedTokens(secret, keyRing)
    readYourWrites.onProgress(({ changedStreams }) => {
      catalogues.changed(changedStreams)
      keyRing.changed(changedStreams)
    })
    const index = new UsageIndex(readModel)
    projector.onRebuilt(() => index.rebuilt())
    const usage = new UsageLedger(store, index, readYourWrites, newEventId)
    closing.push(() => usage.close())
    const rejections = new RejectionLog(store, newEventId)
    closing.push(() => rejections.close())
    const audits = new Audits(
      { eventStoreUrl, readModelUrl, dataDir },
      () => clock.now(),
      () => ids.random(AUDIT_ID_LENGTH),
      log,
    )
    closing.push(() => audits.close())
    // Who chose the key knows it already, and may send it with the first request that is taken.
    if (config.bootstrapApiKey !== null) await issueFirstKey(config, keyRing, clock, ids, start)

    const parts: ServiceParts = {
      store,
      readModel,
      readYourWrites,
      catalogues,
      keyRing,
      tokens,
      usage,
      // The embedded log is in the data folder, which is locked.
      isSoleWriter: eventStoreUrl === EMBEDDED,
      rejections,
      audits,
      rebuilds: projector,
      isWriting: () => projector.isWriting,
      clock,
      ids,
      stopwatch,
      rateLimits: config.rateLimits,
      requestTimeoutMs,
      log,
      version,
      eventStoreUrl,
      readModelUrl,
    }
    const served = await createApp(parts)
    const { app } = served
    closing.push(() => closeHttp(served))
    if (config.metricsPort !== null) {
      const metrics = await serveMetrics(served, parts, config, config.metricsPort)
      closing.push(() => metrics.close())
    }
    const url = await listen(app, config)
    closing.push(reportCatchingUp({ readModel, readYourWrites, stopwatch, log }))
    closing.push(tellReadiness({ readiness: app.get<() => Promise<Readiness>>(READINESS), stopwatch, log }))
    signal.throwIfAborted()
    // Last of all, for it is shown once: a start that fails after this step would lose it.
    const issuedKey = config.bootstrapApiKey === null ? await issueFirstKey(config, keyRing, clock, ids, start) : null
    return { url, issuedKey, close: closeAll }
  } catch (error) {
    await closeAll()
    // Whoever was told to stop asks no more what else was wrong.
    signal.throwIfAborted()
    throw error
  }
}

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }

async function listen(app: NestFastifyApplication, { host, port }: Config): Promise<string> {
  try {
    await app.listen(port, host)
  } catch (error) {
    throw listenFailure(error, { host, port }, { host: 'HOST', port: 'PORT' })
  }
  const { port: actual } = app.getHttpServer().address() as AddressInfo
  return `http://${host.includes(':') ? `[${host}]` : host}:${actual}`
}

async function serveMetrics(
  served: App,
  parts: ServiceParts,
  { host: hostOfApi, metricsHost: host }: Config,
  port: number,
): Promise<MetricsServer> {
  // Loaded only by those who want them, for a start that takes no longer.
  const [{ Metrics }, { MetricsServer }] = await Promise.all([
    import('./metrics/metrics.js'),
    import('./metrics/metrics-server.js'),
  ])
  const { eventStore, readModel } = served.app.get<SystemFacts>(SYSTEM_FACTS)
  const metrics = new Metrics({ version, eventStore, readModel, observe: observing(served, parts) })
  served.onAnswered((...answered) => metrics.answered(...answered))
  try {
    const server = await MetricsServer.start(metrics, parts.log, { host, port })
    parts.log.info({ host, port: server.port }, 'Metrics are at /metrics.')
    return server
  } catch (error) {
    // Nobody may have set METRICS_HOST, and what is wrong with HOST is wrong with both.
    const setting = host === hostOfApi ? 'HOST' : 'METRICS_HOST'
    throw listenFailure(error, { host, port }, { host: setting, port: 'METRICS_PORT' })
  }
}

/** What the system says of a host that is no address, none of this machine, or a name that nobody knows. */
const HOST_CODES: readonly unknown[] = ['ENOTFOUND', 'EAI_AGAIN', 'EADDRNOTAVAIL', 'EINVAL']

/** The same error, or one that names the setting and what to do. @throws ConfigError where only another host helps. */
function listenFailure(
  error: unknown,
  { host, port }: { readonly host: string; readonly port: number },
  setting: { readonly host: HostSetting; readonly port: 'PORT' | 'METRICS_PORT' },
): unknown {
  const { code } = error as { readonly code?: unknown }
  if (HOST_CODES.includes(code)) return hostRefused(setting.host, host)
  if (code === 'EADDRINUSE') {
    return new Error(
      `Another program listens on ${host} at port ${port}. Stop it, or set ${setting.port} to another one.`,
    )
  }
  if (code === 'EACCES') {
    return new Error(`This user may not listen on ${host} at port ${port}. Set ${setting.port} to one from 1024 on.`)
  }
  return error
}

/** Answers what has arrived; a client that does not finish its request is cut off in the end. */
async function closeHttp({ app, letGo }: App): Promise<void> {
  await letGo()
  const cutOff = setTimeout(() => app.getHttpServer().closeAllConnections(), UNFINISHED_REQUESTS_MS)
  await app.close()
  clearTimeout(cutOff)
}

/** A folder that the operator made is left as it is. */
function warnOfOthers(dataDir: string, log: Logger): void {
  const open = dataFolderOpenToOthers(dataDir)
  if (open === null) return
  log.warn(
    { folder: resolve(dataDir), mode: open.mode },
    `DATA_DIR is open to other users of this machine. ${open.remedy}`,
  )
}

function sessionSecret({ sessionSecret: shared, dataDir, eventStoreUrl }: Config, log: Logger): Buffer {
  if (shared !== null) return Buffer.from(shared)
  if (eventStoreUrl !== EMBEDDED)
    log.info(
      'Sessions opened here are good here alone: services that share an event store need the same SESSION_SECRET.',
    )
  return keptSessionSecret(dataDir)
}

/** On the first start there must be a key to begin with. */
async function issueFirstKey(
  { bootstrapApiKey }: Config,
  keyRing: ApiKeyRing,
  clock: Clock,
  ids: Ids,
  start: Start,
): Promise<string | null> {
  const { keys } = await untilReachable(() => keyRing.stream.read(), start)
  if (keys.size > 0) return null
  const mode = bootstrapApiKey?.startsWith('sk_live_') ? 'live' : 'test'
  const issued = await issueApiKey(
    keyRing,
    {
      account: 'default',
      mode,
      role: 'secret',
      name: 'issued at the first start',
      ...(bootstrapApiKey === null ? {} : { key: bootstrapApiKey }),
    },
    { clock, ids },
    { requestId: 'first-start', actor: 'system', idempotency: null },
  )
  return bootstrapApiKey === null ? issued.key : null
}

interface Start {
  readonly log: Logger
  readonly signal: AbortSignal
  readonly storeWaitMs: number
}

/** A store in a container of its own may still be starting, and a cluster be between two leaders. */
async function untilReachable<Result>(
  ask: () => Promise<Result>,
  { log, signal, storeWaitMs }: Start,
): Promise<Result> {
  const since = performance.now()
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      signal.throwIfAborted()
      const what = unreachable(error)
      if (what === null || performance.now() - since > storeWaitMs) throw error
      log.warn({ reason: (error as Error).message }, `The ${what} cannot be reached yet; trying again.`)
      await delay(STORE_RETRY_MS, undefined, { signal })
    }
  }
}

/** null: it is something else that trying again does not mend. */
function unreachable(error: unknown): string | null {
  if (error instanceof EventStoreUnavailable) return 'event store'
  return error instanceof ReadModelUnusable && error.isPassing ? 'read model' : null
}
