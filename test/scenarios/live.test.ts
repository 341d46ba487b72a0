/** Whoever listens is told at once that something changed, of their own ledger only, and for as long as their key is good. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { MESSAGE_INTERVAL_MS } from '../../src/api/live-connection.js'
import { LIVE_CONNECTIONS_PER_KEY_MAX } from '../../src/api/live-connections.js'
import { HOUR_MS } from '../../src/domain/time-bucket.js'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bearer, LiveStream } from '../live-stream.js'
import { cancel, createMeter, report } from '../metered-usage.js'
import { exchange, rawRequest } from '../raw-http.js'
import { refusalOf } from '../refusal.js'
import { FixedClock, onEachStore, TEST_KEY, type RunningService } from '../running-service.js'
import { startServiceProcess } from '../service-process.js'

/** Far below the time after which open connections are cut off. */
const STOP_MS_MAX = 10_000

onEachStore('Live updates', (start) => {
  const clock = new FixedClock()
  let service: RunningService
  let streams: LiveStream[] = []
  beforeAll(async () => {
    service = await start(clock)
  })
  afterAll(() => service.close())
  afterEach(() => {
    for (const stream of streams) stream.close()
    streams = []
  })

  const open = async (headers: Readonly<Record<string, string>>): Promise<LiveStream> => {
    const stream = await LiveStream.open(service.url, headers)
    streams.push(stream)
    return stream
  }
  const listen = async (key = TEST_KEY): Promise<LiveStream> => {
    const stream = await open(bearer(key))
    expect(stream.status).toBe(200)
    return stream
  }

  it('begin with everything, then tell what changed, with the position to read it at', async () => {
    const stream = await listen()
    expect((await stream.next()).topics).toEqual(['meters', 'usage', 'rejections', 'projections'])
    const meter = await createMeter(service.stripe)
    expect((await stream.next()).topics.toSorted()).toEqual(['meters', 'projections'])
    const { lastResponse } = await report(service.stripe, meter, 1, { identifier: 'one' })
    const told = await stream.next()
    expect(told.topics.toSorted()).toEqual(['projections', 'usage'])
    expect(told.position).toBe(lastResponse.headers['meterbook-position'])
    await cancel(service.stripe, meter, 'one')
    expect((await stream.next()).topics).toContain('usage')
    expect(stream.response.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    })
  })

  it('tell of a rejection', async () => {
    const stream = await listen()
    await stream.next()
    const session = await service.stripe.v2.billing.meterEventSession.create()
    await service.client(session.authentication_token).v2.billing.meterEventStream.create({
      events: [{ event_name: 'nobody_has_this', payload: { stripe_customer_id: 'cus_A', value: '1' } }],
    })
    await stream.untilChanged('rejections')
  })

  it('gather what comes close together, and lose nothing of it', async () => {
    const meter = await createMeter(service.stripe)
    const stream = await listen()
    await stream.next()
    const since = performance.now()
    // Together, so that they come close together on a machine that takes its time, too.
    const reports = 50
    await Promise.all(Array.from({ length: reports - 1 }, () => report(service.stripe, meter, 1)))
    const last = (await report(service.stripe, meter, 1)).lastResponse.headers['meterbook-position']
    let messages = 0
    while ((await stream.next()).position !== last) messages++
    expect(messages).toBeLessThan(reports / 2)
    expect(messages).toBeLessThanOrEqual((performance.now() - since) / MESSAGE_INTERVAL_MS + 1)
  })

  it('tell another ledger nothing', async () => {
    const other = await service.newKey({ account: 'other' })
    const stream = await listen(other)
    await stream.next()
    const meter = await createMeter(service.stripe)
    await report(service.stripe, meter, 1)
    const ours = await listen()
    await ours.next()
    await report(service.stripe, meter, 1)
    await ours.next()
    await createMeter(service.client(other))
    expect((await stream.next()).topics.toSorted()).toEqual(['meters', 'projections'])
  })

  it('end when the key is revoked', async () => {
    const revocable = await service.revocableClient()
    const stream = await listen(revocable.key)
    await stream.next()
    await revocable.revoke()
    await stream.ended()
    await (await listen()).next()
  })

  it('end when the dashboard session is over', async () => {
    const signIn = await fetch(`${service.url}/meterbook/v1/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' },
      body: JSON.stringify({ api_key: TEST_KEY }),
    })
    const [cookie = ''] = (signIn.headers.get('set-cookie') ?? '').split(';', 1)
    const stream = await open({ cookie })
    await stream.next()
    clock.advance(13 * HOUR_MS)
    await createMeter(service.stripe)
    await stream.ended()
    expect(stream.received).not.toContain('"meters","projections"')
    expect((await open({ cookie })).status).toBe(401)
  })

  it('need a key that may read', async () => {
    expect((await open(bearer(await service.newKey({ role: 'ingest' })))).status).toBe(403)
    expect((await open({})).status).toBe(401)
    await (await listen(await service.newKey({ role: 'read' }))).next()
  })

  it('take no parameters, and answer HEAD without listening', async () => {
    expect(await refusalOf(service.stripe.rawRequest('GET', '/meterbook/v1/live?topic=usage'))).toMatchObject({
      statusCode: 400,
      param: 'topic',
    })
    const authorization = `Authorization: Bearer ${TEST_KEY}`
    const head = await exchange(service.port, rawRequest('HEAD', '/meterbook/v1/live', [authorization]), {
      isHead: true,
    })
    expect(head.answers[0]?.status).toBe(200)
  })

  it('are refused beyond so many of one key, and taken again once one is closed', async () => {
    const key = await service.newKey({ role: 'read' })
    const all = await Promise.all(Array.from({ length: LIVE_CONNECTIONS_PER_KEY_MAX }, () => listen(key)))
    await Promise.all(all.map((stream) => stream.next()))
    const refused = await open(bearer(key))
    expect(refused.status).toBe(429)
    expect(refused.response.headers['retry-after']).toBe('1')
    await (await listen()).next()
    all[0]?.close()
    for (let status = 429; status !== 200;) status = (await open(bearer(key))).status
  })

  it('end when the service stops, and do not hold it up', async () => {
    const stream = await listen()
    await stream.next()
    const since = performance.now()
    await service.restart()
    expect(performance.now() - since).toBeLessThan(STOP_MS_MAX)
    await stream.ended()
    await (await listen()).next()
  })
})

describe('A process that is told to stop', () => {
  it('ends its live connections and then itself', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
    const running = await startServiceProcess({ DATA_DIR: folder, LOG_LEVEL: 'warn' })
    const stream = await LiveStream.open(running.url, bearer(TEST_KEY))
    await stream.next()
    const since = performance.now()
    expect(await running.stop()).toBe(0)
    expect(performance.now() - since).toBeLessThan(STOP_MS_MAX)
    await stream.ended()
    rmSync(folder, { recursive: true })
  })
})
