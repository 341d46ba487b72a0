/** What an operator watches: the numbers are what happened, they name nobody, and there are only so many. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect, createServer, type AddressInfo } from 'node:net'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { text as textOf } from 'node:stream/consumers'
import { setTimeout as delay } from 'node:timers/promises'
import Stripe from 'stripe'
import { rejectionCodes } from '../../src/domain/errors.js'
import { READ_MODEL_FILE } from '../../src/read-model/open-read-model.js'
import { EventStoreDbServer } from '../eventstoredb-server/eventstoredb-server.js'
import { cancel, createMeter, report } from '../metered-usage.js'
import { LiveStream } from '../live-stream.js'
import { exchange, rawRequest } from '../raw-http.js'
import { TEST_KEY } from '../running-service.js'
import { changeCells } from '../tampering.js'
import { runServiceProcess, startServiceProcess, type ServiceProcess } from '../service-process.js'

/** Often enough for what takes a moment, which is not to wait for the processor behind the questions. */
const ASKED_AGAIN_MS = 20

const LISTENING = /"port":(\d+),"msg":"Metrics are at \/metrics\."/

async function metricsOf(service: ServiceProcess): Promise<string> {
  await service.printed(LISTENING)
  return `http://127.0.0.1:${LISTENING.exec(service.log)?.[1]}/metrics`
}

