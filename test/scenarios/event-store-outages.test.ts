/** What callers and the operator see while EventStoreDB is away, led by another node, or another one than before. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { DAY_MS } from '../../src/domain/time-bucket.js'
import { DEFAULT_LIMITS } from '../../src/event-store/eventstoredb-limits.js'
import type { Answer } from '../api-client.js'
import { EventStoreDbServer } from '../eventstoredb-server/eventstoredb-server.js'
import { createMeter, CUSTOMER, report, total, type Meter } from '../metered-usage.js'
import { startServiceProcess, type ServiceProcess } from '../service-process.js'

/** A caller is told after 10 s; beyond this it was kept waiting for longer. */
const TOLD_WITHIN_MS = 20_000
/** An answer for which nobody asked the store: one try to ask it takes as long as this. */
const AT_ONCE_MS = DEFAULT_LIMITS.appendTryMs
const GIVE_UP_MS = 60_000
/** More than there are snapshots. */
const ASKED_AT_ONCE = 12

let server: EventStoreDbServer
let others: EventStoreDbServer[]
let folder: string
let service: ServiceProcess
let meter: Meter
const aroundNow = { start: 0, end: 0 }

async function begin(): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS
  Object.assign(aroundNow, { start: today - DAY_MS, end: today + 2 * DAY_MS })
  server = await EventStoreDbServer.start()
  others = []
  service = await startServiceProcess({ EVENT_STORE_URL: server.url, DATA_DIR: folder, LOG_LEVEL: 'warn' })
  meter = await createMeter(service.stripe)
  // Every partition is in use.
  await Promise.all(
    Array.from({ length: 40 }, (_, n) => report(service.stripe, meter, 1, { identifier: `before-${n}` })),
  )
}

async function end(): Promise<void> {
  await service.kill()
  for (const each of [server, ...others]) await each.stop()
  rmSync(folder, { recursive: true })
}

const send = (identifier: string): Promise<Answer> =>
  service.api.post('/v1/billing/meter_events', {
    event_name: meter.event_name,
    identifier,
    'payload[stripe_customer_id]': 'cus_A',
    'payload[value]': '1',
  })
const create = (name: string): Promise<Answer> => {
  const form = { display_name: name, event_name: name, 'default_aggregation[formula]': 'sum' }
  return service.api.post('/v1/billing/meters', form, name)
}
/** An event that is refused, and counts when it is retried: it comes before its meter is active again. Answers its id. */
async function reject(): Promise<string> {
  const { authentication_token } = await service.stripe.v2.billing.meterEventSession.create()
  const { event_name } = meter
  const event = { event_name, payload: { stripe_customer_id: CUSTOMER, value: '1' } }
  await service.stripe.billing.meters.deactivate(meter.id)
  const sent = await service.api.postJson(
    '/v2/billing/meter_event_stream',
    { events: [event] },
    { token: authentication_token },
  )
  expect(sent.status).toBe(200)
  await service.stripe.billing.meters.reactivate(meter.id)
  const { body } = await service.api.get('/meterbook/v1/rejections', { event_name })
  return String(body.data?.[0]?.id)
}
const retry = (id: string): Promise<Answer> => service.api.post(`/meterbook/v1/rejections/${id}/retry`, {})
const eventNames = async (): Promise<string[]> =>
  (await service.stripe.billing.meters.list()).data.map(({ event_name }) => event_name)
const ready = async (): Promise<{ status: number; body: Record<string, unknown> }> => {
  const response = await fetch(`${service.url}/readyz`)
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}
async function timed<Result>(work: Promise<Result>): Promise<{ result: Result; ms: number }> {
  const since = performance.now()
  const result = await work
  return { result, ms: performance.now() - since }
}
async function until(holds: () => Promise<boolean> | boolean, what: string): Promise<void> {
  const giveUp = performance.now() + GIVE_UP_MS
  while (!(await holds())) {
    if (performance.now() > giveUp) throw new Error(`Waited in vain until ${what}`)
    await delay(100)
  }
}
/** Another node, with all that the first one has: from here on they may differ. */
async function anotherNode(): Promise<EventStoreDbServer> {
  const node = await EventStoreDbServer.start()
  others.push(node)
  for (const event of server.log.events) node.log.append(event.stream, 'any', [event])
  return node
}
/** The server answers again. */
function endFaults(): void {
  while (server.faults.takeAppendFault() !== undefined);
  while (server.faults.takeReadFault('stream') !== undefined);
}

