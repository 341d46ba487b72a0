/**
 * One sequence of commands gives the same rows on every store and in every read model: the same requests, sent one after the
 * other through the Stripe client to a service on each, with the same clock and ids.
 */
import { expect, it } from '@jest/globals'
import fc from 'fast-check'
import type Stripe from 'stripe'
import { DAY_MS, HOUR_MS } from '../../src/domain/time-bucket.js'
import type { Ids } from '../../src/commands/environment.js'
import { allRows, type Rows } from '../fresh-fold.js'
import { FixedClock, onServers, seconds, startRunningService, stores, type TestStore } from '../running-service.js'

const METERS = [
  { formula: 'sum', dimension_payload_keys: ['region'] },
  { formula: 'count' },
  { formula: 'last' },
  { formula: 'sum', event_time_window: 'hour' },
  { formula: 'last', event_time_window: 'day' },
] as const

type Step =
  | {
      readonly kind: 'record'
      readonly meter: number
      readonly identifier: number
      readonly customer: number
      readonly value: string
      readonly agoMs: number
    }
  | { readonly kind: 'cancel'; readonly meter: number; readonly identifier: number }
  | { readonly kind: 'rename' | 'deactivate' | 'reactivate'; readonly meter: number }
  | { readonly kind: 'wait'; readonly ms: number }

const meter = fc.nat({ max: METERS.length - 1 })
// Few, so that there are duplicates, conflicts and cancellations that find something.
const identifier = fc.nat({ max: 30 })
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('record' as const),
      meter,
      identifier,
      customer: fc.nat({ max: 2 }),
      value: fc.constantFrom('1', '-4', '0.1', '25.0', '1e3', 'not a number'),
      agoMs: fc.integer({ min: -HOUR_MS, max: 40 * DAY_MS }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('cancel' as const), meter, identifier }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('rename' as const, 'deactivate' as const, 'reactivate' as const),
      meter,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 3 * HOUR_MS }) }),
  },
)

/** The same ids in the same order. */
function countingIds(): Ids {
  let count = 0
  return {
    uuid: () => `00000000-0000-4000-8000-${String(++count).padStart(12, '0')}`,
    random: (length) => String(++count).padStart(length, '0'),
  }
}

async function take(stripe: Stripe, ids: readonly string[], each: Step, clock: FixedClock, n: number): Promise<void> {
  const options = { idempotencyKey: `step-${n}` }
  const id = 'meter' in each ? ids[each.meter]! : ''
  switch (each.kind) {
    case 'record':
      await stripe.billing.meterEvents.create(
        {
          event_name: `meter_${each.meter}`,
          identifier: `id-${each.identifier}`,
          timestamp: seconds(clock.now() - each.agoMs),
          payload: { stripe_customer_id: `cus_${each.customer}`, value: each.value, region: `r${each.identifier % 2}` },
        },
        options,
      )
      break
    case 'cancel':
      await stripe.billing.meterEventAdjustments.create(
        { event_name: `meter_${each.meter}`, type: 'cancel', cancel: { identifier: `id-${each.identifier}` } },
        options,
      )
      break
    case 'rename':
      await stripe.billing.meters.update(id, { display_name: `Renamed in step ${n}` }, options)
      break
    case 'deactivate':
      await stripe.billing.meters.deactivate(id, {}, options)
      break
    case 'reactivate':
      await stripe.billing.meters.reactivate(id, {}, options)
      break
    case 'wait':
      clock.advance(each.ms)
      break
  }
}

/** What the requests were answered, the rows and the digest they left. Only positions are the store's own. */
async function run(
  store: TestStore,
  steps: readonly Step[],
): Promise<{ answers: string[]; rows: Rows; digest: unknown }> {
  const clock = new FixedClock()
  const service = await startRunningService(store, clock, countingIds())
  try {
    const { stripe } = service
    const ids: string[] = []
    for (const [n, { formula, ...configuration }] of METERS.entries()) {
      const created = await stripe.billing.meters.create(
        {
          display_name: `Meter ${n}`,
          event_name: `meter_${n}`,
          default_aggregation: { formula },
          ...configuration,
        },
        { idempotencyKey: `meter-${n}` },
      )
      ids.push(created.id)
    }
    const answers: string[] = []
    for (const [n, each] of steps.entries()) {
      answers.push(
        await take(stripe, ids, each, clock, n).then(
          () => 'done',
          ({ message }: Error) => message,
        ),
      )
    }
    // A read waits until everything that was acknowledged is in the rows.
    const {
      lastResponse: _response,
      position: _position,
      ...digest
    } = (await stripe.rawRequest('GET', '/meterbook/v1/digest')) as { lastResponse: unknown; position: unknown }
    const { projections: _, ...rows } = await allRows(service.dataDir, service.readModelUrl)
    return { answers, rows, digest }
  } finally {
    await service.close()
  }
}

it('One sequence of commands is answered alike and leaves the same rows on every store', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 60, maxLength: 120 }), async (steps) => {
      const [first, ...others] = stores
      const expected = await run(first, steps)
      expect(expected.rows.usage_records?.length).toBeGreaterThan(0)
      for (const store of [...others, onServers]) expect(await run(store, steps)).toEqual(expected)
    }),
    { numRuns: 3 },
  )
})
