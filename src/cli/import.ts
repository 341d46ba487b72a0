/**
 * `meterbook import`: meter events from a file into the ledger, by the rules and the writers of the API: on the store
 * itself, or through the service that runs on it.
 *
 * Running it again, either way, is how it is resumed: every line has the same identifier each time, and an identifier
 * counts once.
 */
import { Command, Option } from 'commander'
import { statSync } from 'node:fs'
import { basename } from 'node:path'
import { parseTimestamp } from '../api/stripe/timestamp.js'
import { randomIds, systemClock } from '../commands/environment.js'
import { UsageImport } from '../commands/import-usage.js'
import { MeterCatalogues } from '../commands/meter-catalogues.js'
import { ConfigError, readConfig, readDataDir, readServiceAccess, type Config } from '../config.js'
import { DataFolderInUse } from '../data-folder.js'
import { ledgerName } from '../domain/ledger.js'
import { EMBEDDED } from '../event-store/open-event-store.js'
import { ImportFormatError, importLines, type ImportFormat } from './import-lines.js'
import { runImport, type ImportCounts, type ImportRun } from './import-run.js'
import { ServiceImport } from './import-through-service.js'
import { contentHash, isReadOnce, openImportSource, STANDARD_INPUT, STANDARD_INPUT_PATH } from './import-source.js'
import {
  INTERRUPTED,
  INTERRUPTIONS,
  requireAccountName,
  storeOptions,
  storeOverrides,
  type StoreOptions,
} from './ledger-options.js'
import { requireFolderOf, requireOutsideDataFolder } from './outside-data-folder.js'
import { counted as countedAs, grouped, Progress } from './progress.js'
import { RejectsFile } from './rejects-file.js'
import { ServiceClient } from './service-client.js'
import { StorePatience } from './store-patience.js'
import { openWriteSide, type WriteSide } from './write-side.js'

interface ImportOptions extends StoreOptions {
  readonly format?: ImportFormat
  readonly backfill?: true
  readonly source?: string
  readonly rejects?: string
  readonly quiet?: true
  readonly json?: true
  readonly url?: string
  readonly apiKey?: string
}

const HELP = `
NDJSON: one {"event_name", "payload": {text: text}, "identifier"?, "timestamp"?} in each line.
CSV: a header row with event_name and, if you like, identifier and timestamp. Every other column is a payload key,
as is the rest of the name in a column payload.<key>. Names count as they are written: Timestamp or " identifier" is refused.
An empty cell is no key; "" is an empty text.
Timestamps: RFC 3339 (2026-01-15T10:00:00.000Z) or whole Unix seconds; left out, the time of the import.
gzip is recognised; that it is damaged is seen in a file before a line counts, in a pipe only at its end.
The format is told by the name of the file, else by how it begins.

Run it again as often as you like, also after it was interrupted: an identifier counts once. A line without one gets one
made of the SHA-256 of the file's content and the number of the line, so the same file counts once under any name. For a
file that grows, for standard input or for a pipe, name the source with --source: then its name stands for the content.

The file of refused lines has their text as "raw": jq -r .raw takes them out, to be mended and imported as a file of their
own (CSV below its header row, and under another --source where there was one). It is made anew each time: name one for
each source where several come through a pipe.

On the store itself the service must not be running on the same data folder. With EventStoreDB it may run on; the import
then needs a folder of its own (--data-dir) for its read model.
Through a running service (--url http://127.0.0.1:4242) the ledger is that of the key, which must be a secret one and is best
given as METERBOOK_API_KEY: what stands on a command line can be seen in the list of processes.
A service that has answered is waited for where it is away, for up to five minutes; one that has not yet, for 30 seconds
where nothing listens at its address, or a proxy there does not reach it. So is an EventStoreDB: 30 seconds at the beginning, five minutes once it has answered.

Exit codes: 0 all lines counted or counted before, 1 some were refused, 2 the command line or a setting is wrong, 3 it
stopped before the end, 130 it was interrupted.`

