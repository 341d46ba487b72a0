/** Starting, watching and stopping the service as its operator does. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import {
  Agent,
  createServer as createHttpServer,
  request,
  type ClientRequest,
  type IncomingMessage,
  type Server,
} from 'node:http'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { ConfigError, readConfig, readServiceAccess } from '../../src/config.js'
import { makeDataFolder } from '../../src/data-folder.js'
import { DAY_MS } from '../../src/domain/time-bucket.js'
import { UNFINISHED_REQUESTS_MS } from '../../src/service.js'
import { NOW } from '../controls.js'
import { byWindow, createMeter, report, summaries, total } from '../metered-usage.js'
import { rawRequest } from '../raw-http.js'
import { refusalOf } from '../refusal.js'
import { FixedClock, onEachStore, TEST_KEY, type RunningService } from '../running-service.js'
import {
  beginServiceProcess,
  MAIN,
  runServiceProcess,
  startServiceProcess,
  type Ended,
  type ServiceProcess,
} from '../service-process.js'

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url))

const SYSTEM = '/meterbook/v1/system'

const today = Math.floor(Date.now() / DAY_MS) * DAY_MS
const aroundNow = { start: today - DAY_MS, end: today + 2 * DAY_MS }

const ROUTES = [
  'GET /healthz',
  'GET /meterbook/v1/meter_events',
  'GET /meterbook/v1/meter_events/{meter}/{identifier}',
  'GET /readyz',
  'POST /meterbook/v1/usage_imports',
  'GET /v1/billing/meters',
  'GET /v1/billing/meters/{id}',
  'GET /v1/billing/meters/{id}/event_summaries',
  'POST /v1/billing/meter_event_adjustments',
  'POST /v1/billing/meter_events',
  'POST /v1/billing/meters',
  'POST /v1/billing/meters/{id}',
  'POST /v1/billing/meters/{id}/deactivate',
  'POST /v1/billing/meters/{id}/reactivate',
  'POST /v2/billing/meter_event_adjustments',
  'POST /v2/billing/meter_events',
]

async function inDataDir(work: (dataDir: string) => Promise<void>): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), 'meterbook-'))
  try {
    await work(dataDir)
  } finally {
    rmSync(dataDir, { recursive: true })
  }
}

async function checkHealth(environment: Record<string, string>): Promise<{ status: number | null; said: string }> {
  const child = spawn(process.execPath, [join(CHECKOUT, 'dist/healthcheck.js')], {
    env: { PATH: process.env.PATH ?? '', ...environment },
  })
  const ended = once(child, 'close') as Promise<[number | null]>
  const said = (await Promise.all([text(child.stdout), text(child.stderr)])).join('').trim()
  const [status] = await ended
  return { status, said }
}

/** Says what it is asked, at the first such port that nobody listens at. */
async function listenWhereNoPageMay(): Promise<Server> {
  for (const port of [6000, 10080, 6566, 6697, 5061, 4190]) {
    const server = createHttpServer(({ method, url }, response) => response.end(`${method} ${url}`))
    try {
      await once(server.listen(port, '127.0.0.1'), 'listening')
      return server
    } catch (error) {
      expect(error).toMatchObject({ code: 'EADDRINUSE' })
    }
  }
  throw new Error('All of these ports are taken.')
}

it('refuses arguments, which belong to the command line tool', () => {
  const { status, stderr } = spawnSync(process.execPath, [MAIN, 'audit'], { encoding: 'utf8' })
  expect(status).toBe(2)
  expect(stderr).toMatch(/takes no arguments.*npx meterbook --help/)
})

