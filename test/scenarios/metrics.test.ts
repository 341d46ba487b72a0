/** What an operator watches: the numbers are what happened, they name nobody, and there are only so many. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Stripe from 'stripe'
import { EventStoreDbServer } from '../eventstoredb-server/eventstoredb-server.js'
import { cancel, createMeter, report } from '../metered-usage.js'
import { LiveStream } from '../live-stream.js'
import { TEST_KEY } from '../running-service.js'
import { runServiceProcess, startServiceProcess, type ServiceProcess } from '../service-process.js'

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
    expect(await service.stop()).toBe(0)
    rmSync(folder, { recursive: true })
  })

  it('count what happened', async () => {
    const before = await read(url)
    expect(before).toMatchObject({ meterbook_ready: 1, meterbook_projected_usage_events: 0 })
    expect(Object.keys(before).join()).not.toContain('meterbook_audit_last')
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
    const audit = (await stripe.rawRequest('POST', '/meterbook/v1/audits', {})) as unknown as { id: string }
    for (let status = 'running'; status === 'running';) {
      ;({ status } = await stripe.rawRequest('GET', `/meterbook/v1/audits/${audit.id}`))
    }
    let now = await read(url)
    while (now.meterbook_projection_behind_seconds !== 0) now = await read(url)
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
})

it('Metrics say that the event store is gone, and that it is back', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  const server = await EventStoreDbServer.start()
  const service = await startServiceProcess({
    EVENT_STORE_URL: server.url,
    DATA_DIR: folder,
    METRICS_PORT: '0',
    BOOTSTRAP_API_KEY: TEST_KEY,
  })
  const url = await metricsOf(service)
  const standing = async () => {
    const { meterbook_ready, meterbook_event_store_reachable } = await read(url)
    return [meterbook_ready, meterbook_event_store_reachable]
  }
  expect(await standing()).toEqual([1, 1])
  await server.stop()
  while ((await standing())[1] !== 0);
  expect((await standing())[0]).toBe(0)
  await server.start()
  while ((await standing()).join() !== '1,1');
  await service.kill()
  await server.stop()
  rmSync(folder, { recursive: true })
})

it('Metrics whose port is taken stop the start with what to do', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const { code, stderr } = await runServiceProcess({ DATA_DIR: folder, PORT: '0', METRICS_PORT: String(port) })
  taken.close()
  rmSync(folder, { recursive: true })
  expect([code, stderr]).toEqual([
    1,
    `Meterbook could not start: Another program listens on 127.0.0.1 at port ${port}. Stop it, or set METRICS_PORT to another one.\n`,
  ])
})
