/**
 * Whether the rows are what the log says, told without storing every usage record again: while the log is folded, records are
 * compared with the stored ones (`RecordsBeside`), and a thread beside makes cells of sums and counts of those, digests them
 * and sums the entries of their indexes (`readStoredRows`). Everything else is folded into scratch rows. All of that is
 * compared with the stored rows.
 *
 * It says that all agrees, or that something does not; then `Audit` folds everything and names what.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { allProjections } from '../projections/projections.js';
import { compareRows, countRows } from '../projections/compare-rows.js';
import { usageCells, usageRecords, usageSeries } from '../read-model/tables.js';
import { Disagreement, RecordsBeside } from './records-beside.js';
import { Refold } from './refold.js';
import { asOf, believed, checkpointsOf, fractionOf, goesOn, ledgersOf } from './standing.js';
/**
 * null where it cannot say that everything agrees; `onDoubt` is told why.
 *
 * @throws what the signal was aborted with.
 */
export async function checkAgreement(store, rows, selection, options) {
    try {
        const projections = allProjections(() => undefined);
        await rows.scratch.prepare(projections);
        const until = believed(await checkpointsOf(rows.live, projections));
        return await new Agreement(store, rows, selection, options, until).check();
    }
    catch (error) {
        options.signal.throwIfAborted();
        // Whatever it is, folding into rows of its own meets it again, and can name it.
        options.onDoubt(error instanceof Error ? error.message : String(error));
        return null;
    }
}
class Agreement {
    store;
    of;
    selection;
    options;
    until;
    projections;
    beside;
    refold;
    /** Usage events to be folded, as far as is known, and rows to be compared. */
    wanted;
    wantedRows = 0;
    rows = 0;
    /** One phase is told at a time. */
    isWaiting = false;
    constructor(store, of, selection, options, 
    /** Where the live rows stand. */
    until) {
        this.store = store;
        this.of = of;
        this.selection = selection;
        this.options = options;
        this.until = until;
        const disagree = ({ message }) => {
            throw new Disagreement(message);
        };
        const { sequence } = selection;
        this.wanted = Math.min(sequence ?? until.sequence, until.sequence);
        this.projections = allProjections(disagree, this.mayCompareCells ? this.wanted : Infinity);
        this.beside = new RecordsBeside(of.scratch, of.cells, of.live);
        this.refold = new Refold(store, this.beside, this.projections, {
            signal: options.signal,
            onContradiction: disagree,
            onProgress: (events) => this.tellFolded(events),
        });
    }
    /** @throws Disagreement, or whatever else kept it from agreeing. */
    async check() {
        const { live } = this.of;
        let reading = await this.read(this.wanted, this.mayCompareCells);
        try {
            await this.foldTo(this.until);
            await reading.cells;
            const logGoesOn = await live.snapshot(async (rows) => {
                const reached = believed(await checkpointsOf(rows, this.projections));
                // What the rows got meanwhile.
                await this.foldTo(reached);
                if (!(await this.isOfWhatWasFolded(reading))) {
                    await reading.stop();
                    reading = await this.read(this.refold.checkpoint.sequence, false);
                }
                await this.compare(rows, reading);
                return goesOn(this.store, reached);
            });
            const digests = await this.digestsOf(reading);
            const { events, checkpoint } = this.refold;
            return {
                verdict: 'agrees',
                events,
                rows: this.rows,
                checkpoint,
                logGoesOn,
                findingCount: 0,
                findings: [],
                digests,
            };
        }
        finally {
            await reading.stop();
        }
    }
    /** What cells held at an earlier moment is nowhere stored. */
    get mayCompareCells() {
        const { sequence } = this.selection;
        return sequence === null || this.until.sequence < sequence;
    }
    async foldTo({ position }) {
        if (position === null)
            return;
        await this.refold.to({ position: position, sequence: this.selection.sequence });
    }
    async compare(live, reading) {
        const { checkpoint: reached } = this.refold;
        const { sequence } = this.selection;
        const { scratch, cells } = this.of;
        const isNow = sequence === null || reached.sequence < sequence;
        if (isNow)
            await this.compareCheckpoints(live, reached);
        const made = this.projections
            .flatMap(({ tables }) => tables)
            .filter(({ name }) => isNow ? name !== usageRecords.name && name !== usageCells.name : name === usageSeries.name);
        const added = isNow ? [usageCells] : [];
        this.wantedRows = (await countRows(scratch, made)) + (await countRows(cells, added)) + this.beside.rows;
        const seen = isNow ? undefined : await asOf(reached.sequence, scratch);
        await this.compareTables(cells, live, added);
        await this.compareTables(scratch, live, made, seen);
        const [fault] = isNow ? await this.of.live.storageFaults() : [];
        if (fault !== undefined)
            throw new Disagreement(fault);
        this.isWaiting = true;
        const { indexes } = await reading.answer;
        this.isWaiting = false;
        await this.beside.conclude(live, isNow ? null : reached.sequence, indexes, {
            signal: this.options.signal,
            onPage: (rows) => this.tellCompared(rows),
        });
        this.rows += this.beside.rows;
    }
    async compareTables(expected, live, tables, seen) {
        for await (const { rows, differences, damage } of compareRows(expected, live, tables, seen)) {
            if (damage)
                throw new Disagreement(damage.message);
            const [difference] = differences;
            if (difference) {
                throw new Disagreement(`${difference.table} ${JSON.stringify(difference.key)} is not what the log gives.`);
            }
            this.rows += rows;
            this.tellCompared(0);
            await nextTurn();
        }
    }
    async compareCheckpoints(live, reached) {
        for (const [projection, { position, sequence, event }] of await checkpointsOf(live, this.projections)) {
            if (position === reached.position && sequence === reached.sequence && event === reached.event)
                continue;
            throw new Disagreement(`The checkpoint of ${projection} is not where the rows stand.`);
        }
    }
    async read(sequence, addsUpCells) {
        const stopped = new AbortController();
        const signal = AbortSignal.any([this.options.signal, stopped.signal]);
        const ledgers = await ledgersOf(this.of.live, this.selection.ledger);
        let onCells = () => undefined;
        const cells = addsUpCells ? new Promise((resolve) => (onCells = resolve)) : Promise.resolve();
        const answer = this.of.readStored({
            sequence,
            addsUpCells,
            selections: ledgers.map((ledger) => ({ ...this.selection, ledger, sequence })),
            sumKeys: this.beside.sumKeys,
        }, { signal, onDigested: (records) => this.tellDigested(records), onCells });
        const made = Promise.race([cells, answer.then(() => cells)]);
        // Whether it went well is asked later.
        for (const outcome of [answer, made])
            outcome.catch(() => undefined);
        const stop = async () => {
            stopped.abort();
            await Promise.allSettled([answer]);
        };
        return { sequence, ledgers, cells: made, answer, stop };
    }
    async isOfWhatWasFolded({ sequence, ledgers }) {
        const folded = await ledgersOf(this.of.scratch, this.selection.ledger);
        return sequence === this.refold.checkpoint.sequence && folded.every((ledger) => ledgers.includes(ledger));
    }
    /** Without ledgers that came later. */
    async digestsOf({ answer, ledgers: digested }) {
        const { ledger: one, meterId, customer, from, to } = this.selection;
        const ledgers = new Set(await ledgersOf(this.of.scratch, one));
        const found = (await answer).digests
            .map((digest, index) => ({ ledger: digested[index], ...digest }))
            .filter(({ ledger }) => ledgers.has(ledger));
        if ([one, meterId, customer, from, to].some((part) => part !== null))
            return found;
        const records = found.reduce((sum, digest) => sum + digest.records, 0);
        if (records === this.beside.records)
            return found;
        throw new Disagreement(`${this.beside.records} usage records were recorded, ${records} digested.`);
    }
    tellFolded(events) {
        const fraction = fractionOf(this.refold.checkpoint.sequence, this.wanted);
        this.options.onProgress({ phase: 'folding', done: events, fraction });
    }
    /** `passed`: rows that were gone through, besides those that are compared. */
    tellCompared(passed) {
        this.options.signal.throwIfAborted();
        const done = this.rows + passed;
        this.options.onProgress({ phase: 'comparing', done, fraction: fractionOf(done, this.wantedRows) });
    }
    tellDigested(records) {
        if (!this.isWaiting)
            return;
        this.options.onProgress({ phase: 'digesting', done: records, fraction: fractionOf(records, this.beside.records) });
    }
}
//# sourceMappingURL=agreement.js.map