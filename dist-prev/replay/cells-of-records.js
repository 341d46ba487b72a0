/**
 * Cells of sums and counts, made from the stored usage records instead of the log: the same additions in larger batches. They
 * are what the log gives wherever the records are what it recorded and cancelled, which an audit proves in the same run.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { formulas } from '../domain/aggregation.js';
import { CellAdditions } from '../projections/cell-additions.js';
import { isAddedUp } from '../projections/cell-tables.js';
import { FoldedMeters } from '../projections/usage-changes.js';
import { usageCells, usageRecords } from '../read-model/tables.js';
/** Records of one transaction, and read at a time. */
const BATCH_RECORDS = 16_000;
const PAGE_RECORDS = 2_000;
const COLUMNS = ['sequence', 'meter', 'series', 'value', 'occurredAt', 'cancelledSequence'];
/** The one table that is made: of the projection that has it. */
export const cellTables = { projection: 'usage-cells', schema: 1, tables: [usageCells] };
/**
 * Into `cells`, as they stood after the usage event `until`. `onRecords` is told how many records were read since it was last
 * called. @throws what `signal` was aborted with.
 */
export async function addUpRecords(stored, cells, until, { signal, onRecords }) {
    await cells.prepare([cellTables]);
    const meters = new FoldedMeters();
    let additions = new CellAdditions();
    let gathered = 0;
    const save = async () => {
        await cells.write((rows) => additions.save(rows));
        additions = new CellAdditions();
        gathered = 0;
    };
    for (let from = 0; from <= until;) {
        signal.throwIfAborted();
        const range = { from, to: until + 1, limit: PAGE_RECORDS };
        const page = (await stored.values(usageRecords, COLUMNS, range));
        const last = page.at(-1);
        if (!last)
            break;
        const known = await meters.ofNumbers(new Set(page.map(([, meter]) => meter)), stored);
        for (const [sequence, number, series, value, occurredAt, cancelledSequence] of page) {
            const meter = known.get(number);
            if (!meter)
                throw new Error(`Usage record ${sequence} belongs to meter ${number}, which is not in the read model.`);
            if (!isAddedUp(meter.formula, meter.eventTimeWindow))
                continue;
            const record = { value, occurredAt, sequence };
            const formula = formulas[meter.formula];
            additions.add(series, formula, record, sequence);
            const isCancelled = cancelledSequence !== null && cancelledSequence <= until;
            if (isCancelled)
                additions.remove(series, formula, record, cancelledSequence);
        }
        gathered += page.length;
        if (gathered >= BATCH_RECORDS)
            await save();
        onRecords(page.length);
        from = last[0] + 1;
        await nextTurn();
    }
    await save();
}
//# sourceMappingURL=cells-of-records.js.map