onEachStore('A running service', (start, store) => {
  let service: RunningService
  beforeAll(async () => {
    service = await start(new FixedClock())
  })
  afterAll(() => service.close())

  it('says without a key that it is alive and ready', async () => {
    const alive = await fetch(`${service.url}/healthz`)
    expect([alive.status, await alive.json()]).toEqual([200, { status: 'alive' }])
    // A service listens before its projections have caught up; a read waits until they have.
    await service.stripe.billing.meters.list()
    const ready = await fetch(`${service.url}/readyz`)
    expect(ready.status).toBe(200)
    expect(await ready.json()).toEqual({
      status: 'ready',
      event_store: 'reachable',
      projections: 'caught up',
      reason: null,
    })
  })

  it('says what it is, what it stands on and that it can serve, to any key that reads', async () => {
    const { version } = JSON.parse(readFileSync(join(CHECKOUT, 'package.json'), 'utf8')) as { version: string }
    await service.stripe.billing.meters.list()
    const reader = await service.clientWithNewKey({ role: 'read' })
    expect(await reader.rawRequest('GET', SYSTEM)).toMatchObject({
      object: 'meterbook.system',
      event_store: { status: 'reachable', type: store.name === 'the embedded store' ? 'embedded' : 'eventstoredb' },
      projections: 'caught up',
      read_model: { role: 'writing', type: 'embedded' },
      reason: null,
      started_at: new Date(NOW).toISOString(),
      status: 'ready',
      version,
    })
  })

  it('is no business of a key that only reports', async () => {
    const reporter = await service.clientWithNewKey({ role: 'ingest' })
    expect(await refusalOf(reporter.rawRequest('GET', SYSTEM))).toMatchObject({ code: 'more_permissions_required' })
    expect(await refusalOf(service.stripe.rawRequest('GET', `${SYSTEM}?secret=1`))).toMatchObject({ param: 'secret' })
  })

  it('describes every route at /docs', async () => {
    const page = await fetch(`${service.url}/docs`)
    expect(page.status).toBe(200)
    expect(await page.text()).toContain('Meterbook')
    const description = (await (await fetch(`${service.url}/docs-json`)).json()) as { paths: Record<string, object> }
    const described = Object.entries(description.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )
    expect(described).toEqual(expect.arrayContaining(ROUTES))
  })

  it('gives every answer a request id of its own, errors included', async () => {
    const authorization = `Bearer ${TEST_KEY}`
    const ids = new Set<string | null>()
    const requests: [path: string, status: number, init?: RequestInit][] = [
      ['/healthz', 200],
      ['/docs-json', 200],
      ['/nothing', 404],
      ['/v1/billing/meters', 401],
      ['/v1/billing/meters', 200, { headers: { authorization } }],
      ['/v1/nothing', 404, { headers: { authorization } }],
      ['/v1/billing/meters', 404, { method: 'DELETE', headers: { authorization } }],
      ['/v1/billing/meters/%ZZ', 400, { headers: { authorization } }],
      ['/v1/billing/meters', 400, { method: 'POST', headers: { authorization } }],
      ['/v2/billing/meter_events', 413, { method: 'POST', headers: json(authorization), body: 'x'.repeat(1_100_000) }],
      ['/v2/billing/meter_events', 400, { method: 'POST', headers: json(authorization), body: '[' }],
    ]
    for (const [path, status, init] of requests) {
      const response = await fetch(service.url + path, init)
      const body: unknown = await response.json()
      expect([path, response.status]).toEqual([path, status])
      expect(response.headers.get('request-id')).toMatch(/^req_[0-9A-Za-z]{14}$/)
      ids.add(response.headers.get('request-id'))
      if (status >= 400) expect(body).toMatchObject({ error: { message: expect.any(String) } })
    }
    expect(ids.size).toBe(requests.length)
  })

  it('answers in the envelope what is no HTTP at all', async () => {
    const socket = connect(service.port, '127.0.0.1')
    socket.write('NONSENSE\r\n\r\n')
    const answer = await text(socket)
    expect(answer).toMatch(/^HTTP\/1.1 400 /)
    expect(answer).toMatch(/\r\nrequest-id: req_[0-9A-Za-z]{14}\r\n/)
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({
      error: { type: 'invalid_request_error' },
    })
  })

  it('echoes the Stripe version it was asked in', async () => {
    const meters = await service.stripe.billing.meters.list({}, { apiVersion: '2020-08-27' })
    expect(meters.lastResponse.apiVersion).toBe('2020-08-27')
  })

  it('shows the same rows after a restart', async () => {
    const { stripe } = service
    const [sum, last] = [await createMeter(stripe), await createMeter(stripe, 'last', { event_time_window: 'hour' })]
    for (let value = 0; value < 20; value++) await report(stripe, value % 2 === 0 ? sum : last, value)
    await stripe.billing.meters.deactivate(last.id)
    const everything = async (): Promise<unknown> => ({
      meters: await service.stripe.billing.meters.list(),
      records: await service.stripe.rawRequest('GET', '/meterbook/v1/meter_events?limit=100'),
      summaries: [await summaries(service.stripe, sum), await summaries(service.stripe, last)],
    })
    const before = await everything()
    await service.restart()
    expect(await everything()).toEqual(before)
  })
})

