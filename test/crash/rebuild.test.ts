/** A rebuild that is killed anywhere: the old rows go on serving, and it comes to its end later. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { EmbeddedEventStore } from '../../src/event-store/embedded-event-store.js'
import { READ_MODEL_FILE } from '../../src/read-model/open-read-model.js'
import { SqliteDatabase } from '../../src/sqlite.js'
import { EVENT_LOG_FILE } from '../../src/event-store/open-event-store.js'
import { APPEND_EVENTS_MAX } from '../../src/event-store/event-store.js'
import { encodeEvent } from '../../src/event-store/codec.js'
import { metersStream, usageStream } from '../../src/event-store/streams.js'
import { usagePartition } from '../../src/domain/usage-partition.js'
import { meterbook, start, type Ended } from '../cli/command-line.js'
import { TEST_KEY } from '../running-service.js'
import { startServiceProcess } from '../service-process.js'
import { total } from '../metered-usage.js'
import { NOW } from '../controls.js'
import { randomUUID } from 'node:crypto'

/** Two slices of a rebuild and some more. */
const EVENTS = 10_000
const meter = { id: 'mtr_test_tokens' }
const KEPT_OF_CELLS = /^Dropped what was kept: usage_cells_\d+, usage_recounted_cells_\d+, usage_windows_\d+\.\n$/

let folder: string
let filled: string
let before: Ended
let dataDir: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  filled = join(folder, 'filled')
  await fill(filled)
  before = await meterbook(['digest', '--data-dir', filled, '--quiet'])
  expect(before).toMatchObject({ code: 0 })
})
afterAll(() => rmSync(folder, { recursive: true }))
beforeEach(() => {
  dataDir = mkdtempSync(join(folder, 'copy-'))
  cpSync(filled, dataDir, { recursive: true })
})

/** Every record counts 1 for one customer of many series' worth of minutes; one in ten is cancelled. */
async function fill(into: string): Promise<void> {
  mkdirSync(into, { recursive: true })
  const store = new EmbeddedEventStore(join(into, EVENT_LOG_FILE))
  const metadata = { correlationId: 'req_control', causationId: 'req_control', actor: 'system' }
  const ledger = 'default~test' as const
  await store.append([
    {
      stream: metersStream(ledger),
      expectedRevision: 0,
      events: [
        encodeEvent({ type: 'LedgerOpened', data: { usagePartitions: 1, at: NOW } }, randomUUID(), metadata),
        encodeEvent(
          {
            type: 'MeterCreated',
            data: {
              meterId: meter.id,
              displayName: 'Tokens',
              eventName: 'tokens',
              formula: 'sum',
              eventTimeWindow: null,
              valueKey: 'value',
              customerKey: 'stripe_customer_id',
              dimensionKeys: [],
              createdAt: NOW,
            },
          },
          randomUUID(),
          metadata,
        ),
      ],
    },
  ])
  const recordOf = (n: number) => ({
    meterId: meter.id,
    identifier: `id-${n}`,
    customer: 'cus_A',
    value: '1',
    occurredAt: NOW - n * 7_000,
    recordedAt: NOW,
    payload: {},
  })
  const stream = usageStream(ledger, usagePartition(meter.id, 'any', 1))
  for (let from = 0; from < EVENTS; from += APPEND_EVENTS_MAX) {
    const events = Array.from({ length: APPEND_EVENTS_MAX }, (_, index) => {
      const n = from + index
      return n % 10 === 9
        ? encodeEvent(
            { type: 'UsageCancelled', data: { ...recordOf(n - 1), cancelledAt: NOW } },
            randomUUID(),
            metadata,
          )
        : encodeEvent({ type: 'UsageRecorded', data: recordOf(n) }, randomUUID(), metadata)
    })
    const [outcome] = await store.append([{ stream, expectedRevision: from, events }])
    expect(outcome).toMatchObject({ status: 'appended' })
  }
  await store.close()
}

function saying(stream: Readable, text: string): Promise<void> {
  let said = ''
  return new Promise((resolve) => {
    stream.on('data', (chunk: Buffer) => {
      said += chunk.toString()
      if (said.includes(text)) resolve()
    })
  })
}

const EXPECTED = (EVENTS / 10) * 8
const run = (...args: string[]): Promise<Ended> => meterbook([...args, '--data-dir', dataDir])

