/** Which table the cells of a meter are in. */
import { formulas } from '../domain/aggregation.js';
import { usageCells, usageRecountedCells } from '../read-model/tables.js';
/** Whether records may be added to a cell and taken out in any order, without looking at what is in it. */
export function isAddedUp(formula, window) {
    return formulas[formula].isOrderFree && window === null;
}
export function cellsTable({ formula, eventTimeWindow, }) {
    return isAddedUp(formula, eventTimeWindow) ? usageCells : usageRecountedCells;
}
//# sourceMappingURL=cell-tables.js.map