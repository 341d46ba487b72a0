/** A service builds its rows anew while it goes on counting and answering. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type Database from 'better-sqlite3'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type Stripe from 'stripe'
import { DAY_MS } from '../../src/domain/time-bucket.js'
import { READ_MODEL_FILE } from '../../src/read-model/open-read-model.js'
import { SqliteDatabase } from '../../src/sqlite.js'
import { meterbook, type Ended } from '../cli/command-line.js'
import { createMeter, report, total, usageProjected, type Meter } from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import { changeCells } from '../tampering.js'
import { FixedClock, onEachStore, TEST_KEY, type RunningService } from '../running-service.js'

interface Projection {
  readonly id: string
  readonly sequence: number
  readonly lag_events: number
  readonly lag_seconds: number
  readonly rebuild: {
    readonly status: string
    readonly difference_count: number
    readonly differences: readonly object[]
  } | null
}

const PATH = '/meterbook/v1/projections'

onEachStore('Rebuilds', (start) => {
  let service: RunningService
  let meter: Meter
  let reported = 0
  beforeAll(async () => {
    service = await start(new FixedClock())
    meter = await createMeter(service.stripe)
    for (let n = 0; n < 20; n++) await reportOne()
  })
  afterAll(() => service.close())

  const reportOne = async (): Promise<void> => {
    await report(service.stripe, meter, 1)
    reported++
  }
  const totalNow = async (): Promise<number> => Number(await total(service.stripe, meter))
  const list = async (): Promise<readonly Projection[]> =>
    ((await service.stripe.rawRequest('GET', PATH)) as unknown as Stripe.ApiList<Projection>).data
  const find = (name: string): Promise<Projection> => service.stripe.rawRequest('GET', `${PATH}/${name}`) as never
  const begin = (path: string, parameters = {}, client = service.stripe): Promise<Projection> =>
    client.rawRequest('POST', `${PATH}${path}/rebuild`, parameters) as never
  const done = async (name: string): Promise<Projection> => {
    for (;;) {
      const projection = await find(name)
      if (!['building', 'comparing'].includes(projection.rebuild?.status ?? '')) return projection
      await delay(20)
    }
  }

  const throughCommandLine = (...options: string[]): Promise<Ended> =>
    meterbook(['rebuild', 'idempotency-keys', '--url', service.url, '--key', TEST_KEY, ...options])
  const generationIn = (database: Database.Database): number =>
    database.prepare("SELECT generation FROM projections WHERE name = 'idempotency-keys'").pluck().get() as number

  it('are of projections that say how they stand', async () => {
    await usageProjected(service.stripe)
    const projections = await list()
    expect(projections.map(({ id }) => id)).toEqual(expect.arrayContaining(['meters', 'usage-index', 'usage-cells']))
    for (const projection of projections) {
      expect(projection).toMatchObject({
        object: 'meterbook.projection',
        schema: expect.any(Number) as unknown,
        position: expect.any(String) as unknown,
        sequence: 20,
        lag_events: 0,
        lag_seconds: 0,
        rebuild: null,
      })
    }
    expect(await refusalOf(find('nothing'))).toMatchObject({ statusCode: 404, code: 'resource_missing' })
    expect(await refusalOf(begin('/nothing'))).toMatchObject({ statusCode: 404, code: 'resource_missing' })
  })

  it('change no row, while usage comes in and is read', async () => {
    expect(await begin('')).toMatchObject({ object: 'list' })
    do {
      await reportOne()
      expect(await totalNow()).toBe(reported)
    } while (!['completed', 'failed'].includes((await find('meters')).rebuild?.status ?? ''))
    expect((await find('usage-cells')).rebuild).toMatchObject({
      status: 'completed',
      difference_count: 0,
      failure: null,
    })
    await reportOne()
    expect(await totalNow()).toBe(reported)
  })

  it('run one at a time, and need a secret key', async () => {
    const [first, second] = await Promise.allSettled([begin('/usage-index'), begin('/usage-cells')])
    // The first may be through before the second arrives.
    for (const attempt of [first, second]) {
      if (attempt.status === 'rejected') {
        const reason = attempt.reason as { statusCode: number; code: string; message: string }
        expect(reason).toMatchObject({ statusCode: 409, code: 'rebuild_running' })
        expect(reason.message).toMatch(/usage-(index|cells)/)
      }
    }
    await done('usage-index')
    await done('usage-cells')
    const reader = await service.clientWithNewKey({ role: 'read' })
    expect(await refusalOf(begin('/meters', {}, reader))).toMatchObject({ code: 'more_permissions_required' })
    expect(await refusalOf(begin('/meters', { keep: 'perhaps' }))).toMatchObject({ param: 'keep' })
  })

  it('are told as failed however soon after another that failed', async () => {
    // The file is where a table of the rebuild can be made impossible.
    if (service.readModelUrl !== 'embedded:') return
    const database = new SqliteDatabase(join(service.dataDir, READ_MODEL_FILE))
    const inItsWay = `idempotency_keys_${generationIn(database) + 1}`
    database.exec(`CREATE VIEW ${inItsWay} AS SELECT 1`)
    for (let n = 0; n < 2; n++) {
      await begin('/idempotency-keys')
      expect((await done('idempotency-keys')).rebuild).toMatchObject({ status: 'failed' })
    }
    expect(await throughCommandLine()).toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringMatching(/^The rebuild of idempotency-keys failed; the old rows serve\. ./m) as unknown,
    })
    database.exec(`DROP VIEW ${inItsWay}`)
    database.close()
    await begin('/idempotency-keys')
    expect((await done('idempotency-keys')).rebuild).toMatchObject({ status: 'completed' })
  })

  it('leave the old tables only where these are to be kept', async () => {
    if (service.readModelUrl !== 'embedded:') return
    const database = new SqliteDatabase(join(service.dataDir, READ_MODEL_FILE), { readonly: true })
    const tables = database.prepare("SELECT name FROM sqlite_schema WHERE name LIKE 'idempotency_keys_%'").pluck()
    const has = (generation: number): boolean => tables.all().includes(`idempotency_keys_${generation}`)
    const kept = generationIn(database)
    expect(await throughCommandLine('--keep')).toMatchObject({ code: 0 })
    const replaced = generationIn(database)
    await begin('/idempotency-keys', { keep: 'false' })
    expect((await done('idempotency-keys')).rebuild).toMatchObject({ status: 'completed' })
    while (has(replaced)) await delay(20)
    expect(has(kept)).toBe(true)
    database.close()
  })

  it('name and mend rows that are wrong, and say so to the ledger they belong to', async () => {
    const right = await totalNow()
    await usageProjected(service.stripe)
    const file = join(service.dataDir, READ_MODEL_FILE)
    expect(await changeCells(file, ({ size }) => size === DAY_MS, '666')).toBe(1)
    expect(await totalNow()).toBe(666)
    const { code, stdout } = await meterbook(['rebuild', 'usage-cells', '--url', service.url, '--key', TEST_KEY])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^usage_cells \{.*\} \(meter mtr_\S+, customer ".*"\): state expected "\d+", found "666"\n/)
    expect(stdout).toContain('1 difference mended')
    expect(await totalNow()).toBe(right)
    const other = await service.clientWithNewKey({ account: 'other', role: 'read' })
    const seen = (await other.rawRequest('GET', `${PATH}/usage-cells`)) as unknown as Projection
    expect(seen.rebuild).toMatchObject({ difference_count: 1, differences: [] })
  })

  it('are gone on with after a restart, and the old rows serve meanwhile', async () => {
    await begin('')
    await service.restart()
    expect(await totalNow()).toBe(reported)
    // It was over before, or is finished now.
    expect((await done('usage-cells')).rebuild?.status ?? 'completed').toBe('completed')
    await reportOne()
    expect(await totalNow()).toBe(reported)
  })
})
