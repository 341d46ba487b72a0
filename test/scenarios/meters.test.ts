/** Meters as objects of the API: their shape, their list, and what may happen to them. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type Stripe from 'stripe'
import { NOW, uniqueName } from '../controls.js'
import { createMeter, report, total, type Meter } from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import { FixedClock, onEachStore, seconds, type RunningService } from '../running-service.js'

onEachStore('Meters', (start) => {
  const clock = new FixedClock()
  let service: RunningService
  let stripe: Stripe
  beforeAll(async () => {
    service = await start(clock)
    stripe = service.stripe
  })
  afterAll(() => service.close())

  describe('Creating', () => {
    it('answers the whole meter, with what was left out at its default', async () => {
      const event_name = uniqueName('plain_')
      const created = seconds(clock.now())
      const meter = await stripe.billing.meters.create({
        display_name: 'Plain',
        event_name,
        default_aggregation: { formula: 'count' },
      })
      expect(meter).toEqual({
        id: expect.stringMatching(/^mtr_test_[0-9A-Za-z]{32}$/),
        object: 'billing.meter',
        created,
        customer_mapping: { event_payload_key: 'stripe_customer_id', type: 'by_id' },
        default_aggregation: { formula: 'count' },
        dimension_payload_keys: null,
        display_name: 'Plain',
        event_name,
        event_time_window: null,
        livemode: false,
        status: 'active',
        status_transitions: { deactivated_at: null },
        updated: created,
        value_settings: { event_payload_key: 'value' },
      })
      expect(meter.lastResponse.statusCode).toBe(200)
    })

    it('takes every parameter there is', async () => {
      const parameters = {
        display_name: 'Tokens 東京 🚀',
        event_name: 'a name & more=[x]',
        default_aggregation: { formula: 'last' as const },
        customer_mapping: { type: 'by_id' as const, event_payload_key: 'customer' },
        value_settings: { event_payload_key: 'tokens' },
        event_time_window: 'day' as const,
        dimension_payload_keys: ['model', 'region'],
      }
      const meter = await stripe.billing.meters.create(parameters)
      expect(meter).toMatchObject(parameters)
      expect(await stripe.billing.meters.retrieve(meter.id)).toEqual(meter)
    })

    it.each([
      ['display_name', { display_name: undefined }, 'parameter_missing'],
      ['event_name', { event_name: undefined }, 'parameter_missing'],
      ['default_aggregation', { default_aggregation: undefined }, 'parameter_missing'],
      ['default_aggregation[formula]', { default_aggregation: { formula: 'max' } }, 'parameter_invalid'],
      ['display_name', { display_name: '' }, 'parameter_invalid_empty'],
      ['event_name', { event_name: ' ' }, 'parameter_invalid_empty'],
      ['display_name', { display_name: 'x'.repeat(251) }, 'parameter_too_long'],
      ['event_name', { event_name: 'x'.repeat(101) }, 'parameter_too_long'],
      ['event_time_window', { event_time_window: 'week' }, 'parameter_invalid'],
      ['customer_mapping[type]', { customer_mapping: { event_payload_key: 'c' } }, 'parameter_missing'],
      [
        'customer_mapping[type]',
        { customer_mapping: { event_payload_key: 'c', type: 'by_name' } },
        'parameter_invalid',
      ],
      ['customer_mapping[event_payload_key]', { customer_mapping: { type: 'by_id' } }, 'parameter_missing'],
      ['value_settings[event_payload_key]', { value_settings: { event_payload_key: '' } }, 'parameter_invalid_empty'],
      [
        'value_settings[event_payload_key]',
        { value_settings: { event_payload_key: 'stripe_customer_id' } },
        'parameter_invalid',
      ],
      ['dimension_payload_keys', { dimension_payload_keys: ['a', 'a'] }, 'parameter_invalid'],
      ['dimension_payload_keys', { dimension_payload_keys: ['value'] }, 'parameter_invalid'],
      [
        'dimension_payload_keys',
        { dimension_payload_keys: Array.from({ length: 11 }, (_, index) => `key_${index}`) },
        'parameter_invalid',
      ],
      ['metadata', { metadata: { a: 'b' } }, 'parameter_unknown'],
    ])('refuses a wrong %s', async (param, wrong, code) => {
      const before = await stripe.billing.meters.list({ limit: 1 })
      const parameters = {
        display_name: 'Wrong',
        event_name: uniqueName('wrong_'),
        default_aggregation: { formula: 'sum' },
        ...wrong,
      }
      const refusal = await refusalOf(stripe.rawRequest('POST', '/v1/billing/meters', parameters))
      expect(refusal).toMatchObject({ statusCode: 400, rawType: 'invalid_request_error', code, param })
      expect(await stripe.billing.meters.list({ limit: 1 })).toEqual(before)
    })

    it('gives an event name to one of many that ask for it at once', async () => {
      const event_name = uniqueName('wanted_')
      const outcomes = await Promise.allSettled(
        Array.from({ length: 8 }, () => createMeter(stripe, 'sum', { event_name })),
      )
      const created = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
      expect(created).toHaveLength(1)
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected')
          expect(outcome.reason).toMatchObject({ statusCode: 400, param: 'event_name' })
      }
      const newest = await stripe.billing.meters.list({ limit: 8 })
      expect(newest.data.filter((meter) => meter.event_name === event_name)).toEqual(created)
    })

    it('takes names at their longest', async () => {
      const [display_name, event_name] = ['🚀'.repeat(250), 'é'.repeat(100)]
      const meter = await createMeter(stripe, 'sum', { display_name, event_name })
      expect(meter).toMatchObject({ display_name, event_name })
    })
  })

  describe('Retrieving', () => {
    it('says 404 for an unknown meter, whatever is asked of it', async () => {
      const { meters } = stripe.billing
      for (const send of [
        () => meters.retrieve('mtr_test_unknown'),
        () => meters.update('mtr_test_unknown', { display_name: 'Name' }),
        () => meters.deactivate('mtr_test_unknown'),
        () => meters.reactivate('mtr_test_unknown'),
        () => meters.listEventSummaries('mtr_test_unknown', { customer: 'cus_A', start_time: 0, end_time: 60 }),
      ]) {
        const refusal = await refusalOf(send())
        expect(refusal).toMatchObject({ statusCode: 404, code: 'resource_missing', param: 'id' })
        expect(refusal.type).toBe('StripeInvalidRequestError')
      }
    })

    it("says 404 for another ledger's meter, and leaves it as it is", async () => {
      const foreign = await service.clientWithNewKey({ account: 'someone_else' })
      const meter = await createMeter(stripe)
      const { meters } = foreign.billing
      for (const send of [
        () => meters.retrieve(meter.id),
        () => meters.update(meter.id, { display_name: 'Mine now' }),
        () => meters.deactivate(meter.id),
        () => meters.reactivate(meter.id),
        () => meters.listEventSummaries(meter.id, { customer: 'cus_A', start_time: 0, end_time: 60 }),
      ]) {
        expect(await refusalOf(send())).toMatchObject({ statusCode: 404, code: 'resource_missing' })
      }
      expect(await stripe.billing.meters.retrieve(meter.id)).toEqual(meter)
    })
  })

  describe('Updating', () => {
    it('answers the meter as it is when nothing is to change', async () => {
      const meter = await createMeter(stripe)
      clock.advance(10_000)
      expect(await stripe.billing.meters.update(meter.id)).toEqual(meter)
      expect(await stripe.billing.meters.update(meter.id, { display_name: meter.display_name })).toEqual(meter)
      expect(await stripe.billing.meters.retrieve(meter.id)).toEqual(meter)
    })

    it('works on an inactive meter too', async () => {
      const meter = await createMeter(stripe)
      await stripe.billing.meters.deactivate(meter.id)
      const renamed = await stripe.billing.meters.update(meter.id, { display_name: 'Retired' })
      expect(renamed).toMatchObject({ display_name: 'Retired', status: 'inactive' })
    })
  })

  describe('Deactivating and reactivating', () => {
    it('stops a meter from taking events, keeps its history, and lets it go on', async () => {
      const meter = await createMeter(stripe)
      await report(stripe, meter, 5)
      clock.advance(3_000)
      const inactive = await stripe.billing.meters.deactivate(meter.id)
      const deactivated_at = meter.created + 3
      expect(inactive).toEqual({
        ...meter,
        status: 'inactive',
        status_transitions: { deactivated_at },
        updated: deactivated_at,
      })
      const refusal = await refusalOf(report(stripe, meter, 1))
      expect(refusal).toMatchObject({ statusCode: 400, rawType: 'invalid_request_error' })
      expect(refusal.message).toContain('No active meter found for event name')
      expect(await total(stripe, meter)).toBe('5')
      clock.advance(3_000)
      expect(await stripe.billing.meters.reactivate(meter.id)).toEqual({ ...meter, updated: deactivated_at + 3 })
      await report(stripe, meter, 2)
      expect(await total(stripe, meter)).toBe('7')
    })

    it('answers the meter as it stands when it is so already', async () => {
      const meter = await createMeter(stripe)
      clock.advance(1_000)
      expect(await stripe.billing.meters.reactivate(meter.id)).toEqual(meter)
      const inactive = await stripe.billing.meters.deactivate(meter.id)
      clock.advance(1_000)
      const again = await stripe.billing.meters.deactivate(meter.id)
      expect(again).toEqual(inactive)
      // Nothing was written, so there is no position to tell.
      expect(again.lastResponse.headers).not.toHaveProperty('meterbook-position')
    })

    it('does not reactivate a meter whose event name was taken meanwhile', async () => {
      const first = await createMeter(stripe)
      const inactive = await stripe.billing.meters.deactivate(first.id)
      const second = await createMeter(stripe, 'sum', { event_name: first.event_name })
      const refusal = await refusalOf(stripe.billing.meters.reactivate(first.id))
      expect(refusal).toMatchObject({ statusCode: 400, rawType: 'invalid_request_error', param: 'event_name' })
      expect(refusal.message).toContain('An active meter already exists for event name')
      expect(await stripe.billing.meters.retrieve(first.id)).toEqual(inactive)
      await stripe.billing.meters.deactivate(second.id)
      expect(await stripe.billing.meters.reactivate(first.id)).toMatchObject({ status: 'active' })
    })
  })

  describe('Listing', () => {
    let listed: Stripe
    /** Newest first. */
    let all: Meter[]
    beforeAll(async () => {
      listed = await service.clientWithNewKey({ account: 'with_a_list' })
      all = []
      for (let count = 0; count < 12; count++) all.unshift(await createMeter(listed))
      // Every third is inactive.
      for (const index of [0, 3, 6, 9]) {
        all[index] = await listed.billing.meters.deactivate(all[index]?.id ?? '')
      }
    })

    it('shows the newest first, ten to a page, also when they are of one second', async () => {
      const page = await listed.billing.meters.list()
      expect(page).toEqual({ object: 'list', data: all.slice(0, 10), has_more: true, url: '/v1/billing/meters' })
    })

    it('filters by status', async () => {
      const inactive = await listed.billing.meters.list({ status: 'inactive' })
      expect(inactive).toMatchObject({ data: [all[0], all[3], all[6], all[9]], has_more: false })
      const active = await listed.billing.meters.list({ status: 'active', limit: 3, starting_after: all[3]?.id ?? '' })
      expect(active).toMatchObject({ data: [all[4], all[5], all[7]], has_more: true })
    })

    it('goes on after a cursor and back before one', async () => {
      const { meters } = listed.billing
      const id = (index: number): string => all[index]?.id ?? ''
      expect(await meters.list({ limit: 5, starting_after: id(6) })).toMatchObject({
        data: all.slice(7),
        has_more: false,
      })
      expect(await meters.list({ limit: 4, ending_before: id(6) })).toMatchObject({
        data: all.slice(2, 6),
        has_more: true,
      })
      expect(await meters.list({ ending_before: id(2) })).toMatchObject({ data: all.slice(0, 2), has_more: false })
      expect(await meters.list({ starting_after: id(11) })).toMatchObject({ data: [], has_more: false })
      expect(await meters.list({ ending_before: id(0) })).toMatchObject({ data: [], has_more: false })
    })

    it('is walked whole by the client itself, forwards and backwards', async () => {
      const forwards: Meter[] = []
      for await (const meter of listed.billing.meters.list({ limit: 5 })) forwards.push(meter)
      expect(forwards).toEqual(all)
      const backwards: Meter[] = []
      for await (const meter of listed.billing.meters.list({ limit: 5, ending_before: all[11]?.id ?? '' })) {
        backwards.push(meter)
      }
      expect(backwards).toEqual(all.slice(0, 11).reverse())
    })

    it('refuses a cursor that is no meter of this ledger', async () => {
      const foreign = await createMeter(stripe)
      for (const cursor of ['mtr_test_unknown', foreign.id]) {
        for (const name of ['starting_after', 'ending_before'] as const) {
          const refusal = await refusalOf(listed.billing.meters.list({ [name]: cursor }))
          expect(refusal).toMatchObject({ statusCode: 404, code: 'resource_missing', param: name })
        }
      }
    })

    it('takes 1 to 100 to a page, and one cursor at a time', async () => {
      expect((await listed.billing.meters.list({ limit: 1 })).data).toEqual(all.slice(0, 1))
      expect((await listed.billing.meters.list({ limit: 100 })).data).toEqual(all)
      for (const limit of ['0', '101', '-1', '1.5', 'ten', '']) {
        const refusal = await refusalOf(listed.rawRequest('GET', `/v1/billing/meters?limit=${limit}`))
        expect(refusal).toMatchObject({ statusCode: 400, param: 'limit' })
      }
      const [starting_after, ending_before] = [all[5]?.id ?? '', all[1]?.id ?? '']
      const refusal = await refusalOf(listed.billing.meters.list({ starting_after, ending_before }))
      expect(refusal).toMatchObject({ statusCode: 400, code: 'parameters_exclusive' })
    })

    it('refuses an unknown status, and parameters it does not have', async () => {
      for (const [query, param] of [
        ['status=archived', 'status'],
        ['state=active', 'state'],
        ['expand[]=data.customer', 'expand'],
      ]) {
        const refusal = await refusalOf(listed.rawRequest('GET', `/v1/billing/meters?${query}`))
        expect(refusal).toMatchObject({ statusCode: 400, param })
      }
    })
  })

  it('says live for the meters of a live key', async () => {
    const live = await service.clientWithNewKey({ mode: 'live' })
    const meter = await createMeter(live)
    expect(meter).toMatchObject({ livemode: true, created: seconds(clock.now()) })
    expect(meter.id).toMatch(/^mtr_[0-9A-Za-z]{32}$/)
    expect(clock.now()).toBeGreaterThan(NOW)
  })
})
