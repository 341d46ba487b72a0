/** The commands of docs/operations.md that back up the log, run as they stand there while usage comes in. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { execFile } from 'node:child_process'
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { SqliteDatabase } from '../../src/sqlite.js'
import { meterbook } from '../cli/command-line.js'
import { createMeter, report, type Meter } from '../metered-usage.js'
import { startServiceProcess, type ServiceProcess } from '../service-process.js'

const run = promisify(execFile)
const operations = readFileSync(fileURLToPath(new URL('../../docs/operations.md', import.meta.url)), 'utf8')
const COMMANDS = /^```sh\n([^`]*VACUUM INTO[^`]*)^```$/m.exec(operations)?.[1] ?? ''
/** The program may not be installed. The statement is the one that stands in the docs. */
const SQLITE3 = `sqlite3() { '${process.execPath}' -e '
  const [, file, statement] = process.argv
  import("${new URL('../../dist/sqlite.js', import.meta.url).href}").then(({ SqliteDatabase }) =>
    new SqliteDatabase(file, { fileMustExist: true }).exec(statement))
' "$@"; }`
const REPORTERS = 4
const EVENTS_BEFORE = 50

let folder: string
let dataDir: string
let service: ServiceProcess
let meter: Meter
const start = () => startServiceProcess({ DATA_DIR: dataDir, LOG_LEVEL: 'warn' })

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meterbook-backup-'))
  dataDir = join(folder, 'data')
  service = await start()
  meter = await createMeter(service.stripe)
})
afterAll(async () => {
  await service.kill()
  rmSync(folder, { recursive: true })
})

const backUp = (): Promise<unknown> => run('sh', ['-eu', '-c', `${SQLITE3}\n${COMMANDS}`], { cwd: folder })

/** Everything by which a copy could be told from the log up to the same event, but how it was written. */
function contentOf(file: string, last: number): object {
  const log = new SqliteDatabase(file, { readonly: true })
  try {
    const all = (statement: string): unknown[] => log.prepare(statement).raw(true).all()
    const pragmas = ['user_version', 'application_id', 'encoding', 'page_size', 'auto_vacuum']
    return {
      pragmas: pragmas.map((name) => [name, log.pragma(name, { simple: true })]),
      schema: all('SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name'),
      events: all(`SELECT * FROM events WHERE position <= ${last} ORDER BY position`),
      streams: all(
        `SELECT * FROM streams WHERE stream_id IN (SELECT stream_id FROM events WHERE position <= ${last}) ORDER BY stream_id`,
      ),
    }
  } finally {
    log.close()
  }
}

function lastPosition(file: string): number {
  const log = new SqliteDatabase(file, { readonly: true })
  try {
    expect(log.pragma('integrity_check', { simple: true })).toBe('ok')
    return log.prepare('SELECT max(position) FROM events').pluck(true).get() as number
  } finally {
    log.close()
  }
}

async function digest(...options: string[]): Promise<{ readonly digest: string; readonly sequence: number }> {
  const { code, stdout } = await meterbook(['digest', '--data-dir', dataDir, '--json', '--quiet', ...options])
  expect(code).toBe(0)
  return JSON.parse(stdout) as { digest: string; sequence: number }
}

describe('A backup as the docs make it', () => {
  it('has what was answered before it was begun, and is what a service goes on with', async () => {
    let answered = 0
    let isOver = false
    let onAnswered = (): void => undefined
    const reporting = Array.from({ length: REPORTERS }, async (_, reporter) => {
      for (let n = 0; !isOver; n++) {
        await report(service.stripe, meter, 1, { identifier: `${reporter}-${n}` })
        answered++
        if (answered >= EVENTS_BEFORE) onAnswered()
      }
    })
    await new Promise<void>((resolve) => (onAnswered = resolve))
    const before = answered
    await backUp()
    const after = answered
    await new Promise<void>((resolve) => (onAnswered = resolve))
    isOver = true
    await Promise.all(reporting)

    const log = join(dataDir, 'events.db')
    const copy = join(folder, 'backup', 'events.db')
    expect(readdirSync(join(folder, 'backup'))).toEqual(['events.db'])
    if (process.platform !== 'win32') expect(statSync(copy).mode & 0o777).toBe(0o600)
    const last = lastPosition(copy)
    expect(contentOf(copy, last)).toEqual(contentOf(log, last))
    expect(last).toBeLessThan(lastPosition(log))

    expect(await service.stop()).toBe(0)
    // As the docs restore it.
    for (const name of readdirSync(dataDir)) {
      if (/^(events\.db-|read-model\.db)/.test(name)) rmSync(join(dataDir, name))
    }
    const whole = join(folder, 'whole.db')
    copyFileSync(log, whole)
    copyFileSync(copy, log)
    service = await start()
    const restored = await digest()
    expect(restored.sequence).toBeGreaterThanOrEqual(before)
    // One of each reporter may have been in the log and not answered yet.
    expect(restored.sequence).toBeLessThanOrEqual(after + REPORTERS)
    const audited = await meterbook(['audit', '--data-dir', dataDir, '--json', '--quiet'])
    expect(JSON.parse(audited.stdout)).toMatchObject({ verdict: 'agrees', finding_count: 0, log_goes_on: false })
    await report(service.stripe, meter, 1, { identifier: 'after it was restored' })

    // The log it was made of gives the same digest at the same usage event.
    expect(await service.stop()).toBe(0)
    rmSync(join(dataDir, 'read-model.db'))
    copyFileSync(whole, log)
    service = await start()
    expect((await digest('--sequence', String(restored.sequence))).digest).toBe(restored.digest)
  })

  it('writes over nothing that a command left over which was cut off', async () => {
    const [partial, whole] = ['events.partial', 'events.db'].map((name) => join(folder, 'backup', name)) as [
      string,
      string,
    ]
    const earlier = readFileSync(whole)
    const leftOver = new SqliteDatabase(partial)
    leftOver.exec('CREATE TABLE half (a)')
    leftOver.close()
    const half = readFileSync(partial)
    await expect(backUp()).rejects.toThrow('output file already exists')
    expect(readFileSync(partial).equals(half)).toBe(true)
    expect(readFileSync(whole).equals(earlier)).toBe(true)
    rmSync(partial)
    await backUp()
    expect(existsSync(partial)).toBe(false)
    expect(lastPosition(whole)).toBeGreaterThan(0)
  })
})
