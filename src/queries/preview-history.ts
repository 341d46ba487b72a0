/**
 * The real history of an event name under a meter that is not saved: its records, restored as they were sent, in the order
 * they were recorded. A history too long for one answer is read up to a record, and the totals are those of that moment.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { formulas } from '../domain/aggregation.js'
import { formatDecimal } from '../domain/decimal.js'
import { DomainError } from '../domain/errors.js'
import type { Meter } from '../domain/meter-catalogue.js'
import { restorePayload, TIMESTAMP_FUTURE_MAX_MS } from '../domain/meter-event.js'
import { Preview, type MeterPreview, type PreviewInterval } from '../domain/meter-preview.js'
import { bucketMs, bucketStart } from '../domain/time-bucket.js'
import { toMeter } from '../projections/meters.js'
import type { RowReader } from '../read-model/read-model.js'
import {
  MARK_EVENTS,
  usageMarks,
  type MeterRow,
  type RecordOutline,
  type UsageRecordRow,
} from '../read-model/tables.js'
import { CustomersOfSeries } from './customers-of-series.js'
import { withPayloads } from './record-payloads.js'
import { recordsBySequence, type RecordSource } from './records-by-sequence.js'
import { recordAt, UsageAt } from './usage-at.js'
import { customersOf, inBatches, readingLimit, seriesOfEach, type CustomerSeries } from './usage-of-customers.js'
import { fewSeriesOf, seriesGrouping } from './usage-series-of.js'

export interface PreviewedHistory extends PreviewInterval {
  readonly eventName: string
  /** As the previewed meter reads it; null: all of them. */
  readonly customer: string | null
}

export interface ReachedRecord {
  readonly meterId: string
  readonly identifier: string
  /** Milliseconds since the epoch. */
  readonly recordedAt: number
}

/** Records of a history one preview reads, and characters of the payloads that it keeps until it is done. */
export const PREVIEWED_RECORDS_MAX = 100_000
export const PREVIEWED_CHARACTERS_MAX = 32 * 1024 * 1024

/** @throws DomainError where no meter ever had the event name, or the saved meter has too much usage to be added up. */
export async function previewHistory(
  rows: RowReader,
  meter: Meter,
  history: PreviewedHistory,
  window: 'hour' | 'day' | null,
  saved: MeterRow | null,
  /** Those that have or had the event name. */
  named: readonly MeterRow[],
  signal: AbortSignal,
): Promise<{ preview: MeterPreview; saved: Map<string, string> | null; reached: ReachedRecord | null }> {
  const read = new Map(named.map((row) => [row.number, toMeter(row)]))
  if (read.size === 0) {
    throw new DomainError(
      'resource_missing',
      `No meter has or had the event name ${history.eventName}, so there is no history of it.`,
      'history[event_name]',
    )
  }
  const sources = await sourcesOf(rows, meter, history, read)
  const of: Reading = { rows, meter, history, read, sources, customers: new CustomersOfSeries(rows), signal }
  const whole = await readHistory(of, null)
  // Both sides are of the same moment: what was cancelled after it is read once more as it was then.
  const { preview, reached } = whole.isCancelledLater ? await readHistory(of, whole.reached) : whole
  return {
    preview: await finish(preview, history, window, signal),
    saved: saved && (await savedTotals(rows, saved, history, reached?.sequence ?? null, signal)),
    reached,
  }
}

async function finish(
  preview: Preview,
  history: PreviewedHistory,
  window: 'hour' | 'day' | null,
  signal: AbortSignal,
): Promise<MeterPreview> {
  const steps = preview.finishing(history, window)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    await nextTurn()
    signal.throwIfAborted()
  }
}

interface Reading {
  readonly rows: RowReader
  readonly meter: Meter
  readonly history: PreviewedHistory
  readonly read: ReadonlyMap<number, Meter>
  readonly sources: readonly RecordSource[]
  readonly customers: CustomersOfSeries
  readonly signal: AbortSignal
}

interface Reached extends ReachedRecord {
  readonly sequence: number
}

