/**
 * `meterbook audit`: folds the log once more and compares every stored row with what comes out. It changes nothing and may
 * run beside the service. Exit code 1 when anything differs, and for nothing else.
 */
import { Command, Option } from 'commander'
import { statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { formatTimestamp } from '../api/stripe/timestamp.js'
import { readConfig } from '../config.js'
import { ledgerName } from '../domain/ledger.js'
import type { AuditPhase, AuditSelection, Finding } from '../replay/audit.js'
import { EFFECTS_MAX, type Effect } from '../replay/effects.js'
import { runAudit, type AuditSettings, type FullVerdict } from '../replay/run-audit.js'
import { keepTemporaryFilesIn } from '../sqlite.js'
import { checkpointLine, differenceLine, storageLine } from './difference-line.js'
import {
  INTERRUPTED,
  INTERRUPTIONS,
  readTimes,
  requireAccountName,
  storeOptions,
  storeOverrides,
  type StoreOptions,
} from './ledger-options.js'
import { namesLedger, requireNamedLedger } from './named-ledger.js'
import { PhaseProgress } from './phase-progress.js'
import { printable, printableLine } from './printable.js'
import { counted, grouped } from './progress.js'
import { requireEventLog, warningsOnly } from './write-side.js'

interface AuditOptions extends StoreOptions {
  readonly meter?: string
  readonly customer?: string
  readonly from?: string
  readonly to?: string
  readonly sequence?: string
  readonly asOf?: string
  readonly tempDir?: string
  readonly json?: true
  readonly quiet?: true
}

/** Differences printed one by one for people; --json has more. */
const PRINTED_MAX = 100

const HELP = `
Without a selection every row of every ledger is compared. --account, --mode, --meter, --customer, --from and --to narrow
what is reported and digested; with --meter or --customer what each of their events did is printed as well, of the first
10 000 of them, unless --quiet is given. The whole log is folded in any case.
Times are RFC 3339 (2026-01-15T00:00:00Z) or whole Unix seconds and are compared with the timestamp of the event; in --json
all instants are milliseconds since the epoch.

Exit codes: 0 everything agrees, 1 something differs or the log is damaged (docs/operations.md says what to do), 2 the
command line or a setting is wrong, 3 it could not be carried out, 130 interrupted.`

export function auditCommand(): Command {
  const command = storeOptions(
    new Command('audit').description('Fold the log again and compare every stored row with what comes out.'),
  )
    .option('--meter <id>', 'only of this meter, with what each event did')
    .option('--customer <id>', 'only of this customer, with what each event did')
    .option('--from <time>', 'only what happened at or after')
    .option('--to <time>', 'only what happened before')
    .option('--sequence <number>', 'only the records, as they stood after this usage event')
    .addOption(new Option('--as-of <number>', 'its earlier name').conflicts('sequence').hideHelp())
    .option('--temp-dir <folder>', 'where rows are folded to, at most as large as the read model (default: TMPDIR)')
    .option('--json', 'print JSON')
    .option('--quiet', 'print nothing but the verdict and errors')
    .addHelpText('after', HELP)
  return command.action(async (options: AuditOptions) => {
    requireAccountName(command, options)
    const times = readTimes(command, options)
    const { sequence = options.asOf, tempDir = tmpdir() } = options
    if (sequence !== undefined && !/^\d{1,15}$/.test(sequence)) {
      command.error('--sequence takes the number of a usage event, as `meterbook digest` prints it.', { exitCode: 2 })
    }
    if (!statSync(tempDir, { throwIfNoEntry: false })?.isDirectory()) {
      command.error(`There is no folder ${tempDir} for what is folded. Name one with --temp-dir.`, { exitCode: 2 })
    }
    // All that an audit writes goes there: it may run where the disk of the data folder is full.
    keepTemporaryFilesIn(tempDir)
    const config = readConfig({ ...process.env, ...storeOverrides(options) })
    requireEventLog(config)
    await requireNamedLedger(command, options, config)
    await audit(
      options,
      {
        // The ledger has defaults, which here mean all of them.
        ledger: namesLedger(command) ? ledgerName(options) : null,
        meterId: options.meter ?? null,
        customer: options.customer ?? null,
        ...times,
        sequence: sequence === undefined ? null : Number(sequence),
      },
      { ...config, scratchDir: tempDir },
    )
  })
}

async function audit(options: AuditOptions, selection: AuditSelection, settings: AuditSettings): Promise<void> {
  const interrupted = new AbortController()
  const interrupt = (): void => interrupted.abort()
  for (const signal of INTERRUPTIONS) process.on(signal, interrupt)
  const progress = new AuditProgress(options.quiet === true)
  const isNarrow = selection.meterId !== null || selection.customer !== null
  const wantsEffects = isNarrow && (options.json === true || options.quiet !== true)
  const effects: Effect[] = []
  try {
    const verdict = await runAudit(
      settings,
      selection,
      {
        signal: interrupted.signal,
        onProgress: ({ phase, done, fraction }) => progress.show(phase, done, fraction),
        onEffect: wantsEffects
          ? (effect) => {
              if (options.json) effects.push(effect)
              else progress.print(effectLine(effect))
            }
          : null,
        onDoubt: (why) => progress.doubt(why),
      },
      warningsOnly,
    )
    progress.clear()
    if (options.json) {
      const shown = {
        ...shownVerdict(verdict),
        ...(wantsEffects && { effect_count: verdict.effectCount, effects: effects.map(shownEffect) }),
      }
      process.stdout.write(`${printable(JSON.stringify(shown, null, 2))}\n`)
    } else if (options.quiet) process.stdout.write(`${verdictLine(verdict)}\n`)
    else print(verdict)
    if (verdict.verdict !== 'agrees') process.exitCode = 1
  } catch (error) {
    if (!interrupted.signal.aborted) throw error
    progress.clear()
    process.stderr.write('Interrupted; nothing was changed.\n')
    process.exitCode = INTERRUPTED
  } finally {
    for (const signal of INTERRUPTIONS) process.off(signal, interrupt)
  }
}

const work: Record<AuditPhase, readonly [noun: string, participle: string]> = {
  folding: ['event', 'folded'],
  comparing: ['row', 'compared'],
  digesting: ['record', 'digested'],
}

class AuditProgress extends PhaseProgress<AuditPhase> {
  constructor(isQuiet: boolean) {
    super(isQuiet, work)
  }

  doubt(why: string): void {
    this.restart()
    if (!this.isQuiet)
      process.stderr.write(`${printableLine(why)} Folding everything once more to name what differs.\n`)
  }

  print(line: string): void {
    this.clear()
    process.stdout.write(`${printableLine(line)}\n`)
  }
}

function effectLine({ type, sequence, meterId, identifier, customer, value, ...effect }: Effect): string {
  const { before, after, bucket, start, position, occurredAt } = effect
  const what = type === 'UsageRecorded' ? 'recorded' : 'cancelled'
  const change = before === after ? `stays ${after}` : `${before} → ${after}`
  return [
    `#${sequence}`,
    `position ${position}`,
    `${what} ${JSON.stringify(identifier)}`,
    `meter ${meterId}`,
    `customer ${JSON.stringify(customer)}`,
    ...(value === null ? [] : [`value ${value}`]),
    `at ${formatTimestamp(occurredAt)}`,
    `${bucket} ${formatTimestamp(start)} ${change}`,
  ].join('  ')
}

function print(found: FullVerdict): void {
  const { events, rows, checkpoint, logGoesOn, findingCount, findings, effectCount, digests } = found
  const lines: string[] = []
  if (effectCount !== null && effectCount > EFFECTS_MAX) {
    lines.push(
      `What the first ${grouped(EFFECTS_MAX)} of ${counted(effectCount, 'event')} did is shown. Narrow them with --from and --to.`,
    )
  }
  lines.push(...findings.slice(0, PRINTED_MAX).map(findingLine))
  if (findingCount > PRINTED_MAX)
    lines.push(`… and ${grouped(findingCount - PRINTED_MAX)} more (--json has up to 1000).`)
  lines.push(
    `${counted(events, 'event')} folded up to position ${checkpoint.position ?? 'none'} (usage event ${checkpoint.sequence}), ${counted(rows, 'row')} compared.`,
  )
  if (logGoesOn) {
    lines.push(
      'The log goes on: what the rows do not have yet was not audited. A running service brings them up to the end, or `meterbook digest`.',
    )
  }
  for (const { ledger, sha256, records, cancelled } of digests) {
    lines.push(`digest of ${ledger}: ${sha256}  (${counted(records, 'record')}, ${grouped(cancelled)} cancelled)`)
  }
  lines.push(verdictLine(found))
  process.stdout.write(`${lines.map(printableLine).join('\n')}\n`)
}

function verdictLine(found: FullVerdict): string {
  const { verdict, otherLog, findingCount, findings, digests } = found
  const outside = outsideCount(found)
  const beside =
    outside > 0 ? ` Outside of it: ${counted(outside, 'difference')}. Audit without a selection to see all.` : ''
  switch (verdict) {
    case 'agrees': {
      const records = digests.reduce((sum, digest) => sum + digest.records, 0)
      const rows = outside > 0 ? 'every row of the selection' : 'every row'
      return `AGREES: ${rows} is what the log says, of ${counted(records, 'record')}.${beside}${otherLog === null ? '' : ` ${otherLog}`}`
    }
    case 'differs': {
      const advice =
        otherLog ?? 'Before rebuilding the rows, see that the log gives a digest you kept: docs/operations.md.'
      return `DIFFERS: ${counted(findingCount, 'difference')} between the rows and the log. ${advice}${beside}`
    }
    case 'damaged':
      return `DAMAGED: the log itself is wrong in ${counted(findings.filter(({ kind }) => kind === 'log').length, 'place')}. Do not rebuild: docs/operations.md.`
  }
}

function outsideCount({ outsideCount, otherLedgersCount }: FullVerdict): number {
  return outsideCount + otherLedgersCount
}

/** As JSON, in the words of the API. */
function shownVerdict(found: FullVerdict): object {
  const { verdict, events, rows, checkpoint, logGoesOn, otherLog, findingCount, findings, digests } = found
  return {
    verdict,
    events,
    rows,
    checkpoint,
    log_goes_on: logGoesOn,
    other_log: otherLog,
    finding_count: findingCount,
    outside_count: outsideCount(found),
    findings: findings.map((finding) => {
      if (finding.kind !== 'row') return finding
      const { meterId, ...row } = finding
      return { ...row, meter: meterId }
    }),
    digests,
  }
}

function shownEffect({ meterId, occurredAt, ...effect }: Effect): object {
  return { ...effect, meter: meterId, occurred_at: occurredAt }
}

function findingLine(finding: Finding): string {
  switch (finding.kind) {
    case 'log':
      return `log: ${finding.message}`
    case 'storage':
      return storageLine(finding.of, finding.message)
    case 'checkpoint':
      return checkpointLine(finding.projection, finding.expected, finding.found)
    case 'row':
      return differenceLine(finding)
  }
}