describe('A rebuild that is killed', () => {
  it('on the command line leaves rows that agree, and a second one comes to its end', async () => {
    // It says once that it folds the log, and once that it compares the rows.
    for (const doing of ['usage events folded', 'rows compared']) {
      const { child, ended } = start(['rebuild', '--data-dir', dataDir])
      await Promise.race([saying(child.stderr, doing), ended])
      child.kill('SIGKILL')
      await ended
      expect(await run('digest', '--quiet')).toEqual(before)
      expect(await run('audit', '--quiet')).toMatchObject({ code: 0 })
    }
    const last = await run('rebuild')
    expect(last).toMatchObject({ code: 0, stdout: expect.stringContaining('every row is as it was') as unknown })
    expect(await run('audit', '--quiet')).toMatchObject({ code: 0 })
    expect(await run('digest', '--quiet')).toEqual(before)
  })

  it('on the command line comes to its end before another one, which is done too', async () => {
    const { child, ended } = start(['rebuild', 'usage-index', '--data-dir', dataDir])
    await Promise.race([saying(child.stderr, 'usage events folded'), ended])
    child.kill('SIGKILL')
    await ended
    const { code, stdout } = await run('rebuild', 'meters')
    expect({ code, done: stdout.match(/^[a-z-]+(?=: )/gm) }).toEqual({ code: 0, done: ['usage-index', 'meters'] })
  })

  it('with its service goes on when that starts again; reads are right all the time, and no other begins beside it', async () => {
    const environment = { DATA_DIR: dataDir, LOG_LEVEL: 'silent' }
    const projections = async (url: string, method: 'GET' | 'POST', path = ''): Promise<{ status: string | null }> => {
      const response = await fetch(`${url}/meterbook/v1/projections${path}`, {
        method,
        headers: { authorization: `Bearer ${TEST_KEY}` },
      })
      // The one that was killed may be going on already.
      if (response.status === 409) return { status: 'building' }
      expect([200, 202]).toContain(response.status)
      const { data } = (await response.json()) as { data: { rebuild: { status: string } | null }[] }
      return { status: data[0]?.rebuild?.status ?? null }
    }
    for (const afterMs of [50, 200]) {
      const service = await startServiceProcess(environment)
      await projections(service.url, 'POST', '/rebuild')
      const until = performance.now() + afterMs
      while (performance.now() < until) expect(await total(service.stripe, meter)).toBe(String(EXPECTED))
      await service.end('SIGKILL')
    }
    const service = await startServiceProcess(environment)
    let status: string | null = null
    do {
      expect(await total(service.stripe, meter)).toBe(String(EXPECTED))
      ;({ status } = await projections(service.url, 'GET'))
      // Nothing is left of it once the tables it replaced are gone.
    } while (status !== null && status !== 'completed')
    expect(await run('rebuild')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('--url and METERBOOK_API_KEY') as unknown,
    })
    await service.end('SIGTERM')
    expect(await run('audit', '--quiet')).toMatchObject({ code: 0 })
  })

  it('is told of from the first answer on by the service that goes on with it', async () => {
    const { child, ended } = start(['rebuild', 'usage-index', '--data-dir', dataDir])
    await Promise.race([saying(child.stderr, 'usage events folded'), ended])
    child.kill('SIGKILL')
    await ended
    const rows = new SqliteDatabase(join(dataDir, READ_MODEL_FILE), { readonly: true })
    const builds = rows.prepare('SELECT name FROM builds').pluck().all()
    rows.close()
    const service = await startServiceProcess({ DATA_DIR: dataDir, LOG_LEVEL: 'silent' })
    const { body } = await service.api.get('/meterbook/v1/projections/usage-index', {})
    // It may have been over before it was killed.
    const expected = builds.length > 0 ? { projections: builds } : null
    expect(body).toMatchObject({ rebuild: expected })
    await service.end('SIGTERM')
  })

  it('is told what there is', async () => {
    expect(await run('rebuild', 'nothing')).toMatchObject({ code: 2 })
    expect(await run('rebuild', '--url', 'http://127.0.0.1:1')).toMatchObject({ code: 2 })
    const rebuilt = await run('rebuild', 'usage-cells', '--keep', '--json', '--quiet')
    expect({ ...rebuilt, stdout: JSON.parse(rebuilt.stdout) as unknown }).toMatchObject({
      code: 0,
      stdout: {
        rebuilds: [{ projections: ['usage-cells'], status: 'completed', difference_count: 0, failure: null }],
      },
      stderr: '',
    })
    const dropped = await run('rebuild', '--drop-kept')
    expect(dropped).toMatchObject({ code: 0, stdout: expect.stringMatching(KEPT_OF_CELLS) as unknown })
    expect(await run('rebuild', '--drop-kept')).toMatchObject({ code: 0, stdout: 'No table was kept.\n' })
    expect(await run('rebuild', '--drop-kept', '--quiet')).toMatchObject({ code: 0, stdout: '' })
    const { stdout } = await run('rebuild', '--drop-kept', '--json')
    expect(JSON.parse(stdout)).toEqual({ dropped: [] })
  })

  it('drops nothing that was kept where the command line means something else', async () => {
    expect(await run('rebuild', 'usage-cells', '--keep')).toMatchObject({ code: 0 })
    for (const args of [['meters'], ['usage-cells'], ['--keep']]) {
      expect(await run('rebuild', '--drop-kept', ...args)).toMatchObject({ code: 2, stdout: '' })
    }
    const dropped = await run('rebuild', '--drop-kept')
    expect(dropped).toMatchObject({ code: 0, stdout: expect.stringMatching(KEPT_OF_CELLS) as unknown })
  })
})
