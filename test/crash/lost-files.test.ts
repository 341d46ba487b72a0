/** Files of the data folder that are gone, cut short or not what was written: said at the start, and nothing is made of it. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  cpSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createMeter, report, total, type Meter } from '../metered-usage.js'
import { runServiceProcess, startServiceProcess, type Ended, type ServiceProcess } from '../service-process.js'
import { deleteEvents } from '../tampering.js'

const CLI = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const DAY_MS = 86_400_000
const TODAY = Math.floor(Date.now() / DAY_MS) * DAY_MS
const EVER = { start: TODAY - DAY_MS, end: TODAY + 2 * DAY_MS }

/** Many enough that the rows take many pages, and that the write-ahead log has some of the last ones in either half. */
const EVENTS = { stopped: 400, killed: 100 }

let folder: string
/** Each test works on a copy of what a service left behind that was stopped, or after that killed. */
let dataDir: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meterbook-lost-'))
  dataDir = join(folder, 'data')
  const first = await start()
  const meter = await createMeter(first.stripe)
  await record(first, meter, 'first', EVENTS.stopped)
  expect(await total(first.stripe, meter, EVER)).toBe(String(EVENTS.stopped))
  await first.stop()
  cpSync(dataDir, join(folder, 'stopped'), { recursive: true })
  const second = await start()
  await record(second, meter, 'second', EVENTS.killed)
  expect(await total(second.stripe, meter, EVER)).toBe(String(EVENTS.stopped + EVENTS.killed))
  await second.kill()
  cpSync(dataDir, join(folder, 'killed'), { recursive: true })
})
afterAll(() => rmSync(folder, { recursive: true }))
afterEach(() => rmSync(dataDir, { recursive: true }))
const workOn = (left: 'stopped' | 'killed'): void => {
  dataDir = mkdtempSync(join(folder, 'copy-'))
  cpSync(join(folder, left), dataDir, { recursive: true })
}

const environment = () => ({ DATA_DIR: dataDir, LOG_LEVEL: 'error' })
const start = () => startServiceProcess(environment())
const refusedStart = async (): Promise<string> => {
  const { code, stderr }: Ended = await runServiceProcess({ ...environment(), PORT: '0' })
  expect(code).not.toBe(0)
  expect(stderr.trim().split('\n')).toHaveLength(1)
  return stderr
}
const remove = (file: string): void => {
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(dataDir, `${file}${suffix}`), { force: true })
}
/** Not a byte of what SQLite needs first is left. */
const overwrite = (file: string): void => {
  const opened = openSync(join(dataDir, file), 'r+')
  writeSync(opened, Buffer.alloc(100, 'x'))
  closeSync(opened)
}
const record = async ({ stripe }: ServiceProcess, meter: Meter, name: string, events: number): Promise<void> => {
  for (let n = 0; n < events; n++) await report(stripe, meter, 1, { identifier: `${name} ${n}` })
}

describe('A log without events that were acknowledged', () => {
  it('is not gone on with, and the rows that still have them are kept', async () => {
    workOn('stopped')
    remove('events.db')
    const rows = readFileSync(join(dataDir, 'read-model.db'))
    const said = await refusedStart()
    expect(said).toContain('The event log does not have the event that the read model was made up to')
    expect(said).toMatch(/event \d+ of stream usage-default~test\.\d+, usage event \d+ of all/)
    expect(said).toContain('restore the log')
    expect(readFileSync(join(dataDir, 'read-model.db')).equals(rows)).toBe(true)
    const rebuilt = spawnSync(process.execPath, [CLI, 'rebuild', '--data-dir', dataDir], { encoding: 'utf8' })
    expect([rebuilt.status, rebuilt.stderr]).not.toEqual([0, ''])
    expect(rebuilt.stderr).toContain('restore the log')
    // Whoever says that it is the right one removes the rows.
    remove('read-model.db')
    const service = await start()
    expect((await service.stripe.billing.meters.list()).data).toEqual([])
    await service.stop()
  })

  it('is noticed as well where only its end is lost', async () => {
    workOn('killed')
    const wal = join(dataDir, 'events.db-wal')
    truncateSync(wal, Math.floor(statSync(wal).size / 2))
    expect(await refusedStart()).toContain('does not have the event that the read model was made up to')
  })
})

describe('A log that lacks an event in its middle', () => {
  const lose = (): void =>
    deleteEvents(
      join(dataDir, 'events.db'),
      `position = (SELECT position FROM events WHERE type = 'UsageRecorded' LIMIT 1 OFFSET 3)`,
    )
  const OUT_OF_ORDER = /Event \d+ of stream usage-default~test\.\d+ stands where \d+ must be\./

  it('is not rebuilt from: the rows that still have what it was stay', async () => {
    workOn('stopped')
    lose()
    const rebuilt = spawnSync(process.execPath, [CLI, 'rebuild', '--data-dir', dataDir], { encoding: 'utf8' })
    expect([rebuilt.status, rebuilt.stdout]).toEqual([3, ''])
    expect(rebuilt.stderr).toMatch(/^The rebuild of .* failed; the old rows serve\. Event/)
    expect(rebuilt.stderr).toMatch(OUT_OF_ORDER)
    const service = await start()
    const [meter] = (await service.stripe.billing.meters.list()).data
    expect(await total(service.stripe, meter as Meter, EVER)).toBe(String(EVENTS.stopped))
    await service.stop()
  })

  it('gives no numbers where there are no rows', async () => {
    workOn('stopped')
    lose()
    remove('read-model.db')
    const service = await start()
    // It waits until the rows are there, or never will be.
    await expect(service.stripe.billing.meters.list()).rejects.toMatchObject({ statusCode: 503 })
    const ready = await fetch(`${service.url}/readyz`)
    expect([ready.status, await ready.json()]).toMatchObject([
      503,
      { projections: 'stopped', reason: 'The projections stopped. The log of the service says why.' },
    ])
    await service.printed(OUT_OF_ORDER)
    await service.stop()
  })
})

describe('A file that is not what was written', () => {
  it.each([
    ['events.db', 'It is the event log: keep it, and restore it from a backup.'],
    ['read-model.db', 'rows are made again from the event log at the next start.'],
    ['service.lock', 'It holds nothing: delete it.'],
  ])('is named, with what to do: %s', async (file, mending) => {
    workOn('stopped')
    if (file === 'service.lock') rmSync(join(dataDir, file))
    if (file === 'service.lock') closeSync(openSync(join(dataDir, file), 'w'))
    overwrite(file)
    const said = await refusedStart()
    expect(said).toContain(`${join(dataDir, file)} is damaged (`)
    expect(said).toContain(mending)
  })

  it('is told by an audit, whichever page of the rows it is', async () => {
    workOn('stopped')
    const file = join(dataDir, 'read-model.db')
    const pages = statSync(file).size / 4096
    const opened = openSync(file, 'r+')
    for (let page = Math.floor(pages / 3); page < pages; page += 3)
      writeSync(opened, Buffer.alloc(64, 'x'), 0, 64, page * 4096)
    closeSync(opened)
    const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, 'audit', '--data-dir', dataDir], {
      encoding: 'utf8',
    })
    expect(status).not.toBe(0)
    expect(stdout + stderr).toContain('read-model.db')
  })
})
