/**
 * `meterbook copy`: the whole log into another store, such as from the embedded one into EventStoreDB when one machine is not
 * enough. Nothing may write to either meanwhile.
 */
import { Command } from 'commander'
import { resolve } from 'node:path'
import { ConfigError, readConfig, type Config } from '../config.js'
import { lockDataFolder, makeDataFolder } from '../data-folder.js'
import { copyLog, type Copied, type CopyPhase } from '../event-store/copy-log.js'
import type { EventStore } from '../event-store/event-store.js'
import { EMBEDDED, openEventStore } from '../event-store/open-event-store.js'
import { EXIT_CODES, INTERRUPTED, placeOptions, storeOverrides, type PlaceOptions } from './ledger-options.js'
import { isSameFile } from './outside-data-folder.js'
import { PhaseProgress } from './phase-progress.js'
import { counted, grouped } from './progress.js'
import { requireEventLog, warningsOnly } from './write-side.js'

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
  try {
    return readConfig({ EVENT_STORE_URL: eventStoreUrl, DATA_DIR: dataDir })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    throw new ConfigError(error.message.replace(/^EVENT_STORE_URL/, '--to'))
  }
}

async function copy(options: CopyOptions, from: Place, to: Place): Promise<void> {
  requireEventLog(from)
  requireOther(from, to)
  const interrupted = new AbortController()
  const interrupt = (): void => interrupted.abort()
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt)
  const progress = new PhaseProgress(options.quiet === true, work)
  try {
    const copied = await withStores(from, to, (source, target) =>
      copyLog(source, target, {
        signal: interrupted.signal,
        onProgress: (phase, events, fraction) => progress.show(phase, events, fraction),
      }),
    )
    progress.clear()
    print(options, copied)
  } catch (error) {
    progress.clear()
    if (!interrupted.signal.aborted) throw error
    process.stderr.write('Interrupted. The same command goes on where it ended.\n')
    process.exitCode = INTERRUPTED
  } finally {
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt)
  }
}

/** Two writers of one log would be one. @throws ConfigError */
function requireOther(from: Place, to: Place): void {
  if (from.eventStoreUrl !== to.eventStoreUrl) return
  if (to.eventStoreUrl === EMBEDDED && resolve(from.dataDir) !== resolve(to.dataDir)) {
    if (!isSameFile(from.dataDir, to.dataDir)) return
  }
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
  const open = async ({ eventStoreUrl, dataDir }: Place): Promise<EventStore> => {
    if (eventStoreUrl === EMBEDDED) {
      const lock = lockDataFolder(dataDir)
      closing.push(() => lock.release())
    }
    const store = await openEventStore(eventStoreUrl, dataDir, warningsOnly)
    closing.push(() => store.close())
    await store.check()
    return store
  }
  try {
    const source = await open(from)
    if (to.eventStoreUrl === EMBEDDED) makeDataFolder(to.dataDir)
    return await use(source, await open(to))
  } finally {
    for (let close = closing.pop(); close; close = closing.pop()) await close()
  }
}

function print({ json, quiet }: CopyOptions, { events, copied }: Copied): void {
  if (json) return void process.stdout.write(`${JSON.stringify({ events, copied })}\n`)
  if (quiet) return
  const all = copied === events ? '' : ` of ${grouped(events)}`
  process.stdout.write(
    `${counted(copied, 'event')}${all} copied. Both logs have the same ${counted(events, 'event')}.\n`,
  )
  process.stderr.write('To use the copy, start with a DATA_DIR that has no read-model.db of the old store.\n')
}