/** By name and labels, as they are written. */
async function read(url: string): Promise<Record<string, number>> {
  const response = await fetch(url)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  const samples = (await response.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return Object.fromEntries(
    samples.map((line) => {
      const at = line.lastIndexOf(' ')
      return [line.slice(0, at), Number(line.slice(at + 1))]
    }),
  )
}

async function until(
  url: string,
  isSo: (metrics: Readonly<Record<string, number>>) => boolean,
): Promise<Record<string, number>> {
  for (;;) {
    const metrics = await read(url)
    if (isSo(metrics)) return metrics
    await delay(ASKED_AGAIN_MS)
  }
}

/** What a client gets that takes the address for that of a name. */
async function askedAs(url: string, name: string): Promise<{ readonly status: number; readonly body: string }> {
  const asked = httpRequest(url, { headers: { host: name }, agent: false })
  asked.end()
  const [response] = (await once(asked, 'response')) as [IncomingMessage]
  return { status: response.statusCode ?? 0, body: await textOf(response) }
}

interface Audit {
  readonly id: string
  readonly status: string
  readonly verdict: string | null
}

async function audited({ stripe }: ServiceProcess, parameters = {}): Promise<string | null> {
  let audit = (await stripe.rawRequest('POST', '/meterbook/v1/audits', parameters)) as unknown as Audit
  while (audit.status === 'running') {
    await delay(ASKED_AGAIN_MS)
    audit = await stripe.rawRequest('GET', `/meterbook/v1/audits/${audit.id}`)
  }
  return audit.verdict
}

describe('Metrics', () => {
  let folder: string
  let service: ServiceProcess
  let url: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
    service = await startServiceProcess({ DATA_DIR: folder, METRICS_PORT: '0' })
    url = await metricsOf(service)
  })
  afterAll(async () => {
    try {
      expect(await service.stop()).toBe(0)
    } finally {
      await service.kill()
      rmSync(folder, { recursive: true })
    }
  })

  it('count what happened', async () => {
    const before = await read(url)
    expect(before).toMatchObject({ meterbook_ready: 1, meterbook_projected_usage_events: 0 })
    expect(Object.keys(before).join()).not.toContain('meterbook_audit_last')
    // What began with the first rejection would show no increase.
    for (const code of rejectionCodes) expect(before[`meterbook_rejected_events_total{code="${code}"}`]).toBe(0)
    const { stripe } = service
    const meter = await createMeter(stripe)
    for (const identifier of ['one', 'two', 'three']) await report(stripe, meter, 1, { identifier })
    await cancel(stripe, meter, 'two')
    await expect(report(stripe, meter, 2, { identifier: 'one' })).rejects.toThrow('already exists')
    const { authentication_token } = await stripe.v2.billing.meterEventSession.create()
    const options = { host: '127.0.0.1', port: service.port, protocol: 'http' as const, telemetry: false }
    const payload = { stripe_customer_id: 'cus_A', value: 'many' }
    await new Stripe(authentication_token, options).v2.billing.meterEventStream.create({
      events: ['four', 'five'].map((identifier) => ({ event_name: meter.event_name, identifier, payload })),
    })
    // A number that has all of them.
    const today = Math.floor(Date.now() / 86_400_000) * 86_400
    const asked = { customer: 'cus_A', start_time: today - 86_400, end_time: today + 86_400 }
    await stripe.billing.meters.listEventSummaries(meter.id, asked)
    expect(await audited(service)).toBe('agrees')
    const now = await until(url, (metrics) => metrics.meterbook_projection_behind_seconds === 0)
    expect(now).toMatchObject({
      meterbook_ready: 1,
      meterbook_event_store_reachable: 1,
      meterbook_projections_stopped: 0,
      meterbook_read_model_writing: 1,
      meterbook_projected_usage_events: 4,
      meterbook_projection_behind_seconds: 0,
      meterbook_rebuild_running: 0,
      meterbook_audit_running: 0,
      'meterbook_usage_commands_total{outcome="recorded"}': 3,
      'meterbook_usage_commands_total{outcome="cancelled"}': 1,
      'meterbook_usage_commands_total{outcome="refused"}': 1,
      'meterbook_usage_commands_total{outcome="unsettled"}': 0,
      'meterbook_rejected_events_total{code="meter_event_invalid_value"}': 2,
      'meterbook_http_request_duration_seconds_count{method="POST",route="/v1/billing/meter_events",status="200"}': 3,
      'meterbook_http_request_duration_seconds_count{method="POST",route="/v1/billing/meter_events",status="400"}': 1,
      'meterbook_build_info{version="0.1.0",event_store="embedded",read_model="embedded"}': 1,
    })
    const ended = now['meterbook_audit_last_end_timestamp_seconds{agrees="true"}']!
    expect(Math.abs(Date.now() / 1000 - ended)).toBeLessThan(600)
    expect(now.process_resident_memory_bytes).toBeGreaterThan(10_000_000)
    expect(now.meterbook_http_connections).toBeGreaterThan(0)

    const stream = await LiveStream.open(service.url, { authorization: `Bearer ${TEST_KEY}` })
    expect((await read(url)).meterbook_live_connections).toBe(1)
    stream.close()
  })

  it('count requests that nobody waited for and those that lead nowhere, and not how long somebody listened', async () => {
    const stream = await LiveStream.open(service.url, { authorization: `Bearer ${TEST_KEY}` })
    stream.close()
    const head = [
      'Host: meterbook',
      `Authorization: Bearer ${TEST_KEY}`,
      'Content-Type: application/x-www-form-urlencoded',
      'Content-Length: 10',
      'Expect: 100-continue',
    ]
    const leaving = connect(service.port, '127.0.0.1')
    leaving.write(['POST /v1/billing/meter_events HTTP/1.1', ...head, '', ''].join('\r\n'))
    // It is under way.
    expect(String(await once(leaving, 'data'))).toMatch(/^HTTP\/1.1 100 /)
    leaving.destroy()
    const malformed = await exchange(service.port, rawRequest('GET', '/v1/billing/meters/%ZZ'))
    const expecting = await exchange(service.port, rawRequest('GET', '/v1/billing/meters', ['Expect: wonders']))
    expect([malformed, expecting].map(({ answers }) => answers[0]?.status)).toEqual([400, 417])
    const duration = (method: string, route: string, status: number): string =>
      `meterbook_http_request_duration_seconds_count{method="${method}",route="${route}",status="${status}"}`
    const gone = duration('POST', '/v1/billing/meter_events', 499)
    const now = await until(url, (metrics) => gone in metrics && metrics.meterbook_live_connections === 0)
    expect(now).toMatchObject({
      [gone]: 1,
      [duration('none', 'none', 400)]: 1,
      [duration('none', 'none', 417)]: 1,
    })
    expect(Object.keys(now).join()).not.toContain('/meterbook/v1/live')
  })

  it('count each request of a connection that is kept once', async () => {
    const counted = 'meterbook_http_request_duration_seconds_count{method="GET",route="/healthz",status="200"}'
    const { [counted]: before = 0 } = await read(url)
    const requests = Array.from({ length: 20 }, () => rawRequest('GET', '/healthz')).join('')
    const { answers } = await exchange(service.port, requests, { answers: 20 })
    expect(answers).toHaveLength(20)
    expect((await until(url, (metrics) => (metrics[counted] ?? 0) >= before + 20))[counted]).toBe(before + 20)
    expect(service.log).not.toContain('MaxListenersExceeded')
  })

  it('name nobody, and are as many whatever clients make up', async () => {
    const request = (path: string, method = 'GET'): Promise<unknown> =>
      fetch(`${service.url}${path}`, { method, headers: { authorization: `Bearer ${TEST_KEY}` } }).then((response) =>
        response.text(),
      )
    const strange = async (n: number): Promise<void> => {
      await request(`/made-up-${n}`)
      await request(`/made-up-${n}`, `MADEUP${n}`)
      await request(`/v1/billing/meters/mtr_made_up_${n}`)
      await request(`/meterbook/v1/customers/made_up_${n}/usage?start_time=0&end_time=60`)
    }
    // An answer is counted once it was taken, which may be a moment after its client has it.
    for (let times = 0; times < 2; times++) await strange(0)
    // What Node.js has of itself, such as kinds of garbage collections, comes as it happens.
    const series = async (): Promise<string[]> =>
      Object.keys(await read(url)).filter((name) => name.startsWith('meterbook_'))
    const before = await series()
    for (let n = 1; n <= 20; n++) await strange(n)
    expect(await series()).toEqual(before)
    const text = await (await fetch(url)).text()
    for (const secret of ['made', 'cus_A', 'default', TEST_KEY, 'mtr_', 'MADEUP']) expect(text).not.toContain(secret)
  })

  it('are those that the page for operators tells of', async () => {
    const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')
    const told = [...page.matchAll(/\bmeterbook_[a-z_]+?(?=_count\b|[^a-z_])/g)].map(([name]) => name)
    const text = await (await fetch(url)).text()
    const given = [...text.matchAll(/^# TYPE (meterbook_\w+)/gm)].map(([, name]) => name)
    expect([...new Set(told)].sort()).toEqual(given.sort())
  })

  it('are all there is on their port, and nowhere else', async () => {
    const other = await fetch(url.replace('/metrics', '/v1/billing/meters'))
    expect([other.status, await other.text()]).toEqual([404, 'Metrics are at /metrics.\n'])
    const posted = await fetch(url, { method: 'POST', body: 'x' })
    expect([posted.status, posted.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(200)
    expect((await fetch(`${service.url}/metrics`)).status).toBe(404)
  })

  it('are not for a page whose name was made to lead to this machine', async () => {
    const { port } = new URL(url)
    for (const name of [`127.0.0.1:${port}`, `[::1]:${port}`, `localhost:${port}`, 'LOCALHOST'])
      expect([name, (await askedAs(url, name)).status]).toEqual([name, 200])
    for (const name of [`evil.example:${port}`, 'localhost.evil.example', 'meterbook:9464']) {
      const { status, body } = await askedAs(url, name)
      expect([name, status]).toEqual([name, 421])
      expect(body).not.toContain('meterbook_')
    }
  })
})

describe('Metrics of a service of its own', () => {
  let folder: string
  const closing: (() => unknown)[] = []
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  })
  afterEach(async () => {
    for (let close = closing.pop(); close; close = closing.pop()) await close()
    rmSync(folder, { recursive: true })
  })

  const start = async (environment: Record<string, string> = {}): Promise<{ service: ServiceProcess; url: string }> => {
    const service = await startServiceProcess({ DATA_DIR: folder, METRICS_PORT: '0', ...environment })
    closing.push(() => service.kill())
    return { service, url: await metricsOf(service) }
  }
  const taken = async (host: string): Promise<number> => {
    const server = createServer().listen(0, host)
    closing.push(() => server.close())
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }

  it('say that the event store is gone, and that it is back', async () => {
    const server = await EventStoreDbServer.start()
    closing.push(() => server.stop())
    const { url } = await start({ EVENT_STORE_URL: server.url })
    expect(await read(url)).toMatchObject({ meterbook_ready: 1, meterbook_event_store_reachable: 1 })
    await server.stop()
    const gone = await until(url, (metrics) => metrics.meterbook_event_store_reachable === 0)
    expect(gone.meterbook_ready).toBe(0)
    await server.start()
    await until(url, (metrics) => metrics.meterbook_ready === 1 && metrics.meterbook_event_store_reachable === 1)
  })

  it('go on saying that an audit found differences when another one finds none', async () => {
    const { service, url } = await start()
    const meter = await createMeter(service.stripe)
    await report(service.stripe, meter, 1)
    await until(url, (metrics) => metrics.meterbook_projected_usage_events === 1)
    const changed = await changeCells(join(folder, READ_MODEL_FILE), () => true, '7')
    const [agreed, doubted] = ['true', 'false'].map(
      (agrees) => `meterbook_audit_last_end_timestamp_seconds{agrees="${agrees}"}`,
    ) as [string, string]

    expect(await audited(service)).toBe('differs')
    const once = await read(url)
    expect([once[agreed], once[doubted]]).toEqual([undefined, expect.any(Number)])
    expect(await audited(service, { customer: 'cus_nobody' })).toBe('agrees')
    const twice = await read(url)
    expect([twice[agreed], twice[doubted]]).toEqual([expect.any(Number), once[doubted]])

    // The differences are those of the last rebuild that was completed, also while another one runs.
    const rebuilt = async (): Promise<Set<number | undefined>> => {
      const meanwhile = new Set<number | undefined>()
      await service.stripe.rawRequest('POST', '/meterbook/v1/projections/rebuild', {})
      await until(url, (metrics) => {
        const isRunning = metrics.meterbook_rebuild_running === 1
        if (isRunning) meanwhile.add(metrics.meterbook_rebuild_differences)
        return !isRunning
      })
      return meanwhile
    }
    expect([...(await rebuilt())].filter((differences) => differences !== 0)).toEqual([])
    const { meterbook_rebuild_differences: found = 0 } = await read(url)
    expect(found).toBeGreaterThanOrEqual(changed)
    expect([...(await rebuilt())].filter((differences) => differences !== found)).toEqual([])
    expect((await read(url)).meterbook_rebuild_differences).toBe(0)
  })

  it('are where METRICS_HOST says, and there under any name if it is not this machine alone that reaches them', async () => {
    const { service, url } = await start({ HOST: '127.0.0.1', METRICS_HOST: '0.0.0.0' })
    expect(service.log).toContain('"host":"0.0.0.0"')
    expect(service.url).toContain('127.0.0.1')
    // By the loopback address a page of a browser on this machine comes too.
    expect((await askedAs(url, 'meterbook:9464')).status).toBe(421)
    const others = Object.values(networkInterfaces()).flatMap((addresses = []) =>
      addresses.filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address),
    )
    for (const address of others) {
      const reached = await askedAs(url.replace('127.0.0.1', address), 'meterbook:9464')
      expect([address, reached.status]).toEqual([address, 200])
    }
  })

  it('are at the name that METRICS_HOST is, and at no other one', async () => {
    // Every system knows it, and it is not written as an address is.
    const name = '127.1'
    const { url } = await start({ METRICS_HOST: name })
    expect((await askedAs(url, name)).status).toBe(200)
    expect((await askedAs(url, '127.2')).status).toBe(421)
  })

  it('whose port is taken stop the start with what to do', async () => {
    const port = await taken('127.0.0.2')
    const settings = { DATA_DIR: folder, PORT: '0', METRICS_HOST: '127.0.0.2', METRICS_PORT: String(port) }
    const { code, stderr } = await runServiceProcess(settings)
    expect([code, stderr]).toEqual([
      1,
      `Meterbook could not start: Another program listens on 127.0.0.2 at port ${port}. Stop it, or set METRICS_PORT to another one.\n`,
    ])
  })

  it.each([
    ['METRICS_HOST', { HOST: '127.0.0.1', METRICS_HOST: '999.1.1.1' }],
    ['HOST', { HOST: '999.1.1.1' }],
  ])('that cannot be at their host name the setting: %s', async (setting, hosts) => {
    const { code, stderr } = await runServiceProcess({ DATA_DIR: folder, PORT: '0', METRICS_PORT: '0', ...hosts })
    expect([code, stderr]).toEqual([2, expect.stringMatching(`^${setting} must be .*, not "999\\.1\\.1\\.1"\\.\n$`)])
  })
})
