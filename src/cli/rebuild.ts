/**
 * `meterbook rebuild`: builds projections anew beside the live ones, compares every row, and switches. On the data folder
 * itself where no service runs, through its API where one does.
 */
import { Command, Option } from 'commander'
import { rebuildObject } from '../api/rebuild-object.js'
import { readConfig, readServiceAccess, type Config } from '../config.js'
import { DataFolderInUse, lockDataFolder, makeDataFolder } from '../data-folder.js'
import { EMBEDDED } from '../event-store/open-event-store.js'
import type { Row } from '../projections/compare-rows.js'
import { allProjections } from '../projections/projections.js'
import { Projector } from '../projections/projector.js'
import type { RebuildState } from '../projections/rebuilding.js'
import { isOver } from '../projections/shared-rebuild.js'
import { dropReplaced } from '../projections/shared-rows.js'
import { openReadModel } from '../read-model/open-read-model.js'
import type { RowReader } from '../read-model/read-model.js'
import { projectionNames } from '../replay/projection-names.js'
import type { OwnedDifference, OwnedRebuild } from '../replay/projection-states.js'
import { scopeOf } from '../replay/row-scope.js'
import { differenceLine } from './difference-line.js'
import { endWhenInterrupted, EXIT_CODES, placeOptions, storeOverrides, type PlaceOptions } from './ledger-options.js'
import { printable, printableLine } from './printable.js'
import { counted, grouped } from './progress.js'
import { RebuildProgress } from './rebuild-progress.js'
import { rebuildsThroughService } from './rebuild-service.js'
import { ServiceClient } from './service-client.js'
import { openLog, requireEventLog, warningsOnly } from './write-side.js'

export interface RebuildOptions extends PlaceOptions {
  readonly url?: string
  readonly apiKey?: string
  readonly key?: string
  readonly keep?: true
  readonly dropKept?: true
  readonly json?: true
  readonly quiet?: true
}

/** As for whatever could not be carried out. */
const FAILED = 3

const HELP = `
Projections: ${projectionNames.join(', ')};
all of them by default. Rows of usage-cells are counted from usage-index: where records are doubted rebuild both.

The old rows serve until the new ones take their place in one step, and stay where anything goes wrong. Interrupted
anywhere, it goes on at the next start of the service or the next rebuild. Where a service runs, name it with --url and a
secret key, best given as METERBOOK_API_KEY: what stands on a command line can be seen in the list of processes. Services
that share a read model in PostgreSQL need not be named: the one that writes it does the work.
A service that has answered is waited for where it is away, for up to five minutes; one that has not yet, for 30 seconds
where nothing listens at its address, or a proxy there does not reach it.

With --json it prints each rebuild as the API shows it, also one that failed (exit code 3), or which tables were dropped.

${EXIT_CODES}
130 it was interrupted.`

export function rebuildCommand(): Command {
  const command = placeOptions(
    new Command('rebuild')
      .description('Build projections anew from the log, compare every row, and switch.')
      .argument('[projections...]', 'which; all by default'),
  )
    .addOption(
      new Option('--url <url>', 'of a running service, such as http://127.0.0.1:4242').conflicts([
        'dataDir',
        'eventStoreUrl',
        'dropKept',
      ]),
    )
    .option('--api-key <key>', 'secret key for --url (METERBOOK_API_KEY)')
    .addOption(new Option('--key <key>', 'its earlier name').conflicts('apiKey').hideHelp())
    .option('--keep', 'leave the old tables in the file')
    .addOption(new Option('--drop-kept', 'only drop the tables that were kept earlier').conflicts('keep'))
    .option('--json', 'print JSON')
    .option('--quiet', 'print nothing but differences and errors')
    .addHelpText('after', HELP)
  return command.action(async (projections: string[], options: RebuildOptions) => {
    const unknown = projections.find((name) => !projectionNames.includes(name))
    if (unknown !== undefined) {
      command.error(`There is no projection ${unknown}; there are ${projectionNames.join(', ')}.`, { exitCode: 2 })
    }
    if (options.dropKept && projections.length > 0) {
      command.error('--drop-kept drops everything that was kept: name no projection with it.', { exitCode: 2 })
    }
    const { apiKey = options.key } = options
    if (options.url === undefined && apiKey !== undefined) {
      command.error('--api-key goes with --url: a rebuild in the folder itself needs no key.', { exitCode: 2 })
    }
    const progress = new RebuildProgress(options.quiet === true)
    if (options.url !== undefined) {
      const key = apiKey === undefined ? {} : { METERBOOK_API_KEY: apiKey }
      const access = readServiceAccess(options.url, { ...process.env, ...key })
      const client = new ServiceClient(access, (line) => progress.tell(line))
      endWhenInterrupted('Interrupted; the service goes on with what was begun.', () => progress.clear())
      const wanted = { projections, keep: options.keep === true }
      const ended: OwnedRebuild[] = []
      try {
        for await (const rebuild of rebuildsThroughService(client, wanted, progress)) ended.push(rebuild)
      } catch (error) {
        // Those before it are done all the same.
        if (ended.length > 0) report(ended, options, progress)
        throw error
      }
      return report(ended, options, progress)
    }
    const config = readConfig({ ...process.env, ...storeOverrides(options) })
    const goesOn = options.dropKept
      ? 'the next --drop-kept drops the rest'
      : 'what was begun goes on where a service runs, or at the next start'
    endWhenInterrupted(`Interrupted; ${goesOn}.`, () => progress.clear())
    await rebuildInFolder(projections, options, config, progress)
  })
}

