/** Numbers of series in the order in which they first appear in the log, the same wherever batches are cut. */
import type { RowWriter } from '../read-model/read-model.js'
import { usageSeries, type UsageSeriesRow } from '../read-model/tables.js'

type Combination = Omit<UsageSeriesRow, 'series'>

/** Series remembered between batches: about 20 MiB. */
const SERIES_REMEMBERED_MAX = 100_000

export class SeriesNumbers {
  private readonly numbers = new Map<string, number>()
  /** The highest number given; null until it was looked up. */
  private newest: number | null = null

  /** The series of each combination, in their order; new ones get a row. */
  async of(combinations: readonly Combination[], rows: RowWriter): Promise<number[]> {
    if (this.numbers.size > SERIES_REMEMBERED_MAX) this.numbers.clear()
    const keys = combinations.map(keyOf)
    await this.find(keys, combinations, rows)
    return keys.map((key) => this.numbers.get(key) as number)
  }

  /** What is remembered of a batch that was not committed is wrong. */
  forget(): void {
    this.numbers.clear()
    this.newest = null
  }

  private async find(keys: readonly string[], combinations: readonly Combination[], rows: RowWriter): Promise<void> {
    // A map keeps the order of first appearance.
    const unknown = new Map<string, Combination>()
    for (const [index, key] of keys.entries()) {
      if (!this.numbers.has(key)) unknown.set(key, combinations[index] as Combination)
    }
    if (unknown.size === 0) return
    const found = await rows.get(
      usageSeries,
      Array.from(unknown.values(), ({ meter, customer, dimensions }) => [meter, customer, dimensions]),
      'combination',
    )
    let newest = this.newest ?? (await newestIn(rows))
    const added: UsageSeriesRow[] = []
    for (const [index, [key, combination]] of [...unknown].entries()) {
      const series = found[index]?.series ?? ++newest
      if (found[index] === undefined) added.push({ series, ...combination })
      this.numbers.set(key, series)
    }
    this.newest = newest
    await rows.put(usageSeries, added)
  }
}

async function newestIn(rows: RowWriter): Promise<number> {
  const [newest] = await rows.range(usageSeries, { reverse: true, limit: 1 })
  return newest?.series ?? 0
}

/** No two combinations share it: `dimensions` is a JSON array, which ends before the space. */
function keyOf({ meter, customer, dimensions }: Combination): string {
  return `${meter} ${dimensions} ${customer}`
}
