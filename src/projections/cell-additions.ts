/**
 * What a batch adds to cells whose states are added up: folded by itself, minute by minute, then by hours and days. Nothing
 * that is stored is looked at; a record that is taken out is added with its signs turned.
 */
import type { EffectiveRecord, Formula } from '../domain/aggregation.js'
import { bucketMs, bucketStart, type BucketSize } from '../domain/time-bucket.js'
import type { RowWriter } from '../read-model/read-model.js'
import { usageCells, type UsageCellRow } from '../read-model/tables.js'

interface Addition {
  readonly start: number
  records: number
  state: unknown
  firstSequence: number
  changedSequence: number
}

type Additions = Map<number, Addition>

interface SeriesAdditions {
  readonly formula: Formula<unknown>
  readonly minutes: Additions
}

export class CellAdditions {
  private readonly series = new Map<number, SeriesAdditions>()

  /** `at`: sequence of the event that makes the record effective. */
  add(series: number, formula: Formula<unknown>, record: EffectiveRecord, at: number): void {
    const minute = this.minute(series, formula, record)
    minute.records++
    minute.state = formula.add(minute.state, record)
    touch(minute, at, at)
  }

  /** `at`: sequence of the event after which the record is no longer effective. */
  remove(series: number, formula: Formula<unknown>, record: EffectiveRecord, at: number): void {
    const minute = this.minute(series, formula, record)
    minute.records--
    minute.state = formula.remove(minute.state, record)
    touch(minute, at, at)
  }

  async save(rows: RowWriter): Promise<void> {
    const added: UsageCellRow[] = []
    for (const [series, { formula, minutes }] of this.series) {
      const hours = inBuckets('hour', minutes, formula)
      push(added, series, 'minute', minutes, formula)
      push(added, series, 'hour', hours, formula)
      push(added, series, 'day', inBuckets('day', hours, formula), formula)
    }
    await rows.add(usageCells, added)
  }

  private minute(series: number, formula: Formula<unknown>, { occurredAt }: EffectiveRecord): Addition {
    let additions = this.series.get(series)
    if (!additions) {
      additions = { formula, minutes: new Map() }
      this.series.set(series, additions)
    }
    return additionAt(additions.minutes, bucketStart('minute', occurredAt), formula)
  }
}

function inBuckets(size: BucketSize, parts: Additions, formula: Formula<unknown>): Additions {
  const buckets: Additions = new Map()
  for (const part of parts.values()) {
    const bucket = additionAt(buckets, bucketStart(size, part.start), formula)
    bucket.records += part.records
    bucket.state = formula.merge(bucket.state, part.state)
    touch(bucket, part.firstSequence, part.changedSequence)
  }
  return buckets
}

function push(
  rows: UsageCellRow[],
  series: number,
  size: BucketSize,
  additions: Additions,
  formula: Formula<unknown>,
): void {
  for (const { start, records, state, firstSequence, changedSequence } of additions.values()) {
    const text = formula.encode(state)
    rows.push({ series, size: bucketMs[size], start, records, state: text, firstSequence, changedSequence })
  }
}

function additionAt(additions: Additions, start: number, formula: Formula<unknown>): Addition {
  let addition = additions.get(start)
  if (!addition) {
    addition = { start, records: 0, state: formula.empty, firstSequence: Infinity, changedSequence: 0 }
    additions.set(start, addition)
  }
  return addition
}

function touch(addition: Addition, first: number, changed: number): void {
  if (first < addition.firstSequence) addition.firstSequence = first
  if (changed > addition.changedSequence) addition.changedSequence = changed
}
