/** The customers of series, each looked up once. */
import type { RowReader } from '../read-model/read-model.js'
import { usageSeries } from '../read-model/tables.js'

/** Customers that are remembered at once. */
const KNOWN_MAX = 100_000

export class CustomersOfSeries {
  private readonly known = new Map<number, string>()

  constructor(private readonly rows: RowReader) {}

  async of(series: number): Promise<string> {
    const known = this.known.get(series)
    if (known !== undefined) return known
    const [row] = await this.rows.get(usageSeries, [[series]])
    if (!row) throw new Error(`Series ${series} has records but no row.`)
    if (this.known.size >= KNOWN_MAX) this.known.clear()
    this.known.set(series, row.customer)
    return row.customer
  }
}
