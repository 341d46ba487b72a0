/** A machine whose clock is set back and forth: what was recorded later stays later, and every rule keeps its sense. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type Stripe from 'stripe'
import { HOUR_MS, MINUTE_MS } from '../../src/domain/time-bucket.js'
import { cancel, createMeter, CUSTOMER, report, summaries, total, type Meter } from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import { FixedClock, onEachStore, type RunningService } from '../running-service.js'

interface Audit {
  readonly id: string
  readonly status: string
  readonly verdict: string | null
}

onEachStore('A clock that is set back', (start) => {
  let service: RunningService
  let clock: FixedClock
  let stripe: Stripe
  beforeAll(async () => {
    clock = new FixedClock()
    service = await start(clock)
    stripe = service.stripe
  })
  afterAll(() => service.close())

  async function listed(meter: Meter): Promise<string[]> {
    const path = `/meterbook/v1/meter_events?meter=${meter.id}&limit=100`
    const { data } = (await stripe.rawRequest('GET', path)) as unknown as { data: { identifier: string }[] }
    return data.map(({ identifier }) => identifier)
  }

  it('leaves records in the order in which they were recorded', async () => {
    const sum = await createMeter(stripe)
    const hourly = await createMeter(stripe, 'sum', { event_time_window: 'hour' })
    const last = await createMeter(stripe, 'last')
    const at = clock.now() - 3 * HOUR_MS
    const sent: string[] = []
    for (const [step, value] of [0, -HOUR_MS, -5 * MINUTE_MS, 2 * HOUR_MS, -2 * HOUR_MS].entries()) {
      clock.advance(value)
      const identifier = `step-${step}`
      for (const meter of [sum, hourly, last]) await report(stripe, meter, 10 ** step, { at, identifier })
      sent.unshift(identifier)
    }
    for (const meter of [sum, hourly, last]) expect(await listed(meter)).toEqual(sent)
    // Of a window, and of one instant, the one recorded last counts, whatever the clock said.
    expect(await total(stripe, sum)).toBe('11111')
    expect(await total(stripe, hourly)).toBe('10000')
    expect(await total(stripe, last)).toBe('10000')
    await cancel(stripe, hourly, 'step-4')
    await cancel(stripe, last, 'step-4')
    expect([await total(stripe, hourly), await total(stripe, last)]).toEqual(['1000', '1000'])
  })

  it('counts once, replays answers, and reads its writes across it', async () => {
    const meter = await createMeter(stripe)
    const create = () =>
      stripe.billing.meterEvents.create(
        { event_name: meter.event_name, payload: { stripe_customer_id: CUSTOMER, value: '3' } },
        { idempotencyKey: 'before-the-step' },
      )
    const first = await create()
    await report(stripe, meter, 4, { identifier: 'taken', at: clock.now() - 3 * HOUR_MS })
    clock.advance(-2 * HOUR_MS)
    const again = await create()
    expect([again.identifier, again.timestamp, again.created]).toEqual([
      first.identifier,
      first.timestamp,
      first.created,
    ])
    const refusal = await refusalOf(report(stripe, meter, 4, { identifier: 'taken', at: clock.now() - HOUR_MS }))
    expect(refusal.message).toMatch(/^An event already exists with identifier taken/)
    expect(await total(stripe, meter)).toBe('7')
    // What was said to happen at a time that has not come yet is refused, as ever.
    expect(await refusalOf(report(stripe, meter, 1, { at: clock.now() + 2 * HOUR_MS }))).toMatchObject({
      code: 'timestamp_in_future',
    })
    clock.advance(2 * HOUR_MS)
  })

  it('lets what was received "in the future" be cancelled, until 24 hours after', async () => {
    const meter = await createMeter(stripe)
    for (const identifier of ['one', 'two']) await report(stripe, meter, 1, { identifier })
    clock.advance(-HOUR_MS)
    await cancel(stripe, meter, 'one')
    expect(await total(stripe, meter)).toBe('1')
    clock.advance(25 * HOUR_MS)
    await cancel(stripe, meter, 'two')
    clock.advance(1)
    // Again is as before: it was cancelled, so there is nothing to be late for.
    await cancel(stripe, meter, 'two')
    expect(await total(stripe, meter)).toBe('0')
    await report(stripe, meter, 1, { identifier: 'three' })
    clock.advance(24 * HOUR_MS + 1)
    expect(await refusalOf(cancel(stripe, meter, 'three'))).toMatchObject({ code: 'cancellation_window_passed' })
    clock.advance(-1)
    await cancel(stripe, meter, 'three')
  })

  it('ends sessions at the time they said', async () => {
    const meter = await createMeter(stripe)
    const { authentication_token, expires_at } = await stripe.v2.billing.meterEventSession.create()
    const send = () =>
      service.client(authentication_token).v2.billing.meterEventStream.create({
        events: [{ event_name: meter.event_name, payload: { stripe_customer_id: CUSTOMER, value: '1' } }],
      })
    clock.advance(-10 * MINUTE_MS)
    await send()
    clock.advance(Date.parse(expires_at) - clock.now() - 1)
    await send()
    clock.advance(1)
    expect(await refusalOf(send())).toMatchObject({ statusCode: 401, code: 'billing_meter_event_session_expired' })
    // Set back, the end is ahead again: a signed time is all there is, and the key can be revoked.
    clock.advance(-1)
    await send()
    expect(await total(stripe, meter)).toBe('3')
  })

  it('replays what was answered after it was days ahead', async () => {
    const meter = await createMeter(stripe)
    const DAY_MS = 24 * HOUR_MS
    const keyed = (identifier: string, value: number) =>
      stripe.billing.meterEvents.create(
        { event_name: meter.event_name, identifier, payload: { stripe_customer_id: CUSTOMER, value: String(value) } },
        { idempotencyKey: `key of ${identifier}` },
      )
    clock.advance(3 * DAY_MS)
    await keyed('ahead', 1)
    clock.advance(-3 * DAY_MS)
    const first = await keyed('set-right', 2)
    // Projected by now, and so no longer remembered by the process.
    expect(await listed(meter)).toEqual(['set-right', 'ahead'])
    const again = await keyed('set-right', 2)
    expect([again.identifier, again.lastResponse.headers['idempotent-replayed']]).toEqual([first.identifier, 'true'])
    expect(await refusalOf(keyed('set-right', 5))).toMatchObject({ type: 'StripeIdempotencyError' })
    clock.advance(2 * DAY_MS)
  })

  it('changes no number when the service starts again, and an audit agrees', async () => {
    const meters = await stripe.billing.meters.list({ limit: 100 })
    const everything = async (): Promise<unknown> => {
      const all: unknown[] = []
      for (const meter of meters.data) all.push(await summaries(service.stripe, meter), await listed(meter))
      return all
    }
    const before = await everything()
    clock.advance(-6 * HOUR_MS)
    await service.restart()
    stripe = service.stripe
    expect(await everything()).toEqual(before)
    let audit = (await stripe.rawRequest('POST', '/meterbook/v1/audits')) as unknown as Audit
    while (audit.status === 'running') {
      audit = await stripe.rawRequest('GET', `/meterbook/v1/audits/${audit.id}`)
    }
    expect(audit).toMatchObject({ status: 'completed', verdict: 'agrees' })
  })
})
