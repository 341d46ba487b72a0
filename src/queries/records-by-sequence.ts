/**
 * Outlines of usage records in the order they were recorded, or back from the newest: of several meters (each block by block) or of
 * several series (each by its index).
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { RowReader } from '../read-model/read-model.js'
import { BLOCK_RECORDS, recordOutlines, usageBlocks, type RecordOutline } from '../read-model/tables.js'
import { mergeWalks, rowsPerRead, type Walk } from './merged-walks.js'

export interface RecordSource {
  readonly of: 'meter' | 'series'
  /** Number of the meter or the series. */
  readonly key: number
}

export interface Direction {
  readonly isBackwards: boolean
  /** A sequence: inclusive going on, exclusive going back. */
  readonly from: number
  /** Other columns a record must equal. */
  readonly where?: Partial<RecordOutline>
  /** Told which rows some reads gave, before any of them is given out; may throw to end the walk. */
  readonly onRead?: (reads: readonly (readonly RecordOutline[])[]) => void | Promise<void>
}

interface SourceWalk extends RecordSource, Walk<RecordOutline> {
  /** Where the next read goes on; null at the end. */
  next: number | null
}

export function recordsBySequence(
  rows: RowReader,
  sources: readonly RecordSource[],
  direction: Direction,
): AsyncGenerator<RecordOutline> {
  const { isBackwards, from, onRead } = direction
  return mergeWalks(
    sources.map((source): SourceWalk => ({ ...source, buffer: [], at: 0, next: from })),
    async (walks) => {
      const size = rowsPerRead(sources.length, walks[0]?.buffer.length)
      for (const walk of walks) {
        walk.at = 0
        walk.buffer = []
      }
      // A block may have nothing left that is wanted.
      for (let empty = walks.filter(goesOn); empty.length > 0; empty = empty.filter(goesOn)) {
        // Long walks let other requests in between.
        await nextTurn()
        await refillFromIndex(
          rows,
          empty.filter(({ of }) => of === 'series'),
          direction,
          size,
        )
        for (const walk of empty) {
          if (walk.of === 'meter') await refillFromBlock(rows, walk, walk.next as number, direction, size)
        }
        await onRead?.(empty.map(({ buffer }) => buffer))
      }
    },
    (left, right) => (isBackwards ? right.sequence - left.sequence : left.sequence - right.sequence),
  )
}

/** Whether it has nothing and may find more. */
function goesOn({ buffer, next }: SourceWalk): boolean {
  return buffer.length === 0 && next !== null
}

async function refillFromIndex(
  rows: RowReader,
  walks: readonly SourceWalk[],
  { isBackwards, where }: Direction,
  size: number,
): Promise<void> {
  const ranges = walks.map(({ key, next }) => {
    const bound = next as number
    return { prefix: [key], ...(isBackwards ? { from: 0, to: bound } : { from: bound, to: Number.MAX_SAFE_INTEGER }) }
  })
  const how = { index: 'series', ...(where ? { where } : {}), reverse: isBackwards, limit: size }
  for (const [at, found] of (await rows.rangeOfEach(recordOutlines, ranges, how)).entries()) {
    const walk = walks[at] as SourceWalk
    walk.buffer = found
    walk.next = found.length < size ? null : after(found, isBackwards)
  }
}

/** From the next block that has records of the meter. */
async function refillFromBlock(
  rows: RowReader,
  walk: SourceWalk,
  from: number,
  { isBackwards, where }: Direction,
  size: number,
): Promise<void> {
  const start = Math.floor((isBackwards ? from - 1 : from) / BLOCK_RECORDS)
  const [row] = await rows.range(usageBlocks, {
    prefix: [walk.key],
    ...(isBackwards ? { to: start + 1 } : { from: start }),
    reverse: isBackwards,
    limit: 1,
  })
  walk.buffer = []
  walk.next = null
  if (!row) return
  const first = row.block * BLOCK_RECORDS
  const end = first + BLOCK_RECORDS
  walk.buffer = await rows.range(recordOutlines, {
    from: isBackwards ? first : Math.max(from, first),
    to: isBackwards ? Math.min(from, end) : end,
    where: { meter: walk.key, ...where },
    reverse: isBackwards,
    limit: size,
  })
  walk.next = walk.buffer.length === size ? after(walk.buffer, isBackwards) : isBackwards ? first : end
}

/** Where to go on after these rows. */
function after(buffer: readonly RecordOutline[], isBackwards: boolean): number | null {
  const last = buffer.at(-1)
  if (!last) return null
  return isBackwards ? last.sequence : last.sequence + 1
}
