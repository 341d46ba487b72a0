import { expect, it } from '@jest/globals'
import { Preview } from '../../src/domain/meter-preview.js'
import { HOUR_MS } from '../../src/domain/time-bucket.js'
import { NOW } from '../controls.js'
import { meter } from './examples.js'

it('A preview of many events is finished in steps, to the same result', () => {
  const preview = new Preview(meter)
  const EVENTS = 20_000
  for (let n = 0; n < EVENTS; n++) {
    preview.take({
      event: {
        eventName: 'tokens',
        identifier: `id-${n}`,
        payload: { stripe_customer_id: `cus_${n % 3}`, value: '0.1' },
        timestamp: NOW - n * HOUR_MS,
      },
      receivedAt: NOW,
      earliest: 0,
      cancelledAt: n % 10 === 0 ? NOW : null,
    })
  }
  const steps = preview.finishing(null, 'hour')
  let taken = 0
  let step = steps.next()
  for (; step.done !== true; step = steps.next()) taken++
  const { events, customers } = step.value
  expect(taken).toBeGreaterThanOrEqual(20)
  expect(step.value).toEqual(preview.finish(null, 'hour'))
  expect(events).toHaveLength(EVENTS)
  expect(customers.map(({ value, windows }) => [value, windows.length])).toEqual([
    ['600', 6_000],
    ['600', 6_000],
    ['600', 6_000],
  ])
})
