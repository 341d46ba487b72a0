/** The built command line as processes of their own, and stores for them to work on. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { MeterCatalogues } from '../../src/commands/meter-catalogues.js'
import type { LedgerName } from '../../src/domain/ledger.js'
import type { CreateMeter } from '../../src/domain/meter-catalogue.js'
import { EmbeddedEventStore } from '../../src/event-store/embedded-event-store.js'
import { EVENT_LOG_FILE } from '../../src/event-store/open-event-store.js'
import { createMeter } from '../domain/examples.js'

export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly child: ChildProcessWithoutNullStreams
  readonly ended: Promise<Ended>
}

export function start(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Running {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { PATH: process.env.PATH, ...environment } })
  const ended = new Promise<Ended>((resolve, reject) => {
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
    child.once('error', reject)
    child.once('close', (code) =>
      resolve({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() }),
    )
  })
  return { child, ended }
}

export async function meterbook(args: readonly string[], input: string | Buffer | null = null): Promise<Ended> {
  const { child, ended } = start(args)
  // A command that ends early does not read to the end.
  child.stdin.on('error', () => undefined)
  child.stdin.end(input ?? undefined)
  return ended
}

/** Gives a ledger of a data folder these meters. */
export async function makeStore(
  dataDir: string,
  meters: readonly Partial<CreateMeter>[],
  ledger: LedgerName = 'default~test',
): Promise<void> {
  mkdirSync(dataDir, { recursive: true })
  const store = new EmbeddedEventStore(join(dataDir, EVENT_LOG_FILE))
  try {
    const { transact } = bound(new MeterCatalogues(store, () => randomUUID()), ledger)
    for (const meter of meters) await transact(meter)
  } finally {
    await store.close()
  }
}

function bound(catalogues: MeterCatalogues, ledger: LedgerName) {
  const context = { requestId: 'req_control', actor: 'system', idempotency: null }
  return {
    transact: (meter: Partial<CreateMeter>) =>
      catalogues.of(ledger).transact(
        {
          ...createMeter,
          meterId: `mtr_test_${randomUUID().replaceAll('-', '')}`,
          at: Date.now(),
          ...meter,
        },
        context,
      ),
  }
}

/** SHA-256 over the lines of an NDJSON export, sorted by event name and identifier: the same records, the same digest. */
export function recordsDigest(ndjson: string): string {
  const lines = ndjson
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const { event_name, identifier, timestamp, payload } = JSON.parse(line) as {
        event_name: string
        identifier: string
        timestamp: string
        payload: Record<string, string>
      }
      const sorted = Object.entries(payload).sort(([a], [b]) => (a < b ? -1 : 1))
      return { key: `${event_name} ${identifier}`, text: JSON.stringify([event_name, identifier, timestamp, sorted]) }
    })
    .sort((a, b) => (a.key < b.key ? -1 : 1))
  return createHash('sha256')
    .update(lines.map(({ text }) => text).join('\n'))
    .digest('hex')
}
