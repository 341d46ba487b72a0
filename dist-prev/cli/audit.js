/**
 * `meterbook audit`: folds the log once more and compares every stored row with what comes out. It changes nothing and may
 * run beside the service. Exit code 1 when anything differs.
 */
import { Command } from 'commander';
import { formatTimestamp } from '../api/stripe/timestamp.js';
import { readConfig } from '../config.js';
import { ledgerName } from '../domain/ledger.js';
import { runAudit } from '../replay/run-audit.js';
import { readTimes, storeOptions, storeOverrides, requireAccountName } from './ledger-options.js';
import { grouped, Progress } from './progress.js';
import { requireEventLog, warningsOnly } from './write-side.js';
/** Differences printed one by one for people; --json has more. */
const PRINTED_MAX = 100;
const INTERRUPTED = 130;
const HELP = `
Without a selection every row of every ledger is compared. --account, --mode, --meter, --customer, --from and --to narrow
what is reported and digested; with --meter or --customer what each of their events did is printed as well. The whole log
is folded in any case.

Exit codes: 0 everything agrees, 1 something differs or the log is damaged (docs/operations.md says what to do), 2 the
command line or a setting is wrong, 130 interrupted.`;
export function auditCommand() {
    const command = storeOptions(new Command('audit').description('Fold the log again and compare every stored row with what comes out.'))
        .option('--meter <id>', 'only of this meter, with what each event did')
        .option('--customer <id>', 'only of this customer, with what each event did')
        .option('--from <time>', 'only what happened at or after')
        .option('--to <time>', 'only what happened before')
        .option('--as-of <number>', 'only the records, as they stood after this usage event')
        .option('--temp-dir <folder>', 'where rows are folded to, at most as large as the read model (default: TMPDIR)')
        .option('--json', 'print JSON')
        .option('--quiet', 'print nothing but the verdict')
        .addHelpText('after', HELP);
    return command.action(async (options) => {
        requireAccountName(command, options);
        const times = readTimes(command, options);
        if (options.asOf !== undefined && !/^\d{1,15}$/.test(options.asOf)) {
            command.error('--as-of takes the number of a usage event, as `meterbook digest` prints it.', { exitCode: 2 });
        }
        // The ledger has defaults, which here mean all of them.
        const isOfLedger = ['account', 'mode'].some((name) => command.getOptionValueSource(name) !== 'default');
        await audit(options, {
            ledger: isOfLedger ? ledgerName(options) : null,
            meterId: options.meter ?? null,
            customer: options.customer ?? null,
            ...times,
            sequence: options.asOf === undefined ? null : Number(options.asOf),
        }, readConfig({ ...process.env, ...storeOverrides(options) }));
    });
}
async function audit(options, selection, config) {
    requireEventLog(config);
    const interrupted = new AbortController();
    const interrupt = () => interrupted.abort();
    process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
    const progress = new PhaseProgress(options.quiet === true);
    const isNarrow = selection.meterId !== null || selection.customer !== null;
    const effects = [];
    try {
        const verdict = await runAudit({ ...config, ...(options.tempDir !== undefined && { scratchDir: options.tempDir }) }, selection, {
            signal: interrupted.signal,
            onProgress: ({ phase, done, fraction }) => progress.show(phase, done, fraction),
            onEffect: isNarrow
                ? (effect) => {
                    if (options.json)
                        effects.push(effect);
                    else if (!options.quiet)
                        progress.print(effectLine(effect));
                }
                : null,
            onDoubt: (why) => progress.doubt(why),
        }, warningsOnly);
        progress.clear();
        if (options.json)
            process.stdout.write(`${JSON.stringify({ ...verdict, ...(isNarrow && { effects }) }, null, 2)}\n`);
        else
            print(verdict);
        if (verdict.verdict !== 'agrees')
            process.exitCode = 1;
    }
    catch (error) {
        if (!interrupted.signal.aborted)
            throw error;
        progress.clear();
        process.stderr.write('Interrupted; nothing was changed.\n');
        process.exitCode = INTERRUPTED;
    }
    finally {
        process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    }
}
const nouns = {
    folding: 'events folded',
    comparing: 'rows compared',
    digesting: 'records digested',
};
class PhaseProgress {
    isQuiet;
    phase = null;
    progress = null;
    constructor(isQuiet) {
        this.isQuiet = isQuiet;
    }
    show(phase, done, fraction) {
        if (phase !== this.phase) {
            this.clear();
            this.phase = phase;
            this.progress = new Progress(this.isQuiet ? null : process.stderr, nouns[phase]);
        }
        this.progress?.show(done, fraction);
    }
    doubt(why) {
        this.clear();
        this.phase = null;
        if (!this.isQuiet)
            process.stderr.write(`${why} Folding everything once more to name what differs.\n`);
    }
    print(line) {
        this.clear();
        process.stdout.write(`${line}\n`);
    }
    clear() {
        this.progress?.clear();
    }
}
function effectLine({ type, sequence, meterId, identifier, customer, value, ...effect }) {
    const { before, after, minute, position, occurredAt } = effect;
    const what = type === 'UsageRecorded' ? 'recorded' : 'cancelled';
    const change = before === after
        ? `minute ${formatTimestamp(minute)} stays ${after}`
        : `minute ${formatTimestamp(minute)} ${before} → ${after}`;
    return [
        `#${sequence}`,
        `position ${position}`,
        `${what} ${JSON.stringify(identifier)}`,
        `meter ${meterId}`,
        `customer ${JSON.stringify(customer)}`,
        ...(value === null ? [] : [`value ${value}`]),
        `at ${formatTimestamp(occurredAt)}`,
        change,
    ].join('  ');
}
function print(found) {
    const { verdict, events, rows, checkpoint, logGoesOn, findingCount, findings, digests } = found;
    const lines = findings.slice(0, PRINTED_MAX).map(findingLine);
    if (findingCount > lines.length)
        lines.push(`… and ${grouped(findingCount - lines.length)} more (--json has up to 1000).`);
    lines.push(`${grouped(events)} events folded up to position ${checkpoint.position ?? 'none'} (usage event ${checkpoint.sequence}), ${grouped(rows)} rows compared.`);
    if (logGoesOn) {
        lines.push('The log goes on: what the rows do not have yet was not audited. A running service brings them up to the end, or `meterbook digest`.');
    }
    for (const { ledger, sha256, records, cancelled } of digests) {
        lines.push(`digest of ${ledger}: ${sha256}  (${grouped(records)} records, ${grouped(cancelled)} cancelled)`);
    }
    lines.push({
        agrees: 'AGREES: every row is what the log says.',
        differs: `DIFFERS: ${counted(findingCount, 'difference')} between the rows and the log. Before rebuilding the rows, see that the log gives a digest you kept: docs/operations.md.`,
        damaged: `DAMAGED: the log itself is wrong in ${counted(findings.filter(({ kind }) => kind === 'log').length, 'place')}. Do not rebuild: docs/operations.md.`,
    }[verdict]);
    process.stdout.write(`${lines.join('\n')}\n`);
}
function counted(number, noun) {
    return `${grouped(number)} ${noun}${number === 1 ? '' : 's'}`;
}
function findingLine(finding) {
    switch (finding.kind) {
        case 'log':
            return `log: ${finding.message}`;
        case 'storage':
            return `file of the rows: ${finding.message}`;
        case 'checkpoint':
            return `checkpoint of ${finding.projection}: expected ${JSON.stringify(finding.expected)}, found ${JSON.stringify(finding.found)}`;
        case 'row': {
            const { table, key, expected, found, meterId, customer } = finding;
            const of = [meterId && `meter ${meterId}`, customer && `customer ${JSON.stringify(customer)}`].filter(Boolean);
            const about = of.length > 0 ? ` (${of.join(', ')})` : '';
            const row = `${table} ${JSON.stringify(key)}${about}`;
            if (!expected)
                return `${row}: expected no row, found ${JSON.stringify(found)}`;
            if (!found)
                return `${row}: expected ${JSON.stringify(expected)}, found no row`;
            const columns = Object.keys(expected).filter((column) => expected[column] !== found[column]);
            const changes = columns.map((column) => `${column} expected ${JSON.stringify(expected[column])}, found ${JSON.stringify(found[column])}`);
            return `${row}: ${changes.join('; ')}`;
        }
    }
}
//# sourceMappingURL=audit.js.map