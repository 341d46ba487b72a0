/**
 * What became of single records in one number: the rules of aggregation, asked record by record. Nothing is added up here;
 * which record of a window counts is what the cells were made by.
 */
import { formulas } from '../domain/aggregation.js'
import type { Decimal } from '../domain/decimal.js'
import type { Meter } from '../domain/meter-catalogue.js'
import type { RecordFate } from '../domain/record-fate.js'
import { bucketStart } from '../domain/time-bucket.js'
import type { RowReader } from '../read-model/read-model.js'
import { usageRecords, usageWindows, type UsageRecordRow } from '../read-model/tables.js'

/** The number records are judged by. */
export interface Whole {
  readonly meter: Meter
  readonly start: number
  readonly end: number
  /** State of the meter's formula over the interval. */
  readonly state: unknown
}

export interface Judged {
  readonly row: UsageRecordRow
  readonly fate: RecordFate
  /** 0 where it does not count. */
  readonly contribution: Decimal
}

/** In the order of the rows. */
export async function judge(rows: RowReader, whole: Whole, records: readonly UsageRecordRow[]): Promise<Judged[]> {
  const { meter, start, end, state } = whole
  const formula = formulas[meter.formula]
  const decidedBy = formula.decidedBy(state)
  const winners = await winnersOf(rows, meter, records)
  const named = await identifiersOf(rows, [...winners, decidedBy])
  return records.map((row, index) => {
    const fate = fateOf(row, winners[index] ?? null)
    const contribution = fate.code === 'counted' ? formula.value(formula.add(formula.empty, row)) : 0n
    return { row, fate, contribution }
  })

  function fateOf(row: UsageRecordRow, winner: number | null): RecordFate {
    const window = meter.eventTimeWindow
    if (window !== null && (row.occurredAt < start || row.occurredAt >= end)) return { code: 'outside', window }
    if (row.cancelledAt !== null) return { code: 'cancelled', at: row.cancelledAt }
    if (window !== null && winner !== null && winner !== row.sequence) {
      return { code: 'overwritten', by: named.get(winner) ?? '', window }
    }
    if (decidedBy !== null && decidedBy !== row.sequence) return { code: 'not_last', by: named.get(decidedBy) ?? '' }
    return { code: 'counted' }
  }
}

/** Sequence of the record that counts in the window of each record; null for raw meters and windows without any. */
async function winnersOf(
  rows: RowReader,
  { eventTimeWindow }: Meter,
  records: readonly UsageRecordRow[],
): Promise<(number | null)[]> {
  if (eventTimeWindow === null) return records.map(() => null)
  const found = await rows.get(
    usageWindows,
    records.map(({ series, occurredAt }) => [series, bucketStart(eventTimeWindow, occurredAt)]),
  )
  return found.map((row) => row?.sequence ?? null)
}

async function identifiersOf(rows: RowReader, wanted: readonly (number | null)[]): Promise<Map<number, string>> {
  const sequences = [...new Set(wanted.filter((sequence) => sequence !== null))]
  const found = await rows.get(
    usageRecords,
    sequences.map((sequence) => [sequence]),
  )
  return new Map(found.flatMap((row) => (row ? [[row.sequence, row.identifier]] : [])))
}
