/** Payloads as large as they may be: what is read at a time is bounded by its size, not only by how many records it is. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PAYLOAD_KEYS_MAX, PAYLOAD_VALUE_LENGTH_MAX } from '../../src/domain/meter-event.js'
import { EmbeddedEventStore } from '../../src/event-store/embedded-event-store.js'
import { EVENT_LOG_FILE } from '../../src/event-store/open-event-store.js'
import { historyMeters, opening, recordedEntry, writeLog } from '../projections/history.js'
import { start } from './command-line.js'

/** Some 75 MB of log: read as a whole, and parsed, they are more than fits into memory, beside the program. */
const RECORDS = 3_000
const RECORDS_PER_APPEND = 200
const HEAP_MIB = 128

let dataDir: string
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'meterbook-'))
  const meter = historyMeters.find(({ eventName }) => eventName === 'sum_raw')!
  const payload = Object.fromEntries(
    Array.from({ length: PAYLOAD_KEYS_MAX - 2 }, (_, n) => [`key ${n}`, 'x'.repeat(PAYLOAD_VALUE_LENGTH_MAX)]),
  )
  const store = new EmbeddedEventStore(join(dataDir, EVENT_LOG_FILE))
  const revisions = new Map<string, number>()
  await writeLog(store, opening([meter]), revisions)
  for (let from = 0; from < RECORDS; from += RECORDS_PER_APPEND) {
    const numbers = Array.from({ length: RECORDS_PER_APPEND }, (_, n) => from + n)
    const entries = numbers.map((n) => recordedEntry(meter, `id-${n}`, { payload }))
    await writeLog(store, entries, revisions)
  }
  await store.close()
})
afterAll(() => rmSync(dataDir, { recursive: true }))

it.each(['digest', 'audit', 'rebuild', 'digest --customer cus_A', 'export --format records'])(
  'meterbook %s needs little memory for them',
  async (command) => {
    const environment = { NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB}` }
    const { ended } = start([...command.split(' '), '--data-dir', dataDir, '--quiet'], environment)
    const { code, stderr } = await ended
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  },
)
