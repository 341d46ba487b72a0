/** What was answered can be read at once, by everyone, and every answer says how far it reaches. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type Stripe from 'stripe'
import { LONG_READS_MAX } from '../../src/queries/read-turns.js'
import { uniqueName } from '../controls.js'
import { cancel, createMeter, CUSTOMER, report, summaries, total } from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import { FixedClock, onEachStore, TEST_KEY, type RunningService } from '../running-service.js'

onEachStore('Read your writes', (start) => {
  let service: RunningService
  let stripe: Stripe
  beforeAll(async () => {
    service = await start(new FixedClock())
    stripe = service.stripe
  })
  afterAll(() => service.close())

  const positionOf = ({ lastResponse }: Stripe.Response<object>): string => {
    const position = lastResponse.headers['meterbook-position']
    if (position === undefined) throw new Error('The answer has no position.')
    return position
  }
  const listAfter = (position: string): Promise<Stripe.Response<object>> =>
    stripe.rawRequest('GET', '/v1/billing/meters?limit=1', undefined, {
      additionalHeaders: { 'Meterbook-Min-Position': position },
    })

  it('shows 200 concurrent writes to the very next read', async () => {
    const meter = await createMeter(stripe)
    await Promise.all(
      Array.from({ length: 200 }, (_, index) => report(stripe, meter, index, { identifier: `${index}` })),
    )
    expect(await total(stripe, meter)).toBe('19900')
    const records = `/meterbook/v1/meter_events?meter=${meter.id}&limit=100`
    expect(await stripe.rawRequest('GET', records)).toMatchObject({ has_more: true, data: { length: 100 } })
  })

  it('shows each write to the read after it, one after the other', async () => {
    const meter = await createMeter(stripe)
    expect((await stripe.billing.meters.list({ limit: 1 })).data).toEqual([meter])
    for (let value = 1; value <= 25; value++) {
      await report(stripe, meter, 1, { identifier: `${value}` })
      expect(await total(stripe, meter)).toBe(String(value))
    }
    await cancel(stripe, meter, '7')
    expect(await total(stripe, meter)).toBe('24')
    const inactive = await stripe.billing.meters.deactivate(meter.id)
    expect(await stripe.billing.meters.retrieve(meter.id)).toEqual(inactive)
  })

  it('never shows less than was answered while writing goes on', async () => {
    const meter = await createMeter(stripe, 'count')
    let answered = 0
    const writes = Promise.all(
      Array.from({ length: 100 }, async () => {
        await report(stripe, meter, 1)
        answered++
      }),
    )
    let isWriting = true
    void writes.finally(() => (isWriting = false))
    while (isWriting) {
      const atLeast = answered
      expect(Number(await total(stripe, meter))).toBeGreaterThanOrEqual(atLeast)
    }
    await writes
    expect(await total(stripe, meter)).toBe('100')
  })

  it('says in each answer which position it reflects', async () => {
    const meter = await createMeter(stripe)
    const written = positionOf(await report(stripe, meter, 1))
    expect(positionOf(await stripe.billing.meters.retrieve(meter.id))).toBe(written)
    const list = await stripe.rawRequest('GET', '/meterbook/v1/meter_events')
    expect(positionOf(list as Stripe.Response<object>)).toBe(written)
    const [summary] = await summaries(stripe, meter)
    expect(summary?.position).toBe(written)
  })

  it('says where many events of one request stand, as far as it appended any', async () => {
    const meter = await createMeter(stripe)
    const eventOf = (index: number, event_name = meter.event_name) => ({
      event_name,
      identifier: `${index}`,
      payload: { stripe_customer_id: CUSTOMER, value: '1' },
    })
    const { authentication_token } = await stripe.v2.billing.meterEventSession.create()
    // Enough for every partition, and one refusal that is stored.
    const events = Array.from({ length: 50 }, (_, index) => eventOf(index))
    const later = uniqueName('later_')
    const streaming = service.client(authentication_token).v2.billing.meterEventStream
    const post = (path: string, body?: object) =>
      stripe.rawRequest('POST', path, body) as Promise<Stripe.Response<object>>
    const writes = [
      () => streaming.create({ events }),
      () => streaming.create({ events: [...events, eventOf(1, later)] }),
      () => post('/meterbook/v1/usage_imports', { events: [...events, eventOf(50), eventOf(51), eventOf(52)] }),
      async () => {
        await createMeter(stripe, 'sum', { event_name: later })
        return post('/meterbook/v1/rejections/retry')
      },
    ]
    for (const write of writes) {
      const written = positionOf((await write()) as Stripe.Response<object>)
      expect(positionOf(await listAfter(written))).toBe(written)
      const then = `/meterbook/v1/meter_events?as_of_position=${encodeURIComponent(written)}`
      expect(await stripe.rawRequest('GET', then)).toHaveProperty('data')
    }
    for (const again of [
      await streaming.create({ events }),
      await post('/meterbook/v1/usage_imports', { events: [...events, { event_name: 'nowhere' }] }),
      await post('/meterbook/v1/rejections/retry'),
    ]) {
      expect((again as Stripe.Response<object>).lastResponse.headers).not.toHaveProperty('meterbook-position')
    }
  })

  it('reads at least up to the position it is given', async () => {
    const meter = await createMeter(stripe)
    const [first, second] = [positionOf(await report(stripe, meter, 1)), positionOf(await report(stripe, meter, 2))]
    expect(positionOf(await listAfter(second))).toBe(second)
    expect(positionOf(await listAfter(first))).toBe(second)
    await service.restart()
    stripe = service.stripe
    expect(positionOf(await listAfter(second))).toBe(second)
  })

  it('keeps nobody else waiting who waits for a position that is far ahead', async () => {
    const longRead = '/meterbook/v1/meter_events?customer=cus_A'
    const other = await service.clientWithNewKey({ account: 'other', role: 'read' })
    const hangUp = new AbortController()
    let answered = 0
    const waiting = Array.from({ length: 2 * LONG_READS_MAX }, async () => {
      const headers = { authorization: `Bearer ${TEST_KEY}`, 'Meterbook-Min-Position': '900000000000000' }
      await fetch(`${service.url}${longRead}`, { headers, signal: hangUp.signal })
      answered++
    })
    const outcomes = Promise.allSettled(waiting)
    for (const client of [other, stripe]) expect(await client.rawRequest('GET', longRead)).toHaveProperty('data')
    expect(answered).toBe(0)
    hangUp.abort()
    await outcomes
  })

  it('refuses a position that no answer ever gave', async () => {
    for (const position of ['later', '-', '1.5', 'NaN', '{}']) {
      const refusal = await refusalOf(listAfter(position))
      expect(refusal).toMatchObject({ statusCode: 400, param: 'Meterbook-Min-Position' })
    }
  })
})
