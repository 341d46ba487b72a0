/**
 * Two sets of the same tables side by side, row by row in order of their keys. Memory does not grow with the number of rows.
 *
 * Each slice reads both sides anew, so that one may be compared while both are written: nothing read before a write is
 * compared with something read after it.
 */
import { compareCodePoints } from '../domain/canonical-record.js';
import { isSameImage, ReadModelDamaged } from '../read-model/read-model.js';
import { PageLimit } from '../read-model/page-limit.js';
const SLICE_ROWS_MAX = 2_000;
/** All rows of all tables, and all entries of scattered indexes, a slice at a time. */
export async function* compareRows(expected, found, tables, seen = (_, row) => row) {
    for (const listing of listingsOf(tables)) {
        let after = null;
        const limit = new PageLimit(SLICE_ROWS_MAX);
        do {
            const page = {
                ...(listing.index === null ? {} : { index: listing.index }),
                ...(after === null ? {} : { after }),
                limit: limit.rows,
            };
            const ours = await expected.image(listing.table, page);
            let slice;
            try {
                // Nearly every slice is the same on both sides, and an image tells that much faster than rows.
                slice = isSameImage(ours, await found.image(listing.table, page))
                    ? { rows: ours.rows, differences: [], damage: null, end: ours.rows === page.limit ? ours.last : null }
                    : await compareSlice(expected, found, listing, page, seen);
            }
            catch (error) {
                if (!(error instanceof ReadModelDamaged))
                    throw error;
                yield { rows: 0, differences: [], damage: { table: listing.name, message: error.message } };
                break;
            }
            if (ours.rows > 0)
                limit.sawRows(ours.parts.reduce((sum, { length }) => sum + length, 0) / ours.rows);
            yield slice;
            after = slice.end;
        } while (after !== null);
    }
}
/** How many rows and entries there are to compare, at most. */
export async function countRows(rows, tables) {
    let count = 0;
    for (const { table } of listingsOf(tables))
        count += await rows.count(table);
    return count;
}
function listingsOf(tables) {
    return tables.flatMap((table) => [
        { name: table.name, table, index: null, columns: Object.keys(table.columns), key: table.key },
        ...Object.entries(table.indexes).flatMap(([index, { columns, isScattered }]) => isScattered ? [{ name: `${table.name}_${index}`, table, index, columns, key: columns }] : []),
    ]);
}
async function compareSlice(expected, found, { name, table, columns, key: keyColumns }, page, seen) {
    const ourValues = await expected.values(table, columns, page);
    const theirValues = await found.values(table, columns, page);
    const { limit } = page;
    const rowOf = (values) => Object.fromEntries(columns.map((column, index) => [column, values[index] ?? null]));
    const [ours, theirs] = [ourValues.map(rowOf), theirValues.map(rowOf)];
    const keyOf = (row) => keyColumns.map((column) => row[column] ?? null);
    // Behind the earlier of the last rows of full pages the other side is not known yet.
    const lasts = [ours, theirs].flatMap((page) => (page.length === limit ? [page.at(-1)] : []));
    const end = lasts.sort((left, right) => compareKeys(keyColumns, left, right))[0];
    const isWithin = (row) => row !== undefined && (end === undefined || compareKeys(keyColumns, row, end) <= 0);
    const differences = [];
    let rows = 0;
    const differ = (expected, found) => {
        const expectedSeen = expected && seen(name, expected);
        const foundSeen = found && seen(name, found);
        if (!expectedSeen && !foundSeen)
            return;
        if (expectedSeen && foundSeen && columns.every((column) => expectedSeen[column] === foundSeen[column]))
            return;
        const named = (expected ?? found);
        const key = Object.fromEntries(keyColumns.map((column) => [column, named[column] ?? null]));
        differences.push({ table: name, key, expected: expectedSeen, found: foundSeen });
    };
    for (let left = 0, right = 0;;) {
        const our = isWithin(ours[left]) ? ours[left] : undefined;
        const their = isWithin(theirs[right]) ? theirs[right] : undefined;
        if (!our && !their)
            break;
        const order = !our ? 1 : !their ? -1 : compareKeys(keyColumns, our, their);
        if (order <= 0)
            left++;
        if (order >= 0)
            right++;
        if (order > 0 || !our)
            differ(null, their ?? null);
        else if (order < 0 || !their)
            differ(our, null);
        else if (!columns.every((column) => our[column] === their[column]))
            differ(our, their);
        rows++;
    }
    return { rows, differences, damage: null, end: end === undefined ? null : keyOf(end) };
}
/** As the read model orders them: numbers by value, texts by their bytes. */
function compareKeys(key, left, right) {
    for (const column of key) {
        const one = left[column];
        const other = right[column];
        if (one === other)
            continue;
        if (typeof one === 'number' && typeof other === 'number')
            return one - other;
        return compareCodePoints(String(one), String(other));
    }
    return 0;
}
//# sourceMappingURL=compare-rows.js.map