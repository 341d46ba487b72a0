/** Limits per API key: what is over them is refused whole, and counts once when it is sent again. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import Stripe from 'stripe'
import { IMPORT_CALL_EVENTS_MAX } from '../../src/commands/import-usage.js'
import { createMeter, CUSTOMER, report, total, type Meter } from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import { FixedClock, FixedStopwatch, onEachStore, TEST_KEY, type RunningService } from '../running-service.js'

const EVENTS_PER_SECOND = 20
const REQUESTS_PER_SECOND = 5
const LIMITS = {
  RATE_LIMIT_EVENTS_PER_SECOND: String(EVENTS_PER_SECOND),
  RATE_LIMIT_REQUESTS_PER_SECOND: String(REQUESTS_PER_SECOND),
}
/** The client waits 0.5 s before its first retry, twice as long before each further one, at most 5 s. */
const RETRIES = 20

function batch({ event_name }: Meter, length: number) {
  return Array.from({ length }, () => ({ event_name, payload: { stripe_customer_id: CUSTOMER, value: '1' } }))
}

onEachStore('A client over its rate limit', (start) => {
  describe('that tries again', () => {
    let service: RunningService
    let meter: Meter
    let patient: Stripe
    /** One second's worth is taken at once, and the rest no faster than the limit: so long does it take at least. */
    const heldUp = async (events: number, last: number, sent: () => Promise<unknown>): Promise<void> => {
      const since = performance.now()
      await sent()
      expect(performance.now() - since).toBeGreaterThan(((events - last) / EVENTS_PER_SECOND - 1) * 1000)
    }
    beforeAll(async () => {
      service = await start(new FixedClock(), { settings: LIMITS })
      patient = service.client(TEST_KEY, RETRIES)
      meter = await createMeter(patient)
    })
    afterAll(() => service.close())

    it('has each of its meter events counted once in the end', async () => {
      const events = 2 * EVENTS_PER_SECOND
      await heldUp(events, 1, () => Promise.all(Array.from({ length: events }, () => report(patient, meter, 1))))
      expect(await total(patient, meter)).toBe(String(events))
    })

    it('has each of its batches counted once in the end', async () => {
      const before = Number(await total(patient, meter))
      const { authentication_token } = await patient.v2.billing.meterEventSession.create()
      const streaming = service.client(authentication_token, RETRIES)
      await heldUp(60, 30, () =>
        Promise.all(
          Array.from({ length: 2 }, () => streaming.v2.billing.meterEventStream.create({ events: batch(meter, 30) })),
        ),
      )
      expect(await total(patient, meter)).toBe(String(before + 60))
    })
  })

  describe('that does not', () => {
    let service: RunningService
    let stopwatch: FixedStopwatch
    let stripe: Stripe
    let meter: Meter
    beforeAll(async () => {
      stopwatch = new FixedStopwatch()
      service = await start(new FixedClock(), { settings: LIMITS, stopwatch })
      stripe = service.stripe
      meter = await createMeter(stripe)
    })
    afterAll(() => service.close())

    const rested = (): void => stopwatch.advance(60_000)
    const send = async (client: Stripe, events: number): Promise<unknown> => {
      const { authentication_token } = await client.v2.billing.meterEventSession.create()
      return service.client(authentication_token).v2.billing.meterEventStream.create({ events: batch(meter, events) })
    }

    it('is told so as Stripe says it, with the seconds after which it may go on, and nothing is recorded', async () => {
      rested()
      const before = Number(await total(stripe, meter))
      await send(stripe, 100)
      for (const refused of [
        report(stripe, meter, 1),
        send(stripe, 1),
        stripe.v2.billing.meterEvents.create(batch(meter, 1)[0] as never),
        stripe.billing.meterEventAdjustments.create({
          event_name: meter.event_name,
          type: 'cancel',
          cancel: { identifier: 'x' },
        }),
        stripe.v2.billing.meterEventAdjustments.create({
          event_name: meter.event_name,
          type: 'cancel',
          cancel: { identifier: 'x' },
        }),
        stripe.rawRequest('POST', '/meterbook/v1/usage_imports', { events: batch(meter, 1) }),
      ]) {
        const refusal = await refusalOf(refused)
        expect(refusal).toMatchObject({ statusCode: 429, code: 'rate_limit' })
        expect(refusal).toBeInstanceOf(Stripe.errors.StripeError)
        expect(refusal.headers).toMatchObject({
          // 80 events are overdrawn.
          'retry-after': '5',
          'stripe-should-retry': 'true',
          'stripe-rate-limited-reason': 'global-rate',
        })
      }
      stopwatch.advance(4_000)
      expect(await refusalOf(report(stripe, meter, 1))).toMatchObject({ statusCode: 429 })
      stopwatch.advance(1_000)
      await report(stripe, meter, 1)
      rested()
      expect(await total(stripe, meter)).toBe(String(before + 101))
    })

    it('pays for each event of an import, and for no more than one may have', async () => {
      rested()
      const importOf = async (events: readonly unknown[]): Promise<number> => {
        const headers = { authorization: `Bearer ${TEST_KEY}`, 'content-type': 'application/json' }
        const body = JSON.stringify({ events })
        return (await fetch(`${service.url}/meterbook/v1/usage_imports`, { method: 'POST', headers, body })).status
      }
      const owesSeconds = async (): Promise<unknown> =>
        (await refusalOf(report(stripe, meter, 1))).headers?.['retry-after']
      expect(await importOf(batch(meter, 100))).toBe(200)
      expect(await owesSeconds()).toBe('5')
      rested()
      expect(await importOf(Array<null>(2 * IMPORT_CALL_EVENTS_MAX).fill(null))).toBe(400)
      expect(await owesSeconds()).toBe(String(IMPORT_CALL_EVENTS_MAX / EVENTS_PER_SECOND))
      rested()
      // A call without events costs as much as one.
      for (let call = 0; call < EVENTS_PER_SECOND; call++) expect(await importOf([])).toBe(400)
      expect(await importOf([])).toBe(429)
    })

    it('may still read, and other keys of its ledger may still write', async () => {
      rested()
      const other = await service.clientWithNewKey({ role: 'ingest' })
      await send(stripe, 100)
      expect(await refusalOf(report(stripe, meter, 1))).toMatchObject({ statusCode: 429 })
      await report(other, meter, 1)
      await stripe.billing.meters.retrieve(meter.id)
    })

    it('is held to a number of requests elsewhere', async () => {
      rested()
      for (let request = 0; request < REQUESTS_PER_SECOND; request++) await stripe.billing.meters.list()
      const refusal = await refusalOf(stripe.billing.meters.list())
      expect(refusal).toMatchObject({ statusCode: 429, code: 'rate_limit' })
      expect(refusal.headers).toMatchObject({ 'retry-after': '1', 'stripe-should-retry': 'true' })
      expect(await refusalOf(createMeter(stripe))).toMatchObject({ statusCode: 429 })
      expect(await refusalOf(stripe.v2.billing.meterEventSession.create())).toMatchObject({ statusCode: 429 })
      await report(stripe, meter, 1)
      const other = await service.clientWithNewKey({ role: 'read' })
      await other.billing.meters.list()
      expect((await fetch(`${service.url}/readyz`)).status).toBe(200)
      stopwatch.advance(1_000)
      await stripe.billing.meters.list()
    })

    it('has its idempotency key left unused', async () => {
      rested()
      const idempotencyKey = 'key-of-a-refused-request'
      const create = (value: string) =>
        stripe.billing.meterEvents.create(
          { event_name: meter.event_name, payload: { stripe_customer_id: CUSTOMER, value } },
          { idempotencyKey },
        )
      await send(stripe, 100)
      expect(await refusalOf(create('1'))).toMatchObject({ statusCode: 429 })
      rested()
      const { payload, lastResponse } = await create('2')
      expect(payload).toMatchObject({ value: '2' })
      expect(lastResponse.headers).not.toHaveProperty('idempotent-replayed')
    })
  })
})
