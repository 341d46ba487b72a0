/** Which entries the scattered indexes of usage records have, told by sums (`EntrySum`), without a look at the records. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { usageRecords } from '../read-model/tables.js';
import { EntrySum } from './entry-sum.js';
/** Entries read at a time. */
const PAGE_ENTRIES = 2_000;
export const scatteredIndexes = Object.entries(usageRecords.indexes).flatMap(([index, { columns, isScattered }]) => isScattered ? [{ index, columns, sequenceAt: columns.indexOf('sequence') }] : []);
/** One for each scattered index; null: no entry is a later one. @throws what `signal` was aborted with. */
export async function sumIndexes(rows, keys, until, signal, onPage = () => undefined) {
    const summed = [];
    for (const { index, columns, sequenceAt } of scatteredIndexes) {
        const sum = new EntrySum(keys);
        let later = 0;
        for await (const page of entriesOf(rows, index, columns)) {
            signal.throwIfAborted();
            for (const entry of page) {
                if (until === null || entry[sequenceAt] <= until)
                    sum.add(entry);
                else
                    later++;
            }
            onPage(page.length);
            await nextTurn();
        }
        summed.push({ sums: sum.values, entries: sum.count, later });
    }
    return summed;
}
async function* entriesOf(rows, index, columns) {
    let after;
    do {
        const range = { index, ...(after && { after }), limit: PAGE_ENTRIES };
        const page = await rows.values(usageRecords, columns, range);
        yield page;
        after = page.length === PAGE_ENTRIES ? page.at(-1) : undefined;
    } while (after);
}
//# sourceMappingURL=summed-indexes.js.map