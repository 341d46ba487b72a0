import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals'
import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { CreateMeter } from '../../src/domain/meter-catalogue.js'
import { TEST_KEY } from '../running-service.js'
import { startServiceProcess } from '../service-process.js'
import { makeStore, meterbook, recordsDigest, start, type Ended } from './command-line.js'

// Each test starts several processes.
jest.setTimeout(120_000)

const meters: readonly Partial<CreateMeter>[] = [
  { eventName: 'tokens', meterId: 'mtr_test_tokens', dimensionKeys: ['model'] },
  { eventName: 'calls', formula: 'count', customerKey: 'who' },
]

/** With every request in it. */
let filled: string
let folder: string
let dataDir: string

beforeAll(async () => {
  filled = mkdtempSync(join(tmpdir(), 'meterbook-'))
  await makeStore(filled, meters)
  const sent = [...requests, call].map((line) => `${JSON.stringify(line)}\n`).join('')
  expect(await meterbook(importOptions('-', filled), sent)).toMatchObject({ code: 0 })
})
afterAll(() => rmSync(filled, { recursive: true }))

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  dataDir = join(folder, 'data')
  await makeStore(dataDir, meters)
})

afterEach(() => rmSync(folder, { recursive: true }))

/** Everything that could be lost on the way: empty texts, quotes, line breaks, odd keys, values as they were written. */
const requests = [
  { identifier: 'plain', payload: { stripe_customer_id: 'cus_A', value: '12', model: 'small' } },
  { identifier: 'milli', payload: { stripe_customer_id: 'cus_B', value: '0.000000000000001', model: '' } },
  { identifier: 'texts', payload: { model: 'a,"b"\r\nc\n', value: '025.0', stripe_customer_id: ' cus C ' } },
  { identifier: 'odd "keys"', payload: { stripe_customer_id: 'cus_A', value: '-1e3', model: 'x', status: '200' } },
  { identifier: '=1+1', payload: { stripe_customer_id: 'Zoë 🦙', value: '7', model: 'x', 'payload.a': '\uFFFD' } },
].map((event, index) => ({
  event_name: 'tokens',
  identifier: event.identifier,
  timestamp: new Date(Date.UTC(2024, 1, 29, 12, 0, index, 7 * index)).toISOString(),
  payload: event.payload as unknown as Record<string, string>,
}))
const call = {
  event_name: 'calls',
  identifier: 'plain',
  timestamp: '2024-03-01T00:00:00.000Z',
  payload: { who: 'cus_A', value: 'ignored', ['__proto__']: 'a key like any other' },
}

function fill(): void {
  rmSync(dataDir, { recursive: true })
  cpSync(filled, dataDir, { recursive: true })
}

const importOptions = (path: string, into: string): string[] => [
  'import',
  path,
  '--data-dir',
  into,
  '--backfill',
  '--quiet',
]
const importInto = (into: string, path: string): Promise<Ended> => meterbook(importOptions(path, into))
const exportFrom = (from: string, ...options: string[]): Promise<Ended> =>
  meterbook(['export', '--data-dir', from, '--quiet', ...options])
/** The files whose names begin so. */
const leftOf = (name: string): string[] =>
  readdirSync(folder).filter((each) => each.startsWith(`${name}.`) || each === name)
const identifiers = ({ stdout }: Ended): string[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { identifier: string }).identifier)
    .sort()