function json(authorization: string): Record<string, string> {
  return { authorization, 'content-type': 'application/json' }
}

onEachStore('The process of the service', (_, store) => {
  let dataDir: string
  let opened: Awaited<ReturnType<typeof store.open>>
  let service: ServiceProcess | null = null
  const start = async (environment: Record<string, string> = {}): Promise<ServiceProcess> => {
    service = await startServiceProcess({ DATA_DIR: dataDir, EVENT_STORE_URL: opened.url, ...environment })
    return service
  }
  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'meterbook-'))
    opened = await store.open()
  })
  afterEach(async () => {
    await service?.end('SIGKILL')
    service = null
    await opened.close()
    rmSync(dataDir, { recursive: true })
  })

  it('answers on SIGTERM what it has begun, keeps everything it answered, and ends with code 0', async () => {
    const running = await start()
    const meter = await createMeter(running.stripe)
    await report(running.stripe, meter, 1)
    const slow = await beginMeterEvent(running.url, meter.event_name, 20)
    const ended = running.end('SIGTERM')
    await running.printed('Stopping')
    const response = await slow.finish()
    expect(response.headers.connection).toBe('close')
    expect([response.statusCode, JSON.parse(await text(response))]).toMatchObject([200, { payload: { value: '20' } }])
    const { code, signal, stdout } = await ended
    expect([code, signal]).toEqual([0, null])
    expect(stdout).toContain('Stopped.')

    // Stopped among many requests.
    const again = await start()
    expect(await total(again.stripe, meter, aroundNow)).toBe('21')
    const many = await createMeter(again.stripe)
    const stops: Promise<Ended>[] = []
    const outcomes = await Promise.allSettled(
      Array.from({ length: 200 }, async (_, index) => {
        await report(again.stripe, many, 1, { identifier: `${index}` })
        if (stops.length === 0) stops.push(again.end('SIGTERM'))
      }),
    )
    const answered = outcomes.filter(({ status }) => status === 'fulfilled').length
    expect(answered).toBeGreaterThan(0)
    expect(await Promise.all(stops)).toMatchObject([{ code: 0, signal: null }])
    const last = await start()
    // A connection may break after the append and before the answer, never the other way round.
    expect(Number(await total(last.stripe, many, aroundNow))).toBeGreaterThanOrEqual(answered)
    for (const [index, { status }] of outcomes.entries()) {
      if (status === 'fulfilled') {
        await last.stripe.rawRequest('GET', `/meterbook/v1/meter_events/${many.id}/${index}`)
      }
    }
  })

  it('loses no request of a busy client on SIGTERM, because it lets go of connections one answer after the other', async () => {
    const running = await start()
    const meter = await createMeter(running.stripe, 'count')
    const agent = new Agent({ keepAlive: true, maxSockets: 16 })
    const answered: (string | undefined)[] = []
    const failures: { readonly code: string | undefined; readonly wasKept: boolean }[] = []
    const client = async (): Promise<void> => {
      while (failures.length === 0) {
        const asked = request(`${running.url}/v1/billing/meter_events`, {
          method: 'POST',
          agent,
          headers: { authorization: `Bearer ${TEST_KEY}`, 'content-type': 'application/x-www-form-urlencoded' },
        })
        asked.end(`event_name=${meter.event_name}&payload[stripe_customer_id]=cus_A`)
        try {
          const [answer] = (await once(asked, 'response')) as [IncomingMessage]
          await text(answer)
          answered.push(answer.statusCode === 200 ? answer.headers.connection : 'refused')
        } catch (error) {
          failures.push({ code: (error as NodeJS.ErrnoException).code, wasKept: asked.reusedSocket })
        }
      }
    }
    const clients = Promise.all(Array.from({ length: 16 }, client))
    while (answered.length < 500) await report(running.stripe, meter, 1)
    expect(await running.stop()).toBe(0)
    await clients
    // Those that come anew find nobody, or are ended before they were heard.
    expect(failures.filter(({ wasKept }) => wasKept)).toEqual([])
    expect(new Set(answered)).toEqual(new Set(['keep-alive', 'close']))
  })

  it('answers on SIGTERM whoever had connected, heard or not', async () => {
    const running = await start()
    const meter = await createMeter(running.stripe, 'count')
    // Meanwhile the system alone takes connections.
    process.kill(running.pid, 'SIGSTOP')
    const headers = [`Authorization: Bearer ${TEST_KEY}`, 'Content-Type: application/x-www-form-urlencoded']
    const body = `event_name=${meter.event_name}&payload[stripe_customer_id]=cus_A`
    const asked = rawRequest('POST', '/v1/billing/meter_events', headers, body)
    const clients = await Promise.all(
      Array.from({ length: 30 }, async () => {
        const socket = connect(running.port, '127.0.0.1')
        await once(socket, 'connect')
        socket.write(asked)
        return socket
      }),
    )
    const answers = Promise.all(clients.map((socket) => text(socket)))
    const ended = running.end('SIGTERM')
    process.kill(running.pid, 'SIGCONT')
    for (const answer of await answers) expect(answer).toMatch(/^HTTP\/1.1 200 /)
    expect(await ended).toMatchObject({ code: 0, signal: null })
  })

  it('waits on SIGTERM for nobody who has sent nothing yet', async () => {
    const running = await start()
    const silent = connect(running.port, '127.0.0.1')
    await once(silent, 'connect')
    // By then it has been let in.
    await createMeter(running.stripe)
    const since = performance.now()
    expect(await running.stop()).toBe(0)
    expect(performance.now() - since).toBeLessThan(UNFINISHED_REQUESTS_MS)
    silent.destroy()
  })

  it('is alive for the health check of a container as long as it answers', async () => {
    const running = await start()
    const PORT = `${running.port}`
    for (const HOST of ['127.0.0.1', '0.0.0.0', 'localhost']) {
      expect(await checkHealth({ HOST, PORT })).toEqual({ status: 0, said: '200 {"status":"alive"}' })
    }
    expect(await running.stop()).toBe(0)
    expect(await checkHealth({ PORT })).toEqual({ status: 1, said: `connect ECONNREFUSED 127.0.0.1:${PORT}` })
    expect(await checkHealth({ HOST: 'localhost', PORT })).toEqual({
      status: 1,
      said: expect.stringContaining('ECONNREFUSED'),
    })
    expect(await checkHealth({ PORT: 'x' })).toEqual({ status: 1, said: expect.stringContaining('PORT must be') })
  })

  it('is asked by the health check at a port that browsers keep from pages, too', async () => {
    const listening = await listenWhereNoPageMay()
    try {
      const PORT = `${(listening.address() as AddressInfo).port}`
      await expect(fetch(`http://127.0.0.1:${PORT}`)).rejects.toMatchObject({ cause: { message: 'bad port' } })
      expect(await checkHealth({ PORT })).toEqual({ status: 0, said: '200 GET /healthz' })
    } finally {
      listening.close()
    }
  })

  it('shows a first key once, at the first start that comes to listen', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const environment = { DATA_DIR: dataDir, EVENT_STORE_URL: opened.url, LOG_LEVEL: 'silent' }
    try {
      const taken = await runServiceProcess({ ...environment, HOST: '127.0.0.1', PORT: String(port) })
      expect([taken.code, taken.stdout, taken.stderr.trim().split('\n')]).toEqual([
        1,
        '',
        [
          `Meterbook could not start: Another program listens on 127.0.0.1 at port ${port}. Stop it, or set PORT to another one.`,
        ],
      ])
      const nowhere = await runServiceProcess({ ...environment, HOST: '192.0.2.1', PORT: '0' })
      expect([nowhere.code, nowhere.stdout]).toEqual([2, ''])
      expect(nowhere.stderr).toMatch(/^HOST must be .*, not "192\.0\.2\.1"\.\n$/)
    } finally {
      other.close()
    }
    const first = await (await start({ BOOTSTRAP_API_KEY: '' })).end('SIGINT')
    expect(first).toMatchObject({ code: 0, signal: null })
    expect(first.stdout).toMatch(/Your test key, shown this once: sk_test_[0-9A-Za-z]{48}/)
    expect(statSync(dataDir).mode & 0o777).toBe(0o700)
    expect(first.stdout).not.toContain('open to other users')
    const second = await start({ BOOTSTRAP_API_KEY: '' })
    expect((await second.end('SIGTERM')).stdout).not.toMatch(/sk_test_[0-9A-Za-z]/)
  })
})

