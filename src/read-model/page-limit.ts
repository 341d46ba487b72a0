/** How many rows to read at a time where they may be of any size: as many as may be, but not much more than so many bytes. */
import type { KeyValue } from './read-model.js'

const PAGE_BYTES = 4 * 1024 * 1024
const FIRST_ROWS = 250
export const LEAST_ROWS = 16
const GROWTH = 2
const SAMPLED_ROWS = 16

export class PageLimit {
  private limit: number

  constructor(
    private readonly rowsMax: number,
    private readonly pageBytes = PAGE_BYTES,
    firstRows = FIRST_ROWS,
  ) {
    this.limit = Math.min(firstRows, rowsMax)
  }

  get rows(): number {
    return this.limit
  }

  /** Rows that follow are taken to be like the last ones that were read. */
  saw(page: readonly (readonly KeyValue[])[]): void {
    const sample = page.slice(-SAMPLED_ROWS)
    if (sample.length === 0) return
    this.sawRows(sample.reduce((sum, row) => sum + bytesOf(row), 0) / sample.length)
  }

  /** `bytes`: about as many as each of the last rows takes. */
  sawRows(bytes: number): void {
    const most = Math.min(this.limit * GROWTH, this.rowsMax, Math.floor(this.pageBytes / bytes))
    this.limit = Math.max(most, LEAST_ROWS)
  }
}

/** About as many as it takes in memory. */
function bytesOf(row: readonly KeyValue[]): number {
  let bytes = 0
  for (const value of row) bytes += typeof value === 'string' ? value.length : 8
  return bytes
}
