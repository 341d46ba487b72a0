/**
 * Outlines of usage records of several series in the order they happened, `(occurredAt, sequence)`, as they stood at a moment: each
 * series is walked by its index, and the walks are merged, so that a page costs what it shows. Hours in which nothing had
 * been recorded then are passed over.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { bucketMs, bucketStart } from '../domain/time-bucket.js'
import type { RowReader } from '../read-model/read-model.js'
import { recordOutlines, type RecordOutline, type UsageCellRow } from '../read-model/tables.js'
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
/** Sequences are positive. */
const FIRST_SEQUENCE = 0
const BEYOND_SEQUENCES = Number.MAX_SAFE_INTEGER

interface SeriesWalk extends Walk<RecordOutline> {
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
): AsyncGenerator<RecordOutline> {
  return mergeWalks<RecordOutline, SeriesWalk>(
    series.map((number): SeriesWalk => ({ series: number, buffer: [], at: 0, rest: stretch, hour: null })),
    async (walks) => {
      const size = rowsPerRead(series.length, walks[0]?.buffer.length)
      for (const walk of walks) {
        walk.at = 0
        walk.buffer = []
      }
      for (let empty = walks.filter(goesOn); empty.length > 0; empty = empty.filter(goesOn)) {
        // Long walks let other requests in between.
        await nextTurn()
        await refill(rows, usage, empty, size)
      }
    },
    stretch.reverse ? (left, right) => comparePlaces(right, left) : comparePlaces,
  )
}

/** Whether it has nothing and may find more. */
function goesOn({ buffer, rest, hour }: SeriesWalk): boolean {
  return buffer.length === 0 && (rest ?? hour) !== null
}

async function refill(rows: RowReader, usage: UsageAt, walks: readonly SeriesWalk[], size: number): Promise<void> {
  const { sequence } = usage
  if (sequence === null) {
    const pages = await readStretches(rows, walks, (walk) => walk.rest as Stretch, size)
    for (const [at, walk] of walks.entries()) {
      const { found, rest } = pages[at] as StretchPage
      walk.buffer = found
      walk.rest = rest
    }
    return
  }
  await findHours(
    rows,
    usage,
    walks.filter(({ hour }) => hour === null),
    sequence,
  )
  const within = walks.filter(({ hour }) => hour !== null)
  const pages = await readStretches(rows, within, (walk) => walk.hour as Stretch, size)
  for (const [at, walk] of within.entries()) {
    const { found, rest } = pages[at] as StretchPage
    walk.buffer = found.flatMap((row) => usage.record(row) ?? [])
    walk.hour = rest
  }
}

/** The next hour of each walk in which something had been recorded by then, taken off its rest. */
async function findHours(
  rows: RowReader,
  usage: UsageAt,
  walks: readonly SeriesWalk[],
  sequence: number,
): Promise<void> {
  const [first] = walks
  if (!first) return
  const { reverse } = first.rest as Stretch
  const ranges = walks.map(({ series, rest }) => {
    const { start, end, beyond } = rest as Stretch
    return {
      prefix: [bucketMs.hour, series],
      from: bucketStart('hour', reverse || !beyond ? start : Math.max(start, beyond.occurredAt)),
      to: reverse && beyond ? Math.min(end, beyond.occurredAt + 1) : end,
    }
  })
  const cells = await rows.rangeOfEach(usage.cellsTable, ranges, { reverse, limit: HOURS_PER_READ })
  for (const [at, walk] of walks.entries()) takeHour(walk, cells[at] as UsageCellRow[], sequence)
}

function takeHour(walk: SeriesWalk, cells: readonly UsageCellRow[], sequence: number): void {
  const rest = walk.rest as Stretch
  const found = cells.find(({ firstSequence }) => firstSequence <= sequence)
  const passed = found ?? (cells.length === HOURS_PER_READ ? cells.at(-1) : undefined)
  walk.rest = null
  if (passed) {
    const after = passed.start + bucketMs.hour
    const left = rest.reverse ? { ...rest, end: passed.start } : { ...rest, start: after }
    walk.rest = left.start < left.end ? left : null
  }
  if (!found) return
  const [start, end] = [Math.max(rest.start, found.start), Math.min(rest.end, found.start + bucketMs.hour)]
  walk.hour = { ...rest, start, end }
}

interface StretchPage {
  readonly found: readonly RecordOutline[]
  readonly rest: Stretch | null
}

/** Of each walk: the rest of the instant the last read ended in, then what lies beyond it. */
async function readStretches(
  rows: RowReader,
  walks: readonly SeriesWalk[],
  stretchOf: (walk: SeriesWalk) => Stretch,
  limit: number,
): Promise<StretchPage[]> {
  const parts = walks.map((walk) => ({ series: walk.series, stretch: stretchOf(walk), found: [] as RecordOutline[] }))
  const how = { index: 'occurred', reverse: parts[0]?.stretch.reverse ?? false, limit }
  const cut = parts.filter(({ stretch: { beyond, start, end } }) => {
    return beyond !== null && beyond.occurredAt >= start && beyond.occurredAt < end
  })
  const atOnce = cut.map(({ series, stretch: { beyond, reverse } }) => {
    const { occurredAt, sequence } = beyond as Place
    const bounds = reverse ? { from: FIRST_SEQUENCE, to: sequence } : { from: sequence + 1, to: BEYOND_SEQUENCES }
    return { prefix: [series, occurredAt], ...bounds }
  })
  for (const [at, found] of (await rows.rangeOfEach(recordOutlines, atOnce, how)).entries()) {
    ;(cut[at] as (typeof cut)[number]).found.push(...found)
  }
  const going = parts.filter(({ found, stretch }) => {
    const { from, to } = furtherOf(stretch)
    return found.length < limit && from < to
  })
  const further = going.map(({ series, stretch }) => ({ prefix: [series], ...furtherOf(stretch) }))
  for (const [at, found] of (await rows.rangeOfEach(recordOutlines, further, how)).entries()) {
    const part = going[at] as (typeof going)[number]
    part.found.push(...found.slice(0, limit - part.found.length))
  }
  return parts.map(({ found, stretch }) => {
    const last = found.at(-1)
    return { found, rest: last && found.length === limit ? { ...stretch, beyond: last } : null }
  })
}

/** What lies beyond the instant of the place it begins at. */
function furtherOf({ start, end, beyond, reverse }: Stretch): { readonly from: number; readonly to: number } {
  if (!beyond) return { from: start, to: end }
  return reverse
    ? { from: start, to: Math.min(end, beyond.occurredAt) }
    : { from: Math.max(start, beyond.occurredAt + 1), to: end }
}