describe('An export', () => {
  it('restores every request exactly, and imported elsewhere gives the same records', async () => {
    fill()
    const all = await exportFrom(dataDir)
    expect(all.code).toBe(0)
    const sent = [...requests, call].map((line) => `${JSON.stringify(line)}\n`).join('')
    const digest = recordsDigest(all.stdout)
    expect(digest).toBe(recordsDigest(sent))
    for (const [name, isPacked] of [
      ['all.ndjson', false],
      ['all.csv', false],
      ['all.csv.gz', true],
    ] as const) {
      const path = join(folder, name)
      expect(await exportFrom(dataDir, '--out', path)).toEqual({ code: 0, stdout: '', stderr: '' })
      expect(leftOf(name)).toEqual([name])
      expect(statSync(path).mode & 0o777).toBe(0o600)
      if (isPacked) expect(gunzipSync(readFileSync(path)).toString()).toMatch(/^event_name,/)
      const elsewhere = join(folder, `data of ${name}`)
      await makeStore(elsewhere, meters)
      expect(await importInto(elsewhere, path)).toMatchObject({ code: 0, stderr: '' })
      expect(recordsDigest((await exportFrom(elsewhere)).stdout)).toBe(digest)
      // And where they came from, nothing is new.
      expect(await importInto(dataDir, path)).toMatchObject({ code: 0 })
    }
    expect(recordsDigest((await exportFrom(dataDir)).stdout)).toBe(digest)
  })

  it('chooses by meter, event name, customer and half-open time', async () => {
    fill()
    expect(identifiers(await exportFrom(dataDir, '--meter', 'mtr_test_tokens'))).toHaveLength(requests.length)
    expect(identifiers(await exportFrom(dataDir, '--event-name', 'calls'))).toEqual(['plain'])
    expect(identifiers(await exportFrom(dataDir, '--customer', 'cus_A'))).toEqual(['odd "keys"', 'plain', 'plain'])
    const [, second, third] = requests.map(({ timestamp }) => timestamp)
    expect(identifiers(await exportFrom(dataDir, '--from', second!, '--to', third!))).toEqual(['milli'])
    expect(identifiers(await exportFrom(dataDir, '--from', '1709251200'))).toEqual(['plain'])
  })

  it('leaves cancelled records out, or shows their status, while the service runs', async () => {
    const service = await startServiceProcess({ DATA_DIR: dataDir, BOOTSTRAP_API_KEY: TEST_KEY })
    try {
      const { stripe } = service
      for (const identifier of ['kept', 'cancelled']) {
        await stripe.billing.meterEvents.create({
          event_name: 'calls',
          identifier,
          payload: { who: 'cus_A' },
        })
      }
      await stripe.billing.meterEventAdjustments.create({
        event_name: 'calls',
        type: 'cancel',
        cancel: { identifier: 'cancelled' },
      })
      expect(identifiers(await exportFrom(dataDir))).toEqual(['kept'])
      const all = await exportFrom(dataDir, '--include-cancelled', '--format', 'csv')
      const [header, ...lines] = all.stdout.trimEnd().split('\n')
      expect(header).toBe('event_name,identifier,timestamp,payload.who,record_status')
      expect(lines.map((line) => [line.split(',')[1], line.split(',')[4]]).sort()).toEqual([
        ['cancelled', 'cancelled'],
        ['kept', 'recorded'],
      ])
      const facts = (await exportFrom(dataDir, '--format', 'records')).stdout.trimEnd().split('\n')
      expect(facts.map((line) => JSON.parse(line) as object)).toMatchObject([
        { identifier: 'kept', sequence: 1, cancelled_sequence: null, cancelled_at: null },
        { identifier: 'cancelled', sequence: 2, cancelled_sequence: 3, cancelled_at: expect.any(String) as unknown },
      ])
    } finally {
      await service.end('SIGTERM')
    }
  })

  it('says where an import could not tell the meters apart', async () => {
    const service = await startServiceProcess({ DATA_DIR: dataDir, BOOTSTRAP_API_KEY: TEST_KEY })
    try {
      const { meters } = service.stripe.billing
      const { data } = await meters.list()
      const earlier = data.find(({ event_name }) => event_name === 'calls')!
      await meters.deactivate(earlier.id)
      const { display_name, event_name, default_aggregation } = earlier
      await meters.create({ display_name, event_name, default_aggregation })
      const warning = 'Several meters had the event name calls: '
      const said = async (...options: string[]): Promise<string> =>
        (await meterbook(['export', '--data-dir', dataDir, ...options])).stderr
      for (const options of [[], ['--event-name', 'calls']]) {
        expect((await said(...options)).split(warning)).toHaveLength(2)
      }
      for (const options of [
        ['--meter', earlier.id],
        ['--event-name', 'tokens'],
        ['--format', 'records'],
        ['--quiet'],
      ]) {
        expect(await said(...options)).not.toContain(warning)
      }
    } finally {
      await service.end('SIGTERM')
    }
  })

  it('writes nothing in the data folder, by whatever name, also while the service runs', async () => {
    fill()
    const linked = join(folder, 'linked')
    symlinkSync(dataDir, linked)
    symlinkSync(join(dataDir, 'events.db'), join(folder, 'symlink.ndjson'))
    linkSync(join(dataDir, 'events.db'), join(folder, 'hard-link.ndjson'))
    linkSync(join(dataDir, 'read-model.db'), join(folder, 'rows.csv'))
    mkdirSync(join(dataDir, 'exports'))
    const service = await startServiceProcess({ DATA_DIR: dataDir })
    try {
      const log = readFileSync(join(dataDir, 'events.db'))
      for (const out of [
        join(dataDir, 'events.db'),
        join(dataDir, 'new.ndjson'),
        join(dataDir, 'exports', 'new.ndjson'),
        join(linked, 'new.ndjson'),
        `${linked}/exports/../events.db`,
        join(folder, 'symlink.ndjson'),
        join(folder, 'hard-link.ndjson'),
        join(folder, 'rows.csv'),
      ]) {
        const { code, stderr } = await exportFrom(dataDir, '--out', out)
        expect([out, code]).toEqual([out, 2])
        expect(stderr.trimEnd().split('\n')).toEqual([expect.stringContaining(`--out cannot be ${out}: `)])
      }
      expect(readdirSync(dataDir).filter((name) => name.startsWith('new'))).toEqual([])
      expect(readdirSync(join(dataDir, 'exports'))).toEqual([])
      expect(readFileSync(join(dataDir, 'events.db')).equals(log)).toBe(true)
      expect(identifiers(await exportFrom(linked))).toHaveLength(requests.length + 1)
    } finally {
      await service.end('SIGTERM')
    }
  })

  it('writes through no link and into no file that somebody put beside its own', async () => {
    fill()
    const [out, victim] = [join(folder, 'usage.ndjson'), join(folder, 'victim')]
    writeFileSync(victim, 'untouched', { mode: 0o644 })
    symlinkSync(victim, `${out}.partial`)
    expect(await exportFrom(dataDir, '--out', out)).toMatchObject({ code: 0 })
    expect(readFileSync(victim, 'utf8')).toBe('untouched')
    expect(readFileSync(out, 'utf8').split('\n')).toHaveLength(requests.length + 2)
    // A link with the name of the file itself is taken away, and what it led to stays.
    symlinkSync(victim, join(folder, 'link.csv'))
    expect(await exportFrom(dataDir, '--out', join(folder, 'link.csv'))).toMatchObject({ code: 0 })
    expect(readFileSync(victim, 'utf8')).toBe('untouched')
    expect(readFileSync(join(folder, 'link.csv'), 'utf8')).toMatch(/^event_name,/)
  })

  it('leaves nothing behind when a signal interrupts it', async () => {
    const many = Array.from({ length: 10_000 }, (_, n) => ({ ...call, identifier: `many-${n}` }))
    const source = join(folder, 'many.ndjson')
    writeFileSync(source, many.map((line) => `${JSON.stringify(line)}\n`).join(''))
    expect(await importInto(dataDir, source)).toMatchObject({ code: 0 })
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      for (let code: number | null = 0; code === 0;) {
        const { child, ended } = start(['export', '--data-dir', dataDir, '--quiet', '--out', join(folder, 'usage.csv')])
        let isOver = false
        const over = ended.finally(() => (isOver = true))
        while (!isOver && leftOf('usage.csv').length === 0) await new Promise(setImmediate)
        child.kill(signal)
        const { stderr } = await over
        code = child.exitCode
        // On a slow day it was through before it was interrupted.
        if (code === 0) rmSync(join(folder, 'usage.csv'))
        else expect([code, stderr]).toEqual([130, expect.stringContaining('Interrupted; ')])
        expect(leftOf('usage.csv')).toEqual([])
      }
    }
  })

  it('ends with 2 where the command line is wrong, with 1 where what it names is not there', async () => {
    for (const args of [
      ['--from', 'yesterday'],
      ['--format', 'xml'],
      ['--meter', 'mtr_a', '--event-name', 'tokens'],
    ]) {
      expect(await exportFrom(dataDir, ...args)).toMatchObject({ code: 2, stdout: '' })
    }
    expect(await exportFrom(dataDir, '--meter', 'mtr_none')).toMatchObject({ code: 2, stdout: '' })
    const missing = join(folder, 'elsewhere')
    expect(await exportFrom(missing)).toMatchObject({ code: 2, stdout: '' })
    expect(await exportFrom(dataDir, '--out', join(missing, 'usage.csv'))).toMatchObject({ code: 2, stdout: '' })
    expect(existsSync(missing)).toBe(false)
  })

  it('says how much it wrote, and explains itself', async () => {
    expect((await meterbook(['export', '--data-dir', dataDir])).stderr).toMatch(/^0 records in /)
    // Whoever wants the first lines alone reads no more of them.
    fill()
    const { child, ended } = start(['export', '--data-dir', dataDir, '--quiet'])
    child.stdout.destroy()
    expect(await ended).toMatchObject({ code: 0, stderr: '' })
    const { code, stdout } = await meterbook(['export', '--help'])
    expect(code).toBe(0)
    for (const word of ['--include-cancelled', '--gzip', '--out', 'payload.<key>', 'formula'])
      expect(stdout).toContain(word)
  })
})
