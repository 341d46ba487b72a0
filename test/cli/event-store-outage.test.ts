/** Commands that begin while EventStoreDB is away for a moment: they say that they wait, and go on when it is back. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { until } from '../event-store/eventstoredb-harness.js'
import { EventStoreDbServer } from '../eventstoredb-server/eventstoredb-server.js'
import { createMeter, report } from '../metered-usage.js'
import { startServiceProcess } from '../service-process.js'
import { start, type Ended } from './command-line.js'

const KEPT_WAITING =
  /^(A read failed, reading on from where it was|The event store cannot be used yet, asking again): .*ECONNREFUSED.*\. It is tried for up to 30 s\.$/

let server: EventStoreDbServer
let folder: string
let meterId: string
let eventName: string
/** With the rows of everything in the log. */
let dataDir: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  dataDir = join(folder, 'data')
  server = await EventStoreDbServer.start()
  const settings = { EVENT_STORE_URL: server.url, DATA_DIR: dataDir, LOG_LEVEL: 'warn' }
  const service = await startServiceProcess(settings)
  try {
    const meter = await createMeter(service.stripe)
    meterId = meter.id
    eventName = meter.event_name
    for (const identifier of ['a', 'b']) await report(service.stripe, meter, 1, { identifier })
    const line = { event_name: meter.event_name, identifier: 'c', payload: { stripe_customer_id: 'cus_A', value: '1' } }
    writeFileSync(join(folder, 'usage.ndjson'), JSON.stringify(line))
  } finally {
    await service.end('SIGTERM')
  }
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true })
})

beforeEach(() => server.stop())
afterEach(() => server.start())

const place = (into = dataDir): string[] => ['--data-dir', into, '--event-store-url', server.url]

/** Starts it while the server is away, which is back once the command says that it waits. */
async function through(outage: () => Promise<void>, args: readonly string[]): Promise<Ended> {
  const { child, ended } = start(args)
  child.stdin.end()
  await Promise.race([once(child.stderr, 'data'), ended])
  await outage()
  return ended
}

it.each<[name: string, args: () => string[]]>([
  ['digest', () => ['digest', '--json', ...place()]],
  ['digest of a ledger that is named', () => ['digest', '--account', 'default', ...place()]],
  ['digest that makes its rows first', () => ['digest', ...place(join(folder, 'digested'))]],
  ['export', () => ['export', '--meter', meterId, ...place()]],
  ['audit', () => ['audit', '--meter', meterId, ...place()]],
  ['keys list', () => ['keys', 'list', ...place()]],
  ['keys create', () => ['keys', 'create', ...place()]],
  ['rebuild', () => ['rebuild', 'meters', ...place()]],
  ['copy', () => ['copy', '--to', 'embedded:', '--to-data-dir', join(folder, 'copy'), ...place()]],
  ['import', () => ['import', join(folder, 'usage.ndjson'), ...place(join(folder, 'imported'))]],
])('%s waits for an event store that is away when it begins, and says so once', async (_, args) => {
  const { code, stdout, stderr } = await through(() => server.start(), args())
  expect([code, stderr]).toEqual([0, stderr])
  expect(stdout).not.toBe('')
  const said = stderr.split('\n').filter((line) => line.includes('ECONNREFUSED'))
  expect(said).toEqual([expect.stringMatching(KEPT_WAITING)])
})

it('one that stays away ends a command with 3, and what kept it from being carried out', async () => {
  const { code, stdout, stderr } = await through(async () => undefined, ['keys', 'list', ...place()])
  expect([code, stdout]).toEqual([3, ''])
  const [waits, ended, ...more] = stderr.trimEnd().split('\n')
  expect(waits).toMatch(KEPT_WAITING)
  expect(ended).toMatch(/^EventStoreDB cannot be read: .*ECONNREFUSED 127\.0\.0\.1:\d+\.$/)
  expect(more).toEqual([])
})

it('an import goes on where the event store was away in its middle, and says so once', async () => {
  await server.start()
  const into = place(join(folder, 'imported-through'))
  const { child, ended } = start(['import', '-', '--json', ...into])
  const usage = (identifier: string): string =>
    `${JSON.stringify({ event_name: eventName, identifier, payload: { stripe_customer_id: 'cus_B', value: '1' } })}\n`
  const appends = server.received.length
  child.stdin.write(usage('before'))
  await until(() => server.received.length > appends, 'the first line to be appended')
  await server.stop()
  child.stdin.write(usage('meanwhile 1') + usage('meanwhile 2'))
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  await until(() => said.includes('Waiting for the event store'), 'the import to wait')
  await server.start()
  child.stdin.end(usage('after'))
  const { code, stdout, stderr } = await ended
  expect([code, stderr]).toEqual([0, stderr])
  expect(JSON.parse(stdout)).toMatchObject({ lines: 4, rejected: 0, stopped: null })
  const told = stderr.split('\n').filter((line) => /^(Waiting for the event store|The event store answers)/.test(line))
  expect(told).toEqual([
    expect.stringMatching(/^Waiting for the event store, for up to 5 minutes\. /),
    'The event store answers again; going on.',
  ])
})
