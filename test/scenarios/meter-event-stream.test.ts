/** Sessions of the meter event stream: who may open one, what its token opens, and when it ends. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import Stripe from 'stripe'
import { DAY_MS, MINUTE_MS } from '../../src/domain/time-bucket.js'
import { createMeter, CUSTOMER, total, type Meter } from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import { FixedClock, onEachStore, TEST_KEY, type RunningService } from '../running-service.js'
import { stripeCli } from '../stripe-cli.js'

onEachStore('The meter event stream', (start) => {
  let service: RunningService
  let clock: FixedClock
  let stripe: Stripe
  let meter: Meter
  beforeAll(async () => {
    clock = new FixedClock()
    service = await start(clock)
    stripe = service.stripe
    meter = await createMeter(stripe)
  })
  afterAll(() => service.close())

  const eventOf = ({ event_name }: Meter, value = '1') => ({
    event_name,
    payload: { stripe_customer_id: CUSTOMER, value },
  })
  const sessionOf = (client: Stripe) => client.v2.billing.meterEventSession.create()
  const send = (token: string, events: unknown = [eventOf(meter)]) =>
    service.client(token).v2.billing.meterEventStream.create({ events } as never)

  it('counts for the ledger of the key that opened the session', async () => {
    const live = await service.clientWithNewKey({ mode: 'live', role: 'ingest' })
    const secret = await service.clientWithNewKey({ mode: 'live' })
    const inLive = await createMeter(secret, 'sum', { event_name: meter.event_name })
    const before = await total(stripe, meter)
    const session = await sessionOf(live)
    expect(session).toMatchObject({ object: 'v2.billing.meter_event_session', livemode: true })
    await send(session.authentication_token, [eventOf(inLive, '3'), eventOf(inLive, '4')])
    expect(await total(secret, inLive)).toBe('7')
    expect(await total(stripe, meter)).toBe(before)
  })

  it('ends a session after 15 minutes, with the error the SDK knows', async () => {
    const { authentication_token, created, expires_at } = await sessionOf(stripe)
    expect(Date.parse(expires_at) - Date.parse(created)).toBe(15 * MINUTE_MS)
    clock.advance(15 * MINUTE_MS - 1)
    await send(authentication_token)
    clock.advance(1)
    const refusal = await refusalOf(send(authentication_token))
    expect(refusal).toBeInstanceOf(Stripe.errors.TemporarySessionExpiredError)
    expect(refusal).toMatchObject({ statusCode: 401, code: 'billing_meter_event_session_expired' })
  })

  it('ends a session with its key', async () => {
    const revocable = await service.revocableClient()
    const { authentication_token } = await sessionOf(revocable.client)
    await send(authentication_token)
    await revocable.revoke()
    // The service notices through its projector; until then the session is good.
    for (;;) {
      const answer = await send(authentication_token).then(
        () => 'taken',
        (error: Stripe.errors.StripeError) => error.statusCode,
      )
      if (answer === 401) return
      expect(answer).toBe('taken')
    }
  })

  it('takes nothing but the token, and the token opens nothing else', async () => {
    const { authentication_token: token } = await sessionOf(stripe)
    const garbled = [
      token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A'),
      token.replace('rk_test_', 'rk_live_'),
      token.replace(/\.[0-9a-z]+\./, '.zzzzzzzz.'),
      token.replace(/key_[A-Za-z0-9]+/, 'key_0000000000000000'),
      `${token}.`,
      TEST_KEY,
    ]
    for (const each of garbled) expect(await refusalOf(send(each))).toMatchObject({ statusCode: 401 })
    // Nor is it taken for a key once the stream took it.
    await send(token)
    const client = service.client(token)
    for (const denied of [
      client.billing.meters.list(),
      sessionOf(client),
      client.v2.billing.meterEvents.create(eventOf(meter)),
      client.rawRequest('GET', '/meterbook/v1/rejections'),
    ]) {
      expect(await refusalOf(denied)).toMatchObject({ statusCode: 401 })
    }
    const read = await service.clientWithNewKey({ role: 'read' })
    expect(await refusalOf(sessionOf(read))).toMatchObject({ statusCode: 403 })
  })

  it('takes 1 to 100 events, and nothing of a call of another shape', async () => {
    const { authentication_token: token } = await sessionOf(stripe)
    const before = await total(stripe, meter)
    const many = (length: number) => Array.from({ length }, () => eventOf(meter))
    for (const events of [many(101), [], eventOf(meter), 'text', null]) {
      expect(await refusalOf(send(token, events))).toMatchObject({ statusCode: 400 })
    }
    expect(await total(stripe, meter)).toBe(before)
    await send(token, many(100))
    expect(await total(stripe, meter)).toBe(String(Number(before) + 100))
  })

  it('makes other identifiers than a single event does, whatever their keys', async () => {
    const own = await createMeter(stripe)
    const event = (value: string) => ({ event_name: own.event_name, payload: eventOf(own, value).payload })
    await stripe.v2.billing.meterEvents.create(event('10'), { idempotencyKey: 'key 1' })
    const { authentication_token } = await sessionOf(stripe)
    const streamed = { events: [event('5'), event('10')] } as never
    const once = { idempotencyKey: 'key' }
    await service.client(authentication_token).v2.billing.meterEventStream.create(streamed, once)
    expect(await total(stripe, own)).toBe('25')
    // Sent again with its key, it is the same.
    await service.client(authentication_token).v2.billing.meterEventStream.create(streamed, once)
    expect(await total(stripe, own)).toBe('25')
  })

  it('drops the exact duplicate of an event that has become too old to be counted', async () => {
    const own = await createMeter(stripe)
    const oldest = new Date(clock.now() - 35 * DAY_MS).toISOString()
    const event = { ...eventOf(own, '7'), identifier: 'late', timestamp: oldest }
    const { authentication_token } = await sessionOf(stripe)
    await send(authentication_token, [event])
    clock.advance(MINUTE_MS)
    await send(authentication_token, [event, { ...event, identifier: 'later' }])
    expect(await total(stripe, own)).toBe('7')
    const { data } = (await stripe.rawRequest(
      'GET',
      `/meterbook/v1/rejections?event_name=${own.event_name}`,
    )) as unknown as { data: { identifier: string; code: string }[] }
    expect(data).toMatchObject([{ identifier: 'later', code: 'timestamp_too_far_in_past' }])
  })

  it('takes an event without a time for the same one whenever it comes, and with another time for another one', async () => {
    const own = await createMeter(stripe)
    const sendLater = async (more: object) => {
      clock.advance(MINUTE_MS)
      const { authentication_token } = await sessionOf(stripe)
      await send(authentication_token, [{ ...eventOf(own, '7'), ...more }])
    }
    const timestamp = new Date(clock.now()).toISOString()
    await sendLater({ identifier: 'untimed' })
    await sendLater({ identifier: 'untimed' })
    await sendLater({ identifier: 'timed', timestamp })
    await sendLater({ identifier: 'timed', timestamp })
    const rejections = async () => {
      const path = `/meterbook/v1/rejections?event_name=${own.event_name}`
      const { data } = (await stripe.rawRequest('GET', path)) as unknown as { data: { identifier: string }[] }
      return data
    }
    expect(await rejections()).toEqual([])
    await sendLater({ identifier: 'timed', timestamp: new Date(clock.now()).toISOString() })
    expect(await rejections()).toMatchObject([{ identifier: 'timed', code: 'duplicate_meter_event' }])
    expect(await total(stripe, own)).toBe('14')
  })

  it('keeps the order of a call where it decides a number', async () => {
    const { authentication_token } = await sessionOf(stripe)
    const hourly = await createMeter(stripe, 'sum', { event_time_window: 'hour' })
    const last = await createMeter(stripe, 'last')
    const timestamp = new Date(clock.now()).toISOString()
    for (let call = 1; call <= 5; call++) {
      // Identifiers of their own spread over the partitions, which are written side by side.
      const values = Array.from({ length: 20 }, (_, n) => String(100 * call + n))
      const events = [hourly, last].flatMap((of) => values.map((value) => ({ ...eventOf(of, value), timestamp })))
      await send(authentication_token, events)
      expect(await total(stripe, hourly)).toBe(values.at(-1))
      expect(await total(stripe, last)).toBe(values.at(-1))
    }
  })

  it('takes the Stripe CLI', async () => {
    const before = Number(await total(stripe, meter))
    const { authentication_token: token } = await sessionOf(stripe)
    const cli = stripeCli(service.url, token)
    const body = JSON.stringify({ events: [eventOf(meter, '5')] })
    expect(await cli('post', '/v2/billing/meter_event_stream', '-d', body)).toMatch(/^\{\}\s*$/)
    cli.close()
    expect(await total(stripe, meter)).toBe(String(before + 5))
  })
})
