/** The payloads of usage records, which may be large: as few at a time as their size allows, with others let in between. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { PageLimit } from '../read-model/page-limit.js'
import type { RowReader } from '../read-model/read-model.js'
import { usageRecords, type RecordOutline, type UsageRecordRow } from '../read-model/tables.js'

const RECORDS_PER_READ_FIRST = 32
const RECORDS_PER_READ_MAX = 256
const BYTES_PER_READ = 1024 * 1024

/** Each record with its payload, in their order. */
export async function* withPayloads(
  rows: RowReader,
  records: Iterable<RecordOutline> | AsyncIterable<RecordOutline>,
): AsyncGenerator<UsageRecordRow> {
  const limit = new PageLimit(RECORDS_PER_READ_MAX, BYTES_PER_READ, RECORDS_PER_READ_FIRST)
  let some: RecordOutline[] = []
  for await (const record of records) {
    some.push(record)
    if (some.length < limit.rows) continue
    const read = await payloadsOf(rows, some)
    yield* read
    limit.sawRows(read.reduce((sum, { payload }) => sum + (payload?.length ?? 0), 1) / read.length)
    some = []
    await nextTurn()
  }
  yield* await payloadsOf(rows, some)
}

async function payloadsOf(rows: RowReader, records: readonly RecordOutline[]): Promise<UsageRecordRow[]> {
  const found = await rows.get(
    usageRecords,
    records.map(({ sequence }) => [sequence]),
  )
  // What an outline says of a cancellation may be of another moment.
  return records.map((record, at) => ({ ...record, payload: found[at]?.payload ?? null }))
}
