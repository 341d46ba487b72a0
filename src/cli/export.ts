/**
 * `meterbook export`: usage records as the requests that made them, read from the log in its order. It only reads, so the
 * service may run meanwhile; what is exported is the log as it was when the command began.
 */
import { Command, Option } from 'commander'
import { createWriteStream, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { randomIds } from '../commands/environment.js'
import { MeterCatalogues } from '../commands/meter-catalogues.js'
import { readConfig, type Config } from '../config.js'
import { DomainError } from '../domain/errors.js'
import { ledgerName } from '../domain/ledger.js'
import type { Meter } from '../domain/meter-catalogue.js'
import type { EventStore } from '../event-store/event-store.js'
import { exportUsage, surveyExport, type ExportSelection } from '../queries/export-usage.js'
import { csvWriter, ndjsonWriter, recordsWriter, type ExportFormat } from './export-format.js'
import {
  EXIT_CODES,
  INTERRUPTED,
  INTERRUPTIONS,
  readTimes,
  requireAccountName,
  storeOptions,
  storeOverrides,
  type StoreOptions,
} from './ledger-options.js'
import { requireNamedLedger } from './named-ledger.js'
import { requireFolderOf, requireOutsideDataFolder } from './outside-data-folder.js'
import { counted, Progress } from './progress.js'
import { openLog, requireEventLog } from './write-side.js'

const PARTIAL_NAME_RANDOM_LENGTH = 12

interface ExportOptions extends StoreOptions {
  readonly meter?: string
  readonly eventName?: string
  readonly customer?: string
  readonly from?: string
  readonly to?: string
  readonly format?: ExportFormat
  readonly gzip?: true
  readonly out?: string
  readonly includeCancelled?: true
  readonly quiet?: true
}

const HELP = `
Every record is the request that made it: the same identifier, values, timestamp to the millisecond, and payload.
\`meterbook import --backfill\` of the file gives the same records, on the meter that has the event name then: of meters that
had one name after one another export one alone (--meter). In CSV every payload key is a column payload.<key>; an empty cell
is no key, "" is an empty text. Cells are written as they are, so that they can be imported again: one that begins with =,
+, - or @ is a formula to a spreadsheet unless its columns are imported as text. The CSV of the API and the dashboard, with
the total of each customer, is for opening in one (docs/answers.md).

The format and gzip are also told by the name of --out (.csv, .ndjson, .gz). Times are RFC 3339 or whole Unix seconds and
are compared with the timestamp of the event. The service may run meanwhile.

--format records writes the stored facts instead: every record, cancelled or not, with what a digest is made of
(docs/digest.md). Such a file is for checking, not for importing.

${EXIT_CODES}
130 it was interrupted while it wrote a file, of which nothing is left.`

export function exportCommand(): Command {
  const command = storeOptions(
    new Command('export').description('Write usage records, as they were sent, in the order of the log.'),
  )
    .addOption(new Option('--meter <id>', 'only of this meter').conflicts('eventName'))
    .option('--event-name <name>', 'only of the meters, active or not, with this event name')
    .option('--customer <id>', 'only of this customer')
    .option('--from <time>', 'only what happened at or after')
    .option('--to <time>', 'only what happened before')
    .addOption(new Option('--format <format>', 'default: ndjson').choices(['ndjson', 'csv', 'records']))
    .option('--gzip', 'compress')
    .option('--out <file>', 'file to write (default: standard output); it is there once it is complete')
    .option('--include-cancelled', 'also cancelled records, with a record_status; such a file cannot be imported')
    .option('--quiet', 'print nothing but errors')
    .addHelpText('after', HELP)
  return command.action(async (options: ExportOptions) => {
    requireAccountName(command, options)
    const times = readTimes(command, options)
    const config = readConfig({ ...process.env, ...storeOverrides(options) })
    requireEventLog(config)
    if (options.out !== undefined) {
      requireFolderOf(options.out, '--out')
      requireOutsideDataFolder(options.out, config.dataDir, '--out')
    }
    await requireNamedLedger(command, options, config)
    await exportRecords(options, times, config)
  })
}

async function exportRecords(
  options: ExportOptions,
  times: Pick<ExportSelection, 'from' | 'to'>,
  config: Config,
): Promise<void> {
  const store = await openLog(config)
  try {
    const ledger = ledgerName(options)
    const selection: ExportSelection = {
      ledger,
      meters: await chosenMeters(store, ledger, options),
      customer: options.customer ?? null,
      ...times,
      includeCancelled: options.includeCancelled === true || options.format === 'records',
    }
    if (!options.quiet && !selection.includeCancelled) warnOfSharedNames(selection.meters)
    const progress = new Progress(options.quiet ? null : process.stderr, 'record')
    const written = await write(store, selection, options, progress)
    progress.clear()
    if (!options.quiet) process.stderr.write(`${counted(written, 'record')} in ${progress.seconds.toFixed(1)} s.\n`)
  } finally {
    await store.close()
  }
}

async function chosenMeters(
  store: EventStore,
  ledger: ExportSelection['ledger'],
  { meter, eventName }: ExportOptions,
): Promise<ReadonlyMap<string, Meter>> {
  const { meters } = await new MeterCatalogues(store, () => randomIds.uuid()).latest(ledger)
  if (meter === undefined && eventName === undefined) return meters
  const chosen = [...meters].filter(([id, each]) => (meter === undefined ? each.eventName === eventName : id === meter))
  if (chosen.length > 0) return new Map(chosen)
  const what = meter === undefined ? `meter with the event name ${eventName}` : `meter ${meter}`
  throw new DomainError('resource_missing', `The ledger ${ledger} has no ${what}.`)
}

/** An import knows a meter by its event name alone, and one meter has it at a time. */
function warnOfSharedNames(meters: ReadonlyMap<string, Meter>): void {
  const [names, shared] = [new Set<string>(), new Set<string>()]
  for (const { eventName } of meters.values()) (names.has(eventName) ? shared : names).add(eventName)
  for (const name of shared) {
    process.stderr.write(
      `Several meters had the event name ${name}: an import counts the records of all of them on the one that has it then. ` +
        'Export one alone with --meter.\n',
    )
  }
}

async function write(
  store: EventStore,
  selection: ExportSelection,
  { format, gzip, out }: ExportOptions,
  progress: Progress,
): Promise<number> {
  const isCsv = (format ?? (out !== undefined && /\.csv(\.gz)?$/i.test(out) ? 'csv' : 'ndjson')) === 'csv'
  const survey = await surveyExport(store, selection, isCsv)
  const { includeCancelled } = selection
  const writer =
    format === 'records'
      ? recordsWriter
      : isCsv
        ? csvWriter(survey.payloadKeys ?? [], includeCancelled)
        : ndjsonWriter(includeCancelled)
  let written = 0
  const text = async function* (): AsyncGenerator<string> {
    const header = writer.header()
    if (header !== '') yield header
    for await (const records of exportUsage(store, selection, survey)) {
      yield records.map((record) => writer.line(record)).join('')
      written += records.length
      progress.show(written, null)
    }
  }
  const isPacked = gzip === true || (out !== undefined && /\.gz$/i.test(out))
  await writeAll(text(), isPacked, out ?? null, progress)
  return written
}

async function writeAll(
  text: AsyncIterable<string>,
  isPacked: boolean,
  out: string | null,
  progress: Progress,
): Promise<void> {
  const lines = Readable.from(text, { objectMode: false })
  const into = async (target: Writable): Promise<void> => {
    await (isPacked ? pipeline(lines, createGzip(), target) : pipeline(lines, target))
  }
  if (out === null) {
    try {
      await into(process.stdout)
    } catch (error) {
      // Whoever reads it has read enough.
      const failure = error as NodeJS.ErrnoException
      if (failure.code !== 'EPIPE') throw unwritten(failure, 'Its output cannot be written')
    }
    return
  }
  // A device or a pipe is written to as it is.
  if (statSync(out, { throwIfNoEntry: false })?.isFile() === false) {
    return into(createWriteStream(out)).catch((error: NodeJS.ErrnoException) => {
      throw unwritten(error, `${out} cannot be written`)
    })
  }
  await writeFile(out, into, progress)
}

/** The system says neither which file it was nor, of a full disk, that it was the one of the export and not of the log. */
function unwritten(error: NodeJS.ErrnoException, what: string): Error {
  return error.syscall === undefined ? error : new Error(`${what}: ${error.message}.`, { cause: error })
}

/** A file takes its name when it is complete: half an export is never taken for a whole one. */
async function writeFile(out: string, into: (target: Writable) => Promise<void>, progress: Progress): Promise<void> {
  const partial = `${out}.${randomIds.random(PARTIAL_NAME_RANDOM_LENGTH)}.partial`
  const interrupt = (): never => {
    rmSync(partial, { force: true })
    progress.clear()
    process.stderr.write(`Interrupted; ${out} was not written.\n`)
    process.exit(INTERRUPTED)
  }
  for (const signal of INTERRUPTIONS) process.on(signal, interrupt)
  try {
    // `wx`: a file or a link that somebody put there is not written to.
    const fd = openSync(partial, 'wx', 0o600)
    await into(createWriteStream(partial, { fd, flush: true }))
    renameSync(partial, out)
  } catch (error) {
    rmSync(partial, { force: true })
    throw unwritten(error as NodeJS.ErrnoException, `${out} was not written`)
  } finally {
    for (const signal of INTERRUPTIONS) process.off(signal, interrupt)
  }
}
