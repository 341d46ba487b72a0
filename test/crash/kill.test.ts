/**
 * What a 2xx promises, kept through kill -9: counted once and for ever. `METERBOOK_CRASH_ROUNDS` and `METERBOOK_CRASH_SEED`
 * make it longer or repeat it.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EVENT_LOG_FILE } from '../../src/event-store/open-event-store.js'
import { READ_MODEL_FILE } from '../../src/read-model/open-read-model.js'
import { SqliteDatabase } from '../../src/sqlite.js'
import { Random, seedFrom } from '../random.js'
import { startServiceProcess, type ServiceProcess } from '../service-process.js'
import { allRows, differingRows, foldAfresh } from '../fresh-fold.js'
import { checkCustomer, eventNames, HOUR_S, Ledger, meterForms, SingleReporter, type EventName } from './load.js'
import { StreamReporter } from './stream-load.js'

/** Each kind of load is met twice. */
const ROUNDS = Number(process.env.METERBOOK_CRASH_ROUNDS ?? 6)
const ROUND_TIMEOUT_MS = 20_000

const SINGLE_REPORTERS = 24
const STREAM_REPORTERS = 8
const DAY_S = 24 * HOUR_S

interface Load {
  readonly reporters: readonly (SingleReporter | StreamReporter)[]
  /** The service ends at one of so many. */
  readonly momentsMax: number
}

