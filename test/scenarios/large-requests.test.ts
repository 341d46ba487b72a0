/** Large requests, many at once: so many are taken, and the others are told to come again; nothing of these is recorded. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BODIES_BYTES_MAX, BODY_BYTES_MAX, LEDGER_BODIES_BYTES_MAX } from '../../src/api/bodies-in-hand.js'
import { PAYLOAD_KEYS_MAX, PAYLOAD_VALUE_LENGTH_MAX } from '../../src/domain/meter-event.js'
import { ApiClient } from '../api-client.js'
import { createMeter, CUSTOMER, report, total, type Meter } from '../metered-usage.js'
import { rawRequest } from '../raw-http.js'
import { FixedClock, startRunningService, stores, TEST_KEY, type RunningService } from '../running-service.js'
import { startServiceProcess, type ServiceProcess } from '../service-process.js'

const IMPORTS = '/meterbook/v1/usage_imports'

describe('A process with little memory', () => {
  const HEAP_MIB = 256
  const CALLS = 500
  const EVENTS_PER_CALL = 40
  const largest = Object.fromEntries(
    Array.from({ length: PAYLOAD_KEYS_MAX - 2 }, (_, key) => [`key ${key}`, 'x'.repeat(PAYLOAD_VALUE_LENGTH_MAX)]),
  )
  let dataDir: string
  let service: ServiceProcess
  let meter: Meter
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'meterbook-'))
    service = await startServiceProcess({ DATA_DIR: dataDir, NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB}` })
    meter = await createMeter(service.stripe)
  })
  afterAll(async () => {
    await service.kill()
    rmSync(dataDir, { recursive: true })
  })

  it.each(['imports', 'the stream'])(`lives through ${CALLS} calls of %s at once`, async (way) => {
    const { authentication_token: token } = await service.stripe.v2.billing.meterEventSession.create()
    const name = way.replaceAll(' ', '-')
    const call = async (number: number) => {
      const events = Array.from({ length: EVENTS_PER_CALL }, (_, event) => ({
        event_name: meter.event_name,
        identifier: `${name}-${number}-${event}`,
        payload: { ...largest, stripe_customer_id: name, value: '1' },
      }))
      // Each on a connection of its own.
      const [path, key] = way === 'imports' ? [IMPORTS, TEST_KEY] : ['/v2/billing/meter_event_stream', token]
      const client = new ApiClient(service.port, key)
      const { status, headers, body } = await client.postJson(path, { events })
      client.close()
      if (status === 429) {
        expect(headers).toMatchObject({ 'retry-after': '1', 'stripe-should-retry': 'true' })
        expect(body).toMatchObject({ error: { code: 'rate_limit' } })
      }
      return status
    }
    const calls = Promise.all(Array.from({ length: CALLS }, (_, number) => call(number)))
    let isOver = false
    void calls.finally(() => (isOver = true))
    while (!isOver) {
      const payload = { stripe_customer_id: CUSTOMER, value: '1' }
      await service.stripe.billing.meterEvents.create({ event_name: meter.event_name, payload })
    }
    const statuses = await calls
    const taken = statuses.filter((status) => status === 200)
    expect(taken.length).toBeGreaterThanOrEqual(Math.floor(LEDGER_BODIES_BYTES_MAX / BODY_BYTES_MAX))
    expect(statuses.filter((status) => status === 429)).toHaveLength(CALLS - taken.length)
    expect(await records(name)).toBe(taken.length * EVENTS_PER_CALL)
  })

  async function records(customer: string): Promise<number> {
    let count = 0
    for (let after = '', more = true; more;) {
      const { body } = await service.api.get(`/meterbook/v1/meter_events?customer=${customer}&limit=100${after}`)
      count += body.data?.length ?? 0
      after = `&starting_after=${encodeURIComponent(String(body.data?.at(-1)?.id))}`
      more = body.has_more ?? false
    }
    return count
  }
})

describe('Large requests under way', () => {
  let service: RunningService
  let meter: Meter
  beforeAll(async () => {
    service = await startRunningService(stores[0], new FixedClock())
    meter = await createMeter(service.stripe)
  })
  afterAll(() => service.close())

  /** As large as it may be, and not sent to its end. */
  async function begin(key: string): Promise<Socket> {
    const socket = connect(service.port, '127.0.0.1')
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    const head = [`Authorization: Bearer ${key}`, 'Content-Type: application/json']
    const request = rawRequest('POST', IMPORTS, head, `{"events":[${' '.repeat(BODY_BYTES_MAX - 13)}]}`)
    socket.write(request.slice(0, 1000))
    return socket
  }
  async function large(key: string): Promise<number> {
    const client = new ApiClient(service.port, key)
    const { status } = await client.postJson(IMPORTS, { events: [], ignored: 'x'.repeat(BODY_BYTES_MAX / 2) })
    client.close()
    return status
  }

  it('are so many of a ledger, and take nothing from short ones and from those of others', async () => {
    const others = await Promise.all(
      Array.from({ length: BODIES_BYTES_MAX / LEDGER_BODIES_BYTES_MAX }, (_, n) =>
        service.newKey({ account: `other_${n}` }),
      ),
    )
    const [other = '', ...more] = others
    const perLedger = LEDGER_BODIES_BYTES_MAX / BODY_BYTES_MAX
    const beginAll = (key: string) => Promise.all(Array.from({ length: perLedger }, () => begin(key)))
    const mine = await beginAll(TEST_KEY)
    while ((await large(TEST_KEY)) !== 429);
    // Looked at, and refused for what it says.
    expect(await large(other)).toBe(400)
    await report(service.stripe, meter, 1)
    expect(await total(service.stripe, meter)).toBe('1')

    // All ledgers together have a bound too.
    const theirs = (await Promise.all(more.map(beginAll))).flat()
    while ((await large(other)) !== 429);

    for (const socket of [...mine, ...theirs]) socket.destroy()
    while ((await large(TEST_KEY)) === 429);
    expect(await large(other)).toBe(400)
  })

  it('count as long as they may be where they do not say how long they are, but not for ever', async () => {
    const perLedger = LEDGER_BODIES_BYTES_MAX / BODY_BYTES_MAX
    for (let round = 0; round < 2 * perLedger; round++) {
      const response = await fetch(`${service.url}${IMPORTS}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${TEST_KEY}`, 'content-type': 'application/json' },
        body: new Blob([JSON.stringify({ events: [] })]).stream(),
        duplex: 'half',
      })
      expect(response.status).toBe(400)
    }
  })
})
