/**
 * What an explanation must say, found with plain loops and big.js over the history itself: every record is looked at again
 * for every question. Shares no code with the service.
 */
import Big from 'big.js'
import type { UsageRecord } from '../../src/domain/usage-record.js'
import type { Entry, HistoryMeter } from '../projections/history.js'

export interface ModelQuestion {
  readonly customer: string
  readonly start: number
  readonly end: number
  readonly filters: Readonly<Record<string, string>>
}

export interface ModelLine {
  readonly identifier: string
  readonly code: string
  readonly by: string | null
  readonly contribution: string
  readonly runningTotal: string
}

interface ModelRecord extends UsageRecord {
  readonly sequence: number
  cancelled: boolean
}

const WINDOW_MS = { hour: 3_600_000, day: 86_400_000 }

/** Every record of a meter once the first `usageEvents` usage events of the history had happened, in log order. */
export function recordsAsOf(history: readonly Entry[], meterId: string, usageEvents = Infinity): ModelRecord[] {
  const records: ModelRecord[] = []
  let sequence = 0
  for (const { event } of history) {
    if (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled') continue
    sequence++
    if (sequence > usageEvents) break
    if (event.data.meterId !== meterId) continue
    const known = records.find(({ identifier }) => identifier === event.data.identifier)
    if (event.type === 'UsageCancelled') known!.cancelled = true
    else if (!known) records.push({ ...event.data, sequence, cancelled: false })
  }
  return records
}

/** The total, and every record that is looked at, by (occurredAt, order in the log). */
export function explainByHand(
  history: readonly Entry[],
  meter: HistoryMeter,
  { customer, start, end, filters }: ModelQuestion,
  usageEvents = Infinity,
): { readonly total: string; readonly lines: readonly ModelLine[] } {
  const mine = recordsAsOf(history, meter.meterId, usageEvents).filter(
    (record) =>
      record.customer === customer &&
      Object.entries(filters).every(([key, value]) => (valueAt(record.payload, key) ?? '') === value),
  )
  const windowMs = meter.eventTimeWindow === null ? null : WINDOW_MS[meter.eventTimeWindow]
  const windowOf = ({ occurredAt }: ModelRecord) => (windowMs === null ? NaN : Math.floor(occurredAt / windowMs))
  const combination = ({ payload }: ModelRecord) =>
    JSON.stringify(meter.dimensionKeys.map((key) => valueAt(payload, key) ?? ''))
  const isInside = ({ occurredAt }: ModelRecord) => occurredAt >= start && occurredAt < end
  const winner = (record: ModelRecord) =>
    mine
      .filter((other) => !other.cancelled && windowOf(other) === windowOf(record))
      .filter((other) => combination(other) === combination(record))
      .sort((a, b) => b.sequence - a.sequence)[0]
  const shown = mine
    .filter(
      (record) =>
        isInside(record) ||
        (windowMs !== null &&
          mine.length > 0 &&
          windowOf(record) >= Math.floor(start / windowMs) &&
          windowOf(record) <= Math.floor((end - 1) / windowMs)),
    )
    .sort((a, b) => a.occurredAt - b.occurredAt || a.sequence - b.sequence)
  const effective = shown.filter(
    (record) => isInside(record) && !record.cancelled && (windowMs === null || winner(record) === record),
  )
  const last = meter.formula === 'last' ? effective.at(-1) : undefined
  let runningTotal = new Big(0)
  const lines = shown.map((record): ModelLine => {
    let code = 'counted'
    let by: string | null = null
    if (!isInside(record)) code = 'outside'
    else if (record.cancelled) code = 'cancelled'
    else if (!effective.includes(record)) [code, by] = ['overwritten', winner(record)!.identifier]
    else if (last && last !== record) [code, by] = ['not_last', last.identifier]
    const contribution = new Big(code !== 'counted' ? 0 : meter.formula === 'count' ? 1 : record.value!)
    runningTotal = runningTotal.plus(contribution)
    return {
      identifier: record.identifier,
      code,
      by,
      contribution: exact(contribution),
      runningTotal: exact(runningTotal),
    }
  })
  return { total: exact(runningTotal), lines }
}

function valueAt(payload: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.entries(payload).find(([name]) => name === key)?.[1]
}

function exact(value: Big): string {
  return value.toFixed().replace(/^-0$/, '0')
}