export function importCommand(): Command {
  const command = storeOptions(
    new Command('import')
      .description('Count the meter events of an NDJSON or CSV file, each once however often it is run.')
      .argument('<file>', 'file to read, - for standard input'),
  )
    .addOption(new Option('--format <format>', 'what the file holds').choices(['ndjson', 'csv']))
    .option('--backfill', 'take timestamps older than 35 days too')
    .option('--source <name>', 'name to make identifiers from for lines without one')
    .option(
      '--rejects <file>',
      'file for refused lines (default: FILE.rejected.ndjson; of a pipe stdin.rejected.ndjson)',
    )
    .addOption(
      new Option('--url <url>', 'import through the service that runs there').conflicts([
        'account',
        'mode',
        'dataDir',
        'eventStoreUrl',
      ]),
    )
    .option('--api-key <key>', 'secret key for --url (METERBOOK_API_KEY)')
    .option('--quiet', 'print nothing but errors')
    .option('--json', 'print the summary as JSON')
    .addHelpText('after', HELP)
  return command.action(async (file: string, options: ImportOptions) => {
    const problem = file === STANDARD_INPUT ? null : problemOf(file)
    if (problem !== null) command.error(problem, { exitCode: 2 })
    if (options.source?.trim() === '') command.error('--source must not be blank.', { exitCode: 2 })
    requireAccountName(command, options)
    if (options.url === undefined && options.apiKey !== undefined) {
      command.error('--api-key goes with --url: an import on the store itself needs no key.', { exitCode: 2 })
    }
    const settings = { ...options, rejects: rejectsPath(file, options) }
    await importFile(file, settings, target(settings))
  })
}

interface ImportSettings extends ImportOptions {
  readonly rejects: string
}

/** Where the lines go. */
interface Target {
  readonly usageImport: ImportRun['usageImport']
  readonly writeSide: WriteSide | null
}

/** Opens it; `tell` takes lines for whoever runs the import, and `signal` ends its waits. */
type OpenTarget = (tell: (line: string) => void, signal: AbortSignal) => Promise<Target>

/** Reads the settings at once. */
function target(options: ImportSettings): OpenTarget {
  const { url, apiKey, backfill, rejects } = options
  requireFolderOf(rejects, '--rejects')
  const requireElsewhere = (dataDir: string): void => requireOutsideDataFolder(rejects, dataDir, '--rejects')
  if (url === undefined) {
    const config = readConfig({ ...process.env, ...storeOverrides(options) })
    requireElsewhere(config.dataDir)
    return (tell, signal) => openStore(config, options, new StorePatience(tell, signal))
  }
  // The folder may be the one that the service uses.
  requireElsewhere(readDataDir(process.env))
  const key = apiKey === undefined ? {} : { METERBOOK_API_KEY: apiKey }
  const access = readServiceAccess(url, { ...process.env, ...key })
  return async (tell, signal) => ({
    usageImport: new ServiceImport(new ServiceClient(access, tell, signal), backfill === true),
    writeSide: null,
  })
}

function rejectsPath(file: string, { rejects }: ImportOptions): string {
  // Beside a pipe of the shell (/dev/fd/63) there is no place for a file.
  return rejects ?? `${isReadOnce(file) ? 'stdin' : file}.rejected.ndjson`
}

async function importFile(file: string, options: ImportSettings, open: OpenTarget): Promise<void> {
  const counts: ImportCounts = { lines: 0, counted: 0, duplicates: 0, rejected: 0 }
  const interrupted = new AbortController()
  let isOpen = false
  const interrupt = (): void => {
    // Nothing is under way yet; or whoever says it twice does not wait for it.
    if (!isOpen || interrupted.signal.aborted) process.exit(INTERRUPTED)
    progress.clear()
    process.stderr.write('Interrupted; what is under way is still counted.\n')
    interrupted.abort()
  }
  const { signal } = interrupted
  for (const each of INTERRUPTIONS) process.on(each, interrupt)
  const { usageImport, writeSide } = await open((line) => progress.tell(line), signal)
  const progress = new Progress(options.quiet ? null : process.stderr, 'line')
  isOpen = true
  let stopped: unknown = null
  try {
    const rejects = new RejectsFile(options.rejects, file === STANDARD_INPUT ? STANDARD_INPUT_PATH : file)
    try {
      await run(file, options, { usageImport, writeSide }, { rejects, progress, counts, signal })
    } finally {
      await rejects.close()
    }
  } catch (error) {
    stopped = signal.aborted ? new Error('Interrupted') : error
  } finally {
    progress.clear()
    await writeSide?.close()
    for (const each of INTERRUPTIONS) process.off(each, interrupt)
  }
  summarize(counts, { file, options, seconds: progress.seconds, stopped })
  if (stopped && signal.aborted) process.exitCode = INTERRUPTED
  else if (stopped) throw stopped as Error
  else if (counts.rejected > 0) process.exitCode = 1
}

