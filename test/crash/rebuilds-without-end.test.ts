/** A rebuild that cannot come to its end says so, and those that cannot be begun are refused; what is there goes on being served. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { SqliteDatabase } from '../../src/sqlite.js'
import { createMeter, report, total, type Meter } from '../metered-usage.js'
import { startServiceProcess, type ServiceProcess } from '../service-process.js'
import { deleteEvents } from '../tampering.js'

const DAY_MS = 86_400_000
const TODAY = Math.floor(Date.now() / DAY_MS) * DAY_MS
const EVER = { start: TODAY - DAY_MS, end: TODAY + 2 * DAY_MS }
const PATH = '/meterbook/v1/projections'
const LOOK_AGAIN_MS = 20
const SECRET = 'what only the payload has'

interface Rebuild {
  readonly status: string
  readonly failure: string | null
  readonly difference_count: number
}

let dataDir: string
let service: ServiceProcess
let meter: Meter
const file = (name: string): string => join(dataDir, name)
const start = () => startServiceProcess({ DATA_DIR: dataDir, LOG_LEVEL: 'info' })

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'meterbook-rebuilds-'))
  service = await start()
  meter = await createMeter(service.stripe)
  for (const identifier of ['one', 'two', 'three']) await record(identifier)
  expect(await total(service.stripe, meter, EVER)).toBe('3')
})
afterAll(async () => {
  await service.kill()
  rmSync(dataDir, { recursive: true })
})

const record = (identifier: string) => report(service.stripe, meter, 1, { identifier, payload: { note: SECRET } })
const begin = () => service.api.post(`${PATH}/rebuild`, {})
async function rebuild(): Promise<Rebuild> {
  const { body } = await service.api.get(`${PATH}/usage-index`, {})
  return (body as unknown as { readonly rebuild: Rebuild }).rebuild
}
async function over(): Promise<Rebuild> {
  for (;;) {
    const state = await rebuild()
    if (state.status !== 'building' && state.status !== 'comparing') return state
    await delay(LOOK_AGAIN_MS)
  }
}

function inDatabase(name: string, ...statements: string[]): void {
  const database = new SqliteDatabase(file(name))
  for (const statement of statements) database.exec(statement)
  database.close()
}

it('A meter that has another number after the rebuild is known by that one from then on', async () => {
  expect(await service.stop()).toBe(0)
  inDatabase('read-model.db', 'UPDATE meters_1 SET number = 7', 'UPDATE usage_series_1 SET meter = 7')
  service = await start()
  // What it asked the rows for then it remembers.
  await record('four')
  expect((await begin()).status).toBe(202)
  expect(await over()).toMatchObject({ status: 'completed', failure: null })
  await expect(record('two')).rejects.toMatchObject({ statusCode: 400 })
  expect(await total(service.stripe, meter, EVER)).toBe('4')
  expect(service.log).toMatch(/"tables":\[[^\]]*"meters".*rows that differed were mended/)
  expect(service.log).not.toContain(SECRET)
})

it('Over a log that lacks its last event it fails, and the rows are left as the last to have it', async () => {
  deleteEvents(file('events.db'), 'position = (SELECT max(position) FROM events)')
  expect((await begin()).status).toBe(202)
  expect(await over()).toMatchObject({
    status: 'failed',
    failure: expect.stringMatching(/^The event log has 3 usage events .* made from 4\. Restore the log/) as unknown,
  })
  expect(await total(service.stripe, meter, EVER)).toBe('4')
})

it('Is over with the projections, and none is begun once they stopped', async () => {
  // It waits a while for what the log lacks.
  expect((await begin()).status).toBe(202)
  const unknown = `INSERT INTO events (stream_id, revision, id, type, data, metadata)
    SELECT stream_id, max(revision) + 1, lower(hex(randomblob(16))), 'Unknown', '{}', '{}' FROM events WHERE stream_id = 1`
  // The first takes the place of the one that was deleted, which the projections have seen.
  inDatabase('events.db', unknown, unknown)
  await service.printed('The projections stopped. Usage')
  expect(await over()).toMatchObject({ status: 'failed', failure: expect.any(String) as unknown })
  expect(await begin()).toMatchObject({
    status: 503,
    body: { error: { message: expect.stringContaining('The projections stopped') as unknown } },
  })
  expect(await service.stop()).toBe(0)
  expect(service.log).toMatch(/A rebuild failed; the old rows serve/)
})
