/**
 * Usage records in the order they were recorded, or back from the newest: of several meters (each block by block) or of
 * several series (each by its index).
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { RowReader } from '../read-model/read-model.js'
import { BLOCK_RECORDS, usageBlocks, usageRecords, type UsageRecordRow } from '../read-model/tables.js'
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
  readonly where?: Partial<UsageRecordRow>
  /** Told of each read which rows it gave, before any of them is given out; may throw to end the walk. */
  readonly onRead?: (rows: readonly UsageRecordRow[]) => void | Promise<void>
}

interface SourceWalk extends RecordSource, Walk<UsageRecordRow> {
  /** Where the next read goes on; null at the end. */
  next: number | null
}

export function recordsBySequence(
  rows: RowReader,
  sources: readonly RecordSource[],
  direction: Direction,
): AsyncGenerator<UsageRecordRow> {
  const { isBackwards, from, onRead } = direction
  return mergeWalks(
    sources.map((source): SourceWalk => ({ ...source, buffer: [], at: 0, next: from })),
    async (walk) => {
      const size = rowsPerRead(sources.length, walk.buffer.length)
      walk.at = 0
      walk.buffer = []
      // A block may have nothing left that is wanted.
      while (walk.buffer.length === 0 && walk.next !== null) {
        // Long walks let other requests in between.
        await nextTurn()
        await (walk.of === 'meter' ? refillFromBlock : refillFromIndex)(rows, walk, walk.next, direction, size)
        await onRead?.(walk.buffer)
      }
    },
    (left, right) => (isBackwards ? right.sequence - left.sequence : left.sequence - right.sequence),
  )
}

type Refill = (rows: RowReader, walk: SourceWalk, from: number, direction: Direction, size: number) => Promise<void>

const refillFromIndex: Refill = async (rows, walk, from, { isBackwards, where }, size) => {
  walk.buffer = await rows.range(usageRecords, {
    index: 'series',
    prefix: [walk.key],
    ...(isBackwards ? { to: from } : { from }),
    ...(where ? { where } : {}),
    reverse: isBackwards,
    limit: size,
  })
  walk.next = walk.buffer.length < size ? null : after(walk.buffer, isBackwards)
}

/** From the next block that has records of the meter. */
const refillFromBlock: Refill = async (rows, walk, from, { isBackwards, where }, size) => {
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
  walk.buffer = await rows.range(usageRecords, {
    from: isBackwards ? first : Math.max(from, first),
    to: isBackwards ? Math.min(from, end) : end,
    where: { meter: walk.key, ...where },
    reverse: isBackwards,
    limit: size,
  })
  walk.next = walk.buffer.length === size ? after(walk.buffer, isBackwards) : isBackwards ? first : end
}

/** Where to go on after these rows. */
function after(buffer: readonly UsageRecordRow[], isBackwards: boolean): number | null {
  const last = buffer.at(-1)
  if (!last) return null
  return isBackwards ? last.sequence : last.sequence + 1
}
