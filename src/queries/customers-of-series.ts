/** The customers of series, each looked up once. */
import type { RowReader } from '../read-model/read-model.js'
import { seriesOutlines, type RecordOutline } from '../read-model/tables.js'

/** Customers that are remembered at once. */
const KNOWN_MAX = 100_000

export class CustomersOfSeries {
  private readonly known = new Map<number, string>()

  constructor(private readonly rows: RowReader) {}

  async of(series: number): Promise<string> {
    if (!this.known.has(series)) await this.lookUp([{ series }])
    return this.known.get(series) as string
  }

  /** Of those that `of` is about to be asked for: on a server each would be a way there and back. */
  async lookUp(records: readonly Pick<RecordOutline, 'series'>[]): Promise<void> {
    const unknown = new Set<number>()
    for (const { series } of records) if (!this.known.has(series)) unknown.add(series)
    if (unknown.size === 0) return
    if (this.known.size + unknown.size > KNOWN_MAX) this.known.clear()
    const keys = [...unknown].map((series) => [series])
    for (const [at, row] of (await this.rows.get(seriesOutlines, keys)).entries()) {
      if (!row) throw new Error(`Series ${keys[at]?.[0]} has records but no row.`)
      this.known.set(row.series, row.customer)
    }
  }
}
