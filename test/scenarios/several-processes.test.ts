import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type Stripe from 'stripe'
import { EventStoreDbServer } from '../eventstoredb-server/eventstoredb-server.js'
import { start as run } from '../cli/command-line.js'
import { PostgresServer } from '../postgres-server.js'
import { seconds, TEST_KEY } from '../running-service.js'
import { startServiceProcess, type ServiceProcess } from '../service-process.js'

const DAY_SECONDS = 24 * 60 * 60

/** Two services on one EventStoreDB (the wire-level test server), each with a read model of its own or with one for both. */
describe.each(['with read models of their own', 'that share a read model in PostgreSQL'])(
  'Two service processes on one EventStoreDB, %s,',
  (kind) => {
    const isShared = kind === 'that share a read model in PostgreSQL'
    let server: EventStoreDbServer
    let postgres: PostgresServer | null = null
    let readModelUrl = 'embedded:'
    let folder: string
    let processes: ServiceProcess[]
    let clients: [Stripe, Stripe]

    const environment = (name: string) => ({
      EVENT_STORE_URL: server.url,
      READ_MODEL_URL: readModelUrl,
      DATA_DIR: join(folder, name),
      LOG_LEVEL: 'warn',
    })
    const start = (name: string): Promise<ServiceProcess> => startServiceProcess(environment(name))

    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
      server = await EventStoreDbServer.start()
      if (isShared) {
        postgres = await PostgresServer.start()
        readModelUrl = await postgres.newDatabase()
      }
      const first = await start('first')
      processes = [first, await start('second')]
      clients = processes.map(({ stripe }) => stripe) as [Stripe, Stripe]
    }, 60_000)

    afterAll(async () => {
      await Promise.all(processes.map((each) => each.end('SIGTERM')))
      await server.stop()
      await postgres?.stop()
      rmSync(folder, { recursive: true })
    })

    async function sumOn(client: Stripe, meter: string): Promise<number> {
      const today = Math.floor(Date.now() / 1000 / DAY_SECONDS) * DAY_SECONDS
      const { data } = await client.billing.meters.listEventSummaries(meter, {
        customer: 'cus_A',
        // Midnight may pass while the test runs.
        start_time: today - DAY_SECONDS,
        end_time: today + 2 * DAY_SECONDS,
      })
      return data[0]!.aggregated_value
    }

    /** A process sees another's writes as soon as its projections got there. */
    async function eventually(read: () => Promise<number>, expected: number): Promise<void> {
      const giveUp = Date.now() + 60_000
      for (let value = await read(); ; value = await read()) {
        if (value === expected) return
        if (Date.now() > giveUp) expect(value).toBe(expected)
      }
    }

    it('count each identifier once, however often and wherever it is sent', async () => {
      const [first, second] = clients
      const meter = await first.billing.meters.create({
        display_name: 'Hammered',
        event_name: 'hammered',
        default_aggregation: { formula: 'sum' },
      })
      const timestamp = seconds(Date.now())
      const identifiers = Array.from({ length: 75 }, (_, n) => `same-${n}`)
      const send = async (client: Stripe, identifier: string): Promise<'counted' | 'duplicate'> => {
        try {
          await client.billing.meterEvents.create({
            event_name: 'hammered',
            identifier,
            timestamp,
            payload: { stripe_customer_id: 'cus_A', value: '1' },
          })
          return 'counted'
        } catch (error) {
          expect(String(error)).toContain(`An event already exists with identifier ${identifier}`)
          return 'duplicate'
        }
      }
      const answers = await Promise.all(
        identifiers.flatMap((identifier) => [first, second, first, second].map((client) => send(client, identifier))),
      )
      expect(answers.filter((answer) => answer === 'counted')).toHaveLength(identifiers.length)
      await eventually(() => sumOn(first, meter.id), identifiers.length)
      await eventually(() => sumOn(second, meter.id), identifiers.length)
    }, 60_000)

    it('use at once a meter the other one made, and never let one event name serve two', async () => {
      const [first, second] = clients
      const meter = await first.billing.meters.create({
        display_name: 'Made by the first',
        event_name: 'made_by_first',
        default_aggregation: { formula: 'sum' },
      })
      await second.billing.meterEvents.create({
        event_name: 'made_by_first',
        payload: { stripe_customer_id: 'cus_A', value: '7' },
      })
      await eventually(() => sumOn(second, meter.id), 7)

      const both = await Promise.allSettled(
        clients.map((client) =>
          client.billing.meters.create({
            display_name: 'Wanted by both',
            event_name: 'wanted_by_both',
            default_aggregation: { formula: 'count' },
          }),
        ),
      )
      expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    })

    it('cancel what the other one recorded', async () => {
      const [first, second] = clients
      const meter = await first.billing.meters.create({
        display_name: 'Corrected',
        event_name: 'corrected',
        default_aggregation: { formula: 'sum' },
      })
      const record = (client: Stripe, identifier: string, value: string) =>
        client.billing.meterEvents.create({
          event_name: 'corrected',
          identifier,
          payload: { stripe_customer_id: 'cus_A', value },
        })
      await record(first, 'right', '5')
      // At once, so that the other one has not projected it yet: only the log can tell that it is there.
      for (let n = 0; n < 20; n++) {
        await record(first, `wrong-${n}`, '100')
        await second.billing.meterEventAdjustments.create({
          event_name: 'corrected',
          type: 'cancel',
          cancel: { identifier: `wrong-${n}` },
        })
      }
      await eventually(() => sumOn(first, meter.id), 5)
      await eventually(() => sumOn(second, meter.id), 5)
    })

    it('replay an idempotent request that the other one answered', async () => {
      const [first, second] = clients
      await first.billing.meters.create({
        display_name: 'Retried elsewhere',
        event_name: 'retried_elsewhere',
        default_aggregation: { formula: 'sum' },
      })
      const event = { event_name: 'retried_elsewhere', payload: { stripe_customer_id: 'cus_A', value: '3' } }
      const options = { idempotencyKey: 'retried-elsewhere' }
      const original = await first.billing.meterEvents.create(event, options)
      const replayed = await second.billing.meterEvents.create(event, options)
      expect({ ...replayed }).toEqual({ ...original })
      expect(replayed.lastResponse.headers['idempotent-replayed']).toBe('true')
    })

    it('say which of them writes the rows', async () => {
      const roles = async (): Promise<string[]> => {
        const answers = await Promise.all(processes.map(({ api }) => api.get('/meterbook/v1/system')))
        return answers.map(({ body }) => (body as { read_model: { role: string } }).read_model.role).sort()
      }
      expect(await roles()).toEqual(isShared ? ['following', 'writing'] : ['writing', 'writing'])
    })

    it('go on after one of them is killed, and the other takes its place on the same data', async () => {
      const [first] = clients
      const meter = await first.billing.meters.create({
        display_name: 'Survives',
        event_name: 'survives',
        default_aggregation: { formula: 'sum' },
      })
      const record = (client: Stripe, identifier: string) =>
        client.billing.meterEvents.create({
          event_name: 'survives',
          identifier,
          payload: { stripe_customer_id: 'cus_A', value: '1' },
        })
      await record(first, 'before')
      await processes[0]!.end('SIGKILL')
      await record(clients[1], 'between')
      await expect(record(clients[1], 'before')).rejects.toThrow('already exists')
      await eventually(() => sumOn(clients[1], meter.id), 2)
      const again = await start('first')
      processes[0] = again
      clients[0] = again.stripe
      await expect(record(clients[0], 'before')).rejects.toThrow('already exists')
      await record(clients[0], 'after')
      await eventually(() => sumOn(clients[0], meter.id), 3)
      await eventually(() => sumOn(clients[1], meter.id), 3)
    }, 60_000)

    if (!isShared) return

    it('count once what is sent while the database of the read model is killed, and go on when it is back', async () => {
      const [first] = clients
      const meter = await first.billing.meters.create({
        display_name: 'Without rows',
        event_name: 'without_rows',
        default_aggregation: { formula: 'sum' },
      })
      /** As often as it takes. */
      const send = async (client: Stripe, identifier: string): Promise<void> => {
        for (;;) {
          try {
            await client.billing.meterEvents.create({
              event_name: 'without_rows',
              identifier,
              payload: { stripe_customer_id: 'cus_A', value: '1' },
            })
            return
          } catch (error) {
            const { statusCode, message } = error as Stripe.errors.StripeError
            if (message.includes('already exists')) return
            expect({ statusCode, message }).toEqual({
              statusCode: 503,
              message: expect.stringContaining('Please try again.') as unknown,
            })
          }
        }
      }
      const sending = Promise.all(
        Array.from({ length: 40 }, async (_, n) => {
          if (n === 20) await postgres?.kill()
          if (n === 30) await postgres?.restart()
          await send(clients[n % 2]!, `event-${n}`)
        }),
      )
      await sending
      await eventually(() => sumOn(clients[0], meter.id), 40)
      await eventually(() => sumOn(clients[1], meter.id), 40)
      for (const { api } of processes) {
        // What is asked for first may still meet a connection that is lost.
        while ((await api.get('/readyz')).status !== 200);
      }
    }, 60_000)

    it('have rows that an audit of their own log doubts where they are wrong, and one of the two mends', async () => {
      const audited = () => run(['audit', '--json', '--quiet'], environment('third')).ended
      expect(await audited()).toMatchObject({ code: 0 })
      const database = new URL(readModelUrl).pathname.slice(1)
      await postgres?.query("UPDATE meterbook.usage_records_1 SET value = '7777' WHERE identifier = 'right'", database)
      const { code, stdout } = await audited()
      expect({ code, stdout }).toMatchObject({ code: 1, stdout: expect.stringContaining('7777') as unknown })
      // Through the service that does not write as well as through the one that does, or through neither.
      const [first, second] = processes.map(({ url }) => ['--url', url])
      const rebuild = (through: readonly string[], name: string) =>
        run(['rebuild', ...through, name], {
          ...(through.length > 0 ? {} : environment('third')),
          METERBOOK_API_KEY: TEST_KEY,
        }).ended
      const rebuilt = [
        await rebuild(first!, 'usage-index'),
        await rebuild(second!, 'usage-cells'),
        await rebuild([], 'meters'),
      ]
      expect(rebuilt.map(({ code }) => code)).toEqual([0, 0, 0])
      expect(rebuilt[0]?.stdout).toContain('7777')
      expect(rebuilt[1]?.stdout).toMatch(/^usage-cells: .* every row is as it was/)
      expect(rebuilt[2]?.stdout).toMatch(/^meters: .* every row is as it was/)
      for (const { api } of processes) {
        const status = async (): Promise<unknown> => {
          const { rebuild } = (await api.get('/meterbook/v1/projections/meters')).body as {
            rebuild: { status: string }
          }
          return rebuild?.status
        }
        // The others are told within a second.
        while ((await status()) !== 'completed');
      }
      expect(await audited()).toMatchObject({ code: 0 })
    }, 60_000)
  },
)
