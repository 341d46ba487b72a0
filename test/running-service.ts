/** A whole service for a test: real files, real threads, real HTTP on a port of its own; only the clock is fixed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import Stripe from 'stripe'
import { describe } from '@jest/globals'
import { ApiKeyRing } from '../src/commands/api-key-ring.js'
import {
  randomIds,
  systemClock,
  systemStopwatch,
  type Clock,
  type Ids,
  type Stopwatch,
} from '../src/commands/environment.js'
import { issueApiKey, type IssueApiKey, type IssuedApiKey } from '../src/commands/issue-api-key.js'
import { readConfig } from '../src/config.js'
import type { KeyRole } from '../src/domain/api-keys.js'
import type { Mode } from '../src/domain/ledger.js'
import { openEventStore } from '../src/event-store/open-event-store.js'
import { startService, type Service } from '../src/service.js'
import { NOW } from './controls.js'

export const TEST_KEY = 'sk_test_0123456789abcdef'

/** Stands still until it is told to go on. */
export class FixedClock implements Clock {
  constructor(private instant = NOW) {}

  now(): number {
    return this.instant
  }

  advance(ms: number): void {
    this.instant += ms
  }
}

/** As `FixedClock`, for lengths of time. */
export class FixedStopwatch implements Stopwatch {
  private elapsed = 0

  elapsedMs(): number {
    return this.elapsed
  }

  advance(ms: number): void {
    this.elapsed += ms
  }
}

export interface RunningService {
  readonly url: string
  readonly port: number
  readonly dataDir: string
  /** Value of READ_MODEL_URL. */
  readonly readModelUrl: string
  readonly stripe: Stripe
  /** A client with another key; it does not retry unless told to. */
  client(key: string, maxNetworkRetries?: number): Stripe
  /** A client with a new key, issued through a store opened beside the running service, as an operator would. */
  clientWithNewKey(ledger: { account?: string; mode?: Mode; role?: KeyRole }): Promise<Stripe>
  /** As `clientWithNewKey`, the key itself. */
  newKey(ledger: { account?: string; mode?: Mode; role?: KeyRole }): Promise<string>
  /** A client with a new secret key that an operator revokes; the service notices a moment later. */
  revocableClient(): Promise<{ readonly client: Stripe; readonly key: string; revoke(): Promise<void> }>
  /** Stops it and starts it again on the same data. */
  restart(): Promise<void>
  close(): Promise<void>
}

export interface Choices {
  /** Environment variables beside those every test needs. */
  readonly settings?: Readonly<Record<string, string>>
  readonly stopwatch?: Stopwatch
  readonly requestTimeoutMs?: number
}

export interface TestStore {
  readonly name: string
  /** Values of EVENT_STORE_URL, of a store without events, and of READ_MODEL_URL, of a read model without rows. */
  open(): Promise<{ readonly url: string; readonly readModelUrl?: string; close(): Promise<void> }>
}

export const stores: readonly [TestStore, ...TestStore[]] = [
  { name: 'the embedded store', open: async () => ({ url: 'embedded:', close: async () => undefined }) },
  {
    name: "EventStoreDB's wire (test server)",
    open: async () => {
      // Suites of the embedded store alone need none of what it loads.
      const { EventStoreDbServer } = await import('./eventstoredb-server/eventstoredb-server.js')
      const server = await EventStoreDbServer.start()
      return { url: server.url, close: () => server.stop() }
    },
  },
]

/** As it runs on several machines. */
export const onServers: TestStore = {
  name: "EventStoreDB's wire and PostgreSQL",
  open: async () => {
    const { EventStoreDbServer } = await import('./eventstoredb-server/eventstoredb-server.js')
    const { PostgresServer } = await import('./postgres-server.js')
    const [events, rows] = await Promise.all([EventStoreDbServer.start(), PostgresServer.start()])
    return {
      url: events.url,
      readModelUrl: await rows.newDatabase(),
      close: async () => void (await Promise.all([events.stop(), rows.stop()])),
    }
  },
}

/** Runs the same scenarios on each store. */
export function onEachStore(
  name: string,
  scenarios: (start: (clock?: Clock, choices?: Choices) => Promise<RunningService>, store: TestStore) => void,
  on = stores as readonly TestStore[],
): void {
  for (const store of on) {
    describe(`${name}, on ${store.name}`, () =>
      scenarios((clock, choices) => startRunningService(store, clock, randomIds, choices), store))
  }
}

export async function startRunningService(
  store: TestStore,
  clock: Clock = systemClock,
  ids: Ids = randomIds,
  { settings = {}, stopwatch = systemStopwatch, requestTimeoutMs }: Choices = {},
): Promise<RunningService> {
  const dataDir = mkdtempSync(join(tmpdir(), 'meterbook-'))
  const opened = await store.open()
  const { readModelUrl = 'embedded:' } = opened
  const log = pino({ level: process.env.TEST_LOG_LEVEL ?? 'silent' })
  const start = (): Promise<Service> =>
    startService({
      config: readConfig({
        PORT: '0',
        DATA_DIR: dataDir,
        EVENT_STORE_URL: opened.url,
        READ_MODEL_URL: readModelUrl,
        BOOTSTRAP_API_KEY: TEST_KEY,
        LOG_LEVEL: 'silent',
        ...settings,
      }),
      log,
      clock,
      ids,
      stopwatch,
      requestTimeoutMs,
    })
  let service = await start()
  const client = (key: string, maxNetworkRetries = 0): Stripe =>
    new Stripe(key, {
      host: '127.0.0.1',
      port: Number(new URL(service.url).port),
      protocol: 'http',
      maxNetworkRetries,
      telemetry: false,
    })
  const context = { requestId: 'test', actor: 'system', idempotency: null }
  const withKeys = async <Result>(use: (ring: ApiKeyRing) => Promise<Result>): Promise<Result> => {
    const beside = await openEventStore(opened.url, dataDir, log)
    try {
      return await use(new ApiKeyRing(beside, () => randomIds.uuid()))
    } finally {
      await beside.close()
    }
  }
  const issue = (wanted: Omit<IssueApiKey, 'name'>): Promise<IssuedApiKey> =>
    withKeys((ring) => issueApiKey(ring, { ...wanted, name: 'issued by a test' }, { clock, ids: randomIds }, context))
  const newKey: RunningService['newKey'] = async ({ account = 'default', mode = 'test', role = 'secret' }) =>
    (await issue({ account, mode, role })).key
  return {
    get url() {
      return service.url
    },
    get port() {
      return Number(new URL(service.url).port)
    },
    dataDir,
    readModelUrl,
    get stripe() {
      return client(TEST_KEY)
    },
    client,
    clientWithNewKey: async (ledger) => client(await newKey(ledger)),
    newKey,
    revocableClient: async () => {
      const { apiKey, key } = await issue({ account: 'default', mode: 'test', role: 'secret' })
      const revocation = { type: 'RevokeApiKey', keyId: apiKey.keyId, at: clock.now() } as const
      return {
        client: client(key),
        key,
        revoke: () => withKeys(async (ring) => void (await ring.stream.transact(revocation, context))),
      }
    },
    restart: async () => {
      await service.close()
      service = await start()
    },
    close: async () => {
      await service.close()
      await opened.close()
      rmSync(dataDir, { recursive: true })
    },
  }
}

/** Unix seconds of an instant in milliseconds. */
export function seconds(instantMs: number): number {
  return Math.floor(instantMs / 1000)
}
