/** A service with its rows in PostgreSQL, whose database is not as it left it. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import type Stripe from 'stripe'
import { PostgresServer } from '../postgres-server.js'
import { TcpProxy } from '../tcp-proxy.js'
import { startRunningService, TEST_KEY, type RunningService } from '../running-service.js'

let postgres: PostgresServer
beforeAll(async () => {
  postgres = await PostgresServer.start()
})
afterAll(() => postgres.stop())

describe('A service with its rows in PostgreSQL', () => {
  let readModelUrl: string
  beforeEach(async () => {
    readModelUrl = await postgres.newDatabase()
  })

  const start = (): Promise<RunningService> =>
    startRunningService({
      name: 'the embedded store and PostgreSQL',
      open: async () => ({ url: 'embedded:', readModelUrl, close: async () => undefined }),
    })
  const query = <Row extends Record<string, unknown>>(text: string): Promise<Row[]> =>
    postgres.query<Row>(text, new URL(readModelUrl).pathname.slice(1))

  const report = (stripe: Stripe, identifier: string): Promise<unknown> =>
    stripe.billing.meterEvents.create({
      event_name: 'calls',
      identifier,
      payload: { stripe_customer_id: 'cus_A', value: '1' },
    })

  const createMeter = (stripe: Stripe) =>
    stripe.billing.meters.create({
      display_name: 'Calls',
      event_name: 'calls',
      default_aggregation: { formula: 'sum' },
    })

  async function projected(usageEvents: number): Promise<void> {
    for (;;) {
      const [row] = await query<{ least: string }>('SELECT min(sequence) AS least FROM meterbook.projections')
      if (row?.least === String(usageEvents)) return
    }
  }

  it('has the server know how many rows there are before they are read for the first time', async () => {
    const service = await start()
    try {
      await createMeter(service.stripe)
      const lines = Array.from({ length: 1_000 }, (_, n) => ({
        event_name: 'calls',
        identifier: `event-${n}`,
        payload: { stripe_customer_id: 'cus_A', value: '1' },
      }))
      const imported = await fetch(`${service.url}/meterbook/v1/usage_imports`, {
        method: 'POST',
        headers: { authorization: `Bearer ${TEST_KEY}`, 'content-type': 'application/json' },
        body: JSON.stringify({ events: lines }),
      })
      expect(imported.status).toBe(200)
      // As a first start on a log that is there already.
      await query('DROP SCHEMA meterbook CASCADE')
      await service.restart()
      while ((await fetch(`${service.url}/readyz`)).status !== 200);
      const known = await query("SELECT reltuples FROM pg_class WHERE relname = 'usage_records_1'")
      expect(known).toEqual([{ reltuples: 1_000 }])
    } finally {
      await service.close()
    }
  })

  describe('through a pooler that has room for five sessions', () => {
    let proxy: TcpProxy
    beforeEach(async () => {
      proxy = await TcpProxy.start(readModelUrl)
      proxy.passingMax = 5
      readModelUrl = proxy.url
    })
    afterEach(() => proxy.close())

    it('serves, is not ready while the pooler has room for none, and serves again', async () => {
      const service = await start()
      /** Ten at a time, more than there are sessions. Whether each ten were answered before a connection was given up that waited. */
      const reportMany = async (name: string): Promise<boolean[]> => {
        const answeredBefore: boolean[] = []
        for (let sent = 0; sent < 60; sent += 10) {
          const { givenUp } = proxy
          await Promise.all(Array.from({ length: 10 }, (_, n) => report(service.stripe, `${name}-${sent + n}`)))
          answeredBefore.push(proxy.givenUp === givenUp)
        }
        return answeredBefore
      }
      const ready = async (): Promise<[number, string]> => {
        const answer = await fetch(`${service.url}/readyz`)
        return [answer.status, await answer.text()]
      }
      try {
        await createMeter(service.stripe)
        const [first, ...others] = await reportMany('first')
        expect(proxy.waitingConnections).toBeGreaterThan(0)
        // One that waits is given up after 10 s: where a machine takes its time that may come amid some, and none wait for it.
        expect(first).toBe(true)
        expect(others.filter((isBefore) => isBefore).length).toBeGreaterThan(others.length / 2)
        expect(await ready()).toEqual([200, expect.any(String)])

        proxy.passingMax = 0
        proxy.reset()
        expect(await ready()).toEqual([503, expect.stringContaining('The read model cannot be read.')])
        proxy.passingMax = 5
        // The projections have a connection again, too, once requests leave them one.
        await reportMany('second')
        await projected(120)
        while ((await ready())[0] !== 200);
      } finally {
        await service.close()
      }
    })
  })

  describe('to which the way is lost without a sign', () => {
    let proxy: TcpProxy
    let service: RunningService
    beforeEach(async () => {
      proxy = await TcpProxy.start(readModelUrl)
      readModelUrl = proxy.url
      service = await start()
      await createMeter(service.stripe)
      await report(service.stripe, 'before')
      await list()
    })
    afterEach(async () => {
      proxy.close()
      await service.close()
    })

    /** Reads that may read far: few are answered at once. */
    const list = (): Promise<Response> =>
      fetch(`${service.url}/meterbook/v1/meter_events?customer=cus_A`, {
        headers: { authorization: `Bearer ${TEST_KEY}` },
      })

    it('tells all who wait for a read in about the time in which it tells one', async () => {
      proxy.isSilent = true
      const since = performance.now()
      const toldAfterMs: number[] = []
      const timed = async (): Promise<Response> => {
        const answer = await list()
        toldAfterMs.push(performance.now() - since)
        return answer
      }
      const answers = await Promise.all(Array.from({ length: 40 }, timed))
      // Whoever has a turn may wait for a connection of another read besides.
      expect(toldAfterMs.at(-2)).toBeLessThan(15_000)
      expect(toldAfterMs.at(-1)).toBeLessThan(25_000)
      expect(new Set(answers.map(({ status, headers }) => `${status} ${headers.get('retry-after')}`))).toEqual(
        new Set(['503 1']),
      )
    })

    it('begins no rebuild that it cannot answer for', async () => {
      const ask = async (method: 'GET' | 'POST', path: string): Promise<{ status: number; body: unknown }> => {
        const answer = await fetch(`${service.url}/meterbook/v1/projections/${path}`, {
          method,
          headers: { authorization: `Bearer ${TEST_KEY}` },
        })
        return { status: answer.status, body: await answer.json() }
      }
      /** Until a connection is found that is good. */
      const answered = async (method: 'GET' | 'POST', path: string) => {
        for (;;) {
          const answer = await ask(method, path)
          if (answer.status !== 503) return answer
        }
      }
      proxy.isSilent = true
      expect(await ask('POST', 'meters/rebuild')).toMatchObject({ status: 503 })
      proxy.isSilent = false
      proxy.forget()
      expect(await answered('GET', 'meters')).toMatchObject({ status: 200, body: { rebuild: null } })
      expect(await answered('POST', 'meters/rebuild')).toMatchObject({
        status: 202,
        body: { rebuild: { projections: ['meters'], status: 'building', failure: null } },
      })
    })

    it('serves again soon where a new connection finds one', async () => {
      proxy.forget()
      const since = performance.now()
      // Where it cannot be looked up in time whoever sends it is told to try again.
      for (;;) {
        try {
          await report(service.stripe, 'after')
          break
        } catch (error) {
          expect(error).toMatchObject({ statusCode: 503 })
        }
      }
      for (;;) {
        const answer = await list()
        if (answer.status === 200) {
          const { data } = (await answer.json()) as { data: { identifier: string }[] }
          expect(data.map(({ identifier }) => identifier).sort()).toEqual(['after', 'before'])
          break
        }
      }
      expect(performance.now() - since).toBeLessThan(20_000)
    })
  })

  it('counts nothing again that its database lost before anybody read it', async () => {
    const service = await start()
    try {
      await createMeter(service.stripe)
      await report(service.stripe, 'kept')
      await projected(1)
      await query('CREATE TABLE earlier AS SELECT * FROM meterbook.projections')
      await report(service.stripe, 'lost')
      await projected(2)
      // As after a failover to a server that lacked the last commit.
      await query('UPDATE meterbook.projections AS p SET position = e.position, sequence = e.sequence, event = e.event FROM earlier AS e WHERE e.name = p.name') // prettier-ignore
      await query("DELETE FROM meterbook.usage_records_1 WHERE identifier = 'lost'")
      for (let statusCode = 0; statusCode !== 503;) {
        const refusal = await report(service.stripe, 'lost').catch((error: Stripe.errors.StripeError) => error)
        // Until it has heard that the event is in the rows it remembers it itself.
        expect(refusal).toMatchObject({ statusCode: expect.any(Number) as unknown })
        statusCode = (refusal as Stripe.errors.StripeError).statusCode ?? 0
      }
    } finally {
      await service.close()
    }
  })
})