describe('A service that is killed under a load of single events, of batches on the stream, and of both', () => {
  const seed = seedFrom('METERBOOK_CRASH_SEED')
  const random = new Random(seed)
  const ledger = new Ledger()
  const now = Math.floor(Date.now() / 1000)
  const range = { start: Math.floor(now / DAY_S) * DAY_S - DAY_S, end: Math.floor(now / DAY_S) * DAY_S + 2 * DAY_S }
  const singles = Array.from(
    { length: SINGLE_REPORTERS },
    (_, index) => new SingleReporter(`cus_single_${index}`, new Random(seed + index + 1), ledger, now),
  )
  const streams = Array.from(
    { length: STREAM_REPORTERS },
    (_, index) =>
      new StreamReporter(`cus_stream_${index}`, new Random(seed + SINGLE_REPORTERS + index + 1), ledger, now),
  )
  const reporters = [...singles, ...streams]
  const singleLoad = { reporters: singles, momentsMax: 400 }
  const streamLoad = { reporters: streams, momentsMax: 60 }
  const bothLoads = { reporters, momentsMax: 400 }
  const customers = [...reporters.map(({ customer }) => customer), 'cus_shared', 'cus_nobody']
  const meterIds = {} as Record<EventName, string>
  let dataDir: string
  let service: ServiceProcess

  beforeAll(async () => {
    console.log(`METERBOOK_CRASH_SEED=${seed}`)
    dataDir = mkdtempSync(join(tmpdir(), 'meterbook-crash-'))
    service = await startServiceProcess({ DATA_DIR: dataDir, LOG_LEVEL: 'warn' })
    for (const eventName of eventNames) {
      const form = { display_name: eventName, event_name: eventName, ...meterForms[eventName] }
      meterIds[eventName] = (await service.api.post('/v1/billing/meters', form)).body.id ?? ''
    }
  })
  afterAll(async () => {
    await service.kill()
    rmSync(dataDir, { recursive: true })
  })

  /** Load until a random moment, one of the requests sent or answered; then the end. */
  async function loadUntil<Ended>(end: () => Promise<Ended>, load: Load = bothLoads): Promise<Ended> {
    let moments = random.integer(1, load.momentsMax)
    let ended: Promise<Ended> | null = null
    const moment = (): void => {
      if (--moments === 0) ended = end()
    }
    const isOver = (): boolean => ended !== null
    await Promise.all(load.reporters.map((reporter) => reporter.report(service, moment, isOver)))
    if (ended === null) throw new Error('The load ended before its time.')
    return ended
  }

  async function list(path: string): Promise<Record<string, string>[]> {
    const all: Record<string, string>[] = []
    for (let after = {}, more = true; more;) {
      const { body } = await service.api.get(path, { limit: '100', ...after })
      const page = (body.data ?? []) as Record<string, string>[]
      all.push(...page)
      after = { starting_after: page.at(-1)?.id }
      more = body.has_more === true
    }
    return all
  }

  async function goOn(): Promise<void> {
    service = await startServiceProcess({ DATA_DIR: dataDir, LOG_LEVEL: 'warn' })
    await Promise.all(reporters.map((reporter) => reporter.settle(service)))
    await checkCustomer(service, ledger, meterIds, random.pick(customers), range)
  }

  it(
    `counts every event once, through ${ROUNDS} kills`,
    async () => {
      const loads = [singleLoad, streamLoad, bothLoads]
      for (let round = 0; round < ROUNDS; round++) {
        await loadUntil(() => service.kill(), loads[round % loads.length])
        await goOn()
      }
      expect(ledger.acknowledged).toBeGreaterThan(ROUNDS)
    },
    ROUNDS * ROUND_TIMEOUT_MS,
  )

  it('builds a lost read model again, and takes usage or asks to be tried again meanwhile', async () => {
    await loadUntil(() => service.kill())
    for (const file of readdirSync(dataDir)) if (file.startsWith(READ_MODEL_FILE)) rmSync(join(dataDir, file))
    service = await startServiceProcess({ DATA_DIR: dataDir, LOG_LEVEL: 'warn' })
    // The load itself checks that every answer is a 200, or a 503 that says when to try again.
    await loadUntil(() => service.kill())
    await goOn()
  }, 60_000)

  it('has everything it acknowledged when it is stopped under load', async () => {
    expect(await loadUntil(() => service.stop())).toBe(0)
    await goOn()
  }, 60_000)

  it('answers for every customer what was acknowledged, and lists every event once', async () => {
    for (const customer of customers) await checkCustomer(service, ledger, meterIds, customer, range)
    const listed = (await list('/meterbook/v1/meter_events')).map(ofRecord)
    const expected = ledger.all().map(({ eventName, customer, identifier, cancelled }) => ({
      meter: meterIds[eventName],
      customer,
      identifier,
      status: cancelled ? 'cancelled' : 'recorded',
    }))
    expect(listed.toSorted(byIdentifier)).toEqual(expected.toSorted(byIdentifier))
  })

  it('keeps everything it could not count as a rejection', async () => {
    const rejections = await list('/meterbook/v1/rejections')
    expect(new Set(rejections.map(({ identifier }) => identifier))).toEqual(ledger.refused)
  })

  it('has the same rows as a fresh fold of its log, in which every record is recorded once', async () => {
    expect(await service.stop()).toBe(0)
    expect(service.log).not.toMatch(/"level":(50|60)/)
    const folder = mkdtempSync(join(tmpdir(), 'meterbook-fold-'))
    try {
      await foldAfresh(dataDir, folder)
      const rows = await allRows(dataDir)
      expect(Object.keys(rows).length).toBeGreaterThan(5)
      for (const [table, fresh] of Object.entries(await allRows(folder))) {
        expect({ table, rows: rows[table] }).toEqual({ table, rows: fresh })
      }
      expect(await differingRows(dataDir, folder)).toEqual({})
      expect(usageEvents(dataDir)).toEqual({
        UsageRecorded: ledger.all().length,
        UsageCancelled: ledger.all().filter(({ cancelled }) => cancelled).length,
      })
    } finally {
      rmSync(folder, { recursive: true })
    }
  })
})

function ofRecord({ meter, customer, identifier, status }: Record<string, string>): object {
  return { meter, customer, identifier, status }
}

function byIdentifier(left: object, right: object): number {
  return JSON.stringify(left) < JSON.stringify(right) ? -1 : 1
}

function usageEvents(dataDir: string): Record<string, number> {
  const log = new SqliteDatabase(join(dataDir, EVENT_LOG_FILE), { readonly: true })
  try {
    const counts = log
      .prepare<[], { type: string; events: number }>(
        "SELECT type, count(*) AS events FROM events WHERE type IN ('UsageRecorded', 'UsageCancelled') GROUP BY type ORDER BY type DESC",
      )
      .all()
    return Object.fromEntries(counts.map(({ type, events }) => [type, events]))
  } finally {
    log.close()
  }
}
