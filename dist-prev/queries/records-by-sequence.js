/**
 * Usage records in the order they were recorded, or back from the newest: of several meters (each block by block) or of
 * several series (each by its index).
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { BLOCK_RECORDS, usageBlocks, usageRecords } from '../read-model/tables.js';
/** Rows read from one source at a time, with one source and with many. */
const ROWS_PER_READ = 256;
const ROWS_PER_READ_OF_MANY = 16;
export async function* recordsBySequence(rows, sources, direction) {
    const { isBackwards, from, onRead } = direction;
    const size = sources.length === 1 ? ROWS_PER_READ : ROWS_PER_READ_OF_MANY;
    const walks = sources.map((source) => ({ ...source, buffer: [], at: 0, next: from }));
    for (;;) {
        let first = null;
        for (const walk of walks) {
            // A block may have nothing left that is wanted.
            while (walk.at === walk.buffer.length && walk.next !== null) {
                await refill(rows, walk, walk.next, direction, size);
                onRead?.(walk.buffer.length);
            }
            const row = walk.buffer[walk.at];
            const best = first?.buffer[first.at];
            if (row && (!best || (isBackwards ? row.sequence > best.sequence : row.sequence < best.sequence)))
                first = walk;
        }
        const row = first?.buffer[first.at];
        if (!first || !row)
            return;
        first.at++;
        yield row;
    }
}
const refill = async (rows, walk, from, direction, size) => {
    // Long walks let other requests in between.
    await nextTurn();
    walk.at = 0;
    await (walk.of === 'meter' ? refillFromBlock : refillFromIndex)(rows, walk, from, direction, size);
};
const refillFromIndex = async (rows, walk, from, { isBackwards, where }, size) => {
    walk.buffer = await rows.range(usageRecords, {
        index: 'series',
        prefix: [walk.key],
        ...(isBackwards ? { to: from } : { from }),
        ...(where ? { where } : {}),
        reverse: isBackwards,
        limit: size,
    });
    walk.next = walk.buffer.length < size ? null : after(walk.buffer, isBackwards);
};
/** From the next block that has records of the meter. */
const refillFromBlock = async (rows, walk, from, { isBackwards, where }, size) => {
    const start = Math.floor((isBackwards ? from - 1 : from) / BLOCK_RECORDS);
    const [row] = await rows.range(usageBlocks, {
        prefix: [walk.key],
        ...(isBackwards ? { to: start + 1 } : { from: start }),
        reverse: isBackwards,
        limit: 1,
    });
    walk.buffer = [];
    walk.next = null;
    if (!row)
        return;
    const first = row.block * BLOCK_RECORDS;
    const end = first + BLOCK_RECORDS;
    walk.buffer = await rows.range(usageRecords, {
        from: isBackwards ? first : Math.max(from, first),
        to: isBackwards ? Math.min(from, end) : end,
        where: { meter: walk.key, ...where },
        reverse: isBackwards,
        limit: size,
    });
    walk.next = walk.buffer.length === size ? after(walk.buffer, isBackwards) : isBackwards ? first : end;
};
/** Where to go on after these rows. */
function after(buffer, isBackwards) {
    const last = buffer.at(-1);
    if (!last)
        return null;
    return isBackwards ? last.sequence : last.sequence + 1;
}
//# sourceMappingURL=records-by-sequence.js.map