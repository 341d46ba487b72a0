/**
 * What a batch adds to cells whose states are added up: folded by itself, minute by minute, then by hours and days. Nothing
 * that is stored is looked at; a record that is taken out is added with its signs turned.
 */
import type { EffectiveRecord, Formula } from '../domain/aggregation.js'
import { bucketStart, type BucketSize } from '../domain/time-bucket.js'
import type { RowWriter } from '../read-model/read-model.js'
import { usageCells, type UsageCellRow } from '../read-model/tables.js'
import { cellAt, cellRow, mergeInto, touch, type Cell, type Cells } from './cell.js'

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

  async save(rows: RowWriter): Promise<void> {
    const added: UsageCellRow[] = []
    for (const [series, { formula, minutes }] of this.series) {
      const hours = inBuckets('hour', minutes, formula)
      const days = inBuckets('day', hours, formula)
      for (const cell of minutes.values()) added.push(cellRow(series, 'minute', cell, formula))
      for (const cell of hours.values()) added.push(cellRow(series, 'hour', cell, formula))
      for (const cell of days.values()) added.push(cellRow(series, 'day', cell, formula))
    }
    await rows.add(usageCells, added)
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

function inBuckets(size: BucketSize, parts: Cells, formula: Formula<unknown>): Cells {
  const buckets: Cells = new Map()
  for (const part of parts.values()) mergeInto(cellAt(buckets, bucketStart(size, part.start), formula), part, formula)
  return buckets
}