describe('A process that runs in a folder that all may read, far from Greenwich', () => {
  let dataDir: string
  let running: ServiceProcess
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'meterbook-'))
    chmodSync(dataDir, 0o755)
    running = await startServiceProcess({ DATA_DIR: dataDir, TZ: 'Asia/Kathmandu' })
  })
  afterAll(async () => {
    await running.end('SIGKILL')
    rmSync(dataDir, { recursive: true })
  })

  it('makes files that only their owner reads, and says that others may read the folder', async () => {
    await createMeter(running.stripe)
    const files = readdirSync(dataDir)
    expect(files).toEqual(
      expect.arrayContaining(['events.db', 'read-model.db', 'read-model.db-wal', 'service.lock', 'session.secret']),
    )
    for (const file of files) expect([file, statSync(join(dataDir, file)).mode & 0o077]).toEqual([file, 0])
    expect(running.log.match(/"DATA_DIR is open to other users[^"]*"/g)).toEqual([
      `"DATA_DIR is open to other users of this machine. Close it: chmod -R go= ${dataDir}"`,
    ])
    expect(statSync(dataDir).mode & 0o777).toBe(0o755)
  })

  it('cuts days at 00:00 UTC', async () => {
    const meter = await createMeter(running.stripe, 'sum', { event_time_window: 'day' })
    await report(running.stripe, meter, 1, { at: today - DAY_MS })
    await report(running.stripe, meter, 2, { at: today - 1_000 })
    await report(running.stripe, meter, 40, { at: today })
    expect(await byWindow(running.stripe, meter, 'day', aroundNow)).toEqual([
      [new Date(today).toISOString(), 40],
      [new Date(today - DAY_MS).toISOString(), 2],
    ])
  })

  it('has the folder for itself, and goes on undisturbed when another service is refused it', async () => {
    const { code, stderr } = await runServiceProcess({ DATA_DIR: dataDir, PORT: '0', LOG_LEVEL: 'silent' })
    expect(code).toBe(1)
    expect(stderr.trim().split('\n')).toEqual([
      `Meterbook could not start: Another Meterbook service is using ${resolve(dataDir)}. Stop it, or set DATA_DIR to another folder.`,
    ])
    await report(running.stripe, await createMeter(running.stripe), 1)
  })

  it('is not ended by clients that ask for a proxy and reset the connection, nor held up by those that stay', async () => {
    const sockets: Socket[] = []
    try {
      for (let round = 0; round < 100; round++) {
        const socket = connect(running.port, '127.0.0.1')
        socket.on('error', () => undefined)
        await once(socket, 'connect')
        socket.write('CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', () => socket.resetAndDestroy())
        await once(socket, 'close')
      }
      for (const [request, status] of [
        ['CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 405],
        ['NONSENSE\r\n\r\n', 400],
        [`GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
      ] as const) {
        // Told no, and that the service has no more to say, and yet it stays.
        const socket = connect({ port: running.port, host: '127.0.0.1', allowHalfOpen: true })
        sockets.push(socket)
        let answer = ''
        socket.setEncoding('latin1').on('data', (part: string) => (answer += part))
        socket.write(request)
        await once(socket, 'end')
        expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
      }
      expect(await running.end('SIGTERM')).toMatchObject({ code: 0, signal: null })
    } finally {
      for (const socket of sockets) socket.destroy()
    }
  })
})

it('is stopped by the signal that npm start is given', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'meterbook-'))
  const service = await startServiceProcess({ DATA_DIR: dataDir, npm_config_update_notifier: 'false' }, () => [
    'npm',
    'start',
    '--prefix',
    CHECKOUT,
  ])
  const { code, stdout } = await service.end('SIGTERM')
  expect([code, stdout]).toEqual([0, expect.stringContaining('Stopped.')])
  rmSync(dataDir, { recursive: true })
})

it('A start that waits for the event store ends with code 0 when it is told to, and lets go of its folder', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'meterbook-'))
  try {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      const waiting = beginServiceProcess({ DATA_DIR: dataDir, EVENT_STORE_URL: 'esdb://127.0.0.1:9?tls=false' })
      try {
        await waiting.printed('cannot be reached yet')
        const { code, signal: killedBy, stdout, stderr } = await waiting.end(signal)
        expect([code, killedBy, stderr]).toEqual([0, null, ''])
        expect(stdout).toContain('Stopped before it was started.')
      } finally {
        await waiting.end('SIGKILL')
      }
    }
    const next = await startServiceProcess({ DATA_DIR: dataDir })
    expect(await next.stop()).toBe(0)
  } finally {
    rmSync(dataDir, { recursive: true })
  }
})

describe('A signal', () => {
  it.each(['SIGHUP', 'SIGQUIT'] as const)('%s stops it cleanly', async (signal) => {
    await inDataDir(async (DATA_DIR) => {
      const run = beginServiceProcess({ DATA_DIR, PORT: '0' })
      await run.printed(/Meterbook is listening\./)
      const { code, stdout } = await run.end(signal)
      expect(code).toBe(0)
      expect(stdout).toContain('"msg":"Stopped."')
      // The log was taken into the file.
      expect(readdirSync(DATA_DIR)).not.toContain('events.db-wal')
    })
  })

  it('SIGUSR2, as of what rotates logs, changes nothing', async () => {
    await inDataDir(async (DATA_DIR) => {
      const service = await startServiceProcess({ DATA_DIR })
      service.signal('SIGUSR2')
      await service.printed(/There is nothing to be read again/)
      expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
      expect(await service.stop()).toBe(0)
    })
  })
})

describe('A limit on open files', () => {
  const limited = (files: number) => (command: readonly string[]) => [
    'bash',
    '-c',
    `ulimit -n ${files}; exec "$@"`,
    'bash',
    ...command,
  ]

  it('that is too low for the service is said at once', async () => {
    await inDataDir(async (DATA_DIR) => {
      const { code, stderr } = await beginServiceProcess({ DATA_DIR, PORT: '0' }, limited(1000)).ended
      expect([code, stderr]).toEqual([
        2,
        'This process may have 1000 files and connections open at once, and needs at least 1024. Raise the limit: ulimit -n, or LimitNOFILE of systemd.\n',
      ])
    })
  })

  it('leaves clients as many connections as there is room for, and says that there were more', async () => {
    await inDataDir(async (DATA_DIR) => {
      const service = await startServiceProcess({ DATA_DIR }, limited(1024))
      await service.printed(/"openFiles":1024,"connectionsMax":512,.*Raise `ulimit -n`/)
      const sockets = Array.from({ length: 700 }, () => connect(service.port, '127.0.0.1').on('error', () => undefined))
      await service.printed(/A connection was closed at once/)
      expect((await fetch(`${service.url}/readyz`).catch((error: Error) => error.message)) as string).toBe(
        'fetch failed',
      )
      for (const socket of sockets) socket.destroy()
      // Whether the others are gone shows only once a new one is taken.
      let status = 0
      while (status !== 200)
        status = await fetch(`${service.url}/readyz`).then(
          (ready) => ready.status,
          () => 0,
        )
      expect(await service.stop()).toBe(0)
    })
  })
})

describe('A setting', () => {
  it('is as good as left out where it is empty', () => {
    const names = ['HOST', 'PORT', 'METRICS_PORT', 'METRICS_HOST', 'DATA_DIR', 'EVENT_STORE_URL', 'READ_MODEL_URL']
    const others = ['BOOTSTRAP_API_KEY', 'SESSION_SECRET', 'LOG_LEVEL', 'RATE_LIMIT_EVENTS_PER_SECOND']
    expect(readConfig(Object.fromEntries([...names, ...others].map((name) => [name, ''])))).toEqual(readConfig({}))
    expect(readConfig({})).toMatchObject({ host: '127.0.0.1', port: 4242, metricsHost: '127.0.0.1', dataDir: './data' })
  })

  it.each([
    [{ PORT: '65535' }, { port: 65_535 }],
    [
      { PORT: '0', METRICS_PORT: '0' },
      { port: 0, metricsPort: 0 },
    ],
    [
      { HOST: '::1', METRICS_PORT: '1' },
      { host: '::1', metricsHost: '::1' },
    ],
    [{ HOST: 'localhost' }, { host: '127.0.0.1', metricsHost: '127.0.0.1' }],
    [{ BOOTSTRAP_API_KEY: 'sk_live_12345678' }, { bootstrapApiKey: 'sk_live_12345678' }],
    [{ SESSION_SECRET: 's'.repeat(32) }, { sessionSecret: 's'.repeat(32) }],
    [{ SESSION_SECRET: 's'.repeat(255) }, { sessionSecret: 's'.repeat(255) }],
    [{ RATE_LIMIT_EVENTS_PER_SECOND: '1' }, { rateLimits: { eventsPerSecond: 1, requestsPerSecond: null } }],
    [{ RATE_LIMIT_REQUESTS_PER_SECOND: '1000000' }, { rateLimits: { eventsPerSecond: null, requestsPerSecond: 1e6 } }],
  ])('may be %j', (settings, expected) => expect(readConfig(settings)).toMatchObject(expected))

  it('of another service names where it is and a key, the later name of it before the earlier', () => {
    const access = (url: string, key = 'sk_test_new') =>
      readServiceAccess(url, { METERBOOK_API_KEY: key, METERBOOK_KEY: 'sk_test_old' })
    expect(access('https://meterbook.example/behind//')).toEqual({
      url: 'https://meterbook.example/behind',
      apiKey: 'sk_test_new',
    })
    for (const url of ['http://user@127.0.0.1', 'http://127.0.0.1/?a=b', 'ftp://127.0.0.1', '127.0.0.1:4242']) {
      expect(() => access(url)).toThrow(ConfigError)
    }
    for (const key of ['', 'two words', 'k'.repeat(256)]) {
      expect(() => access('http://127.0.0.1', key)).toThrow(ConfigError)
    }
  })
})

describe('A bad setting', () => {
  it('is said in one line that does not repeat what may be a secret', () => {
    for (const [name, value] of [
      ['HOST', ' '],
      ['HOST', 'a b'],
      ['PORT', 'eighty'],
      ['PORT', '65536'],
      ['METRICS_PORT', 'on'],
      ['METRICS_PORT', '4242'],
      ['METRICS_HOST', 'a b'],
      ['EVENT_STORE_URL', 'mysql://user:secret@host'],
      ['EVENT_STORE_URL', 'esdb://'],
      ['EVENT_STORE_URL', 'esdb://user:secret@@@'],
      ['EVENT_STORE_URL', 'esdb://user:secret@host:abc'],
      ['EVENT_STORE_URL', 'esdb://127.0.0.1:99999'],
      ['EVENT_STORE_URL', 'esdb://127.0.0.1:1?tls=secret'],
      ['EVENT_STORE_URL', 'esdb://127.0.0.1:1?tlsCAFile=/nonexistent/secret.pem'],
      ['EVENT_STORE_URL', 'esdb://user:secret@127.0.0.1:1?tls=false&tlls=secret'],
      ['READ_MODEL_URL', 'secret'],
      ['READ_MODEL_URL', 'postgres://user:secret@'],
      ['READ_MODEL_URL', 'postgres://user:secret@host'],
      ['READ_MODEL_URL', 'postgres://user:secret@host/database?schema=Two%20words'],
      ['READ_MODEL_URL', 'postgres://user:secret@host/database?schema=one&schema=two'],
      ['READ_MODEL_URL', 'postgres://user:secret@host/data%zz'],
      ['READ_MODEL_URL', 'postgres://user:secret@host%zz/database'],
      ['READ_MODEL_URL', 'postgres://user:secret%ff@host/database'],
      ['READ_MODEL_URL', 'postgres://user:password@host/database?sslmod=secret'],
      ['READ_MODEL_URL', 'postgres://user:password@host/database?sslmode=verify_full_secret'],
      ['BOOTSTRAP_API_KEY', 'secret'],
      ['BOOTSTRAP_API_KEY', 'sk_test_1234567'],
      ['SESSION_SECRET', 'secret-of-thirty-one-characters'],
      ['SESSION_SECRET', `secret ${'x'.repeat(32)}`],
      ['SESSION_SECRET', 'secret'.repeat(43)],
      ['LOG_LEVEL', 'loud'],
      ['RATE_LIMIT_EVENTS_PER_SECOND', '0'],
      ['RATE_LIMIT_EVENTS_PER_SECOND', '1e3'],
      ['RATE_LIMIT_REQUESTS_PER_SECOND', '1.5'],
      ['RATE_LIMIT_REQUESTS_PER_SECOND', '1000001'],
    ] as const) {
      const refusal = settingsRefused({ [name]: value })
      expect([name, value, refusal]).toEqual([name, value, expect.any(ConfigError)])
      const { message } = refusal as ConfigError
      expect(message).toMatch(new RegExp(`^${name} must .*$`))
      expect(message).not.toContain('secret')
    }
  })

  it('is a DATA_DIR that cannot be made', () => {
    for (const folder of ['/proc/data', '/proc/version']) expect(() => makeDataFolder(folder)).toThrow(ConfigError)
  })

  it.each([
    ['EVENT_STORE_URL', 'esdb://user:secret@@@'],
    ['DATA_DIR', '/proc/data'],
  ])('stops the start with that line and code 2: %s', async (name, value) => {
    const { code, stdout, stderr } = await runServiceProcess({ DATA_DIR: '/nonexistent/folder', [name]: value })
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr.trim().split('\n')).toEqual([expect.stringMatching(`^${name} must `)])
    expect(stderr).not.toContain('secret')
  })

  it('is a HOST that nobody knows', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'meterbook-'))
    try {
      const environment = { DATA_DIR: dataDir, HOST: '999.1.1.1', PORT: '0', LOG_LEVEL: 'silent' }
      const { code, stdout, stderr } = await runServiceProcess(environment)
      expect([code, stdout]).toEqual([2, ''])
      expect(stderr).toMatch(/^HOST must be .*, not "999\.1\.1\.1"\.\n$/)
    } finally {
      rmSync(dataDir, { recursive: true })
    }
  })
})

function settingsRefused(settings: Readonly<Record<string, string>>): unknown {
  try {
    return readConfig(settings)
  } catch (error) {
    return error
  }
}

/**
 * A request whose head has arrived, so that it is under way, and whose body is still to come. Its connection is kept by the
 * client for as long as the service lets it, as the Stripe client does.
 */
async function beginMeterEvent(
  url: string,
  eventName: string,
  value: number,
): Promise<{ finish(): Promise<IncomingMessage> }> {
  const body = new URLSearchParams({
    event_name: eventName,
    'payload[stripe_customer_id]': 'cus_A',
    'payload[value]': String(value),
  }).toString()
  const begun: ClientRequest = request(`${url}/v1/billing/meter_events`, {
    method: 'POST',
    agent: new Agent({ keepAlive: true }),
    headers: {
      authorization: `Bearer ${TEST_KEY}`,
      'content-type': 'application/x-www-form-urlencoded',
      'content-length': String(body.length),
      expect: '100-continue',
    },
  })
  begun.flushHeaders()
  await once(begun, 'continue')
  return {
    finish: async () => {
      begun.end(body)
      const [response] = (await once(begun, 'response')) as [IncomingMessage]
      return response
    },
  }
}
