/**
 * Usage records of several series in the order they happened, `(occurredAt, sequence)`: each series is walked by its index,
 * and the walks are merged, so that a page costs what it shows.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { RowReader } from '../read-model/read-model.js'
import { usageRecords, type UsageRecordRow } from '../read-model/tables.js'

/** Where a record stands in time order. */
export interface Place {
  readonly occurredAt: number
  readonly sequence: number
}

export interface Stretch {
  /** Of `occurredAt`, half-open. */
  readonly start: number
  readonly end: number
  /** Begins beyond this place; null: at the bound. */
  readonly beyond: Place | null
  readonly reverse: boolean
}

/** Rows read from one series at a time, with one series and with many. */
const ROWS_PER_READ = 256
const ROWS_PER_READ_OF_MANY = 16

interface Walk {
  readonly series: number
  buffer: UsageRecordRow[]
  at: number
  beyond: Place | null
  isAtEnd: boolean
}

export function comparePlaces(left: Place, right: Place): number {
  return left.occurredAt - right.occurredAt || left.sequence - right.sequence
}

export async function* recordsInOrder(
  rows: RowReader,
  series: readonly number[],
  stretch: Stretch,
): AsyncGenerator<UsageRecordRow> {
  const size = series.length === 1 ? ROWS_PER_READ : ROWS_PER_READ_OF_MANY
  const walks = series.map((number): Walk => {
    return { series: number, buffer: [], at: 0, beyond: stretch.beyond, isAtEnd: false }
  })
  for (;;) {
    let first: Walk | null = null
    for (const walk of walks) {
      if (walk.at === walk.buffer.length && !walk.isAtEnd) await refill(rows, walk, stretch, size)
      const row = walk.buffer[walk.at]
      const best = first?.buffer[first.at]
      if (!row) continue
      if (!best || (stretch.reverse ? comparePlaces(row, best) > 0 : comparePlaces(row, best) < 0)) first = walk
    }
    const row = first?.buffer[first.at]
    if (!first || !row) return
    first.at++
    yield row
  }
}

async function refill(rows: RowReader, walk: Walk, stretch: Stretch, size: number): Promise<void> {
  // Long walks let other requests in between.
  await nextTurn()
  walk.buffer = await readBeyond(rows, walk.series, stretch, walk.beyond, size)
  walk.at = 0
  const last = walk.buffer.at(-1)
  if (last) walk.beyond = last
  walk.isAtEnd = walk.buffer.length < size
}

/** The rest of the instant the last read ended in, then what lies beyond it. */
async function readBeyond(
  rows: RowReader,
  series: number,
  { start, end, reverse }: Stretch,
  beyond: Place | null,
  limit: number,
): Promise<UsageRecordRow[]> {
  const found: UsageRecordRow[] = []
  let [from, to] = [start, end]
  if (beyond) {
    const { occurredAt, sequence } = beyond
    if (occurredAt >= start && occurredAt < end) {
      const prefix = [series, occurredAt]
      const bound = reverse ? { to: sequence } : { from: sequence + 1 }
      found.push(...(await rows.range(usageRecords, { index: 'occurred', prefix, ...bound, reverse, limit })))
    }
    if (reverse) to = Math.min(to, occurredAt)
    else from = Math.max(from, occurredAt + 1)
  }
  if (found.length < limit && from < to) {
    const rest = { index: 'occurred', prefix: [series], from, to, reverse, limit: limit - found.length }
    found.push(...(await rows.range(usageRecords, rest)))
  }
  return found
}
