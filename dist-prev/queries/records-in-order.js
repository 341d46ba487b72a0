/**
 * Usage records of several series in the order they happened, `(occurredAt, sequence)`, as they stood at a moment: each
 * series is walked by its index, and the walks are merged, so that a page costs what it shows. Hours in which nothing had
 * been recorded then are passed over.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { bucketMs, bucketStart } from '../domain/time-bucket.js';
import { usageRecords } from '../read-model/tables.js';
/** Rows read from one series at a time, with one series and with many. */
const ROWS_PER_READ = 256;
const ROWS_PER_READ_OF_MANY = 16;
const HOURS_PER_READ = 64;
export function comparePlaces(left, right) {
    return left.occurredAt - right.occurredAt || left.sequence - right.sequence;
}
export async function* recordsInOrder(rows, usage, series, stretch) {
    const size = series.length === 1 ? ROWS_PER_READ : ROWS_PER_READ_OF_MANY;
    const walks = series.map((number) => ({ series: number, buffer: [], at: 0, rest: stretch, hour: null }));
    for (;;) {
        let first = null;
        for (const walk of walks) {
            while (walk.at === walk.buffer.length && (walk.rest ?? walk.hour) !== null)
                await refill(rows, usage, walk, size);
            const row = walk.buffer[walk.at];
            const best = first?.buffer[first.at];
            if (!row)
                continue;
            if (!best || (stretch.reverse ? comparePlaces(row, best) > 0 : comparePlaces(row, best) < 0))
                first = walk;
        }
        const row = first?.buffer[first.at];
        if (!first || !row)
            return;
        first.at++;
        yield row;
    }
}
async function refill(rows, usage, walk, size) {
    // Long walks let other requests in between.
    await nextTurn();
    walk.at = 0;
    if (usage.sequence === null) {
        const page = await readStretch(rows, walk.series, walk.rest, size);
        walk.buffer = page.found;
        walk.rest = page.rest;
        return;
    }
    walk.buffer = [];
    walk.hour ??= await nextHour(rows, usage, walk, usage.sequence);
    if (walk.hour === null)
        return;
    const page = await readStretch(rows, walk.series, walk.hour, size);
    walk.buffer = page.found.flatMap((row) => usage.record(row) ?? []);
    walk.hour = page.rest;
}
/** The next hour in which something had been recorded by then, taken off the rest. */
async function nextHour(rows, usage, walk, sequence) {
    const rest = walk.rest;
    const { reverse, beyond } = rest;
    const start = reverse || !beyond ? rest.start : Math.max(rest.start, beyond.occurredAt);
    const end = reverse && beyond ? Math.min(rest.end, beyond.occurredAt + 1) : rest.end;
    const cells = await rows.range(usage.cellsTable, {
        prefix: [bucketMs.hour, walk.series],
        from: bucketStart('hour', start),
        to: end,
        reverse,
        limit: HOURS_PER_READ,
    });
    const found = cells.find(({ firstSequence }) => firstSequence <= sequence);
    const passed = found ?? (cells.length === HOURS_PER_READ ? cells.at(-1) : undefined);
    walk.rest = null;
    if (passed) {
        const after = passed.start + bucketMs.hour;
        const left = reverse ? { ...rest, end: passed.start } : { ...rest, start: after };
        walk.rest = left.start < left.end ? left : null;
    }
    if (!found)
        return null;
    return {
        start: Math.max(rest.start, found.start),
        end: Math.min(rest.end, found.start + bucketMs.hour),
        beyond,
        reverse,
    };
}
/** The rest of the instant the last read ended in, then what lies beyond it. */
async function readStretch(rows, series, stretch, limit) {
    const { start, end, beyond, reverse } = stretch;
    const found = [];
    let [from, to] = [start, end];
    if (beyond) {
        const { occurredAt, sequence } = beyond;
        if (occurredAt >= start && occurredAt < end) {
            const prefix = [series, occurredAt];
            const bound = reverse ? { to: sequence } : { from: sequence + 1 };
            found.push(...(await rows.range(usageRecords, { index: 'occurred', prefix, ...bound, reverse, limit })));
        }
        if (reverse)
            to = Math.min(to, occurredAt);
        else
            from = Math.max(from, occurredAt + 1);
    }
    if (found.length < limit && from < to) {
        const further = { index: 'occurred', prefix: [series], from, to, reverse, limit: limit - found.length };
        found.push(...(await rows.range(usageRecords, further)));
    }
    const last = found.at(-1);
    return { found, rest: last && found.length === limit ? { ...stretch, beyond: last } : null };
}
//# sourceMappingURL=records-in-order.js.map