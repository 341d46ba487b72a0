/** The process is killed, started again, and its clients send again what they are not sure about. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type Stripe from 'stripe'
import { DAY_MS } from '../../src/domain/time-bucket.js'
import { uniqueName } from '../controls.js'
import { createMeter, report, total, type Interval, type Meter } from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import { onEachStore } from '../running-service.js'
import { startServiceProcess, type ServiceProcess } from '../service-process.js'

onEachStore('Crash and retry', (_, store) => {
  let dataDir: string
  let opened: Awaited<ReturnType<typeof store.open>>
  let service: ServiceProcess
  const start = async (): Promise<void> => {
    service = await startServiceProcess({ DATA_DIR: dataDir, EVENT_STORE_URL: opened.url, LOG_LEVEL: 'silent' })
  }
  // One service for all tests, which each leave it running.
  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'meterbook-'))
    opened = await store.open()
    await start()
  })
  afterAll(async () => {
    await service.end('SIGKILL')
    await opened.close()
    rmSync(dataDir, { recursive: true })
  })

  /** The days around now, by the clock on the wall. */
  const aroundNow = (): Interval => {
    const today = Math.floor(Date.now() / DAY_MS) * DAY_MS
    return { start: today - DAY_MS, end: today + 2 * DAY_MS }
  }
  const counted = (meter: Meter): Promise<string> => total(service.stripe, meter, aroundNow())

  it('gives the first answer again to keys that were used before the crash', async () => {
    const key = (name: string) => ({ idempotencyKey: `${name} before the crash` })
    const event_name = uniqueName('crash_')
    const create = () =>
      service.stripe.billing.meters.create(
        { event_name, display_name: 'Crash', default_aggregation: { formula: 'sum' } },
        key('create'),
      )
    const send = (value = '5') =>
      service.stripe.billing.meterEvents.create(
        { event_name, payload: { stripe_customer_id: 'cus_A', value } },
        key('report'),
      )
    const wrong = { event_name, identifier: 'wrong', payload: { stripe_customer_id: 'cus_A', value: '70' } }
    const cancelWrong = () =>
      service.stripe.v2.billing.meterEventAdjustments.create(
        { event_name, type: 'cancel', cancel: { identifier: 'wrong' } },
        key('cancel'),
      )
    const meter = await create()
    const event = await send()
    await service.stripe.v2.billing.meterEvents.create(wrong, key('wrong'))
    const cancelled = await cancelWrong()

    await service.end('SIGKILL')
    await start()

    for (const [answer, first] of [
      [await create(), meter],
      [await send(), event],
      [await cancelWrong(), cancelled],
    ]) {
      expect(answer).toEqual(first)
      expect(answer?.lastResponse.headers).toMatchObject({ 'idempotent-replayed': 'true' })
    }
    expect(await refusalOf(send('6'))).toMatchObject({ type: 'StripeIdempotencyError' })
    expect(await counted(meter)).toBe('5')
  })

  it('loses nothing that was answered, in the middle of a hundred requests', async () => {
    const meter = await createMeter(service.stripe)
    const answered: Stripe.Billing.MeterEvent[] = []
    const keys = Array.from({ length: 100 }, (_, index) => uniqueName(`request ${index} `))
    const send = (key: string) =>
      service.stripe.billing.meterEvents.create(
        { event_name: meter.event_name, payload: { stripe_customer_id: 'cus_A', value: '1' } },
        { idempotencyKey: key },
      )
    const killed = new Promise<void>((resolve) => {
      for (const key of keys) {
        send(key).then(
          (event) => {
            answered.push(event)
            if (answered.length === 20) void service.end('SIGKILL').then(() => resolve())
          },
          () => undefined,
        )
      }
    })
    await killed
    await start()

    const atLeast = Number(await counted(meter))
    expect(atLeast).toBeGreaterThanOrEqual(answered.length)
    // Whoever got no answer sends again, and so does whoever got one.
    const retried = await Promise.all(keys.map(send))
    expect(await counted(meter)).toBe('100')
    expect(new Set(retried.map(({ identifier }) => identifier)).size).toBe(100)
    const identifiers = retried.map(({ identifier }) => identifier)
    for (const { identifier } of answered) expect(identifiers).toContain(identifier)
  })

  it('goes on after several crashes with what there was', async () => {
    const meter = await createMeter(service.stripe)
    for (let crash = 1; crash <= 2; crash++) {
      await report(service.stripe, meter, 1, { identifier: `${crash}` })
      await service.end('SIGKILL')
      await start()
      expect(await counted(meter)).toBe(String(crash))
      expect(await refusalOf(report(service.stripe, meter, 1, { identifier: `${crash}` }))).toMatchObject({
        message: expect.stringContaining('already exists'),
      })
    }
  })
})
