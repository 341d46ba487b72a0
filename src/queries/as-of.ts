/**
 * A moment of the past, as the number of usage events that had happened by then: the last one received at or before an
 * instant, or the last one at or before a position of the log. Marks tell where to begin; the log itself tells the rest.
 *
 * Clocks of several processes may differ, so "before an instant" goes by the latest receipt so far: what was answered later
 * is never part of an earlier moment.
 */
import { DomainError } from '../domain/errors.js'
import { decodeEvent } from '../event-store/codec.js'
import type { EventStore, Position, RecordedEvent } from '../event-store/event-store.js'
import { categories } from '../event-store/streams.js'
import type { RowReader } from '../read-model/read-model.js'
import { MARK_EVENTS, usageMarks, type UsageMarkRow } from '../read-model/tables.js'
import { readEvent } from './read-event.js'

export type AsOfRequest =
  | { readonly type: 'instant'; readonly at: number; readonly now: number }
  /** As a client sent it back. */
  | { readonly type: 'position'; readonly position: string }
  /** Right after that usage event of the log, from 1. */
  | { readonly type: 'sequence'; readonly sequence: number }

export interface AsOf {
  /** Usage events up to then. */
  readonly sequence: number
  /** Milliseconds since the epoch. Of a position: the latest receipt of usage up to it. */
  readonly at: number
  /** Of the last usage event; null where there was none. */
  readonly position: Position | null
  /** The position that was asked for; null where an instant was. */
  readonly until: Position | null
}

const beginning = { sequence: 0, at: Number.MIN_SAFE_INTEGER, position: null }

/** @throws DomainError for an instant in the future, a position that is not in this log, and a usage event that is not yet. */
export async function findAsOf(
  rows: RowReader,
  store: EventStore,
  request: AsOfRequest,
  end: string | null,
): Promise<AsOf> {
  if (request.type === 'instant') {
    const { at, now } = request
    if (at > now) {
      throw new DomainError('parameter_invalid', 'as_of must not be in the future: nobody knows yet.', 'as_of')
    }
    const [mark] = await rows.range(usageMarks, { index: 'latest', to: at + 1, reverse: true, limit: 1 })
    const found = await lastUsageEvent(rows, store, mark ?? null, (_, latest) => latest <= at)
    return { ...found, at, until: null }
  }
  if (request.type === 'sequence') return afterUsageEvent(rows, store, request.sequence)
  const until = parsePosition(store, request.position, end)
  const mark = await lastMark(rows, async (row) => {
    const { recorded } = await readEvent(store, row)
    return store.comparePositions(recorded.position, until) <= 0
  })
  const found = await lastUsageEvent(rows, store, mark, ({ position }) => store.comparePositions(position, until) <= 0)
  // Answers name no others, but those of another store do.
  const isOfEvent =
    found.position === until ||
    (await store.hasEventAt(until, { after: found.position, categories: Object.values(categories) }))
  if (!isOfEvent) throw noPosition()
  return { ...found, until }
}

async function afterUsageEvent(rows: RowReader, store: EventStore, sequence: number): Promise<AsOf> {
  const [last] = await rows.range(usageMarks, { reverse: true, limit: 1 })
  const latest = last?.sequence ?? 0
  if (sequence > latest) {
    throw new DomainError(
      'parameter_invalid',
      `The log has ${latest} usage events so far, not ${sequence}.`,
      'sequence',
    )
  }
  const [mark] = await rows.get(usageMarks, [[Math.floor(sequence / MARK_EVENTS) * MARK_EVENTS]])
  const found = await lastUsageEvent(rows, store, mark ?? null, (_event, _latest, its) => its <= sequence)
  return { ...found, until: null }
}

function parsePosition(store: EventStore, text: string, end: string | null): Position {
  const position = store.parsePosition(text)
  if (position === null) throw noPosition()
  if (end === null || store.comparePositions(position, end as Position) > 0) {
    throw new DomainError(
      'parameter_invalid',
      'as_of_position is beyond the end of the log. Take a position that an answer of this service gave.',
      'as_of_position',
    )
  }
  return position
}

function noPosition(): DomainError {
  return new DomainError(
    'parameter_invalid',
    'as_of_position must be a position as an earlier answer of this service gave it: no event of this log stands there.',
    'as_of_position',
  )
}

/** The last mark that is early enough; null where none is. */
async function lastMark(
  rows: RowReader,
  isEarlyEnough: (mark: UsageMarkRow) => Promise<boolean>,
): Promise<UsageMarkRow | null> {
  const [last] = await rows.range(usageMarks, { reverse: true, limit: 1 })
  if (!last) return null
  if (await isEarlyEnough(last)) return last
  let found: UsageMarkRow | null = null
  let [low, high] = [1, Math.ceil(last.sequence / MARK_EVENTS) - 1]
  while (low <= high) {
    const middle = Math.floor((low + high) / 2)
    const [mark] = await rows.get(usageMarks, [[middle * MARK_EVENTS]])
    if (mark && (await isEarlyEnough(mark))) {
      found = mark
      low = middle + 1
    } else high = middle - 1
  }
  return found
}

/** Walks the log from a mark to the last usage event that belongs to it: at most `MARK_EVENTS` further. */
async function lastUsageEvent(
  rows: RowReader,
  store: EventStore,
  mark: UsageMarkRow | null,
  belongs: (event: RecordedEvent, latest: number, sequence: number) => boolean,
): Promise<Pick<AsOf, 'sequence' | 'at' | 'position'>> {
  let found: Pick<AsOf, 'sequence' | 'at' | 'position'> = beginning
  if (mark) {
    const { recorded } = await readEvent(store, mark)
    found = { sequence: mark.sequence, at: mark.latest, position: recorded.position }
  }
  const [last] = await rows.range(usageMarks, { reverse: true, limit: 1 })
  const sequenceMax = last?.sequence ?? 0
  if (found.sequence >= sequenceMax) return found
  for await (const page of store.readAll({ after: found.position, categories: [categories.usage] })) {
    for (const recorded of page) {
      const at = Math.max(found.at, receiptOf(recorded))
      // What is not projected yet is not part of the answer.
      if (found.sequence === sequenceMax || !belongs(recorded, at, found.sequence + 1)) return found
      found = { sequence: found.sequence + 1, at, position: recorded.position }
    }
  }
  return found
}

function receiptOf(recorded: RecordedEvent): number {
  const event = decodeEvent(recorded)
  if (event.type === 'UsageRecorded') return event.data.recordedAt
  if (event.type === 'UsageCancelled') return event.data.cancelledAt
  throw new Error(`Event ${recorded.revision} of ${recorded.stream} (${event.type}) is no usage event.`)
}
