/** The log moved to EventStoreDB by the command line: numbers, digests and keys stay what they are, also after a kill. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { cpSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lockDataFolder } from '../../src/data-folder.js'
import { EventStoreDbServer } from '../eventstoredb-server/eventstoredb-server.js'
import { startServiceProcess } from '../service-process.js'
import { makeStore, meterbook, start, type Ended } from './command-line.js'

const RECORDS = 3_000

let folder: string
let dataDir: string
let server: EventStoreDbServer

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  dataDir = join(folder, 'data')
  await makeStore(dataDir, [{ eventName: 'tokens', meterId: 'mtr_test_tokens' }])
  const line = (n: number): string =>
    JSON.stringify({
      event_name: 'tokens',
      identifier: `id-${n}`,
      timestamp: '2026-01-14T10:00:00.000Z',
      payload: { stripe_customer_id: `cus_${n % 7}`, value: `${n}.25`, note: '顧客' },
    })
  const lines = join(folder, 'lines.ndjson')
  writeFileSync(lines, Array.from({ length: RECORDS }, (_, n) => `${line(n)}\n`).join(''))
  expect(await meterbook(['import', lines, '--backfill', '--quiet', '--data-dir', dataDir])).toMatchObject({ code: 0 })
  server = await EventStoreDbServer.start()
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

const copy = (...options: string[]): Promise<Ended> => meterbook(['copy', '--data-dir', dataDir, ...options])

describe('meterbook copy', () => {
  it('goes on after a kill, and the copy gives the same digest and takes the same keys', async () => {
    const issued = await meterbook(['keys', 'create', '--data-dir', dataDir, '--json'])
    const { key } = JSON.parse(issued.stdout) as { readonly key: string }
    const killed = start(['copy', '--data-dir', dataDir, '--to', server.url])
    killed.child.stderr.on('data', (text: Buffer) => {
      if (text.includes('copied')) killed.child.kill('SIGKILL')
    })
    expect((await killed.ended).code).toBeNull()

    const gone = await copy('--to', server.url, '--json')
    expect(gone).toMatchObject({ code: 0 })
    const { events, copied } = JSON.parse(gone.stdout) as { readonly events: number; readonly copied: number }
    // The ledger, its meter and the key.
    expect(events).toBe(RECORDS + 3)
    expect(copied).toBeLessThanOrEqual(events)

    const moved = { DATA_DIR: join(folder, 'moved'), EVENT_STORE_URL: server.url }
    const service = await startServiceProcess({ ...moved, BOOTSTRAP_API_KEY: '' })
    try {
      const day = Date.UTC(2026, 0, 14) / 1000
      const asked = `customer=cus_3&start_time=${day}&end_time=${day + 86_400}`
      const response = await fetch(`${service.url}/v1/billing/meters/mtr_test_tokens/event_summaries?${asked}`, {
        headers: { authorization: `Bearer ${key}` },
      })
      const values = Array.from({ length: RECORDS }, (_, n) => n).filter((n) => n % 7 === 3)
      const sum = values.reduce((total, n) => total + n + 0.25, 0)
      expect(await response.json()).toMatchObject({ data: [{ aggregated_value: sum }] })
      // A first key is issued only where there is none.
      expect(service.log).not.toContain('shown this once')
    } finally {
      expect(await service.stop()).toBe(0)
    }
    const ours = await meterbook(['digest', '--quiet', '--data-dir', dataDir])
    // With the rows of the log that was copied nothing is said of the copy.
    cpSync(dataDir, join(folder, 'old-rows'), { recursive: true })
    const mistaken = ['--data-dir', join(folder, 'old-rows'), '--event-store-url', server.url]
    for (const command of ['digest', 'audit']) {
      expect(await meterbook([command, '--quiet', ...mistaken])).toMatchObject({
        code: 3,
        stdout: '',
        stderr: expect.stringMatching(/The event log is a copy, /) as unknown,
      })
    }
    const theirs = ['--data-dir', moved.DATA_DIR, '--event-store-url', server.url]
    expect(await meterbook(['digest', '--quiet', ...theirs])).toEqual(ours)
  })

  it('ends at once when it is interrupted twice while the other store is silent', async () => {
    const silent = await EventStoreDbServer.start()
    const { child, ended } = start(['copy', '--data-dir', dataDir, '--to', silent.url])
    let said = ''
    child.stderr.on('data', (text: Buffer) => {
      const [isCopying, isInterrupted] = ['copied', 'Interrupted'].map(
        (word) => !said.includes(word) && text.includes(word),
      )
      if (isCopying) void silent.stop().then(() => child.kill('SIGINT'))
      if (isInterrupted) child.kill('SIGINT')
      said += text.toString()
    })
    expect((await ended).code).toBe(130)
  })

  it('copies to a folder as well', async () => {
    const target = join(folder, 'second')
    expect(await copy('--to', 'embedded:', '--to-data-dir', target)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^(3 00\d) events copied. Both stores have the same \1 events.\n$/) as unknown,
    })
    expect(await copy('--to', 'embedded:', '--to-data-dir', target)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        /^Nothing was left to be copied. Both stores have the same 3 00\d events.\n$/,
      ) as unknown,
    })
    const [ours, theirs] = await Promise.all(
      [dataDir, target].map((each) => meterbook(['digest', '--quiet', '--data-dir', each])),
    )
    expect(theirs).toEqual(ours)
  })

  it('refuses a store that is in use, has a log of its own, or is the same', async () => {
    const lock = lockDataFolder(dataDir)
    try {
      expect(await copy('--to', server.url)).toMatchObject({
        code: 3,
        stderr: expect.stringMatching(/^Another Meterbook service is using /) as unknown,
      })
    } finally {
      lock.release()
    }
    const other = join(folder, 'other')
    await makeStore(other, [{ eventName: 'calls' }])
    expect(await copy('--to', 'embedded:', '--to-data-dir', other)).toMatchObject({
      code: 3,
      stdout: '',
      stderr: expect.stringContaining(
        'The store that is copied to has another log: its event 1 should be LedgerOpened ',
      ) as unknown,
    })
    symlinkSync(dataDir, join(folder, 'link'))
    mkdirSync(join(folder, 'linked'))
    linkSync(join(dataDir, 'events.db'), join(folder, 'linked', 'events.db'))
    for (const same of [dataDir, join(folder, 'link'), join(folder, 'linked')]) {
      expect(await copy('--to', 'embedded:', '--to-data-dir', same)).toEqual({
        code: 2,
        stdout: '',
        stderr: '--to names the store that is copied from.\n',
      })
    }
  })

  it('says what is wrong with its options', async () => {
    mkdirSync(join(folder, 'empty'))
    for (const [options, message] of [
      [[], "required option '--to <url>' not specified"],
      [['--to', 'embedded:'], '--to-data-dir goes with --to embedded:'],
      [['--to', server.url, '--to-data-dir', folder], '--to-data-dir goes with --to embedded:'],
      [['--to', 'mysql://user:secret@host'], '--to must be embedded: or esdb://'],
      [['--to', 'embedded:', '--to-data-dir', '/proc/data'], '--to-data-dir must be a folder that can be made'],
      [['--to', server.url, '--data-dir', join(folder, 'empty')], 'There is no Meterbook store in '],
    ] as const) {
      const { code, stderr } = await copy(...options)
      expect([options, code, stderr]).toEqual([options, 2, expect.stringContaining(message)])
      expect(stderr).not.toContain('secret')
    }
  })
})
