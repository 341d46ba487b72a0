/** Which entries the scattered indexes of usage records have, told by sums (`EntrySum`), without a look at the records. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { KeyValue, RowReader } from '../read-model/read-model.js'
import { usageRecords, type UsageRecordRow } from '../read-model/tables.js'
import { EntrySum, type SumKeys } from './entry-sum.js'

/** Entries read at a time. */
const PAGE_ENTRIES = 2_000

export const scatteredIndexes = Object.entries(usageRecords.indexes).flatMap(([index, { columns, isScattered }]) =>
  isScattered ? [{ index, columns, sequenceAt: columns.indexOf('sequence') }] : [],
)

export interface SummedIndex {
  /** Of the entries of records up to the usage event that was named. */
  readonly sums: readonly number[]
  readonly entries: number
  /** Entries of later ones. */
  readonly later: number
}

/** One for each scattered index; null: no entry is a later one. @throws what `signal` was aborted with. */
export async function sumIndexes(
  rows: RowReader,
  keys: SumKeys,
  until: number | null,
  signal: AbortSignal,
  onPage: (entries: number) => void = () => undefined,
): Promise<SummedIndex[]> {
  const summed: SummedIndex[] = []
  for (const { index, columns, sequenceAt } of scatteredIndexes) {
    const sum = new EntrySum(keys)
    let later = 0
    for await (const page of entriesOf(rows, index, columns)) {
      signal.throwIfAborted()
      for (const entry of page as number[][]) {
        if (until === null || (entry[sequenceAt] as number) <= until) sum.add(entry)
        else later++
      }
      onPage(page.length)
      await nextTurn()
    }
    summed.push({ sums: sum.values, entries: sum.count, later })
  }
  return summed
}

async function* entriesOf(
  rows: RowReader,
  index: string,
  columns: readonly (keyof UsageRecordRow)[],
): AsyncGenerator<KeyValue[][]> {
  let after: readonly KeyValue[] | undefined
  do {
    const range = { index, ...(after && { after }), limit: PAGE_ENTRIES }
    const page: KeyValue[][] = await rows.values(usageRecords, columns, range)
    yield page
    after = page.length === PAGE_ENTRIES ? page.at(-1) : undefined
  } while (after)
}
