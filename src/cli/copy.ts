/**
 * `meterbook copy`: the whole log into another store, such as from the embedded one into EventStoreDB when one machine is not
 * enough. Nothing may write to either meanwhile.
 */
import { Command } from 'commander'
import { join } from 'node:path'
import { ConfigError, readConfig, type Config } from '../config.js'
import { lockDataFolder, makeDataFolder } from '../data-folder.js'
import { copyLog, type Copied, type CopyPhase } from '../event-store/copy-log.js'
import type { EventStore } from '../event-store/event-store.js'
import { EMBEDDED, EVENT_LOG_FILE } from '../event-store/open-event-store.js'
import {
  EXIT_CODES,
  INTERRUPTED,
  INTERRUPTIONS,
  placeOptions,
  storeOverrides,
  type PlaceOptions,
} from './ledger-options.js'
import { isSameFile } from './outside-data-folder.js'
import { PhaseProgress } from './phase-progress.js'
import { counted, grouped } from './progress.js'
import { openLog, requireEventLog } from './write-side.js'

interface CopyOptions extends PlaceOptions {
  readonly to: string
  readonly toDataDir?: string
  readonly json?: true
  readonly quiet?: true
}

type Place = Pick<Config, 'eventStoreUrl' | 'dataDir'>

const HELP = `
Every meter, event and key is copied with its id, in the same order, so all numbers and digests stay what they are; only
positions and sessions are of one store. Stop every service that writes to either store. The other store must be empty, or
hold the beginning of the same log: interrupted anywhere, the same command goes on where it ended. At the end both logs are
read again and every event is compared.

Then start the service on the copy: EVENT_STORE_URL=<url>, with a DATA_DIR that has no read-model.db of the old store.

${EXIT_CODES}
130 it was interrupted: what was copied so far is there.`

const work: Record<CopyPhase, readonly [noun: string, participle: string]> = {
  reading: ['event', 'read'],
  copying: ['event', 'copied'],
  comparing: ['event', 'compared'],
}

export function copyCommand(): Command {
  const command = placeOptions(
    new Command('copy').description(
      'Copy the whole log to another store, such as EventStoreDB, and compare every event.',
    ),
  )
    .requiredOption('--to <url>', 'the other store: esdb://… or embedded:')
    .option('--to-data-dir <folder>', 'folder of the other store, for --to embedded:')
    .option('--json', 'print JSON')
    .option('--quiet', 'print nothing but errors')
    .addHelpText('after', HELP)
  return command.action(async (options: CopyOptions) => {
    const { to, toDataDir } = options
    if ((to === EMBEDDED) !== (toDataDir !== undefined)) {
      command.error('--to-data-dir goes with --to embedded:, and names the folder that is copied to.', { exitCode: 2 })
    }
    const from = readConfig({ ...process.env, ...storeOverrides(options) })
    await copy(options, from, readPlace(to, toDataDir ?? from.dataDir))
  })
}

/** @throws ConfigError */
function readPlace(eventStoreUrl: string, dataDir: string): Place {
  return namedAs('EVENT_STORE_URL', '--to', () => readConfig({ EVENT_STORE_URL: eventStoreUrl, DATA_DIR: dataDir }))
}

/** What is wrong with a setting is told of the option that gave it. @throws ConfigError */
function namedAs<Result>(setting: string, option: string, use: () => Result): Result {
  try {
    return use()
  } catch (error) {
    if (!(error instanceof ConfigError) || !error.message.startsWith(setting)) throw error
    throw new ConfigError(`${option}${error.message.slice(setting.length)}`)
  }
}

async function copy(options: CopyOptions, from: Place, to: Place): Promise<void> {
  requireEventLog(from)
  requireOther(from, to)
  const progress = new PhaseProgress(options.quiet === true, work)
  const interrupted = new AbortController()
  const interrupt = (): void => {
    // Whoever says it twice does not wait for a store to be closed.
    if (interrupted.signal.aborted) process.exit(INTERRUPTED)
    progress.clear()
    process.stderr.write('Interrupted. The same command goes on where it ended.\n')
    interrupted.abort()
  }
  for (const signal of INTERRUPTIONS) process.on(signal, interrupt)
  try {
    const copied = await withStores(from, to, async (source, target) => {
      const lost = await source.lostEvents()
      if (lost !== null) process.stderr.write(`${lost} The copy will not show that: keep this log.\n`)
      return copyLog(source, target, {
        signal: interrupted.signal,
        onProgress: (phase, events, fraction) => progress.show(phase, events, fraction),
        onWaiting: (why) => {
          progress.clear()
          process.stderr.write(`The store that is copied to takes nothing just now, and is tried again. ${why}\n`)
        },
      })
    })
    progress.clear()
    print(options, copied)
  } catch (error) {
    progress.clear()
    if (!interrupted.signal.aborted) throw error
    process.exitCode = INTERRUPTED
  } finally {
    for (const signal of INTERRUPTIONS) process.off(signal, interrupt)
  }
}

/** Two writers of one log would be one. @throws ConfigError */
function requireOther(from: Place, to: Place): void {
  if (from.eventStoreUrl !== to.eventStoreUrl) return
  // By what they are, not what they are called.
  const logs = [from, to].map(({ dataDir }) => join(dataDir, EVENT_LOG_FILE)) as [string, string]
  if (to.eventStoreUrl === EMBEDDED && !isSameFile(from.dataDir, to.dataDir) && !isSameFile(...logs)) return
  throw new ConfigError('--to names the store that is copied from.')
}

/** Folders are locked: no service uses them meanwhile. @throws DataFolderInUse, and what keeps a store from opening. */
async function withStores<Result>(
  from: Place,
  to: Place,
  use: (source: EventStore, target: EventStore) => Promise<Result>,
): Promise<Result> {
  // Whatever was opened is closed again, newest first, also when a later step fails.
  const closing: (() => Promise<unknown> | void)[] = []
  const open = async (place: Place, side: 'from' | 'to'): Promise<EventStore> => {
    if (place.eventStoreUrl === EMBEDDED) {
      const lock = lockDataFolder(place.dataDir)
      closing.push(() => lock.release())
    }
    try {
      const store = await openLog(place)
      closing.push(() => store.close())
      await store.check()
      return store
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      throw new Error(`The store that is copied ${side} cannot be used. ${message}`, { cause: error })
    }
  }
  try {
    const source = await open(from, 'from')
    if (to.eventStoreUrl === EMBEDDED) namedAs('DATA_DIR', '--to-data-dir', () => makeDataFolder(to.dataDir))
    return await use(source, await open(to, 'to'))
  } finally {
    for (let close = closing.pop(); close; close = closing.pop()) await close()
  }
}

function print({ json, quiet }: CopyOptions, { events, copied }: Copied): void {
  if (json) return void process.stdout.write(`${JSON.stringify({ events, copied })}\n`)
  if (quiet) return
  const both = `Both stores have the same ${counted(events, 'event')}.`
  if (copied === 0) return void process.stdout.write(`Nothing was left to be copied. ${both}\n`)
  process.stdout.write(
    `${counted(copied, 'event')}${copied < events ? ` of ${grouped(events)}` : ''} copied. ${both}\n`,
  )
  process.stderr.write('To use the copy, start with a DATA_DIR that has no read-model.db of the old store.\n')
}
