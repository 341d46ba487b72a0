import { bucketMs } from '../domain/time-bucket.js';
/** The cell of the bucket that starts there; an empty one where there was none. */
export function cellAt(cells, start, formula) {
    let cell = cells.get(start);
    if (!cell) {
        cell = emptyCell(start, formula);
        cells.set(start, cell);
    }
    return cell;
}
export function emptyCell(start, formula) {
    return { start, records: 0, state: formula.empty, firstSequence: Infinity, changedSequence: 0 };
}
export function touch(cell, first, changed) {
    if (first < cell.firstSequence)
        cell.firstSequence = first;
    if (changed > cell.changedSequence)
        cell.changedSequence = changed;
}
/** Takes into `cell` what `part` has, whose bucket lies within its own. */
export function mergeInto(cell, part, formula) {
    cell.records += part.records;
    cell.state = formula.merge(cell.state, part.state);
    touch(cell, part.firstSequence, part.changedSequence);
}
export function cellRow(series, size, cell, formula) {
    const { start, records, state, firstSequence, changedSequence } = cell;
    return { series, size: bucketMs[size], start, records, state: formula.encode(state), firstSequence, changedSequence };
}
//# sourceMappingURL=cell.js.map