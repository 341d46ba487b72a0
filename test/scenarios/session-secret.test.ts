/** What signs the tokens of sessions: nothing that is in the log, kept in a file of its own, or shared by a setting. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { createHmac, randomUUID } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Stripe from 'stripe'
import { HOUR_MS, MINUTE_MS } from '../../src/domain/time-bucket.js'
import { SqliteDatabase } from '../../src/sqlite.js'
import { EventStoreDbServer } from '../eventstoredb-server/eventstoredb-server.js'
import { refusalOf } from '../refusal.js'
import { TEST_KEY } from '../running-service.js'
import { runServiceProcess, startServiceProcess, type ServiceProcess } from '../service-process.js'

// Each test starts several processes.
jest.setTimeout(240_000)

const SHARED_SECRET = 'a secret of thirty-two characters'.replaceAll(' ', '-')

let folder: string
let running: ServiceProcess[]
/** On the folder; the last one that was started there. */
let service: ServiceProcess

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  running = []
  service = await start({ LOG_LEVEL: 'trace' })
})

afterAll(async () => {
  for (const service of running) await service.end('SIGKILL')
  rmSync(folder, { recursive: true })
})

async function start(environment: Record<string, string> = {}): Promise<ServiceProcess> {
  const service = await startServiceProcess({ DATA_DIR: folder, ...environment })
  running.push(service)
  return service
}

