import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { CreateMeter } from '../../src/domain/meter-catalogue.js'
import { TEST_KEY } from '../running-service.js'
import { startServiceProcess } from '../service-process.js'
import { makeStore, meterbook, recordsDigest, type Ended } from './command-line.js'

// Each test starts several processes.
jest.setTimeout(120_000)

const meters: readonly Partial<CreateMeter>[] = [
  { eventName: 'tokens', meterId: 'mtr_test_tokens', dimensionKeys: ['model'] },
  { eventName: 'calls', formula: 'count', customerKey: 'who' },
]

let folder: string
let dataDir: string

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

async function fill(): Promise<void> {
  const path = join(folder, 'filled.ndjson')
  writeFileSync(path, [...requests, call].map((line) => `${JSON.stringify(line)}\n`).join(''))
  expect(await importInto(dataDir, path)).toMatchObject({ code: 0 })
}

const importInto = (into: string, path: string): Promise<Ended> =>
  meterbook(['import', path, '--data-dir', into, '--backfill', '--quiet'])
const exportFrom = (from: string, ...options: string[]): Promise<Ended> =>
  meterbook(['export', '--data-dir', from, '--quiet', ...options])
const identifiers = ({ stdout }: Ended): string[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { identifier: string }).identifier)
    .sort()

describe('An export', () => {
  it('restores every request exactly, and imported elsewhere gives the same records', async () => {
    await fill()
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
      expect(existsSync(`${path}.partial`)).toBe(false)
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
    await fill()
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
    } finally {
      await service.end('SIGTERM')
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
    expect(existsSync(missing)).toBe(false)
  })

  it('says how much it wrote, and explains itself', async () => {
    expect((await meterbook(['export', '--data-dir', dataDir])).stderr).toMatch(/^0 records in /)
    const { code, stdout } = await meterbook(['export', '--help'])
    expect(code).toBe(0)
    for (const word of ['--include-cancelled', '--gzip', '--out', 'payload.<key>']) expect(stdout).toContain(word)
  })
})
