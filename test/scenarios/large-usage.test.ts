/** Usage of large events on very many meters: what asks about all of it is answered in little memory. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PAYLOAD_KEYS_MAX, PAYLOAD_VALUE_LENGTH_MAX } from '../../src/domain/meter-event.js'
import { uniqueName } from '../controls.js'
import { createMeter, CUSTOMER } from '../metered-usage.js'
import { startServiceProcess, type ServiceProcess } from '../service-process.js'

/** Little: the newest records of all meters are more, and so are those of one customer. */
const HEAP_MIB = 192
const METERS = 150
const RECORDS_PER_METER = 16
/** At once. */
const CALLS = 12
/** A character that takes two bytes in memory, beside which all others do, too. */
const WIDE = '記'
const largest = Object.fromEntries(
  Array.from({ length: PAYLOAD_KEYS_MAX - 2 }, (_, key) => [`key ${key}`, WIDE.padEnd(PAYLOAD_VALUE_LENGTH_MAX, 'x')]),
)

let dataDir: string
let service: ServiceProcess
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'meterbook-'))
  service = await startServiceProcess({ DATA_DIR: dataDir, NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB}` })
  for (let n = 0; n < METERS; n++) {
    const { id: meter, event_name } = await createMeter(service.stripe)
    const events = Array.from({ length: RECORDS_PER_METER }, () => ({
      event_name,
      identifier: uniqueName('large-'),
      payload: { ...largest, stripe_customer_id: CUSTOMER, value: '1' },
    }))
    expect((await service.api.postJson('/meterbook/v1/usage_imports', { events })).status).toBe(200)
    // Until they are in the rows they are in memory: it is not about that, and few wait there at a time.
    const { body } = await service.api.get('/meterbook/v1/meter_events', { meter, limit: '1' })
    expect(body.data).toHaveLength(1)
  }
}, 120_000)
afterAll(async () => {
  await service.kill()
  rmSync(dataDir, { recursive: true })
})

it.each<Readonly<Record<string, string>>>([
  { limit: '1' },
  { limit: '100' },
  { limit: '100', customer: CUSTOMER },
  { limit: '1', status: 'cancelled' },
])('lists usage records by %j', async (filter) => {
  const list = () => service.api.get('/meterbook/v1/meter_events', filter)
  for (const { body } of await Promise.all(Array.from({ length: CALLS }, list))) {
    expect(body.data).toHaveLength(filter.status === undefined ? Number(filter.limit) : 0)
  }
})