interface Running {
  readonly rejects: RejectsFile
  readonly progress: Progress
  readonly counts: ImportCounts
  readonly signal: AbortSignal
}

async function run(
  file: string,
  { format, source: named }: ImportOptions,
  { usageImport, writeSide }: Target,
  { rejects, progress, counts, signal }: Running,
): Promise<void> {
  const source = await openImportSource(file, format ?? null, signal)
  const sourceName = async (): Promise<string | null> => {
    if (named !== undefined) return `name ${named}`
    return isReadOnce(file) ? null : `sha256 ${await contentHash(file, signal)}`
  }
  await runImport(
    {
      pages: importLines(source.format, source.content),
      usageImport,
      writeSide,
      rejects,
      sourceName,
      onProgress: ({ lines }, bytes) => {
        if (!signal.aborted) progress.show(lines, source.size === null ? null : bytes / source.size)
      },
    },
    counts,
  )
}

async function openStore(
  config: Config,
  { account, mode, backfill }: ImportOptions,
  patience: StorePatience,
): Promise<Target> {
  const writeSide = await openUnlocked(config)
  try {
    const ledger = ledgerName({ account, mode })
    const catalogue = await new MeterCatalogues(writeSide.store, () => randomIds.uuid()).latest(ledger)
    if (catalogue.meters.size === 0) {
      throw new ConfigError(
        `The ledger ${ledger} has no meters yet. Create them first, or choose with --account and --mode.`,
      )
    }
    const usageImport = new UsageImport(writeSide.usage, {
      ledger,
      catalogue,
      backfill: backfill === true,
      parseTimestamp,
      clock: systemClock,
      context: { requestId: `import_${randomIds.random(16)}`, actor: 'system', idempotency: null },
      // A disk is full until somebody mends it; a server comes back.
      ...(config.eventStoreUrl !== EMBEDDED && { patiently: patience.attempt }),
    })
    return { usageImport, writeSide }
  } catch (error) {
    await writeSide.close()
    throw error
  }
}

async function openUnlocked(config: Config): Promise<WriteSide> {
  try {
    return await openWriteSide(config)
  } catch (error) {
    if (!(error instanceof DataFolderInUse)) throw error
    throw new Error(
      config.eventStoreUrl === EMBEDDED
        ? `The Meterbook service, or another import, is using ${config.dataDir}. Import through the running service with --url, or stop the service, import, and start it again.`
        : `The Meterbook service, or another import, is using ${config.dataDir}. Import through the running service with --url, or give the import a folder of its own with --data-dir.`,
      { cause: error },
    )
  }
}

interface Summary {
  readonly file: string
  readonly options: ImportSettings
  readonly seconds: number
  readonly stopped: unknown
}

function summarize(counts: ImportCounts, { file, options, seconds, stopped }: Summary): void {
  const { lines, counted, duplicates, rejected } = counts
  const rate = seconds > 0 ? Math.round(lines / seconds) : 0
  if (options.json) {
    const summary = {
      file,
      ...(options.url === undefined ? { ledger: ledgerName(options) } : { url: options.url }),
      lines,
      counted,
      duplicates,
      rejected,
      rejects_file: rejected > 0 ? options.rejects : null,
      seconds: Number(seconds.toFixed(3)),
      lines_per_second: rate,
      peak_memory_bytes: process.resourceUsage().maxRSS * 1024,
      stopped: stopped === null ? null : messageOf(stopped),
    }
    process.stdout.write(`${JSON.stringify(summary)}\n`)
    return
  }
  if (options.quiet) return
  const name = file === STANDARD_INPUT ? 'standard input' : basename(file)
  process.stdout.write(
    `${name}: ${countedAs(lines, 'line')} in ${seconds.toFixed(1)} s (${grouped(rate)}/s): ${grouped(counted)} counted, ${grouped(duplicates)} counted before, ${grouped(rejected)} refused.\n`,
  )
  if (rejected > 0) process.stdout.write(`The refused lines and why: ${options.rejects}\n`)
  if (stopped instanceof ImportFormatError)
    process.stdout.write('It stopped before the first line: nothing was counted.\n')
  else if (stopped !== null) process.stdout.write('It stopped before the end. Run it again: each line counts once.\n')
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** null where it can be tried. */
function problemOf(file: string): string | null {
  const stat = statSync(file, { throwIfNoEntry: false })
  if (stat === undefined) return `There is no file ${file}.`
  return stat.isDirectory() ? `${file} is a folder. Name a file in it.` : null
}
