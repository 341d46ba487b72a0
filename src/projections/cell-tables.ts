/** Which table the cells of a meter are in. */
import { formulas, type FormulaName } from '../domain/aggregation.js'
import type { Meter } from '../domain/meter-catalogue.js'
import type { BucketSize } from '../domain/time-bucket.js'
import { usageCells, usageRecountedCells, type Table, type UsageCellRow } from '../read-model/tables.js'

/** Whether records may be added to a cell and taken out in any order, without looking at what is in it. */
export function isAddedUp(formula: FormulaName, window: BucketSize | null): boolean {
  return formulas[formula].isOrderFree && window === null
}

export function cellsTable({
  formula,
  eventTimeWindow,
}: Pick<Meter, 'formula' | 'eventTimeWindow'>): Table<UsageCellRow> {
  return isAddedUp(formula, eventTimeWindow) ? usageCells : usageRecountedCells
}
