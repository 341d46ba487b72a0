/**
 * `meterbook digest`: SHA-256 over the canonical listing of usage records, from the rows of the read model. The service
 * may run meanwhile; where none runs, the rows are brought up to the end of the log first.
 */
import { Command } from 'commander'
import { setTimeout as delay } from 'node:timers/promises'
import { formatTimestamp } from '../api/stripe/timestamp.js'
import { readConfig, type Config } from '../config.js'
import { DataFolderInUse } from '../data-folder.js'
import { DomainError } from '../domain/errors.js'
import { ledgerName } from '../domain/ledger.js'
import type { Position } from '../event-store/event-store.js'
import { categories } from '../event-store/streams.js'
import { findAsOf } from '../queries/as-of.js'
import { requireMeter } from '../queries/reader.js'
import { openReadModel, placeWithoutRows } from '../read-model/open-read-model.js'
import type { RowReader } from '../read-model/read-model.js'
import { digestUsage, type Digest } from '../replay/digest.js'
import { readOneState } from '../replay/one-state.js'
import {
  endWhenInterrupted,
  EXIT_CODES,
  readTimes,
  requireAccountName,
  storeOptions,
  storeOverrides,
  type StoreOptions,
} from './ledger-options.js'
import { requireNamedLedger } from './named-ledger.js'
import { printable } from './printable.js'
import { counted, grouped, Progress } from './progress.js'
import { openLog, openWriteSide, requireEventLog } from './write-side.js'

/** How long the command waits for a running service that is behind its log. */
const CATCH_UP_TIMEOUT_MS = 60_000
const CATCH_UP_POLL_MS = 100

interface DigestOptions extends StoreOptions {
  readonly meter?: string
  readonly customer?: string
  readonly from?: string
  readonly to?: string
  readonly sequence?: string
  readonly json?: true
  readonly quiet?: true
}

const HELP = `
The same usage gives the same digest on any store and machine. To compute it without Meterbook:
\`meterbook export --format records | docs/digest.sh\` (docs/digest.md). The digest alone is on standard output.
Times are RFC 3339 (2026-01-15T00:00:00Z) or whole Unix seconds and are compared with the timestamp of the event.

${EXIT_CODES}
130 it was interrupted.`

export function digestCommand(): Command {
  const command = storeOptions(
    new Command('digest').description('Print the SHA-256 of the canonical listing of usage records.'),
  )
    .option('--meter <id>', 'only of this meter')
    .option('--customer <id>', 'only of this customer')
    .option('--from <time>', 'only what happened at or after')
    .option('--to <time>', 'only what happened before')
    .option('--sequence <number>', 'as the records stood after this usage event')
    .option('--json', 'print JSON')
    .option('--quiet', 'print nothing but the digest and errors')
    .addHelpText('after', HELP)
  return command.action(async (options: DigestOptions) => {
    requireAccountName(command, options)
    const times = readTimes(command, options)
    const { sequence } = options
    if (sequence !== undefined && !/^\d{1,15}$/.test(sequence)) {
      command.error('--sequence takes the number of a usage event, as an earlier digest printed it.', { exitCode: 2 })
    }
    const config = readConfig({ ...process.env, ...storeOverrides(options) })
    requireEventLog(config)
    await requireNamedLedger(command, options, config)
    await printDigest(options, times, config)
  })
}

interface Found extends Digest {
  readonly position: string | null
  readonly sequence: number
}

async function printDigest(
  options: DigestOptions,
  times: { readonly from: number | null; readonly to: number | null },
  config: Config,
): Promise<void> {
  let progress: Progress | null = null
  endWhenInterrupted('Interrupted.', () => progress?.clear())
  await catchUp(config)
  progress = new Progress(options.quiet ? null : process.stderr, 'record')
  const found = await computeDigest(options, times, config, progress)
  progress.clear()
  if (!options.quiet) {
    const { records, cancelled, sequence, position } = found
    process.stderr.write(
      `${counted(records, 'record')}, ${grouped(cancelled)} of them cancelled, after usage event ${sequence} (position ${position ?? 'none'}).\n`,
    )
  }
  process.stdout.write(`${options.json ? printable(JSON.stringify(shown(options, times, found))) : found.sha256}\n`)
}

/** As JSON, in the words of the API; with what was asked for, because it is kept as evidence. */
function shown(
  options: DigestOptions,
  { from, to }: { readonly from: number | null; readonly to: number | null },
  { sha256: digest, records, cancelled, sequence, position }: Found,
): object {
  const { meter = null, customer = null } = options
  return {
    digest,
    records,
    cancelled,
    sequence,
    position,
    ledger: ledgerName(options),
    meter,
    customer,
    from: from === null ? null : formatTimestamp(from),
    to: to === null ? null : formatTimestamp(to),
  }
}

async function computeDigest(
  options: DigestOptions,
  times: { readonly from: number | null; readonly to: number | null },
  config: Config,
  progress: Progress,
): Promise<Found> {
  const { meter = null, customer = null } = options
  const wanted = options.sequence === undefined ? null : Number(options.sequence)
  const readModel = openReadModel(config.readModelUrl, config.dataDir)
  try {
    return await readOneState(readModel, async (rows) => {
      const selection = { ledger: ledgerName(options), meterId: meter, customer, ...times }
      if (meter !== null) await requireMeter(rows, selection.ledger, meter, '--meter')
      const checkpoint = await rows.checkpoint('usage-index')
      if (wanted !== null && wanted > checkpoint.sequence) {
        throw new DomainError(
          'parameter_invalid',
          `The read model has ${counted(checkpoint.sequence, 'usage event')} so far, not ${wanted}.`,
          '--sequence',
        )
      }
      let read = 0
      const digest = await digestUsage(
        rows,
        { ...selection, sequence: wanted },
        { onRecords: (more) => progress.show((read += more), null) },
      )
      const position = wanted === null ? checkpoint.position : await positionOf(wanted, rows, config)
      return { ...digest, position, sequence: wanted ?? checkpoint.sequence }
    })
  } finally {
    await readModel.close()
  }
}

async function positionOf(sequence: number, rows: RowReader, config: Config): Promise<string | null> {
  const store = await openLog(config)
  try {
    return (await findAsOf(rows, store, { type: 'sequence', sequence }, null)).position
  } finally {
    await store.close()
  }
}

/** Waits until the running service has folded the whole log; without one, folds it here. */
async function catchUp(config: Config): Promise<void> {
  if (!(await isBehind(config))) return
  try {
    const side = await openWriteSide(config)
    return await side.close()
  } catch (error) {
    if (!(error instanceof DataFolderInUse)) throw error
  }
  const since = performance.now()
  while (await isBehind(config)) {
    if (performance.now() - since > CATCH_UP_TIMEOUT_MS) {
      throw new Error(
        'The running service is still behind its log. Try again when its /readyz answers 200, or name an earlier --sequence.',
      )
    }
    await delay(CATCH_UP_POLL_MS)
  }
}

/** Whether the log has events that are not in the rows. */
async function isBehind(config: Config): Promise<boolean> {
  const { dataDir, readModelUrl } = config
  if ((await placeWithoutRows(readModelUrl, dataDir)) !== null) return true
  const readModel = openReadModel(readModelUrl, dataDir)
  const store = await openLog(config)
  try {
    const { position } = await readModel.checkpoint('usage-index')
    for await (const page of store.readAll({
      after: position as Position | null,
      categories: Object.values(categories),
    })) {
      return page.length > 0
    }
    return false
  } finally {
    await store.close()
    await readModel.close()
  }
}
