/**
 * Servers and stores of one test, closed when it ends, and waiting for what a test needs to see. Time-outs are short
 * here, so that a fault costs a test tenths of a second; nothing depends on their exact length.
 */
import { afterEach } from '@jest/globals'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { EventStoreDbEventStore } from '../../src/event-store/eventstoredb-event-store.js'
import type { EventStoreDbLimits } from '../../src/event-store/eventstoredb-limits.js'
import type { AppendOutcome, EventStore, NewEvent, Patience } from '../../src/event-store/event-store.js'
import { EventStoreDbServer, type ServerOptions } from '../eventstoredb-server/eventstoredb-server.js'

export const SHORT: Partial<EventStoreDbLimits> = {
  appendTryMs: 250,
  appendTotalMs: 10_000,
  appendDeniedMs: 300,
  backOffMsMin: 5,
  backOffMsMax: 50,
  readProgressMs: 400,
  idleMs: 50,
  quietMs: 50,
  checkMs: 400,
  closeMs: 500,
  disposeMs: 200,
}

const UNTIL_MS = 60_000
const POLL_MS = 5

const opened: { close(): Promise<unknown> }[] = []

/** Call once in a test file. */
export function closeAfterEach(): void {
  afterEach(async () => {
    // Stores before the servers they are connected to.
    for (const one of opened.splice(0).reverse()) await one.close()
  })
}

export async function startServer(options?: ServerOptions): Promise<EventStoreDbServer> {
  const server = await EventStoreDbServer.start(options)
  opened.push({ close: () => server.stop() })
  return server
}

export interface LoggedLine {
  readonly level: 'warn' | 'error'
  readonly details: object
  readonly message: string
}

export function openStore(
  server: EventStoreDbServer,
  {
    url = server.url,
    limits = {},
    patience = 'caller',
  }: { url?: string; limits?: Partial<EventStoreDbLimits>; patience?: Patience } = {},
) {
  const lines: LoggedLine[] = []
  const at = (level: LoggedLine['level']) => (details: object, message: string) => {
    lines.push({ level, details, message })
  }
  const log = { warn: at('warn'), error: at('error') }
  const store = EventStoreDbEventStore.open({ url, log, limits: { ...SHORT, ...limits }, patience })
  opened.push(store)
  return { store, lines }
}

export async function append(
  store: EventStore,
  stream: string,
  expectedRevision: number,
  events: NewEvent[],
): Promise<AppendOutcome> {
  const [outcome] = await store.append([{ stream, expectedRevision, events }])
  return outcome!
}

/** Resolves when `condition` holds; a bounded poll, for what no event tells of. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + UNTIL_MS
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

export interface Child {
  /** Lines the program printed. */
  readonly lines: string[]
  readonly errors: () => string
  /** Resolves with the exit code. */
  readonly exited: Promise<number | null>
  says(line: string): Promise<void>
  tell(line: string): void
}

/** Runs a scenario of eventstoredb-child.js in a process of its own. */
export function runChild(scenario: string, ...urls: string[]): Child {
  const program = fileURLToPath(new URL('./eventstoredb-child.js', import.meta.url))
  const child: ChildProcess = spawn(process.execPath, [program, scenario, ...urls], { stdio: 'pipe' })
  opened.push({
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  })
  const lines: string[] = []
  let errors = ''
  let rest = ''
  child.stdout!.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString('utf8')).split('\n')
    rest = parts.pop()!
    lines.push(...parts)
  })
  child.stderr!.on('data', (chunk: Buffer) => (errors += chunk.toString('utf8')))
  const exited = once(child, 'close').then(([code]) => code as number | null)
  return {
    lines,
    errors: () => errors,
    exited,
    says: (line) => until(() => lines.includes(line), `the child says ${line}; it said ${lines.join()} ${errors}`),
    tell: (line) => void child.stdin!.write(`${line}\n`),
  }
}
