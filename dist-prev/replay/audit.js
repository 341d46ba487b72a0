/**
 * What differs between the stored numbers and the log? Asked where `Agreement` could not say that nothing does. The log is
 * folded once more, into a scratch read model that looks at nothing of the live one, up to the very event at which the live
 * rows stand; then every row of both is compared, in order of the keys, while what was folded is digested beside.
 *
 * The live rows may move meanwhile: they are read in one snapshot, and folding goes on to where that stands.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { EventStoreCorrupt } from '../event-store/event-store.js';
import { allProjections } from '../projections/projections.js';
import { compareRows, countRows } from '../projections/compare-rows.js';
import { ProjectionStopped } from '../projections/projection.js';
import { usageRecords, usageSeries } from '../read-model/tables.js';
import { EffectWatcher } from './effects.js';
import { Refold } from './refold.js';
import { isSelected, scopeOf } from './row-scope.js';
import { asOf, believed, checkpointsOf, fractionOf, goesOn, ledgersOf } from './standing.js';
/** Differences and contradictions of the log that are told one by one; all are counted. */
export const FINDINGS_MAX = 1_000;
export class Audit {
    store;
    live;
    scratch;
    digestFolded;
    selection;
    options;
    findings = [];
    findingCount = 0;
    isLogDamaged = false;
    rows = 0;
    isComparing = false;
    digesting = Promise.resolve([]);
    projections;
    constructor(store, live, scratch, digestFolded, selection, options) {
        this.store = store;
        this.live = live;
        this.scratch = scratch;
        this.digestFolded = digestFolded;
        this.selection = selection;
        this.options = options;
        this.projections = allProjections(({ stream, revision, message }) => this.damage({ stream, revision, message }));
    }
    /** @throws what kept it from coming to a verdict. */
    async run() {
        await this.scratch.prepare(this.projections);
        const { sequence } = this.selection;
        const { onEffect, onProgress, signal } = this.options;
        const until = believed(await checkpointsOf(this.live, this.projections));
        const refold = new Refold(this.store, this.scratch, this.projections, {
            signal,
            onContradiction: (contradiction) => this.damage(contradiction),
            onProgress: (events) => {
                const wanted = Math.min(sequence ?? until.sequence, until.sequence);
                onProgress({ phase: 'folding', done: events, fraction: fractionOf(refold.checkpoint.sequence, wanted) });
            },
            watcher: onEffect ? new EffectWatcher(this.selection, onEffect) : null,
        });
        let digests = [];
        let logGoesOn = false;
        const failed = new AbortController();
        try {
            if (until.position !== null)
                await refold.to({ position: until.position, sequence });
            await this.live.snapshot(async (rows) => {
                const reached = believed(await checkpointsOf(rows, this.projections));
                if (reached.position !== null)
                    await refold.to({ position: reached.position, sequence });
                this.isComparing = true;
                this.digesting = this.digest(AbortSignal.any([signal, failed.signal]));
                // Whether it went well is asked once the rows are compared.
                this.digesting.catch(() => undefined);
                await this.compare(rows, refold.checkpoint);
                this.isComparing = false;
                logGoesOn = await goesOn(this.store, reached);
            });
            digests = await this.digesting;
        }
        catch (error) {
            failed.abort();
            await Promise.allSettled([this.digesting]);
            if (!(error instanceof EventStoreCorrupt || error instanceof ProjectionStopped))
                throw error;
            // Nothing behind it can be folded, so nothing can be compared.
            this.damage({ message: error.message });
        }
        return {
            verdict: this.isLogDamaged ? 'damaged' : this.findingCount > 0 ? 'differs' : 'agrees',
            events: refold.events,
            rows: this.rows,
            checkpoint: refold.checkpoint,
            logGoesOn,
            findingCount: this.findingCount,
            findings: this.findings,
            digests,
        };
    }
    async compare(live, reached) {
        const isNow = this.selection.sequence === null || reached.sequence < this.selection.sequence;
        if (isNow) {
            for (const [projection, found] of await checkpointsOf(live, this.projections)) {
                const { position, sequence, event } = reached;
                if (found.position === position && found.sequence === sequence && found.event === event)
                    continue;
                this.find({ kind: 'checkpoint', projection, expected: reached, found });
            }
        }
        const tables = new Set([usageRecords, usageSeries]);
        // What cells held at an earlier moment is nowhere stored; the records are.
        const comparedOf = ({ tables: all }) => isNow ? all : all.filter((table) => tables.has(table));
        const wanted = await countRows(this.scratch, this.projections.flatMap(comparedOf));
        for (const projection of this.projections) {
            const compared = comparedOf(projection);
            const seen = isNow ? undefined : await asOf(reached.sequence, this.scratch);
            for await (const { rows, differences, damage } of compareRows(this.scratch, live, compared, seen)) {
                this.options.signal.throwIfAborted();
                this.rows += rows;
                this.options.onProgress({ phase: 'comparing', done: this.rows, fraction: fractionOf(this.rows, wanted) });
                for (const difference of differences)
                    await this.report(difference);
                if (damage)
                    this.find({ kind: 'storage', message: damage.message });
                await nextTurn();
            }
        }
        if (isNow)
            for (const message of await this.live.storageFaults())
                this.find({ kind: 'storage', message });
    }
    async report(difference) {
        const { ledger, meterId, customer, from, to } = await scopeOf((difference.expected ?? difference.found), this.scratch);
        if (!isSelected({ ledger, meterId, customer, from, to }, this.selection))
            return;
        this.find({ kind: 'row', ...difference, meterId, customer });
    }
    async digest(signal) {
        const { ledger: one, meterId, customer, from, to } = this.selection;
        const isAll = [one, meterId, customer, from, to].every((part) => part === null);
        const wanted = isAll ? await this.scratch.count(usageRecords) : 0;
        const ledgers = await ledgersOf(this.scratch, one);
        const digests = await this.digestFolded(ledgers.map((ledger) => ({ ...this.selection, ledger, sequence: null })), {
            signal,
            onRead: (read) => {
                // One phase is told at a time.
                if (this.isComparing)
                    return;
                this.options.onProgress({ phase: 'digesting', done: read, fraction: fractionOf(read, wanted) });
            },
        });
        return digests.map((digest, index) => ({ ledger: ledgers[index], ...digest }));
    }
    damage(contradiction) {
        this.isLogDamaged = true;
        this.find({ kind: 'log', ...contradiction });
    }
    find(finding) {
        this.findingCount++;
        if (this.findings.length < FINDINGS_MAX)
            this.findings.push(finding);
    }
}
//# sourceMappingURL=audit.js.map