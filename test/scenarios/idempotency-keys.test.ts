/** A POST retried with its idempotency key acts once and gets its first answer, whatever happened in between. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type Stripe from 'stripe'
import { uniqueName } from '../controls.js'
import { createMeter, report, total } from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import { FixedClock, onEachStore, type RunningService } from '../running-service.js'

type Answer = Stripe.Response<object>
type Send = (options: { idempotencyKey: string }, changed?: boolean) => Promise<Answer>

onEachStore('Idempotency keys', (start) => {
  const clock = new FixedClock()
  let service: RunningService
  beforeAll(async () => {
    service = await start(clock)
  })
  afterAll(() => service.close())

  describe('on every kind of POST', () => {
    const event_name = uniqueName('story_')
    const payload = (value: string) => ({ stripe_customer_id: 'cus_A', value })
    let meterId = ''
    /** In the order in which they are first sent; `changed` sends other parameters under the same key. */
    const posts: [name: string, send: Send][] = [
      [
        'create a meter',
        (options, changed) =>
          service.stripe.billing.meters.create(
            { event_name, display_name: changed ? 'Other' : 'Story', default_aggregation: { formula: 'sum' } },
            options,
          ),
      ],
      [
        'update a meter',
        (options, changed) =>
          service.stripe.billing.meters.update(meterId, { display_name: changed ? 'Other' : 'Renamed' }, options),
      ],
      [
        'deactivate a meter',
        (options, changed) => {
          const { meters } = service.stripe.billing
          return changed ? meters.reactivate(meterId, {}, options) : meters.deactivate(meterId, {}, options)
        },
      ],
      [
        'reactivate a meter',
        (options, changed) => {
          const { meters } = service.stripe.billing
          return changed ? meters.deactivate(meterId, {}, options) : meters.reactivate(meterId, {}, options)
        },
      ],
      [
        'report an event without an identifier',
        (options, changed) =>
          service.stripe.billing.meterEvents.create({ event_name, payload: payload(changed ? '2' : '1') }, options),
      ],
      [
        'report an event with an identifier',
        (options, changed) =>
          service.stripe.billing.meterEvents.create(
            { event_name, identifier: 'v1', payload: payload(changed ? '20' : '10') },
            options,
          ),
      ],
      [
        'report an event of v2',
        (options, changed) =>
          service.stripe.v2.billing.meterEvents.create(
            { event_name, identifier: 'v2', payload: payload(changed ? '200' : '100') },
            options,
          ),
      ],
      [
        'cancel an event',
        (options, changed) =>
          service.stripe.billing.meterEventAdjustments.create(
            { event_name, type: 'cancel', cancel: { identifier: changed ? 'v2' : 'v1' } },
            options,
          ),
      ],
      [
        'cancel an event through v2',
        (options, changed) =>
          service.stripe.v2.billing.meterEventAdjustments.create(
            { event_name, type: 'cancel', cancel: { identifier: changed ? 'v1' : 'v2' } },
            options,
          ),
      ],
    ]
    const first = new Map<string, Answer>()
    const keyOf = (name: string): { idempotencyKey: string } => ({ idempotencyKey: `to ${name}` })

    beforeAll(async () => {
      for (const [name, send] of posts) {
        const answer = await send(keyOf(name))
        meterId ||= (answer as unknown as { id: string }).id
        first.set(name, answer)
        clock.advance(1_000)
      }
      // What is answered now must not show through in a first answer.
      await service.stripe.billing.meters.update(meterId, { display_name: 'As it is now' })
    })

    const nothingHappened = async (): Promise<void> => {
      const { stripe } = service
      expect(await total(stripe, { id: meterId })).toBe('1')
      expect(await stripe.billing.meters.retrieve(meterId)).toMatchObject({
        display_name: 'As it is now',
        status: 'active',
      })
    }
    const replays = (): void => {
      it.each(posts)('answer the first answer again to: %s', async (name, send) => {
        const answer = await send(keyOf(name))
        expect(answer).toEqual(first.get(name))
        expect(answer.lastResponse.headers).toMatchObject({
          'idempotent-replayed': 'true',
          'idempotency-key': `to ${name}`,
          // Of the event that the first one caused: a retry, too, is read after through any service.
          'meterbook-position': first.get(name)?.lastResponse.headers['meterbook-position'],
        })
        expect(answer.lastResponse.headers['meterbook-position']).toBeDefined()
        await nothingHappened()
      })

      it.each(posts)('refuse other parameters to: %s', async (name, send) => {
        const refusal = await refusalOf(send(keyOf(name), true))
        expect(refusal).toMatchObject({ type: 'StripeIdempotencyError', statusCode: 400, rawType: 'idempotency_error' })
        expect(refusal.code).toBe(name.endsWith(' v2') ? 'idempotency_error' : undefined)
        await nothingHappened()
      })
    }

    it('do not mark a first answer as replayed', () => {
      for (const { lastResponse } of first.values()) {
        expect(lastResponse.headers).not.toHaveProperty('idempotent-replayed')
        expect(lastResponse.headers).toHaveProperty('idempotency-key')
      }
    })
    replays()
    describe('after a restart', () => {
      beforeAll(() => service.restart())
      replays()
    })
    describe('two days later', () => {
      beforeAll(() => clock.advance(48 * 60 * 60 * 1000))
      replays()
    })
  })

  it('are refused to a meter that came later, also once they are found by no row any more', async () => {
    const { meters } = service.stripe.billing
    const options = { idempotencyKey: uniqueName('earlier_') }
    const parameters = { display_name: 'Story', default_aggregation: { formula: 'sum' as const } }
    await meters.create({ ...parameters, event_name: uniqueName('earlier_') }, options)
    clock.advance(26 * 60 * 60 * 1000)
    const later = await createMeter(service.stripe)
    for (const request of [
      meters.deactivate(later.id, {}, options),
      meters.update(later.id, { display_name: 'Other' }, options),
      meters.deactivate('mtr_test_none', {}, options),
    ]) {
      expect(await refusalOf(request)).toMatchObject({ statusCode: 400, rawType: 'idempotency_error' })
    }
    expect(await meters.retrieve(later.id)).toMatchObject({ status: 'active', display_name: later.display_name })
  })

  it('are kept apart by ledger', async () => {
    const options = { idempotencyKey: uniqueName('shared_') }
    const parameters = {
      event_name: uniqueName('both_'),
      display_name: 'Both',
      default_aggregation: { formula: 'sum' as const },
    }
    const foreign = await service.clientWithNewKey({ account: 'someone_else' })
    const ours = await service.stripe.billing.meters.create(parameters, options)
    const theirs = await foreign.billing.meters.create(parameters, options)
    expect(theirs.id).not.toBe(ours.id)
    expect(theirs.lastResponse.headers).not.toHaveProperty('idempotent-replayed')
    // Also where nothing was written, as by a refusal.
    const refused = { idempotencyKey: uniqueName('shared_') }
    const event = { event_name: uniqueName('theirs_'), payload: { stripe_customer_id: 'cus_A', value: '1' } }
    await createMeter(foreign, 'sum', { event_name: event.event_name })
    await refusalOf(service.stripe.billing.meterEvents.create(event, refused))
    expect(await foreign.billing.meterEvents.create(event, refused)).toMatchObject({ event_name: event.event_name })
  })

  it('do not mind the order of parameters', async () => {
    const meter = await createMeter(service.stripe)
    const options = { idempotencyKey: uniqueName('ordered_') }
    const { event_name } = meter
    await service.stripe.billing.meterEvents.create(
      { event_name, payload: { stripe_customer_id: 'cus_A', value: '1' } },
      options,
    )
    await service.stripe.billing.meterEvents.create(
      { payload: { value: '1', stripe_customer_id: 'cus_A' }, event_name },
      options,
    )
    expect(await total(service.stripe, meter)).toBe('1')
  })

  it('repeat a refusal, too', async () => {
    const { stripe } = service
    const options = { idempotencyKey: uniqueName('refused_') }
    const event = { event_name: uniqueName('early_'), payload: { stripe_customer_id: 'cus_A', value: '1' } }
    const first = await refusalOf(stripe.billing.meterEvents.create(event, options))
    const meter = await createMeter(stripe, 'sum', { event_name: event.event_name })
    const again = await refusalOf(stripe.billing.meterEvents.create(event, options))
    expect(again).toMatchObject({ statusCode: first.statusCode, message: first.message, code: first.code })
    expect(again.headers).toMatchObject({ 'idempotent-replayed': 'true' })
    await stripe.billing.meterEvents.create(event)
    expect(await total(stripe, meter)).toBe('1')
  })

  it('are free again after parameters that were never valid', async () => {
    const { stripe } = service
    const meter = await createMeter(stripe)
    const options = { idempotencyKey: uniqueName('invalid_') }
    const { event_name } = meter
    const payload = { stripe_customer_id: 'cus_A', value: '1' }
    await refusalOf(stripe.billing.meterEvents.create({ event_name, payload, identifier: 'x'.repeat(101) }, options))
    await stripe.billing.meterEvents.create({ event_name, payload, identifier: 'x' }, options)
    expect(await total(stripe, meter)).toBe('1')
  })

  it('keep no answer of the stream and of an import: they make the identifiers of events that have none', async () => {
    const { stripe } = service
    const { authentication_token: token } = await stripe.v2.billing.meterEventSession.create()
    const meter = await createMeter(stripe)
    const eventOf = (value: string) => ({
      event_name: meter.event_name,
      payload: { stripe_customer_id: 'cus_A', value },
    })
    const options = { idempotencyKey: uniqueName('many_') }
    const streamed = (...values: string[]) =>
      service.client(token).v2.billing.meterEventStream.create({ events: values.map(eventOf) }, options)
    await streamed('1')
    await streamed('1', '10')
    expect(await total(stripe, meter)).toBe('11')
    await streamed('100', '10', '1000')
    expect(await total(stripe, meter)).toBe('1011')
    const rejections = await stripe.rawRequest('GET', `/meterbook/v1/rejections?event_name=${meter.event_name}`)
    expect(rejections).toMatchObject({ data: [{ code: 'duplicate_meter_event' }] })

    const other = { idempotencyKey: uniqueName('import_') }
    const imported = (...values: string[]) =>
      stripe.rawRequest('POST', '/meterbook/v1/usage_imports', { events: values.map(eventOf) }, other)
    expect(await imported('1')).toMatchObject({ results: [{ status: 'counted' }] })
    expect(await imported('1', '10')).toMatchObject({ results: [{ status: 'duplicate' }, { status: 'counted' }] })
    expect(await imported('100', '10', '1000')).toMatchObject({
      results: [{ status: 'rejected', code: 'duplicate_meter_event' }, { status: 'duplicate' }, { status: 'counted' }],
    })
    expect(await total(stripe, meter)).toBe('2022')
  })

  it('make a session anew each time', async () => {
    const options = { idempotencyKey: uniqueName('session_') }
    const open = () => service.stripe.v2.billing.meterEventSession.create({}, options)
    const one = await open()
    clock.advance(1)
    const again = await open()
    expect(again.authentication_token).not.toBe(one.authentication_token)
    expect(again.lastResponse.headers).not.toHaveProperty('idempotent-replayed')
  })

  it('stand in every answer to a POST, also in a refusal and in one that is not kept', async () => {
    const { stripe } = service
    const key = uniqueName('named_')
    const options = { idempotencyKey: key }
    const session = await stripe.v2.billing.meterEventSession.create({}, options)
    expect(session.lastResponse.idempotencyKey).toBe(key)
    const streaming = service.client(session.authentication_token)
    const meter = { display_name: 'x'.repeat(251), event_name: key, default_aggregation: { formula: 'sum' as const } }
    for (const request of [
      stripe.billing.meters.create(meter, options),
      streaming.v2.billing.meterEventStream.create({ events: [] }, options),
      stripe.rawRequest('POST', '/meterbook/v1/usage_imports', { events: [] }, options),
      stripe.rawRequest('POST', '/v1/nowhere', {}, options),
      service.client('sk_test_of_nobody').billing.meters.update('mtr_test_none', {}, options),
    ]) {
      expect((await refusalOf(request)).headers).toMatchObject({ 'idempotency-key': key })
    }
    const read = await stripe.billing.meters.list({}, options)
    expect(read.lastResponse.headers).not.toHaveProperty('idempotency-key')
  })

  it('repeat their own answer beside another that did the same', async () => {
    const { stripe } = service
    const meter = await createMeter(stripe)
    const { event_name } = meter
    const event = { event_name, identifier: 'once', payload: { stripe_customer_id: 'cus_A', value: '1' } }
    const [one, other] = [{ idempotencyKey: uniqueName('one_') }, { idempotencyKey: uniqueName('other_') }]
    const counted = await stripe.billing.meterEvents.create(event, one)
    const refused = await refusalOf(stripe.billing.meterEvents.create(event, other))
    await stripe.billing.meterEventAdjustments.create({ event_name, type: 'cancel', cancel: { identifier: 'once' } })
    expect(await stripe.billing.meterEvents.create(event, one)).toEqual(counted)
    expect((await refusalOf(stripe.billing.meterEvents.create(event, other))).message).toBe(refused.message)
    expect(await total(stripe, meter)).toBe('0')
  })

  it('know an update of nothing from another update', async () => {
    const { stripe } = service
    const meter = await createMeter(stripe)
    const [renaming, nothing] = [
      { idempotencyKey: uniqueName('renaming_') },
      { idempotencyKey: uniqueName('nothing_') },
    ]
    const rename = { display_name: 'Renamed' }
    await stripe.billing.meters.update(meter.id, rename, renaming)
    const renamed = await stripe.billing.meters.update(meter.id, {}, nothing)
    expect(renamed).toMatchObject(rename)
    expect(await stripe.billing.meters.update(meter.id, {}, nothing)).toEqual(renamed)
    for (const send of [
      () => stripe.billing.meters.update(meter.id, {}, renaming),
      () => stripe.billing.meters.update(meter.id, { display_name: 'Again' }, nothing),
    ]) {
      expect(await refusalOf(send())).toMatchObject({ type: 'StripeIdempotencyError' })
    }
    expect(await stripe.billing.meters.retrieve(meter.id)).toEqual(renamed)
  })

  it('have at most 255 characters', async () => {
    const meter = await createMeter(service.stripe)
    const send = (idempotencyKey: string) =>
      service.stripe.billing.meters.update(meter.id, { display_name: 'Renamed' }, { idempotencyKey })
    await send('k'.repeat(255))
    const refusal = await refusalOf(send('k'.repeat(256)))
    expect(refusal).toMatchObject({ statusCode: 400, param: 'Idempotency-Key' })
  })

  describe('used by many requests at once', () => {
    it('act once: one is answered first, the others are replays or told to wait', async () => {
      const { stripe } = service
      const meter = await createMeter(stripe)
      const { event_name } = meter
      const options = { idempotencyKey: uniqueName('race_') }
      const outcomes = await Promise.allSettled(
        Array.from({ length: 20 }, () =>
          stripe.billing.meterEvents.create(
            { event_name, payload: { stripe_customer_id: 'cus_A', value: '1' } },
            options,
          ),
        ),
      )
      const answers = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
      const firsts = answers.filter(({ lastResponse }) => lastResponse.headers['idempotent-replayed'] === undefined)
      expect(firsts).toHaveLength(1)
      expect(new Set(answers.map(({ identifier }) => identifier)).size).toBe(1)
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') {
          expect(outcome.reason).toMatchObject({ statusCode: 409, code: 'idempotency_key_in_use' })
        }
      }
      expect(await total(stripe, meter)).toBe('1')
    })

    it('refuse all but one where each has other parameters, whichever is first', async () => {
      const { stripe } = service
      const meter = await createMeter(stripe)
      const { event_name } = meter
      const options = { idempotencyKey: uniqueName('mixed_') }
      const outcomes = await Promise.allSettled(
        Array.from({ length: 20 }, (_, n) =>
          stripe.billing.meterEvents.create(
            { event_name, payload: { stripe_customer_id: 'cus_A', value: `${n + 1}` } },
            options,
          ),
        ),
      )
      const counted = outcomes.flatMap((outcome, n) => (outcome.status === 'fulfilled' ? [`${n + 1}`] : []))
      expect(counted).toEqual([await total(stripe, meter)])
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ type: 'StripeIdempotencyError' })
      }
    })

    it('are seen through by the retries of the Stripe client', async () => {
      const meter = await createMeter(service.stripe)
      const { event_name } = meter
      const options = { idempotencyKey: uniqueName('retried_'), maxNetworkRetries: 10 }
      const events = await Promise.all(
        Array.from({ length: 5 }, () =>
          service.stripe.billing.meterEvents.create(
            { event_name, payload: { stripe_customer_id: 'cus_A', value: '1' } },
            options,
          ),
        ),
      )
      expect(new Set(events.map((event) => JSON.stringify(event))).size).toBe(1)
      expect(await total(service.stripe, meter)).toBe('1')
    })

    it('create one meter', async () => {
      const { stripe } = service
      const options = { idempotencyKey: uniqueName('race_') }
      const parameters = {
        event_name: uniqueName('raced_'),
        display_name: 'Raced',
        default_aggregation: { formula: 'sum' as const },
      }
      const outcomes = await Promise.allSettled(
        Array.from({ length: 10 }, () => stripe.billing.meters.create(parameters, options)),
      )
      const ids = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value.id] : []))
      expect(new Set(ids).size).toBe(1)
      const retried = await stripe.billing.meters.create(parameters, options)
      expect(ids).toContain(retried.id)
    })

    it('count apart where each has its own', async () => {
      const meter = await createMeter(service.stripe)
      await Promise.all(Array.from({ length: 20 }, () => report(service.stripe, meter, 1)))
      expect(await total(service.stripe, meter)).toBe('20')
    })
  })
})
