/**
 * The official Stripe CLI against the service, command by command. What it sends and shows is the same on every store: that each
 * answers so is what the other scenarios are about.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createMeter, CUSTOMER, EVER, report, total, type Meter } from '../metered-usage.js'
import { FixedClock, seconds, startRunningService, stores, TEST_KEY, type RunningService } from '../running-service.js'
import { stripeCli, type StripeCli } from '../stripe-cli.js'

describe('The Stripe CLI', () => {
  let service: RunningService
  let cli: StripeCli
  let meter: Meter
  beforeAll(async () => {
    service = await startRunningService(stores[0], new FixedClock())
    cli = stripeCli(service.url, TEST_KEY)
    meter = await createMeter(service.stripe)
  })
  afterAll(async () => {
    cli.close()
    await service.close()
  })

  const ask = async (...parameters: string[]): Promise<Record<string, unknown>> => {
    const printed = await cli(...parameters)
    try {
      return JSON.parse(printed) as Record<string, unknown>
    } catch {
      throw new Error(`The CLI printed: ${printed}`)
    }
  }

  describe('on meters', () => {
    it('creates one, which is then there for every client', async () => {
      const created = await ask(
        ...['billing', 'meters', 'create', '--display-name', 'Alpaca AI tokens', '--event-name', 'alpaca_ai_tokens'],
        ...['--default-aggregation.formula', 'sum', '--event-time-window', 'hour'],
        ...['--customer-mapping.type', 'by_id', '--customer-mapping.event-payload-key', 'customer'],
        ...['--value-settings.event-payload-key', 'tokens'],
      )
      expect(created).toMatchObject({
        display_name: 'Alpaca AI tokens',
        event_name: 'alpaca_ai_tokens',
        default_aggregation: { formula: 'sum' },
        event_time_window: 'hour',
        customer_mapping: { type: 'by_id', event_payload_key: 'customer' },
        value_settings: { event_payload_key: 'tokens' },
      })
      expect(await service.stripe.billing.meters.retrieve(String(created.id))).toEqual(created)
      // It now stands in the lists of the other tests no more.
      await service.stripe.billing.meters.deactivate(String(created.id))
    })

    it('lists and retrieves', async () => {
      const list = await ask('billing', 'meters', 'list', '--limit', '3', '--status', 'active')
      expect(list).toEqual(await service.stripe.billing.meters.list({ limit: 3, status: 'active' }))
      expect(list.data).toContainEqual(meter)
      expect(await ask('billing', 'meters', 'retrieve', meter.id)).toEqual(meter)
    })

    it('renames, deactivates and reactivates', async () => {
      const display_name = 'Named & renamed = 100 % + more'
      expect(await ask('billing', 'meters', 'update', meter.id, '--display-name', display_name)).toMatchObject({
        display_name,
      })
      expect(await ask('billing', 'meters', 'deactivate', meter.id)).toMatchObject({ status: 'inactive' })
      expect(await ask('billing', 'meters', 'reactivate', meter.id)).toMatchObject({ status: 'active' })
    })
  })

  describe('on usage', () => {
    const data = (value: string) => ['-d', `payload[value]=${value}`, '-d', `payload[stripe_customer_id]=${CUSTOMER}`]

    it('reports, cancels and sums up', async () => {
      const { id, event_name } = await createMeter(service.stripe)
      const events = ['billing', 'meter_events', 'create', '--event-name', event_name]
      await ask(...events, ...data('25'))
      expect(await ask(...events, ...data('1.5'), '--identifier', 'a wrong one')).toMatchObject({
        identifier: 'a wrong one',
        payload: { value: '1.5', stripe_customer_id: CUSTOMER },
      })
      const interval = ['--start-time', String(seconds(EVER.start)), '--end-time', String(seconds(EVER.end))]
      const summaries = ['billing', 'meter_event_summaries', 'list', id, '--customer', CUSTOMER, ...interval]
      expect(await ask(...summaries)).toMatchObject({ data: [{ aggregated_value: 26.5 }] })
      const cancelling = ['--event-name', event_name, '--type', 'cancel', '--cancel.identifier', 'a wrong one']
      expect(await ask('billing', 'meter_event_adjustments', 'create', ...cancelling)).toMatchObject({
        status: 'complete',
      })
      expect(await ask(...summaries, '--value-grouping-window', 'day')).toMatchObject({
        data: [{ aggregated_value: 25 }],
      })
    })

    it('reports and cancels through v2', async () => {
      const other = await createMeter(service.stripe)
      const { event_name } = other
      const event = { event_name, identifier: 'v2', payload: { value: '5', stripe_customer_id: CUSTOMER } }
      expect(await ask('v2', 'billing', 'meter_events', 'create', '-d', JSON.stringify(event))).toMatchObject(event)
      await report(service.stripe, other, 2)
      const cancelling = ['--event-name', event_name, '--type', 'cancel', '--cancel.identifier', 'v2']
      expect(await ask('v2', 'billing', 'meter_event_adjustments', 'create', ...cancelling)).toMatchObject({
        object: 'v2.billing.meter_event_adjustment',
        status: 'complete',
      })
      expect(await total(service.stripe, other)).toBe('2')
    })

    it('counts a request sent again under its idempotency key once', async () => {
      const other = await createMeter(service.stripe)
      const send = ['billing', 'meter_events', 'create', '--event-name', other.event_name, ...data('3'), '-i', 'my key']
      const first = await ask(...send)
      expect(await ask(...send)).toEqual(first)
      expect(await total(service.stripe, other)).toBe('3')
    })
  })

  describe('by path', () => {
    it('gets and posts', async () => {
      const list = await ask('get', '/v1/billing/meters', '-d', 'limit=1', '-d', 'status=active')
      expect(list).toEqual(await service.stripe.billing.meters.list({ limit: 1, status: 'active' }))
      const renamed = await ask('post', `/v1/billing/meters/${meter.id}`, '-d', 'display_name=By path')
      expect(renamed).toMatchObject({ id: meter.id, display_name: 'By path' })
    })
  })

  describe('shows a refusal as it is', () => {
    it.each([
      ['of an unknown meter', ['billing', 'meters', 'retrieve', 'mtr_none'], 'resource_missing'],
      ['of v2', ['v2', 'billing', 'meter_events', 'create', '--event-name', 'none'], 'parameter_missing'],
      ['of an unknown parameter', ['get', '/v1/billing/meters', '-d', 'state=active'], 'parameter_unknown'],
    ])('%s', async (_, parameters, code) => {
      expect(await ask(...parameters)).toMatchObject({ error: { type: 'invalid_request_error', code } })
    })

    it('of a key', async () => {
      const stranger = stripeCli(service.url, 'sk_test_0000000000000000')
      expect(await stranger('billing', 'meters', 'list')).toContain('Invalid API Key provided')
      stranger.close()
    })
  })
})
