/** The order of entries: rows of numbers that stand one behind the other, compared by their first columns. */
/** Negative, zero or positive as the key of one entry is before, equal to or behind that of another. */
export function compareEntries(left, leftAt, right, rightAt, keyColumns) {
    for (let column = 0; column < keyColumns; column++) {
        const one = left[leftAt + column];
        const other = right[rightAt + column];
        if (one !== other)
            return one < other ? -1 : 1;
    }
    return 0;
}
const DIGIT_BITS = 11;
const DIGITS = 2 ** DIGIT_BITS;
/** Fewer are compared with one another. */
const DIGIT_SORT_MIN = 64;
/**
 * Places of the entries in the order of their keys; equal ones keep theirs. Digit by digit from the last column to the
 * first, because comparing would be most of what an entry costs.
 */
export function sortedPlaces(entries, count, width, keyColumns) {
    if (count < DIGIT_SORT_MIN)
        return sortedByComparing(entries, count, width, keyColumns);
    let places = inOrder(count);
    if (areInOrder(entries, count, width, keyColumns))
        return places;
    let spare = new Uint32Array(count);
    const begins = new Uint32Array(DIGITS);
    for (let column = keyColumns - 1; column >= 0; column--) {
        const { least, range, isSorted } = look(entries, count, width, column);
        // Entries come in the order of their last column.
        if (isSorted && column === keyColumns - 1)
            continue;
        if (range > Number.MAX_SAFE_INTEGER)
            return sortedByComparing(entries, count, width, keyColumns);
        for (let unit = 1; unit <= range; unit *= DIGITS) {
            begins.fill(0);
            const digit = (place) => Math.floor((entries[place * width + column] - least) / unit) % DIGITS;
            for (let place = 0; place < count; place++) {
                const at = digit(place);
                begins[at] = begins[at] + 1;
            }
            let begin = 0;
            for (let at = 0; at < DIGITS; at++) {
                const many = begins[at];
                begins[at] = begin;
                begin += many;
            }
            for (let at = 0; at < count; at++) {
                const place = places[at];
                const to = digit(place);
                spare[begins[to]] = place;
                begins[to] = begins[to] + 1;
            }
            ;
            [places, spare] = [spare, places];
        }
    }
    return places;
}
function areInOrder(entries, count, width, keyColumns) {
    for (let at = width; at < count * width; at += width) {
        if (compareEntries(entries, at - width, entries, at, keyColumns) > 0)
            return false;
    }
    return true;
}
function look(entries, count, width, column) {
    let least = Infinity;
    let most = -Infinity;
    let before = -Infinity;
    let isSorted = true;
    for (let at = column; at < count * width; at += width) {
        const value = entries[at];
        if (value < least)
            least = value;
        if (value > most)
            most = value;
        if (value < before)
            isSorted = false;
        before = value;
    }
    return { least, range: most - least, isSorted };
}
function sortedByComparing(entries, count, width, keyColumns) {
    return inOrder(count).sort((left, right) => compareEntries(entries, left * width, entries, right * width, keyColumns) || left - right);
}
function inOrder(count) {
    const places = new Uint32Array(count);
    for (let place = 0; place < count; place++)
        places[place] = place;
    return places;
}
//# sourceMappingURL=entry-order.js.map