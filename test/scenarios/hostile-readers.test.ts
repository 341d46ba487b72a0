/** Clients that ask for much and read nothing, however many: the process lives, in little memory, and serves the others. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { UNANSWERED_REQUESTS_MAX } from '../../src/api/pipelined-requests.js'
import { PAYLOAD_KEYS_MAX, PAYLOAD_VALUE_LENGTH_MAX } from '../../src/domain/meter-event.js'
import { DAY_MS } from '../../src/domain/time-bucket.js'
import { createMeter, CUSTOMER, type Meter } from '../metered-usage.js'
import { rawRequest } from '../raw-http.js'
import { seconds, TEST_KEY } from '../running-service.js'
import { startServiceProcess, type ServiceProcess } from '../service-process.js'

/** Little; without bounds three of these clients are enough to fill it. */
const HEAP_MIB = 256
const LARGE_EVENTS = 100
const EVENTS_PER_IMPORT = 25
const CLIENTS = 60
const largest = Object.fromEntries(
  Array.from({ length: PAYLOAD_KEYS_MAX - 2 }, (_, key) => [`key ${key}`, 'x'.repeat(PAYLOAD_VALUE_LENGTH_MAX)]),
)
const today = Math.floor(Date.now() / DAY_MS) * DAY_MS

let dataDir: string
let service: ServiceProcess
let meter: Meter
const clients: Socket[] = []
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'meterbook-'))
  service = await startServiceProcess({ DATA_DIR: dataDir, NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB}` })
  meter = await createMeter(service.stripe)
  for (let first = 0; first < LARGE_EVENTS; first += EVENTS_PER_IMPORT) {
    const events = Array.from({ length: EVENTS_PER_IMPORT }, (_, index) => ({
      event_name: meter.event_name,
      identifier: `large-${first + index}`,
      payload: { ...largest, stripe_customer_id: 'cus_large', value: '1' },
    }))
    expect((await service.api.postJson('/meterbook/v1/usage_imports', { events })).status).toBe(200)
  }
})
afterAll(async () => {
  for (const client of clients) client.destroy()
  await service.kill()
  rmSync(dataDir, { recursive: true })
})

async function report(): Promise<void> {
  const { billing } = service.stripe
  const payload = { stripe_customer_id: CUSTOMER, value: '1' }
  await billing.meterEvents.create({ event_name: meter.event_name, payload })
}

async function total(): Promise<number> {
  const { data } = await service.stripe.billing.meters.listEventSummaries(meter.id, {
    customer: CUSTOMER,
    start_time: seconds(today),
    end_time: seconds(today + 2 * DAY_MS),
  })
  return data[0]?.aggregated_value ?? 0
}

it.each(['/meterbook/v1/meter_events?limit=100', '/docs-json'])(
  'live through 60 clients that ask for %s',
  async (path) => {
    const requests = rawRequest('GET', path, [`Authorization: Bearer ${TEST_KEY}`]).repeat(UNANSWERED_REQUESTS_MAX - 1)
    const before = await total()
    for (let client = 1; client <= CLIENTS; client++) {
      const socket = connect(service.port, '127.0.0.1').pause()
      // Cut off: that is their due.
      socket.on('error', () => undefined)
      await once(socket, 'connect')
      socket.write(requests)
      clients.push(socket)
      await report()
      expect(await total()).toBe(before + client)
    }
  },
)
