/** The usage records themselves: finding them, and the events that made each what it is. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type Stripe from 'stripe'
import { DAY_MS, HOUR_MS } from '../../src/domain/time-bucket.js'
import { NOW } from '../controls.js'
import { cancel, createMeter, report, type Meter } from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import { FixedClock, onEachStore, seconds, type RunningService } from '../running-service.js'

interface Record {
  readonly id: string
  readonly identifier: string
}
interface History extends Record {
  readonly events: { readonly type: string; readonly position: string; readonly request_id: string }[]
}

const PATH = '/meterbook/v1/meter_events'

onEachStore('Usage records', (start) => {
  const clock = new FixedClock()
  let service: RunningService
  let stripe: Stripe
  beforeAll(async () => {
    service = await start(clock)
    stripe = service.stripe
  })
  afterAll(() => service.close())

  const find = (query = ''): Promise<Stripe.ApiList<Record>> => stripe.rawRequest('GET', `${PATH}?${query}`) as never
  const identifiers = async (query: string): Promise<string[]> =>
    (await find(query)).data.map(({ identifier }) => identifier)
  const retrieve = (meter: Meter, identifier: string): Promise<History> =>
    stripe.rawRequest('GET', `${PATH}/${meter.id}/${encodeURIComponent(identifier)}`) as never

  describe('one by one', () => {
    it('show the request, what became of it, and the event that did it', async () => {
      const meter = await createMeter(stripe)
      const at = clock.now() - HOUR_MS
      const event = await report(stripe, meter, '2.50', { identifier: 'a record', at, payload: { region: 'eu' } })
      const record = await retrieve(meter, 'a record')
      expect(record).toEqual({
        id: `${meter.id}.a record`,
        object: 'meterbook.usage_record',
        cancelled_at: null,
        created: seconds(clock.now()),
        customer: 'cus_A',
        event_name: meter.event_name,
        identifier: 'a record',
        livemode: false,
        meter: meter.id,
        occurred_at: new Date(at).toISOString(),
        payload: { stripe_customer_id: 'cus_A', value: '2.50', region: 'eu' },
        recorded_at: new Date(clock.now()).toISOString(),
        status: 'recorded',
        timestamp: seconds(at),
        value: '2.5',
        events: [
          {
            id: expect.stringMatching(/^[0-9a-f-]{36}$/),
            type: 'UsageRecorded',
            at: new Date(clock.now()).toISOString(),
            stream: expect.stringMatching(/^usage-default~test\.\d+$/),
            revision: expect.any(Number),
            position: event.lastResponse.headers['meterbook-position'],
            request_id: event.lastResponse.requestId,
            actor: expect.stringMatching(/^key_/),
          },
        ],
      })
    })

    it('show their cancellation', async () => {
      const meter = await createMeter(stripe)
      const recorded = await report(stripe, meter, 1, { identifier: 'wrong' })
      clock.advance(HOUR_MS)
      const cancelled = await cancel(stripe, meter, 'wrong')
      const record = await retrieve(meter, 'wrong')
      expect(record).toMatchObject({ status: 'cancelled', cancelled_at: new Date(clock.now()).toISOString() })
      expect(record.events).toMatchObject([
        { type: 'UsageRecorded', request_id: recorded.lastResponse.requestId },
        { type: 'UsageCancelled', request_id: cancelled.lastResponse.requestId },
      ])
    })

    it('have no value where the meter counts', async () => {
      const meter = await createMeter(stripe, 'count')
      await report(stripe, meter, 'many', { identifier: 'counted' })
      expect(await retrieve(meter, 'counted')).toMatchObject({ value: null, payload: { value: 'many' } })
    })

    it.each([
      'a/b',
      '/',
      '100%',
      '%2F',
      'a b',
      'a+b',
      'a.b.c',
      '..',
      '?limit=1#top',
      'größe 東京 🚀',
      `"quoted" 'text'`,
      'x'.repeat(100),
      '🚀'.repeat(100),
    ])('are found under the identifier %j', async (identifier) => {
      const meter = await createMeter(stripe)
      await report(stripe, meter, 1, { identifier })
      const record = await retrieve(meter, identifier)
      expect(record).toMatchObject({ identifier, id: `${meter.id}.${identifier}` })
      const named = new URLSearchParams({ meter: meter.id, identifier }).toString()
      expect(await stripe.rawRequest('GET', `/meterbook/v1/meter_event?${named}`)).toEqual(record)
      expect(await identifiers(`meter=${meter.id}&identifier=${encodeURIComponent(identifier)}`)).toEqual([identifier])
    })

    it('are missing under an unknown identifier, an unknown meter and for another ledger', async () => {
      const meter = await createMeter(stripe)
      await report(stripe, meter, 1, { identifier: 'there' })
      const missing = { statusCode: 404, code: 'resource_missing' }
      expect(await refusalOf(retrieve(meter, 'not there'))).toMatchObject({ ...missing, param: 'identifier' })
      expect(await refusalOf(retrieve({ ...meter, id: 'mtr_test_unknown' }, 'there'))).toMatchObject({
        ...missing,
        param: 'meter',
      })
      const foreign = await service.clientWithNewKey({ account: 'someone_else' })
      expect(await refusalOf(foreign.rawRequest('GET', `${PATH}/${meter.id}/there`))).toMatchObject(missing)
    })
  })

  describe('as a list', () => {
    const [JAN_1, JAN_2] = [NOW - 14 * DAY_MS, NOW - 13 * DAY_MS]
    let tokens: Meter
    let calls: Meter
    let from = 0
    let until = 0
    beforeAll(async () => {
      tokens = await createMeter(stripe)
      calls = await createMeter(stripe, 'count')
      clock.advance(DAY_MS)
      from = clock.now()
      await report(stripe, tokens, 1, { identifier: 't1', customer: 'cus_1', at: JAN_1 })
      await report(stripe, calls, 1, { identifier: 'c1', customer: 'cus_1', at: JAN_2 })
      await report(stripe, tokens, 2, { identifier: 't2', customer: 'cus_2', at: JAN_2 })
      clock.advance(1_000)
      until = clock.now()
      await report(stripe, tokens, 3, { identifier: 't3', customer: 'cus_1', at: JAN_2 + 1_000 })
      await report(stripe, calls, 1, { identifier: 'c2', customer: 'cus_2', at: JAN_1 })
      await cancel(stripe, tokens, 't2')
    })
    /** Of these two meters only. */
    const both = async (query: string): Promise<string[]> =>
      identifiers(`created[gte]=${seconds(from)}&limit=100&${query}`)

    it('come newest first, by when they were recorded', async () => {
      expect(await both('')).toEqual(['c2', 't3', 't2', 'c1', 't1'])
      expect(await find('limit=2')).toMatchObject({ object: 'list', has_more: true, url: PATH })
    })

    it.each([
      ['meter', () => `meter=${tokens.id}`, ['t3', 't2', 't1']],
      ['event name', () => `event_name=${calls.event_name}`, ['c2', 'c1']],
      ['customer', () => 'customer=cus_1', ['t3', 'c1', 't1']],
      ['meter and customer', () => `meter=${tokens.id}&customer=cus_1`, ['t3', 't1']],
      ['unknown customer', () => 'customer=cus_3', []],
      ['identifier', () => 'identifier=t2', ['t2']],
      ['identifier of another customer', () => 'identifier=t2&customer=cus_1', []],
      ['status cancelled', () => 'status=cancelled', ['t2']],
      ['status recorded', () => 'status=recorded', ['c2', 't3', 'c1', 't1']],
      ['time, at or after', () => `timestamp[gte]=${seconds(JAN_2)}`, ['t3', 't2', 'c1']],
      ['time, after', () => `timestamp[gt]=${seconds(JAN_2)}`, ['t3']],
      ['time, before', () => `timestamp[lt]=${seconds(JAN_2)}`, ['c2', 't1']],
      ['time, at or before', () => `timestamp[lte]=${seconds(JAN_2)}`, ['c2', 't2', 'c1', 't1']],
      [
        'time, between',
        () => `timestamp[gte]=${seconds(JAN_2)}&timestamp[lt]=${seconds(JAN_2) + 1}&status=recorded`,
        ['c1'],
      ],
      [
        'time, by the narrower of two bounds',
        () =>
          `timestamp[gte]=${seconds(JAN_2) - 1}&timestamp[gt]=${seconds(JAN_2) - 2}&timestamp[lt]=${seconds(JAN_2) + 2}&timestamp[lte]=${seconds(JAN_2)}`,
        ['t2', 'c1'],
      ],
      ['receipt, at or after', () => `created[gt]=${seconds(until) - 1}`, ['c2', 't3']],
      ['receipt, before', () => `created[lt]=${seconds(until)}`, ['t2', 'c1', 't1']],
      ['no event name', () => 'event_name=none', []],
    ])('are filtered by %s', async (_, query, expected) => {
      expect(await both(query())).toEqual(expected)
    })

    it('are walked by cursor, forwards and backwards, under a filter', async () => {
      const { data: all } = await find('customer=cus_1')
      expect(all.map(({ identifier }) => identifier)).toEqual(['t3', 'c1', 't1'])
      const id = (index: number): string => encodeURIComponent(all[index]?.id ?? '')
      const page = (query: string) => find(`customer=cus_1&limit=1&${query}`)
      expect(await page(`starting_after=${id(0)}`)).toMatchObject({ data: [all[1]], has_more: true })
      expect(await page(`starting_after=${id(1)}`)).toMatchObject({ data: [all[2]], has_more: false })
      expect(await page(`starting_after=${id(2)}`)).toMatchObject({ data: [], has_more: false })
      expect(await page(`ending_before=${id(2)}`)).toMatchObject({ data: [all[1]], has_more: true })
      expect(await page(`ending_before=${id(1)}`)).toMatchObject({ data: [all[0]], has_more: false })
    })

    it('are walked whole, over many meters and customers, without a gap', async () => {
      const account = await service.clientWithNewKey({ account: 'busy' })
      const meters = [await createMeter(account), await createMeter(account), await createMeter(account, 'count')]
      const sent = Array.from({ length: 60 }, (_, index) => `event ${index}`)
      await Promise.all(
        sent.map((identifier, index) =>
          report(account, meters[index % 3] as Meter, index, { identifier, customer: `cus_${index % 4}` }),
        ),
      )
      for (const [filter, expected] of [
        ['', sent],
        ['&customer=cus_1', sent.filter((_, index) => index % 4 === 1)],
      ] as const) {
        const walked: Record[] = []
        for (let after = '', more = true; more;) {
          const page = (await account.rawRequest('GET', `${PATH}?limit=7${filter}${after}`)) as Stripe.ApiList<Record>
          walked.push(...page.data)
          after = `&starting_after=${encodeURIComponent(page.data.at(-1)?.id ?? '')}`
          more = page.has_more
        }
        expect(walked.map(({ identifier }) => identifier).sort()).toEqual([...expected].sort())
      }
    })

    it('say what became of each in its own day, customer and dimensions, where that is asked for', async () => {
      const fates = async (meter: Meter, query = ''): Promise<[string, object][]> => {
        const { data } = await find(`meter=${meter.id}&include=fate${query}`)
        return (data as (Record & { fate: object })[]).map(({ identifier, fate }) => [identifier, fate])
      }
      const at = JAN_1 + HOUR_MS
      const hourly = await createMeter(stripe, 'sum', { event_time_window: 'hour', dimension_payload_keys: ['region'] })
      const eu = { payload: { region: 'eu' } }
      await report(stripe, hourly, 5, { identifier: 'first', at, ...eu })
      const before = await report(stripe, hourly, '2.50', { identifier: 'second', at: at + 1_000, ...eu })
      await report(stripe, hourly, 7, { identifier: 'elsewhere', at, payload: { region: 'us' } })
      await cancel(stripe, hourly, 'second')
      expect(await fates(hourly)).toEqual([
        ['elsewhere', { by: null, code: 'counted', contribution: '7', reason: expect.stringContaining('7') }],
        ['second', { by: null, code: 'cancelled', contribution: '0', reason: expect.stringContaining('cancelled') }],
        ['first', { by: null, code: 'counted', contribution: '5', reason: expect.any(String) }],
      ])
      const asOf = `&as_of_position=${encodeURIComponent(before.lastResponse.headers['meterbook-position'] ?? '')}`
      expect(await fates(hourly, asOf)).toMatchObject([
        ['second', { code: 'counted', contribution: '2.5' }],
        [
          'first',
          {
            code: 'overwritten',
            by: `${hourly.id}.second`,
            contribution: '0',
            reason:
              'second was recorded later in the same hour with the same dimensions, and of those only the event recorded last counts.',
          },
        ],
      ])

      const seats = await createMeter(stripe, 'last')
      await report(stripe, seats, 3, { identifier: 'noon', at: JAN_1 + 12 * HOUR_MS })
      await report(stripe, seats, 4, { identifier: 'morning', at: JAN_1 + 6 * HOUR_MS })
      await report(stripe, seats, 9, { identifier: 'next day', at: JAN_2 })
      await report(stripe, seats, 1, { identifier: 'other customer', at: JAN_1, customer: 'cus_other' })
      expect(await fates(seats)).toMatchObject([
        ['other customer', { code: 'counted', contribution: '1' }],
        ['next day', { code: 'counted', contribution: '9' }],
        [
          'morning',
          {
            code: 'not_last',
            by: `${seats.id}.noon`,
            contribution: '0',
            reason:
              'noon is later, and only the latest value of the UTC day that begins at 2026-01-01T00:00:00.000Z counts.',
          },
        ],
        ['noon', { code: 'counted', contribution: '3' }],
      ])
      const regional = await createMeter(stripe, 'last', { dimension_payload_keys: ['region'] })
      await report(stripe, regional, 3, { identifier: 'later', at: JAN_1 + 12 * HOUR_MS, ...eu })
      await report(stripe, regional, 4, { identifier: 'earlier', at: JAN_1, ...eu })
      await report(stripe, regional, 5, { identifier: 'elsewhere', at: JAN_1, payload: { region: 'us' } })
      expect(await fates(regional)).toMatchObject([
        ['elsewhere', { code: 'counted', contribution: '5' }],
        [
          'earlier',
          {
            code: 'not_last',
            reason:
              'later is later, and only the latest value of the UTC day that begins at 2026-01-01T00:00:00.000Z, with the same dimensions, counts.',
          },
        ],
        ['later', { code: 'counted', contribution: '3' }],
      ])

      const { data } = await find('include=fate&limit=2&customer=cus_2')
      expect(data).toMatchObject([
        { identifier: 'c2', fate: { code: 'counted', contribution: '1' } },
        { identifier: 't2', fate: { code: 'cancelled', contribution: '0' } },
      ])
      expect((await find('limit=1')).data[0]).not.toHaveProperty('fate')
    })

    it('refuse what cannot be a filter or a cursor', async () => {
      const foreign = await service.clientWithNewKey({ account: 'someone_else' })
      const theirs = await createMeter(foreign)
      for (const [query, param, status] of [
        ['status=absent', 'status', 400],
        ['timestamp=1', 'timestamp', 400],
        ['timestamp[gte]=yesterday', 'timestamp[gte]', 400],
        ['timestamp[after]=1', 'timestamp[after]', 400],
        ['limit=0', 'limit', 400],
        ['include=everything', 'include', 400],
        ['include[]=fate', 'include', 400],
        ['meter=mtr_test_unknown', 'meter', 404],
        [`meter=${theirs.id}`, 'meter', 404],
        ['starting_after=nothing', 'starting_after', 404],
        [`ending_before=${tokens.id}.nothing`, 'ending_before', 404],
        [`ending_before=${theirs.id}.t1`, 'ending_before', 404],
      ] as const) {
        expect(await refusalOf(find(query))).toMatchObject({ statusCode: status, param })
      }
    })
  })
})
