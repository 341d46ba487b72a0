/**
 * Usage records in the order they were recorded, of several meters (each block by block) or of several series (each by its
 * index).
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { RowReader } from '../read-model/read-model.js'
import { BLOCK_RECORDS, usageBlocks, usageRecords, type UsageRecordRow } from '../read-model/tables.js'

export interface RecordSource {
  readonly of: 'meter' | 'series'
  /** Number of the meter or the series. */
  readonly key: number
}

/** Rows read from one series at a time, with one series and with many. */
const ROWS_PER_READ = 500
const ROWS_PER_READ_OF_MANY = 16

interface Walk extends RecordSource {
  buffer: UsageRecordRow[]
  at: number
  next: number
  isAtEnd: boolean
}

/** From a sequence, inclusive. */
export async function* recordsBySequence(
  rows: RowReader,
  sources: readonly RecordSource[],
  from: number,
): AsyncGenerator<UsageRecordRow> {
  const limit = sources.length === 1 ? ROWS_PER_READ : ROWS_PER_READ_OF_MANY
  const walks = sources.map((source): Walk => ({ ...source, buffer: [], at: 0, next: from, isAtEnd: false }))
  for (;;) {
    let first: Walk | null = null
    for (const walk of walks) {
      while (walk.at === walk.buffer.length && !walk.isAtEnd) await refill(rows, walk, limit)
      const row = walk.buffer[walk.at]
      const best = first?.buffer[first.at]
      if (row && (!best || row.sequence < best.sequence)) first = walk
    }
    const row = first?.buffer[first.at]
    if (!first || !row) return
    first.at++
    yield row
  }
}

async function refill(rows: RowReader, walk: Walk, limit: number): Promise<void> {
  // Long walks let other requests in between.
  await nextTurn()
  walk.at = 0
  await (walk.of === 'series' ? refillFromIndex(rows, walk, limit) : refillFromBlock(rows, walk))
}

async function refillFromIndex(rows: RowReader, walk: Walk, limit: number): Promise<void> {
  walk.buffer = await rows.range(usageRecords, { index: 'series', prefix: [walk.key], from: walk.next, limit })
  walk.next = (walk.buffer.at(-1)?.sequence ?? 0) + 1
  walk.isAtEnd = walk.buffer.length < limit
}

/** The meter's records of the next block that has any; some may be before the first that is wanted. */
async function refillFromBlock(rows: RowReader, walk: Walk): Promise<void> {
  const from = Math.floor(walk.next / BLOCK_RECORDS)
  const [row] = await rows.range(usageBlocks, { prefix: [walk.key], from, limit: 1 })
  walk.isAtEnd = row === undefined
  walk.buffer = []
  if (!row) return
  const start = row.block * BLOCK_RECORDS
  const end = start + BLOCK_RECORDS
  walk.buffer = await rows.range(usageRecords, {
    from: Math.max(walk.next, start),
    to: end,
    where: { meter: walk.key },
    limit: BLOCK_RECORDS,
  })
  walk.next = end
}
