/** Cancelling usage that was reported wrongly, through v1 and v2. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type Stripe from 'stripe'
import { HOUR_MS } from '../../src/domain/time-bucket.js'
import { cancel, createMeter, report, total } from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import { FixedClock, onEachStore, type RunningService } from '../running-service.js'

onEachStore('Adjustments', (start) => {
  const clock = new FixedClock()
  let service: RunningService
  let stripe: Stripe
  beforeAll(async () => {
    service = await start(clock)
    stripe = service.stripe
  })
  afterAll(() => service.close())

  const cancelV2 = (event_name: string, identifier: string) =>
    stripe.v2.billing.meterEventAdjustments.create({ event_name, type: 'cancel', cancel: { identifier } })

  it('answer in v1 what was cancelled', async () => {
    const meter = await createMeter(stripe)
    await report(stripe, meter, 5, { identifier: 'wrong' })
    const adjustment = await cancel(stripe, meter, 'wrong')
    expect(adjustment).toEqual({
      object: 'billing.meter_event_adjustment',
      cancel: { identifier: 'wrong' },
      event_name: meter.event_name,
      livemode: false,
      status: 'complete',
      type: 'cancel',
    })
    expect(await total(stripe, meter)).toBe('0')
  })

  it('answer in v2 with an id and a time', async () => {
    const meter = await createMeter(stripe)
    await report(stripe, meter, 5, { identifier: 'wrong' })
    const adjustment = await cancelV2(meter.event_name, 'wrong')
    expect(adjustment).toEqual({
      id: expect.stringMatching(/^mtr_event_adj_\w+$/),
      object: 'v2.billing.meter_event_adjustment',
      cancel: { identifier: 'wrong' },
      created: new Date(clock.now()).toISOString(),
      event_name: meter.event_name,
      livemode: false,
      status: 'complete',
      type: 'cancel',
    })
    expect(await total(stripe, meter)).toBe('0')
    // Of another meter it is another one.
    const other = await createMeter(stripe)
    await report(stripe, other, 5, { identifier: 'wrong' })
    expect((await cancelV2(other.event_name, 'wrong')).id).not.toBe(adjustment.id)
  })

  it('repeated give the same answer and change nothing, also after the 24 hours', async () => {
    const meter = await createMeter(stripe)
    await report(stripe, meter, 5, { identifier: 'wrong' })
    await report(stripe, meter, 3)
    const [first, firstV2] = [await cancel(stripe, meter, 'wrong'), await cancelV2(meter.event_name, 'wrong')]
    clock.advance(25 * HOUR_MS)
    const again = await cancel(stripe, meter, 'wrong')
    expect(again).toEqual(first)
    expect(again.lastResponse.headers).not.toHaveProperty('meterbook-position')
    expect(await cancelV2(meter.event_name, 'wrong')).toEqual(firstV2)
    expect(await total(stripe, meter)).toBe('3')
  })

  it('from many at once cancel once', async () => {
    const meter = await createMeter(stripe)
    await report(stripe, meter, 5, { identifier: 'wrong' })
    await report(stripe, meter, 3)
    const answers = await Promise.all(Array.from({ length: 20 }, () => cancel(stripe, meter, 'wrong')))
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(await total(stripe, meter)).toBe('3')
  })

  it('leave the identifier taken', async () => {
    const meter = await createMeter(stripe)
    await report(stripe, meter, 5, { identifier: 'taken' })
    await cancel(stripe, meter, 'taken')
    for (const value of [5, 6]) {
      const refusal = await refusalOf(report(stripe, meter, value, { identifier: 'taken' }))
      expect(refusal.message).toContain('An event already exists with identifier taken')
    }
    expect(await total(stripe, meter)).toBe('0')
  })

  it('bring the last value before it back, step by step', async () => {
    const meter = await createMeter(stripe, 'last')
    const at = clock.now() - HOUR_MS
    for (const value of [1, 2, 3])
      await report(stripe, meter, value, { identifier: `at ${value}`, at: at + value * 1000 })
    for (const [identifier, expected] of [
      ['at 3', '2'],
      ['at 1', '2'],
      ['at 2', '0'],
    ] as const) {
      await cancel(stripe, meter, identifier)
      expect(await total(stripe, meter)).toBe(expected)
    }
  })

  it('of usage that was overwritten in its window change nothing', async () => {
    const meter = await createMeter(stripe, 'sum', { event_time_window: 'day' })
    await report(stripe, meter, 4, { identifier: 'overwritten' })
    await report(stripe, meter, 9)
    await cancel(stripe, meter, 'overwritten')
    expect(await total(stripe, meter)).toBe('9')
  })

  it('work while the meter is inactive', async () => {
    const meter = await createMeter(stripe)
    await report(stripe, meter, 5, { identifier: 'wrong' })
    await stripe.billing.meters.deactivate(meter.id)
    expect(await cancel(stripe, meter, 'wrong')).toMatchObject({ status: 'complete' })
    expect(await total(stripe, meter)).toBe('0')
  })

  it('find the usage of an earlier meter of the event name', async () => {
    const earlier = await createMeter(stripe)
    await report(stripe, earlier, 5, { identifier: 'old' })
    await report(stripe, earlier, 7, { identifier: 'both' })
    await stripe.billing.meters.deactivate(earlier.id)
    const later = await createMeter(stripe, 'sum', { event_name: earlier.event_name })
    await report(stripe, later, 11, { identifier: 'both' })
    await cancel(stripe, later, 'old')
    expect([await total(stripe, earlier), await total(stripe, later)]).toEqual(['7', '11'])
    // Where both meters have the identifier, it is the active one that is meant.
    await cancel(stripe, later, 'both')
    expect([await total(stripe, earlier), await total(stripe, later)]).toEqual(['7', '0'])
  })

  describe('are refused', () => {
    it('for usage of another event name', async () => {
      const [meter, other] = [await createMeter(stripe), await createMeter(stripe)]
      await report(stripe, meter, 5, { identifier: 'here' })
      const refusal = await refusalOf(cancel(stripe, other, 'here'))
      expect(refusal).toMatchObject({ statusCode: 404, code: 'resource_missing', param: 'cancel[identifier]' })
      expect(await total(stripe, meter)).toBe('5')
    })

    it('for an event name no meter ever had', async () => {
      const refusal = await refusalOf(cancel(stripe, { event_name: 'never there' }, 'here'))
      expect(refusal).toMatchObject({ statusCode: 404, code: 'resource_missing', param: 'cancel[identifier]' })
      expect(await refusalOf(cancelV2('never there', 'here'))).toMatchObject({
        statusCode: 404,
        code: 'resource_missing',
      })
    })

    it('for usage of another ledger', async () => {
      const meter = await createMeter(stripe)
      await report(stripe, meter, 5, { identifier: 'ours' })
      const foreign = await service.clientWithNewKey({ account: 'someone_else' })
      await createMeter(foreign, 'sum', { event_name: meter.event_name })
      expect(await refusalOf(cancel(foreign, meter, 'ours'))).toMatchObject({ statusCode: 404 })
      expect(await total(stripe, meter)).toBe('5')
    })

    it.each([
      ['cancel', { cancel: undefined }, 'parameter_missing'],
      ['cancel[identifier]', { cancel: { identifier: '' } }, 'parameter_invalid_empty'],
      ['cancel[identifier]', { cancel: { identifier: 'x'.repeat(101) } }, 'parameter_too_long'],
      ['type', { type: undefined }, 'parameter_missing'],
      ['type', { type: 'cancel_range' }, 'parameter_invalid'],
      ['event_name', { event_name: undefined }, 'parameter_missing'],
      ['reason', { reason: 'a mistake' }, 'parameter_unknown'],
    ])('for a wrong or missing %s', async (param, wrong, code) => {
      const adjustment = { event_name: 'any', type: 'cancel', cancel: { identifier: 'any' }, ...wrong }
      const v1 = stripe.rawRequest('POST', '/v1/billing/meter_event_adjustments', adjustment)
      expect(await refusalOf(v1)).toMatchObject({ statusCode: 400, code, param })
      const v2 = stripe.rawRequest('POST', '/v2/billing/meter_event_adjustments', adjustment)
      expect(await refusalOf(v2)).toMatchObject({
        statusCode: 400,
        code: param.startsWith('cancel') ? 'invalid_cancel_configuration' : code,
      })
    })
  })
})
