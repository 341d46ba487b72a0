/** What usage comes to over `[start, end)`: covered with as few cells as possible, whatever the number of records. */
import type { Formula } from '../domain/aggregation.js'
import { bucketMs, coverWithBuckets } from '../domain/time-bucket.js'
import type { RowReader } from '../read-model/read-model.js'
import { usageCells } from '../read-model/tables.js'

/** The state of the formula over the effective records of the series. Bounds are on full minutes. */
export async function stateOf(
  rows: RowReader,
  formula: Formula<unknown>,
  series: readonly number[],
  start: number,
  end: number,
): Promise<unknown> {
  let state = formula.empty
  for (const run of coverWithBuckets(start, end)) {
    for (const number of series) {
      const cells = await rows.range(usageCells, {
        prefix: [number, bucketMs[run.size]],
        from: run.start,
        to: run.end,
        limit: Number.MAX_SAFE_INTEGER,
      })
      for (const cell of cells) state = formula.merge(state, formula.decode(cell.state))
    }
  }
  return state
}
