import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { DAY_MS } from '../../src/domain/time-bucket.js'
import { NOW } from '../controls.js'
import { FixedClock, onEachStore, seconds, type RunningService } from '../running-service.js'

onEachStore('The first number', (start) => {
  let service: RunningService
  beforeAll(async () => {
    service = await start(new FixedClock())
  })
  afterAll(() => service.close())

  it('is the sum of what the Stripe client recorded, right after it recorded it', async () => {
    const { stripe } = service
    const meter = await stripe.billing.meters.create({
      display_name: 'Alpaca AI tokens',
      event_name: 'alpaca_ai_tokens',
      default_aggregation: { formula: 'sum' },
    })
    for (const value of ['100', '250', '50']) {
      await stripe.billing.meterEvents.create({
        event_name: 'alpaca_ai_tokens',
        payload: { stripe_customer_id: 'cus_A', value },
      })
    }
    const today = Math.floor(NOW / DAY_MS) * DAY_MS
    const summaries = await stripe.billing.meters.listEventSummaries(meter.id, {
      customer: 'cus_A',
      start_time: seconds(today),
      end_time: seconds(today + DAY_MS),
    })
    expect(summaries.data.map(({ aggregated_value }) => aggregated_value)).toEqual([400])
  })
})