/** What was wanted, and before it what an earlier command or service had begun. */
async function rebuildInFolder(
  projections: readonly string[],
  options: RebuildOptions,
  config: Config,
  progress: RebuildProgress,
): Promise<void> {
  const { dataDir, eventStoreUrl, readModelUrl } = config
  const wanted = projections.length > 0 ? projections : projectionNames
  const keep = options.keep === true
  requireEventLog(config)
  // Whatever was opened is closed again, newest first, also when a later step fails.
  const closing: (() => Promise<unknown> | void)[] = []
  try {
    // Where the log and the rows are on servers nothing is in the folder that a service could be using.
    if (eventStoreUrl === EMBEDDED || readModelUrl === EMBEDDED) {
      makeDataFolder(dataDir)
      const lock = lockOrAdvise(dataDir)
      closing.push(() => lock.release())
    }
    const store = await openLog(config)
    closing.push(() => store.close())
    await store.check()
    const readModel = openReadModel(readModelUrl, dataDir)
    closing.push(() => readModel.close())
    if (options.dropKept && (await readModel.lead()) === 'following') {
      throw new Error('A service writes the read model. Stop all that share it before kept tables are dropped.')
    }
    const stop = new AbortController()
    const warn = (message: string): void => warningsOnly.warn({}, message)
    const ended: RebuildState[] = []
    let isAsked = false
    const projector: Projector = new Projector(
      store,
      readModel,
      allProjections(({ message }) => warningsOnly.error({}, message)),
      ({ caughtUp }) => {
        if (!caughtUp || isAsked) return
        isAsked = true
        projector.rebuild({ projections, keep })
      },
      warn,
      () => allProjections(() => undefined),
      (state) => {
        // What others rebuild after it is theirs.
        if (stop.signal.aborted) return
        progress.show(state)
        if (!isOver(state)) return
        ended.push(state)
        const hasAll = state.status === 'completed' && wanted.every((name) => state.projections.includes(name))
        if (!projector.isRebuildRequested || (hasAll && !keep)) stop.abort()
      },
      { mayFollow: eventStoreUrl !== EMBEDDED },
    )
    await projector.prepare(options.dropKept ? [] : wanted)
    if (options.dropKept) {
      const kept = await readModel.keptTables()
      while (await readModel.dropReplaced(true));
      return reportDropped(kept, options)
    }
    await projector.run(stop.signal)
    report(await Promise.all(ended.map((state) => told(state, readModel))), options, progress)
    // On a server it may have to wait for whoever still reads them. Another one does it itself where it wrote them.
    if ((await readModel.lead()) !== 'following') while (await dropReplaced(readModel, warn));
  } finally {
    for (let close = closing.pop(); close; close = closing.pop()) await close()
  }
}

/** Whose the rows are, by the rows that serve now. */
async function told(state: RebuildState, rows: RowReader): Promise<OwnedRebuild> {
  const differences: OwnedDifference[] = []
  for (const difference of state.differences) {
    const { meterId, customer } = await scopeOf((difference.expected ?? difference.found) as Row, rows)
    differences.push({ ...difference, meterId, customer })
  }
  return { ...state, differences }
}

function lockOrAdvise(dataDir: string): ReturnType<typeof lockDataFolder> {
  try {
    return lockDataFolder(dataDir)
  } catch (error) {
    if (!(error instanceof DataFolderInUse)) throw error
    throw new Error(`${error.message} Or rebuild through the running service: --url and METERBOOK_API_KEY.`, {
      cause: error,
    })
  }
}

function reportDropped(tables: readonly string[], { json, quiet }: RebuildOptions): void {
  if (json) return printJson({ dropped: tables })
  if (quiet) return
  process.stdout.write(tables.length === 0 ? 'No table was kept.\n' : `Dropped what was kept: ${tables.join(', ')}.\n`)
}

function printJson(shown: object): void {
  process.stdout.write(`${printable(JSON.stringify(shown, null, 2))}\n`)
}

function report(states: readonly OwnedRebuild[], { json, quiet }: RebuildOptions, progress: RebuildProgress): void {
  progress.clear()
  if (json) {
    if (states.some(({ status }) => status === 'failed')) process.exitCode = FAILED
    return printJson({ rebuilds: states.map(rebuildObject) })
  }
  for (const { projections, status, rows, differenceCount, differences, elapsedMs, failure } of states) {
    const names = projections.join(', ')
    if (status === 'failed') {
      process.stderr.write(`The rebuild of ${names} failed; the old rows serve. ${printableLine(failure ?? '')}\n`)
      process.exitCode = FAILED
      continue
    }
    for (const difference of differences) process.stdout.write(`${printableLine(differenceLine(difference))}\n`)
    const untold = differenceCount - differences.length
    if (untold > 0 && differences.length > 0) process.stdout.write(`… and ${grouped(untold)} more.\n`)
    if (differenceCount === 0 && quiet) continue
    const what = differenceCount === 0 ? 'every row is as it was' : `${counted(differenceCount, 'difference')} mended`
    process.stdout.write(`${names}: ${counted(rows, 'row')} compared in ${(elapsedMs / 1000).toFixed(1)} s, ${what}.\n`)
  }
}