/** Records as they stood after `then`, the last one that is read; null: as they stand. */
async function readHistory(
  { rows, meter, history, read, sources, customers, signal }: Reading,
  then: Reached | null,
): Promise<{ preview: Preview; reached: Reached | null; isCancelledLater: boolean }> {
  const preview = new Preview(meter)
  const looked = lookedAt(meter, history)
  let count = 0
  let characters = 0
  let isCutOff = false
  let reached: Reached | null = null
  let lastCancelled = 0
  const isLookedAt = ({ occurredAt }: RecordOutline): boolean => occurredAt >= looked.start && occurredAt < looked.end
  const direction = {
    isBackwards: false,
    from: await firstSequence(rows, looked.start),
    onRead: (reads: readonly (readonly RecordOutline[])[]) => customers.lookUp(reads.flat().filter(isLookedAt)),
  }
  for await (const row of withPayloads(rows, recordsBySequence(rows, sources, direction))) {
    const recordedOn = read.get(row.meter) as Meter
    signal.throwIfAborted()
    isCutOff = count === PREVIEWED_RECORDS_MAX || characters >= PREVIEWED_CHARACTERS_MAX
    if (isCutOff) break
    count++
    reached = { sequence: row.sequence, meterId: recordedOn.id, identifier: row.identifier, recordedAt: row.recordedAt }
    if (!isLookedAt(row)) continue
    const payload = payloadOf(recordedOn, row, await customers.of(row.series))
    if (history.customer !== null && payload[meter.customerKey] !== history.customer) continue
    characters += row.payload?.length ?? 0
    lastCancelled = Math.max(lastCancelled, row.cancelledSequence ?? 0)
    preview.take({
      event: { eventName: meter.eventName, identifier: row.identifier, payload, timestamp: row.occurredAt },
      // Its time was accepted once; only what the configuration asks of the payload is judged anew.
      receivedAt: Math.max(row.recordedAt, row.occurredAt),
      earliest: row.occurredAt,
      cancelledAt: recordAt(row, then?.sequence ?? null)?.cancelledAt ?? null,
    })
  }
  if (!isCutOff) return { preview, reached: null, isCancelledLater: false }
  return { preview, reached, isCancelledLater: reached !== null && lastCancelled > reached.sequence }
}

/** Before it nothing can have happened in the interval: a record's time is at most 5 minutes after its receipt. */
async function firstSequence(rows: RowReader, start: number): Promise<number> {
  const [mark] = await rows.range(usageMarks, {
    index: 'latest',
    to: start - TIMESTAMP_FUTURE_MAX_MS,
    reverse: true,
    limit: 1,
  })
  return mark && mark.sequence % MARK_EVENTS === 0 ? mark.sequence + 1 : 0
}

/** The interval with the windows it cuts, as which record of a window counts is decided over all of it. */
function lookedAt({ eventTimeWindow: window }: Meter, { start, end }: PreviewInterval): PreviewInterval {
  if (window === null) return { start, end }
  return { start: bucketStart(window, start), end: bucketStart(window, end - 1) + bucketMs[window] }
}

/**
 * The records of one customer by its series, where the previewed meter finds the customer under the same key and they are not
 * too many.
 */
async function sourcesOf(
  rows: RowReader,
  meter: Meter,
  { customer }: PreviewedHistory,
  read: ReadonlyMap<number, Meter>,
): Promise<RecordSource[]> {
  const sources: RecordSource[] = []
  for (const [number, { customerKey }] of read) {
    const isBySeries = customer !== null && customerKey === meter.customerKey
    const series = isBySeries ? await fewSeriesOf(rows, number, customer) : null
    if (series === null) sources.push({ of: 'meter', key: number })
    else for (const key of series) sources.push({ of: 'series', key })
  }
  return sources
}

function payloadOf(meter: Meter, row: UsageRecordRow, customer: string): Record<string, string> {
  const { identifier, value, occurredAt, recordedAt } = row
  const payload = row.payload === null ? {} : (JSON.parse(row.payload) as Record<string, string>)
  return restorePayload(meter, { meterId: meter.id, identifier, customer, value, occurredAt, recordedAt, payload })
}

/** What the saved meter's summaries say of the interval, by customer; customers without usage are left out. */
async function savedTotals(
  rows: RowReader,
  saved: MeterRow,
  { customer, start, end }: PreviewedHistory,
  sequence: number | null,
  signal: AbortSignal,
): Promise<Map<string, string>> {
  const meter = toMeter(saved)
  const formula = formulas[meter.formula]
  const usage = new UsageAt(rows, meter, sequence)
  const withinLimit = readingLimit(usage, signal, { param: 'history[end_time]' })
  const grouping = seriesGrouping(meter, { filters: {}, groupBy: [] })
  const totals = new Map<string, string>()
  for await (const batch of inBatches(customersOf(rows, saved.number, { customer }, grouping))) {
    const customers = batch.values()
    for await (const { state, records } of usage.wholeOfEach(seriesOfEach(batch), start, end)) {
      withinLimit()
      const { customer: each } = customers.next().value as CustomerSeries
      if (records > 0) totals.set(each, formatDecimal(formula.value(state)))
    }
  }
  return totals
}