describe('A service whose EventStoreDB for a while', () => {
  beforeAll(begin)
  afterAll(end)
  beforeEach(async () => {
    meter = await createMeter(service.stripe)
    await report(service.stripe, meter, 1)
  })
  afterEach(endFaults)

  it('refuses connections is told of after 10 s, then at once, and is used again by itself', async () => {
    await server.stop()
    const kept = await Promise.all([...['a', 'b', 'c'].map(send), create('made_meanwhile')].map(timed))
    for (const { result, ms } of kept) {
      expect(result.status).toBe(503)
      expect(ms).toBeLessThan(TOLD_WITHIN_MS)
    }
    // Also in partitions where nothing is under way.
    const refused = await Promise.all(Array.from({ length: 40 }, (_, n) => timed(send(`later-${n}`))))
    for (const { result, ms } of refused) {
      expect(result.status).toBe(503)
      expect(ms).toBeLessThan(AT_ONCE_MS)
    }
    await server.start()
    for (const identifier of ['a', 'b', 'c', 'later-0']) {
      await until(async () => [200, 400].includes((await send(identifier)).status), `${identifier} is counted`)
    }
    expect(await total(service.stripe, meter, aroundNow)).toBe('5')
  })

  it('is away when an audit begins is waited for', async () => {
    await server.stop()
    const { body } = await service.api.post('/meterbook/v1/audits', {})
    const audit = `/meterbook/v1/audits/${String(body.id)}`
    await until(() => service.log.includes('cannot be used yet, asking again'), 'the audit waits')
    expect((await service.api.get(audit)).body).toMatchObject({ status: 'running' })
    await server.start()
    await until(async () => (await service.api.get(audit)).body.status !== 'running', 'the audit is over')
    expect((await service.api.get(audit)).body).toMatchObject({ status: 'completed', verdict: 'agrees', failure: null })
  })

  it('answers no appends is told of after 10 s, then at once, and counts what was in doubt once', async () => {
    const before = await eventNames()
    server.faults.onAppend('write-silently', 4)
    server.faults.onAppend('ignore', 1_000)
    const kept = await Promise.all([send('a'), create('in_doubt'), create('behind_it')].map(timed))
    for (const { result, ms } of kept) {
      expect(result.status).toBe(503)
      expect(ms).toBeLessThan(TOLD_WITHIN_MS)
    }
    for (const { result, ms } of await Promise.all([send('a'), send('b'), create('later')].map(timed))) {
      expect(result.status).toBe(503)
      expect(ms).toBeLessThan(AT_ONCE_MS)
    }
    endFaults()
    await until(async () => (await send('a')).body.error?.message.startsWith('An event already exists') === true, 'a')
    let created: Answer | null = null
    await until(async () => (created = await create('in_doubt')).status === 200, 'the meter is there')
    expect(created).toMatchObject({ headers: { 'idempotent-replayed': 'true' } })
    expect(await total(service.stripe, meter, aroundNow)).toBe('2')
    expect(await eventNames()).toEqual(['in_doubt', ...before])
  })

  it('answers no reads keeps only those waiting who ask what was', async () => {
    const path = `/v1/billing/meters/${meter.id}/event_summaries`
    const query = {
      customer: CUSTOMER,
      start_time: String(aroundNow.start / 1000),
      end_time: String(aroundNow.end / 1000),
    }
    const known = await service.api.get(path, query)
    const as_of_position = known.headers['meterbook-position'] as string
    server.faults.onRead('stream', 'ignore', 1_000)
    const before = server.openReads().length
    const answered: string[] = []
    const past = Array.from({ length: ASKED_AT_ONCE }, async () => {
      const answer = await service.api.get(path, { ...query, as_of_position })
      answered.push('what was')
      return answer.status
    })
    await until(() => server.openReads().length >= before + ASKED_AT_ONCE, 'all of them are under way')
    expect((await service.api.get(path, query)).status).toBe(200)
    expect((await service.api.get('/v1/billing/meters')).status).toBe(200)
    expect(answered).toEqual([])
    expect(new Set(await Promise.all(past))).toEqual(new Set([503]))
  })

  it('denies appends is not ready and refuses what it may be sent again, and neither if it is for a moment', async () => {
    server.faults.onAppend('access-denied', 2)
    expect((await send('a')).status).toBe(200)
    server.faults.onAppend('access-denied', 2)
    expect((await create('in_a_moment')).status).toBe(200)
    expect(await ready()).toMatchObject({ status: 200 })

    const rejected = await reject()
    server.faults.onAppend('access-denied', 1_000)
    for (const answer of await Promise.all([send('b'), create('once_allowed'), retry(rejected)])) {
      expect(answer).toMatchObject({ status: 503, headers: { 'stripe-should-retry': 'true' } })
    }
    const reason = expect.stringContaining('needs the right to write the streams of Meterbook')
    expect(await ready()).toMatchObject({ status: 503, body: { event_store: 'reachable', reason } })

    endFaults()
    for (const answer of await Promise.all([send('b'), create('once_allowed'), retry(rejected)])) {
      expect(answer.status).toBe(200)
    }
    expect(await ready()).toMatchObject({ status: 200 })
    expect(await total(service.stripe, meter, aroundNow)).toBe('4')
  })
})

