/**
 * What a batch adds to cells whose states are added up: folded by itself, minute by minute, then by hours and days. Nothing
 * that is stored is looked at; a record that is taken out is added with its signs turned.
 */
import type { EffectiveRecord, Formula } from '../domain/aggregation.js'
import { bucketStart, type BucketSize } from '../domain/time-bucket.js'
import type { RowWriter } from '../read-model/read-model.js'
import { usageCells, type UsageCellRow } from '../read-model/tables.js'
import { cellAt, cellRow, emptyCell, mergeInto, touch, type Cell, type Cells } from './cell.js'

interface SeriesAdditions {
  readonly formula: Formula<unknown>
  readonly minutes: Cells
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

  /** In the order of the key: what comes in order need not be sorted. */
  async save(rows: RowWriter): Promise<void> {
    const ordered: Record<BucketSize, UsageCellRow[]> = { minute: [], hour: [], day: [] }
    const numbers = [...this.series.keys()].sort((left, right) => left - right)
    for (const series of numbers) {
      const { formula, minutes } = this.series.get(series) as SeriesAdditions
      const inOrder = [...minutes.values()].sort((left, right) => left.start - right.start)
      const hours = inBuckets('hour', inOrder, formula)
      const days = inBuckets('day', hours, formula)
      for (const cell of inOrder) ordered.minute.push(cellRow(series, 'minute', cell, formula))
      for (const cell of hours) ordered.hour.push(cellRow(series, 'hour', cell, formula))
      for (const cell of days) ordered.day.push(cellRow(series, 'day', cell, formula))
    }
    await rows.add(usageCells, [...ordered.minute, ...ordered.hour, ...ordered.day])
  }

  private minute(series: number, formula: Formula<unknown>, { occurredAt }: EffectiveRecord): Cell {
    let additions = this.series.get(series)
    if (!additions) {
      additions = { formula, minutes: new Map() }
      this.series.set(series, additions)
    }
    return cellAt(additions.minutes, bucketStart('minute', occurredAt), formula)
  }
}

/** `parts` come in order, and so do the buckets they are in. */
function inBuckets(size: BucketSize, parts: readonly Cell[], formula: Formula<unknown>): Cell[] {
  const buckets: Cell[] = []
  for (const part of parts) {
    const start = bucketStart(size, part.start)
    let bucket = buckets.at(-1)
    if (bucket?.start !== start) {
      bucket = emptyCell(start, formula)
      buckets.push(bucket)
    }
    mergeInto(bucket, part, formula)
  }
  return buckets
}
