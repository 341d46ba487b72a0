/**
 * The write side of the service without its HTTP, for commands that write usage: the same store, projections and writers,
 * under the same lock on the data folder.
 */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { randomIds } from '../commands/environment.js'
import { UsageIndex } from '../commands/usage-index.js'
import { UsageLedger } from '../commands/usage-ledger.js'
import { ConfigError, type Config } from '../config.js'
import { lockDataFolder, makeDataFolder } from '../data-folder.js'
import type { EventStore } from '../event-store/event-store.js'
import { EVENT_LOG_FILE, openEventStore, type Log } from '../event-store/open-event-store.js'
import { ReadYourWrites } from '../event-store/read-your-writes.js'
import { ProjectorThread } from '../projections/projector-thread.js'
import { openReadModel } from '../read-model/open-read-model.js'
import { printable } from './printable.js'

/** How long a command waits for the projections: the first time they may have a whole log before them. */
const CATCH_UP_TIMEOUT_MS = 24 * 60 * 60 * 1000

export interface WriteSide {
  readonly store: EventStore
  readonly usage: UsageLedger
  readonly readYourWrites: ReadYourWrites
  close(): Promise<void>
}

/** What is tried again and again is said once in so much time. */
const SAID_AGAIN_AFTER_MS = 60_000

/** When each line was said last. */
const said = new Map<string, number>()

/** What goes wrong on the way, with its reason, on standard error. */
export const warningsOnly: Log = { info: () => undefined, warn, error: warn }

function warn(
  { reason, givenUpAfterMs }: { readonly reason?: unknown; readonly givenUpAfterMs?: unknown },
  message: string,
): void {
  const why = typeof reason === 'string' ? `${message.endsWith('.') ? '' : ':'} ${reason}` : ''
  const until =
    typeof givenUpAfterMs === 'number'
      ? `${why.endsWith('.') ? '' : '.'} It is tried for up to ${givenUpAfterMs / 1000} s.`
      : ''
  const line = `${message}${why}${until}`
  const now = performance.now()
  if (now - (said.get(line) ?? -Infinity) < SAID_AGAIN_AFTER_MS) return
  said.set(line, now)
  process.stderr.write(`${printable(line)}\n`)
}

/**
 * The log, as commands read it: nobody waits behind them who would rather be told, so that an outage of a server is waited
 * for wherever they are, also at their beginning.
 */
export function openLog({ eventStoreUrl, dataDir }: Pick<Config, 'dataDir' | 'eventStoreUrl'>): Promise<EventStore> {
  return openEventStore(eventStoreUrl, dataDir, warningsOnly, 'background')
}

/** @throws DataFolderInUse, and what keeps the store from opening. */
export async function openWriteSide({ dataDir, eventStoreUrl, readModelUrl }: Config): Promise<WriteSide> {
  requireEventLog({ dataDir, eventStoreUrl })
  makeDataFolder(dataDir)
  // Whatever was opened is closed again, newest first, also when a later step fails.
  const closing: (() => Promise<unknown> | void)[] = []
  const close = async (): Promise<void> => {
    for (let next = closing.pop(); next; next = closing.pop()) await next()
  }
  try {
    const lock = lockDataFolder(dataDir)
    closing.push(() => lock.release())
    const store = await openLog({ eventStoreUrl, dataDir })
    closing.push(() => store.close())
    await store.check()
    const readYourWrites = new ReadYourWrites(store, CATCH_UP_TIMEOUT_MS)
    const settings = { eventStoreUrl, readModelUrl, dataDir }
    const readModel = openReadModel(readModelUrl, dataDir)
    closing.push(() => readModel.close())
    readYourWrites.onProgress(({ sequence }) => readModel.reached(sequence))
    const projector = await ProjectorThread.start(settings, readYourWrites, warningsOnly)
    closing.push(() => projector.stop())
    const index = new UsageIndex(readModel)
    projector.onRebuilt(() => index.rebuilt())
    const usage = new UsageLedger(store, index, readYourWrites, () => randomIds.uuid())
    closing.push(() => usage.close())
    await readYourWrites.started()
    return { store, usage, readYourWrites, close }
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * A mistyped folder is told, not filled with an empty store.
 *
 * @throws ConfigError
 */
export function requireEventLog({ dataDir, eventStoreUrl }: Pick<Config, 'dataDir' | 'eventStoreUrl'>): void {
  if (eventStoreUrl !== 'embedded:' || existsSync(join(dataDir, EVENT_LOG_FILE))) return
  throw new ConfigError(
    `There is no Meterbook store in ${resolve(dataDir)}. Name its folder with --data-dir, or start the service first: it makes the store.`,
  )
}
