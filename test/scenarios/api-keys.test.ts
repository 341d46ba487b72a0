/** Who may see and do what: modes, accounts, roles, and callers without a key. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type Stripe from 'stripe'
import { createMeter, CUSTOMER, report, total, type Meter } from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import { FixedClock, onEachStore, TEST_KEY, type RunningService } from '../running-service.js'

const HOUR = 'start_time=0&end_time=3600'

onEachStore('API keys', (start) => {
  let service: RunningService
  let stripe: Stripe
  beforeAll(async () => {
    service = await start(new FixedClock())
    stripe = service.stripe
  })
  afterAll(() => service.close())

  describe('of test and live mode', () => {
    it('see nothing of each other', async () => {
      const live = await service.clientWithNewKey({ mode: 'live' })
      const [inTest, inLive] = [await createMeter(stripe), await createMeter(live)]
      expect([inTest.livemode, inLive.livemode]).toEqual([false, true])
      expect((await live.billing.meters.list()).data).toEqual([inLive])
      expect((await stripe.billing.meters.list()).data).toEqual([inTest])
      expect(await refusalOf(live.billing.meters.retrieve(inTest.id))).toMatchObject({ statusCode: 404 })
      expect(await refusalOf(report(live, inTest, 1))).toMatchObject({ statusCode: 400, code: 'no_meter' })
      expect(await refusalOf(total(live, inTest))).toMatchObject({ statusCode: 404 })
    })

    it('may use the same names and identifiers', async () => {
      const live = await service.clientWithNewKey({ mode: 'live' })
      const inTest = await createMeter(stripe)
      const inLive = await createMeter(live, 'sum', { event_name: inTest.event_name })
      await report(stripe, inTest, 1, { identifier: 'same' })
      const event = await report(live, inLive, 2, { identifier: 'same' })
      expect(event.livemode).toBe(true)
      expect(await total(stripe, inTest)).toBe('1')
      expect(await total(live, inLive)).toBe('2')
      const records = '/meterbook/v1/meter_events?identifier=same'
      expect(await live.rawRequest('GET', records)).toMatchObject({ data: [{ livemode: true, value: '2' }] })
      expect(await stripe.rawRequest('GET', records)).toMatchObject({ data: [{ livemode: false, value: '1' }] })
    })
  })

  it('of another account see nothing, and one of the same account everything', async () => {
    const meter = await createMeter(stripe)
    const other = await service.clientWithNewKey({ account: 'another' })
    expect((await other.billing.meters.list()).data).toEqual([])
    expect(await refusalOf(other.billing.meters.retrieve(meter.id))).toMatchObject({ statusCode: 404 })
    const same = await service.clientWithNewKey({ account: 'default' })
    expect(await same.billing.meters.retrieve(meter.id)).toEqual(meter)
  })

  describe('with the header of a connected account', () => {
    const refused = { statusCode: 403, type: 'StripePermissionError', rawType: 'invalid_request_error' }

    it('are refused, and nothing is counted', async () => {
      const meter = await createMeter(stripe)
      const events = stripe.billing.meterEvents
      const event = { event_name: meter.event_name, payload: { stripe_customer_id: CUSTOMER, value: '1' } }
      for (const options of [{ stripeAccount: 'acct_1' }, { stripeContext: 'acct_1' }]) {
        expect(await refusalOf(events.create(event, options))).toMatchObject({ ...refused, code: 'account_invalid' })
        const v2 = await refusalOf(stripe.v2.billing.meterEvents.create(event, options))
        expect(v2).toMatchObject({ statusCode: 403, code: 'account_invalid' })
        expect(v2.message).toContain('one account per key')
        expect(await refusalOf(stripe.billing.meters.list({}, options))).toMatchObject(refused)
      }
      expect(await total(stripe, meter)).toBe('0')
    })

    it('are refused on every path of the API, but where it is empty', async () => {
      const paths = ['/v1/billing/meters', '/v1/nothing', '/v2/nothing', '/meterbook/v1/session', '/meterbook/v1/live']
      for (const path of paths) {
        for (const method of ['GET', 'POST', 'DELETE']) {
          for (const name of ['Stripe-Account', 'stripe-context']) {
            const send = (value: string): Promise<Response> =>
              fetch(service.url + path, { method, headers: { authorization: `Bearer ${TEST_KEY}`, [name]: value } })
            const response = await send('acct_1')
            expect([method, path, response.status]).toEqual([method, path, 403])
            expect(await response.json()).toMatchObject({ error: { code: 'account_invalid' } })
          }
        }
      }
      const headers = { authorization: `Bearer ${TEST_KEY}`, 'Stripe-Account': '', 'Stripe-Context': ' ' }
      expect((await fetch(`${service.url}/v1/billing/meters`, { headers })).status).toBe(200)
      expect((await fetch(`${service.url}/healthz`, { headers: { 'Stripe-Account': 'acct_1' } })).status).toBe(200)
      expect((await fetch(`${service.url}/v1/billing/meters`, { headers: { 'Stripe-Account': 'a' } })).status).toBe(401)
    })
  })

  describe('with a role', () => {
    let meter: Meter
    let ingest: Stripe
    let read: Stripe
    beforeAll(async () => {
      meter = await createMeter(stripe)
      await report(stripe, meter, 1, { identifier: 'there' })
      ingest = await service.clientWithNewKey({ role: 'ingest' })
      read = await service.clientWithNewKey({ role: 'read' })
    })
    const event = (value: string) => ({
      event_name: meter.event_name,
      payload: { stripe_customer_id: 'cus_roles', value },
    })
    const cancelling = () => ({
      event_name: meter.event_name,
      type: 'cancel' as const,
      cancel: { identifier: 'there' },
    })
    const previewed = {
      display_name: 'Tried out',
      event_name: 'tried_out',
      default_aggregation: { formula: 'count' },
      sample_events: [{ payload: { stripe_customer_id: CUSTOMER } }],
    }
    const get = (client: Stripe, path: string): Promise<unknown> => client.rawRequest('GET', `/meterbook/v1/${path}`)
    type Request = (stripe: Stripe) => Promise<unknown>
    const reading: [string, Request][] = [
      ['retrieve a meter', ({ billing }) => billing.meters.retrieve(meter.id)],
      ['list meters', ({ billing }) => billing.meters.list()],
      ['list summaries', (client) => total(client, meter)],
      ['list usage records', (client) => client.rawRequest('GET', '/meterbook/v1/meter_events')],
      ['retrieve a usage record', (client) => client.rawRequest('GET', `/meterbook/v1/meter_events/${meter.id}/there`)],
      ['retrieve a named usage record', (client) => get(client, `meter_event?meter=${meter.id}&identifier=there`)],
      ['retrieve the history of a meter', (client) => get(client, `meters/${meter.id}/history`)],
      ['retrieve the activity of meters', (client) => get(client, 'meter_activity')],
      ['retrieve usage of all customers', (client) => get(client, `meters/${meter.id}/customers?${HOUR}`)],
      ['retrieve usage of a customer', (client) => get(client, `customers/${CUSTOMER}/usage?${HOUR}`)],
      ['have a summary explained', (client) => get(client, `meters/${meter.id}/explain?customer=${CUSTOMER}&${HOUR}`)],
      ['list rejections', (client) => get(client, 'rejections')],
      ['count rejections', (client) => get(client, 'rejections/counts')],
      ['retrieve a digest', (client) => get(client, 'digest')],
      ['list projections', (client) => get(client, 'projections')],
      ['retrieve the state of the service', (client) => get(client, 'system')],
      ['try a meter out', (client) => client.rawRequest('POST', '/meterbook/v1/meters/preview', previewed)],
    ]
    const ingesting: [string, Request][] = [
      ['report an event', ({ billing }) => billing.meterEvents.create(event('1'))],
      ['report an event of v2', ({ v2 }) => v2.billing.meterEvents.create(event('1'))],
      ['cancel an event', ({ billing }) => billing.meterEventAdjustments.create(cancelling())],
      ['cancel an event of v2', ({ v2 }) => v2.billing.meterEventAdjustments.create(cancelling())],
      ['open a session of the stream', ({ v2 }) => v2.billing.meterEventSession.create()],
      ['try rejections again', (client) => client.rawRequest('POST', '/meterbook/v1/rejections/retry')],
    ]
    const managing: [string, Request][] = [
      ['create a meter', (client) => createMeter(client)],
      ['update a meter', ({ billing }) => billing.meters.update(meter.id, { display_name: 'Other' })],
      ['deactivate a meter', ({ billing }) => billing.meters.deactivate(meter.id)],
      ['reactivate a meter', ({ billing }) => billing.meters.reactivate(meter.id)],
      ['import usage', (client) => client.rawRequest('POST', '/meterbook/v1/usage_imports', { events: [event('1')] })],
      ['begin an audit', (client) => client.rawRequest('POST', '/meterbook/v1/audits')],
      ['list audits', (client) => get(client, 'audits')],
      ['begin a rebuild', (client) => client.rawRequest('POST', '/meterbook/v1/projections/meters/rebuild')],
    ]
    const mayNot = async (request: Promise<unknown>): Promise<void> => {
      const refusal = await refusalOf(request)
      expect(refusal).toMatchObject({ type: 'StripePermissionError', statusCode: 403 })
      expect(refusal.requestId).toMatch(/^req_/)
    }

    it('everyone may ask whose key it is', async () => {
      expect(await get(read, 'session')).toMatchObject({ role: 'read' })
      expect(await get(ingest, 'session')).toMatchObject({ role: 'ingest' })
    })

    it.each(reading)('read may %s, ingest may not', async (_, request) => {
      await request(read)
      await mayNot(request(ingest))
    })

    it.each(ingesting)('ingest may %s, read may not', async (_, request) => {
      await mayNot(request(read))
      await request(ingest)
    })

    it.each(managing)('neither may %s', async (_, request) => {
      await mayNot(request(read))
      await mayNot(request(ingest))
      expect(await stripe.billing.meters.retrieve(meter.id)).toEqual(meter)
    })
  })

  it('end when they are revoked, however often they were taken before', async () => {
    const revocable = await service.revocableClient()
    const { client } = revocable
    for (let request = 0; request < 3; request++) await client.billing.meters.list()
    await revocable.revoke()
    // The service notices through its projector; until then the key is good.
    for (;;) {
      const answer = await client.billing.meters.list().then(
        () => 'taken',
        (error: Stripe.errors.StripeError) => error.statusCode,
      )
      if (answer === 401) break
      expect(answer).toBe('taken')
    }
    expect(await refusalOf(client.billing.meters.list())).toMatchObject({ statusCode: 401 })
  })

  describe('are asked for', () => {
    const get = (path: string, authorization?: string) =>
      fetch(service.url + path, { headers: authorization === undefined ? {} : { authorization } })
    const basic = (credentials: string): string => `Basic ${Buffer.from(credentials).toString('base64')}`

    it('before anything else is looked at', async () => {
      for (const path of [
        '/v1/billing/meters',
        '/v1/billing/meters/mtr_1',
        '/v1/nothing',
        '/meterbook/v1/meter_events',
      ]) {
        const response = await get(path)
        expect(response.status).toBe(401)
        expect(response.headers.get('request-id')).toMatch(/^req_/)
        expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/)
        expect(await response.json()).toEqual({
          error: {
            type: 'invalid_request_error',
            code: 'unauthenticated',
            message: expect.stringContaining('API key'),
          },
        })
      }
      expect(await (await get('/v2/billing/meter_events')).json()).toMatchObject({ error: { code: 'unauthenticated' } })
    })

    it('however the path is written', async () => {
      for (const path of [
        '/%76%31/billing/meters',
        '/v1%2fbilling/meters',
        '//v1/billing/meters',
        '/V1/billing/meters',
      ]) {
        expect((await get(path)).status).toBeGreaterThanOrEqual(401)
        expect((await get(path)).status).toBeLessThanOrEqual(404)
      }
    })

    it.each([
      ['none', ''],
      ['a wrong one', 'Bearer sk_test_wrong'],
      ['almost the right one', `Bearer ${TEST_KEY.slice(0, -1)}`],
      ['an empty one', 'Bearer '],
      ['another scheme', `Digest ${TEST_KEY}`],
      ['the right one as a password', basic(`user:${TEST_KEY}`)],
      ['one far too long', `Bearer sk_test_${'x'.repeat(5000)}`],
    ])('and refused with 401 for %s', async (_, authorization) => {
      const response = await get('/v1/billing/meters', authorization)
      expect(response.status).toBe(401)
      expect(JSON.stringify(await response.json())).not.toContain('sk_test_')
    })

    it('and raise the error of the Stripe client', async () => {
      const refusal = await refusalOf(service.client('sk_test_wrong').billing.meters.list())
      expect(refusal).toMatchObject({ type: 'StripeAuthenticationError', statusCode: 401 })
    })

    it('and taken as Bearer or as the user name of Basic', async () => {
      for (const authorization of [
        `Bearer ${TEST_KEY}`,
        `bearer ${TEST_KEY}`,
        `Bearer   ${TEST_KEY}`,
        basic(`${TEST_KEY}:`),
        basic(TEST_KEY),
      ]) {
        expect((await get('/v1/billing/meters', authorization)).status).toBe(200)
      }
    })
  })
})
