/** What happened to a meter itself: created, renamed, deactivated, reactivated, by whom and when. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type Stripe from 'stripe'
import { HOUR_MS } from '../../src/domain/time-bucket.js'
import { NOW } from '../controls.js'
import { createMeter, report } from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import { FixedClock, onEachStore, seconds, TEST_KEY, type RunningService } from '../running-service.js'

interface Change {
  readonly id: string
  readonly type: string
  readonly display_name: string
}

onEachStore('The history of a meter', (start) => {
  let service: RunningService
  let clock: FixedClock
  let stripe: Stripe
  beforeAll(async () => {
    clock = new FixedClock()
    service = await start(clock)
    stripe = service.stripe
  })
  afterAll(() => service.close())

  const history = (id: string, query = '', client = stripe): Promise<Stripe.ApiList<Change>> =>
    client.rawRequest('GET', `/meterbook/v1/meters/${id}/history?${query}`) as never

  it('shows each change with the old and the new name, who made it, when, and in which request', async () => {
    const meter = await createMeter(stripe)
    await createMeter(stripe)
    clock.advance(HOUR_MS)
    const other = await service.clientWithNewKey({})
    const renamed = await other.billing.meters.update(meter.id, { display_name: 'Tokens' })
    await other.billing.meters.update(meter.id, { display_name: 'Tokens' })
    clock.advance(1)
    await stripe.billing.meters.deactivate(meter.id)
    await stripe.billing.meters.deactivate(meter.id)
    await stripe.billing.meters.reactivate(meter.id)
    await report(stripe, meter, 1)

    const { data, has_more } = await history(meter.id)
    expect(has_more).toBe(false)
    expect(data.map(({ type }) => type)).toEqual(['reactivated', 'deactivated', 'renamed', 'created'])
    expect(data[2]).toEqual({
      id: expect.stringMatching(/^mtrchg_\d+$/),
      object: 'meterbook.meter_change',
      actor: { id: expect.stringMatching(/^key_/), last4: expect.any(String), name: 'issued by a test' },
      at: new Date(NOW + HOUR_MS).toISOString(),
      created: seconds(NOW + HOUR_MS),
      display_name: 'Tokens',
      livemode: false,
      meter: meter.id,
      previous_display_name: meter.display_name,
      request_id: renamed.lastResponse.requestId,
      type: 'renamed',
    })
    expect(data[3]).toMatchObject({
      actor: { last4: TEST_KEY.slice(-4), name: 'issued at the first start' },
      display_name: meter.display_name,
      previous_display_name: null,
    })
    expect(data[0]).toMatchObject({ display_name: 'Tokens', previous_display_name: 'Tokens' })
  })

  it('is read page by page, from either end', async () => {
    const meter = await createMeter(stripe)
    for (let n = 1; n <= 6; n++) await stripe.billing.meters.update(meter.id, { display_name: `Name ${n}` })
    const all = (await history(meter.id)).data.map(({ id }) => id)
    expect(all).toHaveLength(7)
    const first = await history(meter.id, 'limit=3')
    expect(first.has_more).toBe(true)
    const second = await history(meter.id, `limit=3&starting_after=${first.data[2]!.id}`)
    const third = await history(meter.id, `limit=3&starting_after=${second.data[2]!.id}`)
    expect(third.has_more).toBe(false)
    expect([first, second, third].flatMap(({ data }) => data.map(({ id }) => id))).toEqual(all)
    const back = await history(meter.id, `limit=3&ending_before=${all[6]}`)
    expect(back.data.map(({ id }) => id)).toEqual(all.slice(3, 6))
  })

  it('is there again after a restart', async () => {
    const meter = await createMeter(stripe)
    const before = (await history(meter.id)).data
    await service.restart()
    stripe = service.stripe
    expect((await history(meter.id)).data).toEqual(before)
  })

  it('is refused of an unknown meter, of another ledger, after an unknown change, and to a key that only ingests', async () => {
    const [meter, other] = [await createMeter(stripe), await createMeter(stripe)]
    const missing = { statusCode: 404, code: 'resource_missing' }
    expect(await refusalOf(history('mtr_test_unknown'))).toMatchObject({ ...missing, param: 'id' })
    const live = await service.clientWithNewKey({ mode: 'live' })
    expect(await refusalOf(history(meter.id, '', live))).toMatchObject(missing)
    const [change] = (await history(other.id)).data
    for (const cursor of [change!.id, 'mtrchg_999999', 'x', '../..']) {
      expect(await refusalOf(history(meter.id, `starting_after=${cursor}`))).toMatchObject({
        ...missing,
        param: 'starting_after',
      })
    }
    const ingest = await service.clientWithNewKey({ role: 'ingest' })
    expect(await refusalOf(history(meter.id, '', ingest))).toMatchObject({ statusCode: 403 })
    const read = await service.clientWithNewKey({ role: 'read' })
    expect((await history(meter.id, '', read)).data).toHaveLength(1)
  })
})
