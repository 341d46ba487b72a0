/** Options of the commands that work on a store, or on one ledger of it, over the settings of the environment. */
import { Option, type Command } from 'commander'
import { parseTimestamp } from '../api/stripe/timestamp.js'
import { isAccountName, type Mode } from '../domain/ledger.js'
import { printableLine } from './printable.js'

export const EXIT_CODES = 'Exit codes: 0 done, 2 the command line or a setting is wrong, 3 it could not be carried out.'
/** The exit code of a command that was interrupted and cleaned up after itself. */
export const INTERRUPTED = 130
/** Ctrl-C, a supervisor, and a terminal that is closed. */
export const INTERRUPTIONS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** For a command that leaves nothing to be cleaned up. `clear` takes how far it is away from a terminal. */
export function endWhenInterrupted(said: string, clear: () => void): void {
  for (const signal of INTERRUPTIONS) {
    process.once(signal, () => {
      clear()
      process.stderr.write(`${said}\n`)
      process.exit(INTERRUPTED)
    })
  }
}

/** Where the store is. */
export interface PlaceOptions {
  readonly dataDir?: string
  readonly eventStoreUrl?: string
}

export interface StoreOptions extends PlaceOptions {
  readonly account: string
  readonly mode: Mode
}

export function storeOptions(command: Command): Command {
  return placeOptions(
    command
      .option('--account <name>', 'account whose ledger is meant', 'default')
      .addOption(new Option('--mode <mode>', 'test or live ledger').choices(['test', 'live']).default('test')),
  )
}

export function placeOptions(command: Command): Command {
  return command
    .option('--data-dir <folder>', 'folder of the embedded files (DATA_DIR; default ./data)')
    .option('--event-store-url <url>', 'embedded: or esdb://… (EVENT_STORE_URL; default embedded:)')
}

/** What `readConfig` reads instead of the environment. */
export function storeOverrides({ dataDir, eventStoreUrl }: PlaceOptions): Record<string, string> {
  return {
    ...(dataDir !== undefined && { DATA_DIR: dataDir }),
    ...(eventStoreUrl !== undefined && { EVENT_STORE_URL: eventStoreUrl }),
  }
}

export function requireAccountName(command: Command, { account }: StoreOptions): void {
  if (isAccountName(account)) return
  command.error(`--account takes 1 to 64 of a-z, 0-9 and _, not ${JSON.stringify(account)}.`, { exitCode: 2 })
}

/**
 * Bounds of a time, milliseconds since the epoch; null where none is given. Ends the command for text that is no time, and for an
 * interval that is empty: two dates in the wrong order must not look like no usage.
 */
export function readTimes(
  command: Command,
  options: { readonly from?: string; readonly to?: string },
): { readonly from: number | null; readonly to: number | null } {
  const read = (name: 'from' | 'to'): number | null => {
    const text = options[name]
    if (text === undefined) return null
    const instant = /^\d{1,12}$/.test(text) ? Number(text) * 1000 : parseTimestamp(text)
    if (instant !== null) return instant
    return command.error(
      `--${name} takes an RFC 3339 time, such as 2026-01-15T00:00:00Z, or whole Unix seconds, not ${printableLine(JSON.stringify(text))}.`,
      { exitCode: 2 },
    )
  }
  const [from, to] = [read('from'), read('to')]
  if (from !== null && to !== null && to <= from) command.error('--to must be after --from.', { exitCode: 2 })
  return { from, to }
}
