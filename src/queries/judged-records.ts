/**
 * What became of single records in one number: the rules of aggregation, asked record by record. Nothing is added up here;
 * which record of a window counts is what the cells were made by.
 */
import { formulas } from '../domain/aggregation.js'
import type { Decimal } from '../domain/decimal.js'
import type { Meter } from '../domain/meter-catalogue.js'
import type { RecordFate } from '../domain/record-fate.js'
import { bucketMs, bucketStart } from '../domain/time-bucket.js'
import type { RowReader } from '../read-model/read-model.js'
import { usageRecords, type RecordOutline } from '../read-model/tables.js'
import { UsageAt } from './usage-at.js'

/** The number records are judged by. */
export interface Whole {
  readonly usage: UsageAt
  readonly meter: Meter
  readonly start: number
  readonly end: number
  /** State of the meter's formula over the interval. */
  readonly state: unknown
  /** Whether the interval is a day in which records are judged by themselves. */
  readonly isDay?: true
}

export interface Judged {
  readonly row: RecordOutline
  readonly fate: RecordFate
  /** 0 where it does not count. */
  readonly contribution: Decimal
}

/** In the order of the rows. */
export async function judge(rows: RowReader, whole: Whole, records: readonly RecordOutline[]): Promise<Judged[]> {
  const { usage, meter, start, end, state, isDay } = whole
  const hasDimensions = meter.dimensionKeys.length > 0
  const formula = formulas[meter.formula]
  const decidedBy = formula.decidedBy(state)
  const window = meter.eventTimeWindow
  const winners = window === null ? [] : await usage.winnersOf(records, window)
  const named = await identifiersOf(rows, [...winners, decidedBy])
  return records.map((row, index) => {
    const fate = fateOf(row, winners[index] ?? null)
    const contribution = fate.code === 'counted' ? formula.value(formula.add(formula.empty, row)) : 0n
    return { row, fate, contribution }
  })

  function fateOf(row: RecordOutline, winner: number | null): RecordFate {
    if (window !== null && (row.occurredAt < start || row.occurredAt >= end)) return { code: 'outside', window }
    if (row.cancelledAt !== null) return { code: 'cancelled', at: row.cancelledAt }
    if (window !== null && winner !== null && winner !== row.sequence) {
      return { code: 'overwritten', by: named.get(winner) ?? '', window, hasDimensions }
    }
    if (decidedBy !== null && decidedBy !== row.sequence) {
      return { code: 'not_last', by: named.get(decidedBy) ?? '', day: isDay ? { start, hasDimensions } : null }
    }
    return { code: 'counted' }
  }
}

/**
 * Each record in the number of its own UTC day, customer and dimensions: what became of it, without an interval that someone
 * asked for. In the order of the records, which are of one meter.
 */
export async function judgeInDays(
  rows: RowReader,
  meter: Meter,
  sequence: number | null,
  records: readonly RecordOutline[],
): Promise<Judged[]> {
  const usage = new UsageAt(rows, meter, sequence)
  const days = new Map<string, RecordOutline[]>()
  for (const record of records) {
    const key = `${record.series} ${bucketStart('day', record.occurredAt)}`
    const day = days.get(key)
    if (day) day.push(record)
    else days.set(key, [record])
  }
  const judged = new Map<RecordOutline, Judged>()
  for (const day of days.values()) {
    const [{ series, occurredAt }] = day as [RecordOutline]
    const start = bucketStart('day', occurredAt)
    const end = start + bucketMs.day
    const state = await usage.state([series], start, end)
    const whole = { usage, meter, start, end, state, isDay: true } as const
    for (const each of await judge(rows, whole, day)) judged.set(each.row, each)
  }
  return records.map((record) => judged.get(record) as Judged)
}

async function identifiersOf(rows: RowReader, wanted: readonly (number | null)[]): Promise<Map<number, string>> {
  const sequences = [...new Set(wanted.filter((sequence) => sequence !== null))]
  const found = await rows.get(
    usageRecords,
    sequences.map((sequence) => [sequence]),
  )
  return new Map(found.flatMap((row) => (row ? [[row.sequence, row.identifier]] : [])))
}