async function signIn({ url }: ServiceProcess): Promise<string> {
  const { headers } = await fetch(`${url}/meterbook/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
    body: JSON.stringify({ api_key: TEST_KEY }),
  })
  return /^meterbook_session=([^;]+)/.exec(headers.get('set-cookie') ?? '')?.[1] ?? ''
}

async function statusOf(token: string, { url }: ServiceProcess): Promise<number> {
  return (await fetch(`${url}/v1/billing/meters`, { headers: { cookie: `meterbook_session=${token}` } })).status
}

const openStream = async ({ stripe }: ServiceProcess): Promise<string> =>
  (await stripe.v2.billing.meterEventSession.create()).authentication_token

/** One event of no meter: what comes of it is a rejection, and the call is taken. */
function stream(token: string, { port }: ServiceProcess): Promise<unknown> {
  const client = new Stripe(token, {
    host: '127.0.0.1',
    port,
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
  })
  return client.v2.billing.meterEventStream.create({
    events: [{ event_name: 'none', payload: { stripe_customer_id: 'cus_A', value: '1' } }],
  })
}

/** As from a backup, made while the service runs. */
function issuedKey(): { readonly keyId: string; readonly hash: string } {
  const backup = join(folder, `${randomUUID()}.db`)
  const log = new SqliteDatabase(join(folder, 'events.db'), { readonly: true })
  log.prepare('VACUUM INTO ?').run(backup)
  log.close()
  const copy = new SqliteDatabase(backup, { readonly: true })
  const data = copy.prepare("SELECT data FROM events WHERE type = 'ApiKeyIssued'").pluck(true).get() as string
  copy.close()
  return JSON.parse(data) as { keyId: string; hash: string }
}

const hmac = (secret: string | Buffer, text: string): string =>
  createHmac('sha256', secret).update(text).digest('base64url')
const base36 = (instantMs: number): string => instantMs.toString(36)
const secretFile = (): string => join(folder, 'session.secret')

describe('Who reads the log', () => {
  it('can sign nobody in and open no stream with what is in it', async () => {
    expect(await statusOf(await signIn(service), service)).toBe(200)
    const { keyId, hash } = issuedKey()
    for (const end of ['zzzzzzzzzzz', base36(Date.now() + 10 * MINUTE_MS)]) {
      for (const secret of [Buffer.from(hash, 'hex'), hash, keyId, '']) {
        const session = `dashboard_${keyId}.${end}`
        const token = `rk_test_mes_${keyId}.${end}`
        for (const signed of ['', `.${hash}`]) {
          expect(await statusOf(`${session}.${hmac(secret, session + signed)}`, service)).toBe(401)
          expect(await refusalOf(stream(`${token}.${hmac(secret, token + signed)}`, service))).toMatchObject({
            statusCode: 401,
          })
        }
      }
    }
  })

  it('is not helped by a token that would be good for longer than any', async () => {
    const { keyId, hash } = issuedKey()
    const secret = readFileSync(secretFile())
    const signed = (label: string, end: string): string => {
      const claim = `${label}${keyId}.${end}`
      return `${claim}.${hmac(secret, `${claim}.${hash}`)}`
    }
    expect(await statusOf(signed('dashboard_', base36(Date.now() + HOUR_MS)), service)).toBe(200)
    await stream(signed('rk_test_mes_', base36(Date.now() + 10 * MINUTE_MS)), service)
    for (const end of ['zzzzzzzzzzz', base36(Date.now() + 13 * HOUR_MS)]) {
      expect(await statusOf(signed('dashboard_', end), service)).toBe(401)
      expect(await refusalOf(stream(signed('rk_test_mes_', end), service))).toMatchObject({ statusCode: 401 })
    }
  })
})

describe('The secret of a service', () => {
  it('is made once for its owner alone and never logged, ends all sessions when it is lost, and is not guessed', async () => {
    const [session, token] = [await signIn(service), await openStream(service)]
    await service.stop()
    const secret = readFileSync(secretFile())
    expect([secret.length, statSync(secretFile()).mode & 0o777]).toEqual([32, 0o600])
    for (const encoding of ['hex', 'base64', 'latin1'] as const) {
      expect(service.log).not.toContain(secret.toString(encoding))
    }
    service = await start({ LOG_LEVEL: 'trace' })
    expect(await statusOf(session, service)).toBe(200)
    await stream(token, service)
    expect(readFileSync(secretFile()).equals(secret)).toBe(true)

    await service.stop()
    for (const length of [31, 0]) {
      truncateSync(secretFile(), length)
      const { code, stderr } = await runServiceProcess({ DATA_DIR: folder, PORT: '0', LOG_LEVEL: 'silent' })
      expect([code, stderr.trimEnd().split('\n')]).toEqual([
        1,
        [expect.stringContaining(`${secretFile()} is damaged: it has ${length} bytes, not 32. Delete it`)],
      ])
    }
    rmSync(secretFile())
    mkdirSync(`${secretFile()}.new`)
    const { code, stderr } = await runServiceProcess({ DATA_DIR: folder, PORT: '0', LOG_LEVEL: 'silent' })
    expect([code, stderr]).toEqual([1, expect.stringContaining(`${secretFile()} cannot be made: `)])
    rmSync(`${secretFile()}.new`, { recursive: true })
    service = await start({ LOG_LEVEL: 'trace' })
    expect(await statusOf(session, service)).toBe(401)
    // What the SDK takes for the end of a session, after which a program opens another one.
    expect(await refusalOf(stream(token, service))).toBeInstanceOf(Stripe.errors.TemporarySessionExpiredError)
    await stream(await openStream(service), service)
  })
})

describe('Services on one EventStoreDB', () => {
  let server: EventStoreDbServer
  beforeEach(async () => {
    server = await EventStoreDbServer.start()
  })
  afterEach(() => server.stop())
  const startAs = (name: string, environment: Record<string, string> = {}): Promise<ServiceProcess> =>
    start({ EVENT_STORE_URL: server.url, DATA_DIR: join(folder, name), ...environment })

  it('take the sessions of each other where they share SESSION_SECRET, and say so where they do not', async () => {
    const shared = { SESSION_SECRET: SHARED_SECRET, LOG_LEVEL: 'trace' }
    const first = await startAs('first', shared)
    const second = await startAs('second', shared)
    const [session, token] = [await signIn(first), await openStream(first)]
    expect(await statusOf(session, second)).toBe(200)
    await stream(token, second)
    expect(first.log + second.log).not.toContain(SHARED_SECRET)
    expect(first.log).not.toContain('SESSION_SECRET')

    const own = await startAs('own')
    expect(own.log).toContain('Sessions opened here are good here alone')
    expect(await statusOf(session, own)).toBe(401)
    expect(await refusalOf(stream(token, own))).toBeInstanceOf(Stripe.errors.TemporarySessionExpiredError)
  })
})