describe('A service whose EventStoreDB', () => {
  beforeEach(begin)
  afterEach(end)

  it('is led by another node while the old one stands still is projected from the new one', async () => {
    const leader = await anotherNode()
    server.faults.leaderElsewhere = leader.endpoint
    await report(service.stripe, meter, 2)
    expect(await total(service.stripe, meter, aroundNow)).toBe('42')
    expect(server.log.events.length).toBeLessThan(leader.log.events.length)
    expect(await ready()).toMatchObject({ status: 200 })
  })

  it('has a node that believes that it leads, and stands still, does not call itself ready for long', async () => {
    const leader = await anotherNode()
    server.faults.onAppend({ notLeader: leader.endpoint }, 1_000)
    await report(service.stripe, meter, 2)
    await until(async () => (await ready()).status === 503, 'it is not ready')
    expect((await ready()).body).toMatchObject({ event_store: 'reachable', projections: 'catching up' })
    const subscriptions = server.calls.filter(({ target }) => target === '$all subscription')
    // Beside the one of the check at the start and the one that stood still.
    expect(subscriptions.length).toBeGreaterThan(2)
    server.faults.leaderElsewhere = leader.endpoint
    await until(async () => (await ready()).status === 200, 'it is ready again')
    expect(await total(service.stripe, meter, aroundNow)).toBe('42')
  })

  it('was emptied meanwhile says so instead of calling it a race, and is not ready', async () => {
    const { port } = server
    await server.stop()
    server = await EventStoreDbServer.start({ port })
    await until(async () => (await ready()).status === 200, 'it is reached again')
    let answer: Answer | null = null
    await until(async () => (answer = await create('on_another')).status !== 503, 'it is noticed')
    expect(answer).toMatchObject({ status: 500 })
    await service.printed('the event store is not the one the read model was built from')
    expect(server.log.events).toEqual([])
    expect(await ready()).toMatchObject({ status: 503, body: { projections: 'stopped' } })
    expect((await send('more')).body.error?.message).toContain('The projections stopped')
  })
})
