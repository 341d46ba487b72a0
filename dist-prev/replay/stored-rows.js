import { addUpRecords } from './cells-of-records.js';
import { digestUsage } from './digest.js';
import { sumIndexes } from './summed-indexes.js';
/** `openCells`: where the cells are made. @throws what `signal` was aborted with. */
export async function readStoredRows(stored, openCells, { sequence, addsUpCells, selections, sumKeys }, { signal, onDigested, onCells }) {
    if (addsUpCells) {
        const cells = openCells();
        try {
            await addUpRecords(stored, cells, sequence, { signal, onRecords: () => undefined });
        }
        finally {
            await cells.close();
        }
        onCells();
    }
    const digests = [];
    let digested = 0;
    const onRecords = (read) => onDigested((digested += read));
    for (const selection of selections)
        digests.push(await digestUsage(stored, selection, { signal, onRecords }));
    return {
        digests,
        indexes: sumKeys ? await sumIndexes(stored, sumKeys, sequence, signal) : [],
    };
}
//# sourceMappingURL=stored-rows.js.map