/** Keys that report large events which are refused, and ask for them again and again: the process lives, in little memory. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RETRIES_MAX } from '../../src/commands/retry-rejections.js'
import { READ_MODEL_FILE } from '../../src/read-model/open-read-model.js'
import { uniqueName } from '../controls.js'
import { createMeter, CUSTOMER } from '../metered-usage.js'
import { startServiceProcess, type ServiceProcess } from '../service-process.js'

/** Little; without bounds each of these is enough to fill it. */
const HEAP_MIB = 176
const REJECTIONS = '/meterbook/v1/rejections'
/** A character that takes two bytes in memory, beside which all others do, too. */
const WIDE = '記'
const EVENTS_OF_A_CALL = 15
const payload = { stripe_customer_id: CUSTOMER, value: '1' }

/** Has more large rejections than any question looks at. */
const refusedName = uniqueName('none_')

let dataDir: string
let service: ServiceProcess
async function start(): Promise<void> {
  service = await startServiceProcess({ DATA_DIR: dataDir, NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB}` })
}
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'meterbook-'))
  await start()
})
afterAll(async () => {
  await service.kill()
  rmSync(dataDir, { recursive: true })
})

async function token(): Promise<string> {
  return (await service.stripe.v2.billing.meterEventSession.create()).authentication_token
}

async function stream(events: readonly object[], session: string): Promise<void> {
  expect(await service.api.postJson('/v2/billing/meter_event_stream', { events }, { token: session })).toMatchObject({
    status: 200,
  })
}

it('tries the largest rejections again, as many as one call may, and all calls at once', async () => {
  const event_name = refusedName
  const session = await token()
  // Whoever reads the log sees the large ones behind many small ones.
  const small = { event_name: uniqueName('none_'), payload }
  for (let call = 0; call < 10; call++) await stream(Array<object>(100).fill(small), session)
  const event = { event_name, payload: { ...payload, note: WIDE + 'x'.repeat(63 * 1024) } }
  for (let sent = 0; sent < RETRIES_MAX; sent += EVENTS_OF_A_CALL) {
    await stream(Array<object>(EVENTS_OF_A_CALL).fill(event), session)
  }
  const retry = () => service.api.postJson(`${REJECTIONS}/retry`, { event_name, limit: RETRIES_MAX })
  for (const { body } of await Promise.all(Array.from({ length: 3 }, retry))) {
    expect(body).toMatchObject({ retried: RETRIES_MAX, still_rejected: RETRIES_MAX })
  }
}, 120_000)

it('lists as many of them as one call may, and all calls at once', async () => {
  const list = () => service.api.get(REJECTIONS, { limit: '100' })
  for (const { body } of await Promise.all(Array.from({ length: 30 }, list))) expect(body.data).toHaveLength(100)
}, 120_000)

it('explains usage beside all of them', async () => {
  const meter = await createMeter(service.stripe, 'sum', { event_name: refusedName })
  const now = Math.floor(Date.now() / 60_000) * 60
  const asked = { customer: CUSTOMER, start_time: String(now - 3_600), end_time: String(now + 3_600) }
  const explain = () => service.api.get(`/meterbook/v1/meters/${meter.id}/explain`, asked)
  for (const { body } of await Promise.all(Array.from({ length: 3 }, explain))) {
    expect(body).toMatchObject({ rejections: { data: Array<object>(10).fill({}), has_more: true } })
  }
}, 120_000)

it('keeps no bodies of requests that were refused under idempotency keys', async () => {
  const { event_name } = await createMeter(service.stripe)
  const event = { event_name, payload: { ...payload, note: 'x'.repeat(1_000_000) } }
  for (let n = 0; n < 160; n++) {
    const refused = await service.api.postJson('/v2/billing/meter_events', event, { idempotencyKey: `refused-${n}` })
    expect(refused).toMatchObject({ status: 400 })
  }
}, 120_000)

it('keeps only so much of what was answered under idempotency keys', async () => {
  const event_name = uniqueName('later_')
  const notes = Array.from({ length: 45 }, (_, n) => [`note ${n}`, WIDE + 'x'.repeat(499)])
  await stream([{ event_name, payload: { ...payload, ...Object.fromEntries(notes) } }], await token())
  await createMeter(service.stripe, 'sum', { event_name })
  const [rejection] = (await service.api.get(REJECTIONS, { event_name })).body.data!
  for (let n = 0; n < 3_500; n++) {
    const path = `${REJECTIONS}/${rejection!.id as string}/retry`
    expect(await service.api.postJson(path, {}, { idempotencyKey: `retry-${n}` })).toMatchObject({ status: 200 })
  }
}, 120_000)

it('folds all of it again', async () => {
  await service.stop()
  for (const file of readdirSync(dataDir)) if (file.startsWith(READ_MODEL_FILE)) rmSync(join(dataDir, file))
  await start()
  while ((await fetch(`${service.url}/readyz`)).status !== 200);
  expect((await service.api.get(REJECTIONS, { limit: '1' })).body.data).toHaveLength(1)
}, 120_000)
