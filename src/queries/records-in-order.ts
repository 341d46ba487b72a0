/**
 * Usage records of several series in the order they happened, `(occurredAt, sequence)`, as they stood at a moment: each
 * series is walked by its index, and the walks are merged, so that a page costs what it shows. Hours in which nothing had
 * been recorded then are passed over.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { bucketMs, bucketStart } from '../domain/time-bucket.js'
import type { RowReader } from '../read-model/read-model.js'
import { usageRecords, type UsageRecordRow } from '../read-model/tables.js'
import { mergeWalks, rowsPerRead, type Walk } from './merged-walks.js'
import type { UsageAt } from './usage-at.js'

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

const HOURS_PER_READ = 64

interface SeriesWalk extends Walk<UsageRecordRow> {
  readonly series: number
  /** What is left of it; null where nothing is. */
  rest: Stretch | null
  /** Of a moment of the past, the hour that is walked, which is no longer part of the rest; null between hours. */
  hour: Stretch | null
}

export function comparePlaces(left: Place, right: Place): number {
  return left.occurredAt - right.occurredAt || left.sequence - right.sequence
}

export function recordsInOrder(
  rows: RowReader,
  usage: UsageAt,
  series: readonly number[],
  stretch: Stretch,
): AsyncGenerator<UsageRecordRow> {
  return mergeWalks<UsageRecordRow, SeriesWalk>(
    series.map((number): SeriesWalk => ({ series: number, buffer: [], at: 0, rest: stretch, hour: null })),
    async (walk) => {
      const size = rowsPerRead(series.length, walk.buffer.length)
      do await refill(rows, usage, walk, size)
      while (walk.buffer.length === 0 && (walk.rest ?? walk.hour) !== null)
    },
    stretch.reverse ? (left, right) => comparePlaces(right, left) : comparePlaces,
  )
}

async function refill(rows: RowReader, usage: UsageAt, walk: SeriesWalk, size: number): Promise<void> {
  walk.at = 0
  walk.buffer = []
  if ((walk.rest ?? walk.hour) === null) return
  // Long walks let other requests in between.
  await nextTurn()
  if (usage.sequence === null) {
    const page = await readStretch(rows, walk.series, walk.rest as Stretch, size)
    walk.buffer = page.found
    walk.rest = page.rest
    return
  }
  walk.hour ??= await nextHour(rows, usage, walk, usage.sequence)
  if (walk.hour === null) return
  const page = await readStretch(rows, walk.series, walk.hour, size)
  walk.buffer = page.found.flatMap((row) => usage.record(row) ?? [])
  walk.hour = page.rest
}

/** The next hour in which something had been recorded by then, taken off the rest. */
async function nextHour(rows: RowReader, usage: UsageAt, walk: SeriesWalk, sequence: number): Promise<Stretch | null> {
  const rest = walk.rest as Stretch
  const { reverse, beyond } = rest
  const start = reverse || !beyond ? rest.start : Math.max(rest.start, beyond.occurredAt)
  const end = reverse && beyond ? Math.min(rest.end, beyond.occurredAt + 1) : rest.end
  const cells = await rows.range(usage.cellsTable, {
    prefix: [bucketMs.hour, walk.series],
    from: bucketStart('hour', start),
    to: end,
    reverse,
    limit: HOURS_PER_READ,
  })
  const found = cells.find(({ firstSequence }) => firstSequence <= sequence)
  const passed = found ?? (cells.length === HOURS_PER_READ ? cells.at(-1) : undefined)
  walk.rest = null
  if (passed) {
    const after = passed.start + bucketMs.hour
    const left = reverse ? { ...rest, end: passed.start } : { ...rest, start: after }
    walk.rest = left.start < left.end ? left : null
  }
  if (!found) return null
  return {
    start: Math.max(rest.start, found.start),
    end: Math.min(rest.end, found.start + bucketMs.hour),
    beyond,
    reverse,
  }
}

/** The rest of the instant the last read ended in, then what lies beyond it. */
async function readStretch(
  rows: RowReader,
  series: number,
  stretch: Stretch,
  limit: number,
): Promise<{ readonly found: UsageRecordRow[]; readonly rest: Stretch | null }> {
  const { start, end, beyond, reverse } = stretch
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
    const further = { index: 'occurred', prefix: [series], from, to, reverse, limit: limit - found.length }
    found.push(...(await rows.range(usageRecords, further)))
  }
  const last = found.at(-1)
  return { found, rest: last && found.length === limit ? { ...stretch, beyond: last } : null }
}
