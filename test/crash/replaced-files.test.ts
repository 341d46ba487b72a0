/**
 * Files of the data folder that are replaced, deleted or written over while the service has them open: it notices, takes nothing
 * more that it could not keep, and leaves what was put there alone.
 */
import { afterAll, afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { SqliteDatabase } from '../../src/sqlite.js'
import type { Answer } from '../api-client.js'
import { createMeter, report, total, type Meter } from '../metered-usage.js'
import { startServiceProcess, type ServiceProcess } from '../service-process.js'

const DAY_MS = 86_400_000
const TODAY = Math.floor(Date.now() / DAY_MS) * DAY_MS
const EVER = { start: TODAY - DAY_MS, end: TODAY + 2 * DAY_MS }
const EVENTS = 30
const LOOK_AGAIN_MS = 20
/** As often as the service looks at its files where it does something. */
const LOOK_EVERY_MS = 250

let dataDir: string
let service: ServiceProcess
/** The test before this one left the service as one that it may go on with. */
let isInOrder = false
let meter: Meter
const file = (name: string): string => join(dataDir, name)
const start = () => startServiceProcess({ DATA_DIR: dataDir, LOG_LEVEL: 'warn' })

beforeEach(async () => {
  if (!isInOrder) {
    dataDir = mkdtempSync(join(tmpdir(), 'meterbook-replaced-'))
    service = await start()
  }
  // Which logs are set aside is asked of each test by itself.
  for (const name of readdirSync(dataDir)) if (name.endsWith('.of-replaced-file')) rmSync(file(name))
  meter = await createMeter(service.stripe)
  await record('first', EVENTS)
})
afterEach(async () => {
  isInOrder = await ready().then(
    ({ status }) => status === 200,
    () => false,
  )
  if (!isInOrder) await end()
})
afterAll(() => end())
async function end(): Promise<void> {
  await service.kill()
  rmSync(dataDir, { recursive: true, force: true })
}

async function record(name: string, events: number): Promise<void> {
  for (let n = 0; n < events; n++) await report(service.stripe, meter, 1, { identifier: `${name} ${n}` })
}

/** A whole and sound copy of a database as it stands. */
async function backup(name: string): Promise<string> {
  const copy = file(`backup-${name}`)
  const database = new SqliteDatabase(file(name), { readonly: true })
  await database.backup(copy)
  database.close()
  return copy
}

function send(identifier: string, to = service): Promise<Answer> {
  const payload = { 'payload[stripe_customer_id]': 'cus_A', 'payload[value]': '1' }
  return to.api.post('/v1/billing/meter_events', { event_name: meter.event_name, identifier, ...payload })
}

function summary(): Promise<Answer> {
  const range = { customer: 'cus_A', start_time: String(EVER.start / 1000), end_time: String(EVER.end / 1000) }
  return service.api.get(`/v1/billing/meters/${meter.id}/event_summaries`, range)
}

/** Asks until it is refused, then says how. */
async function refusal(ask: (n: number) => Promise<Answer>): Promise<Answer> {
  for (let n = 0; ; n++) {
    const answer = await ask(n)
    if (answer.status !== 200) return answer
    await delay(LOOK_AGAIN_MS)
  }
}

const ready = () => service.api.get('/readyz')
/** Whoever asks is told that it is not ready, and the log why. */
async function notReadyFor(reason: string): Promise<void> {
  for (;;) {
    const { status, body } = await ready()
    expect(JSON.stringify(body)).not.toContain(dataDir)
    if (status === 503 && service.log.includes(reason)) return
    await delay(LOOK_AGAIN_MS)
  }
}

async function refusedBecause(reason: string): Promise<void> {
  const refused = await refusal((n) => send(`late ${n}`))
  expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
  await notReadyFor(reason)
  await service.printed(/"level":50.*The projections stopped/)
  expect(service.log.match(/The projections stopped\. Usage/g)).toHaveLength(1)
  // And stays so.
  expect((await send('later')).status).toBe(503)
}

describe('The event log', () => {
  it('is not written any more once another file stands in its place, which is left as it was put there', async () => {
    const copy = await backup('events.db')
    await record('second', EVENTS)
    const put = readFileSync(copy)
    renameSync(copy, file('events.db'))
    await refusedBecause(`${file('events.db')} was replaced while it was in use`)
    expect(await service.stop()).toBe(0)
    expect(readFileSync(file('events.db')).equals(put)).toBe(true)
    // The log of the old file is not taken for that of the new one, and is kept.
    expect(readdirSync(dataDir)).toContain('events.db-wal.of-replaced-file')
    expect(existsSync(file('events.db-wal'))).toBe(false)

    for (const suffix of ['', '-wal', '-shm']) rmSync(file(`read-model.db${suffix}`), { force: true })
    service = await start()
    expect(await total(service.stripe, meter, EVER)).toBe(String(EVENTS))
    await record('second', EVENTS)
    expect(await total(service.stripe, meter, EVER)).toBe(String(2 * EVENTS))
  })

  it('is not written any more once it was deleted, and not made anew', async () => {
    rmSync(file('events.db'))
    await refusedBecause(`${file('events.db')} was deleted while it was in use`)
    expect(await service.stop()).toBe(0)
    expect(existsSync(file('events.db'))).toBe(false)
    // Whatever is put there next finds no log beside it.
    expect(readdirSync(dataDir)).toContain('events.db-wal.of-replaced-file')
    expect(readdirSync(dataDir)).not.toContain('events.db-wal')
  })

  it('leaves no log beside a file that is put there long after the deletion, also while nobody asks anything', async () => {
    const copy = await backup('events.db')
    await record('second', EVENTS)
    rmSync(file('events.db'))
    await refusedBecause(`${file('events.db')} was deleted while it was in use`)
    expect(existsSync(file('events.db-wal'))).toBe(true)
    copyFileSync(copy, file('events.db'))
    while (existsSync(file('events.db-wal')) || existsSync(file('events.db-shm'))) await delay(LOOK_AGAIN_MS)
    expect(readdirSync(dataDir)).toContain('events.db-wal.of-replaced-file')
    await service.kill()

    for (const suffix of ['', '-wal', '-shm']) rmSync(file(`read-model.db${suffix}`), { force: true })
    service = await start()
    expect(await total(service.stripe, meter, EVER)).toBe(String(EVENTS))
    const database = new SqliteDatabase(file('events.db'), { readonly: true })
    expect(database.pragma('integrity_check', { simple: true })).toBe('ok')
    database.close()
  })

  it('has all of it where it was moved away and is put back', async () => {
    renameSync(file('events.db'), file('elsewhere'))
    await refusedBecause(`${file('events.db')} was deleted while it was in use`)
    renameSync(file('elsewhere'), file('events.db'))
    expect(await service.stop()).toBe(0)
    service = await start()
    expect(Number(await total(service.stripe, meter, EVER))).toBeGreaterThanOrEqual(EVENTS)
    expect(readdirSync(dataDir)).not.toContain('events.db-wal.of-replaced-file')
  })

  it('is not written any more once an older copy was written into it', async () => {
    const copy = await backup('events.db')
    await record('second', 5 * EVENTS)
    // What is in the file and not in the write-ahead log alone.
    const database = new SqliteDatabase(file('events.db'))
    database.pragma('wal_checkpoint(PASSIVE)')
    database.close()
    // While it is used it sees how large the file is.
    for (let n = 0, since = performance.now(); performance.now() - since < 2 * LOOK_EVERY_MS; n++) {
      await record(`third ${n}`, 1)
    }
    copyFileSync(copy, file('events.db'))
    await refusedBecause(`${file('events.db')} was overwritten while it was in use`)
  })

  it('is not written any more once its write-ahead log is gone, and a stop brings all of it into the file', async () => {
    rmSync(file('events.db-wal'))
    const acknowledged: string[] = []
    const refused = await refusal(async (n) => {
      const answer = await send(`late ${n}`)
      if (answer.status === 200) acknowledged.push(`late ${n}`)
      return answer
    })
    expect(refused.status).toBe(503)
    await notReadyFor(`${file('events.db-wal')} was replaced or deleted while it was in use`)
    expect(await service.stop()).toBe(0)
    service = await start()
    expect(await total(service.stripe, meter, EVER)).toBe(String(EVENTS + acknowledged.length))
  })
})

describe('The read model', () => {
  it('is not read any more once another file stands in its place', async () => {
    expect((await summary()).status).toBe(200)
    const copy = await backup('read-model.db')
    renameSync(copy, file('read-model.db'))
    expect(await refusal(summary)).toMatchObject({ status: 503, headers: { 'retry-after': '1' } })
    await notReadyFor(`${file('read-model.db')} was replaced while it was in use`)
    // A start with the file as it was put there goes on where that one stands.
    expect(await service.stop()).toBe(0)
    service = await start()
    await record('second', EVENTS)
    expect(await total(service.stripe, meter, EVER)).toBe(String(2 * EVENTS))
  })
})

it('The lock may be deleted, and another service come in: one of the two goes on, and no event is folded twice', async () => {
  rmSync(file('service.lock'))
  const other = await start()
  try {
    let counted = EVENTS
    for (let n = 0; n < EVENTS; n++) {
      // What one had not folded yet when it stopped is counted by the other.
      if ((await send(`one ${n}`)).status === 200) counted++
      if ((await send(`other ${n}`, other)).status === 200) counted++
    }
    const stands = await Promise.all([service, other].map(({ api }) => api.get('/readyz')))
    expect(stands.map(({ status }) => status).toSorted()).toEqual([200, 503])
    const [left, stopped] = stands[0]?.status === 200 ? [service, other] : [other, service]
    expect(counted).toBeGreaterThan(2 * EVENTS - 1)
    expect(await total(left.stripe, meter, EVER)).toBe(String(counted))
    expect(stopped.log).toContain(`Another Meterbook process writes ${file('read-model.db')} too`)
    for (const each of [stopped, left]) expect(await each.stop()).toBe(0)
    service = await start()
    expect(await total(service.stripe, meter, EVER)).toBe(String(counted))
  } finally {
    await other.kill()
  }
})

it('The whole folder may be gone: what is asked is refused for now, not with a failure of the service', async () => {
  rmSync(dataDir, { recursive: true })
  const answers = [await refusal((n) => send(`late ${n}`)), await refusal(summary)]
  expect(answers.map(({ status }) => status)).toEqual([503, 503])
  // Whichever of the two files was looked at first.
  await notReadyFor('.db was deleted while it was in use')
  expect(service.log).not.toContain('A request failed.')
  expect(await service.stop()).toBe(0)
})

it('Files that cannot be looked at just now are not taken for lost, and a stop ends as it should', async () => {
  const away = `${dataDir}-away`
  // Of a folder that was closed to the service the system says EACCES, but not to root; of a link to itself ELOOP, to all.
  const hide = (): void => {
    renameSync(dataDir, away)
    symlinkSync(dataDir, dataDir)
  }
  const show = (): void => {
    rmSync(dataDir)
    renameSync(away, dataDir)
  }
  hide()
  try {
    // For longer than from one look at the files to the next. What is open goes on being written and read.
    for (let n = 0; n < EVENTS; n++) {
      expect((await send(`hidden ${n}`)).status).toBe(200)
      expect((await ready()).body).toMatchObject({ event_store: 'reachable', projections: 'caught up' })
      await delay(LOOK_AGAIN_MS)
    }
    show()
    while ((await ready()).status !== 200) await delay(LOOK_AGAIN_MS)
    expect((await summary()).status).toBe(200)
    hide()
    expect(await service.stop()).toBe(0)
  } finally {
    show()
  }
  expect(service.log).not.toContain('A request failed.')
  expect(service.log).not.toContain('The projections stopped')
  service = await start()
  expect(await total(service.stripe, meter, EVER)).toBe(String(2 * EVENTS))
})
