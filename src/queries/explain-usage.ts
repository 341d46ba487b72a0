/**
 * Why a summary is the number it is: the number, and page by page every record that was looked at with what became of it.
 * Contributions add up to the summary by hand; the running total before a page comes from cells, so any page costs the same.
 */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import { formulas, shareOf } from '../domain/aggregation.js'
import { formatDecimal, type Decimal } from '../domain/decimal.js'
import { DomainError } from '../domain/errors.js'
import type { Meter } from '../domain/meter-catalogue.js'
import type { RecordFate } from '../domain/record-fate.js'
import { bucketMs, bucketStart } from '../domain/time-bucket.js'
import { toMeter } from '../projections/meters.js'
import type { RowReader } from '../read-model/read-model.js'
import { usageRecords, type RecordOutline } from '../read-model/tables.js'
import { requireInterval, summary, type MeterEventSummary, type SummaryRequest } from './get-meter-event-summaries.js'
import type { AsOfRequest } from './as-of.js'
import { judge, type Judged, type Whole } from './judged-records.js'
import { meterAsOf } from './meter-as-of.js'
import { toPage, unknownCursor, type Page, type PageRequest } from './page.js'
import { LongReadTurns } from './read-turns.js'
import { Reader, requireMeter, type Answer, type QueryContext } from './reader.js'
import { recordsInOrder, type Place } from './records-in-order.js'
import { rejectionsOfUsage, storedUntil, type RejectedUsage } from './rejections-of-usage.js'
import { parseRecordId, viewRecords, type UsageRecordView } from './usage-record-view.js'
import { seriesGroups, SERIES_WALKED_MAX, type SeriesGroup } from './usage-series-of.js'
import { UsageAt } from './usage-at.js'

export type ExplanationRequest = Pick<SummaryRequest, 'meterId' | 'customer' | 'start' | 'end' | 'filters'>

export interface ExplainedRecord {
  readonly record: UsageRecordView
  readonly fate: RecordFate
  /** Exact decimal text; 0 where it does not count. */
  readonly contribution: string
  /** The contributions up to and with this record. */
  readonly runningTotal: string
}

export interface Explanation {
  /** Its configuration never changes, so it is the one that applied. */
  readonly meter: Meter
  readonly summary: MeterEventSummary
  readonly records: Page<ExplainedRecord>
  readonly rejections: RejectedUsage
}

export class ExplainUsage extends Query<Answer<Explanation>> {
  constructor(
    readonly context: QueryContext,
    readonly request: ExplanationRequest,
    readonly page: PageRequest,
    /** Reads the timestamp of a rejected event as it was sent; null for text that is none. */
    readonly readTimestamp: (text: string) => number | null,
    /** null: as it stands. */
    readonly asOf: AsOfRequest | null = null,
  ) {
    super()
  }
}

/** Records of the minute before a page that are judged at a time. */
const JUDGED_AT_ONCE = 500

@QueryHandler(ExplainUsage)
export class ExplainUsageHandler implements IQueryHandler<ExplainUsage> {
  constructor(
    private readonly reader: Reader,
    private readonly turns: LongReadTurns,
  ) {}

  /**
   * @throws DomainError for misaligned bounds, an unknown meter, dimension or cursor, and too many dimension combinations;
   * Overloaded.
   */
  async execute({ context, request, page, readTimestamp, asOf }: ExplainUsage): Promise<Answer<Explanation>> {
    const summaryRequest: SummaryRequest = { ...request, window: null, groupBy: [] }
    requireInterval(summaryRequest)
    const { ledger, signal } = context
    const then = await this.reader.momentOf(context, asOf)
    const meterThen = await meterAsOf(this.reader, ledger, request.meterId, then)
    const rejectedUntil = then && (await storedUntil(this.reader, ledger, then))
    const read = async (rows: RowReader): Promise<Explanation> => {
      const meterRow = await requireMeter(rows, ledger, request.meterId)
      const meter = meterThen ?? toMeter(meterRow)
      const usage = new UsageAt(rows, meter, then?.sequence ?? null)
      const { start, end, customer } = request
      const [group] = await seriesGroups(rows, meterRow.number, meter, customer, summaryRequest, usage.sequence)
      const { series } = group as SeriesGroup
      requireFewSeries(series)
      const formula = formulas[meter.formula]
      const state = await usage.state(series, start, end)
      signal.throwIfAborted()
      const whole: Whole = { usage, meter, start, end, state }
      const found = await readPage(rows, meterRow.number, whole, series, page)
      const explained = await explain(rows, whole, series, found.items, signal)
      const views = await viewRecords(rows, found.items, new Map([[meterRow.number, meter]]))
      return {
        meter,
        summary: summary(summaryRequest, start, end, group as SeriesGroup, formula, state),
        records: {
          items: explained.map((each, index) => ({ ...each, record: views[index] as UsageRecordView })),
          hasMore: found.hasMore,
        },
        rejections: await rejectionsOfUsage(rows, ledger, meter, request, readTimestamp, rejectedUntil),
      }
    }
    return this.reader.readAsOf(context, 'usage-cells', then, read, this.turns)
  }
}

function requireFewSeries({ length }: readonly number[]): void {
  if (length <= SERIES_WALKED_MAX) return
  throw new DomainError(
    'parameter_invalid',
    `The customer has ${length} combinations of dimensions on this meter. At most ${SERIES_WALKED_MAX} are explained together: choose some with dimension_filters.`,
    'dimension_filters',
  )
}

/** The interval with the windows it cuts: which record of those counts is decided outside of it too. */
function lookedAt({ meter, start, end }: Whole): { readonly start: number; readonly end: number } {
  const window = meter.eventTimeWindow
  if (window === null) return { start, end }
  return { start: bucketStart(window, start), end: bucketStart(window, end - 1) + bucketMs[window] }
}

async function readPage(
  rows: RowReader,
  meterNumber: number,
  whole: Whole,
  series: readonly number[],
  page: PageRequest,
): Promise<Page<RecordOutline>> {
  const span = lookedAt(whole)
  const stretch = {
    ...span,
    beyond: await cursorPlace(rows, meterNumber, whole, series, page),
    reverse: page.endingBefore !== null,
  }
  const found: RecordOutline[] = []
  for await (const row of recordsInOrder(rows, whole.usage, series, stretch)) {
    found.push(row)
    if (found.length > page.limit) break
  }
  return toPage(page, found)
}

async function cursorPlace(
  rows: RowReader,
  meterNumber: number,
  whole: Whole,
  series: readonly number[],
  page: PageRequest,
): Promise<Place | null> {
  const id = page.startingAfter ?? page.endingBefore
  if (id === null) return null
  const parsed = parseRecordId(id)
  if (parsed?.meterId !== whole.meter.id) return unknownCursor(page)
  const [row] = await rows.get(usageRecords, [[meterNumber, parsed.identifier]], 'identifier')
  const { start, end } = lookedAt(whole)
  if (
    !row ||
    !whole.usage.record(row) ||
    !series.includes(row.series) ||
    row.occurredAt < start ||
    row.occurredAt >= end
  ) {
    return unknownCursor(page)
  }
  return row
}

async function explain(
  rows: RowReader,
  whole: Whole,
  series: readonly number[],
  records: readonly RecordOutline[],
  signal: AbortSignal,
): Promise<Omit<ExplainedRecord, 'record'>[]> {
  const [first] = records
  if (!first) return []
  let runningTotal = await totalBefore(rows, whole, series, first, signal)
  return (await judge(rows, whole, records)).map(({ fate, contribution }) => {
    runningTotal += contribution
    return { fate, contribution: formatDecimal(contribution), runningTotal: formatDecimal(runningTotal) }
  })
}

/** What everything before a record contributed: cells up to its minute, then the records of that minute one by one. */
async function totalBefore(
  rows: RowReader,
  whole: Whole,
  series: readonly number[],
  record: RecordOutline,
  signal: AbortSignal,
): Promise<Decimal> {
  const { usage, start, end, state, meter } = whole
  const formula = formulas[meter.formula]
  if (record.occurredAt < start) return 0n
  if (record.occurredAt >= end) return formula.value(state)
  const minute = bucketStart('minute', record.occurredAt)
  let total = start < minute ? shareOf(formula, state, await usage.state(series, start, minute)) : 0n
  const stretch = { start: minute, end: record.occurredAt + 1, beyond: record, reverse: true }
  let earlier: RecordOutline[] = []
  for await (const row of recordsInOrder(rows, whole.usage, series, stretch)) {
    earlier.push(row)
    if (earlier.length < JUDGED_AT_ONCE) continue
    signal.throwIfAborted()
    total += sumOf(await judge(rows, whole, earlier))
    earlier = []
  }
  return total + sumOf(await judge(rows, whole, earlier))
}

function sumOf(judged: readonly Judged[]): Decimal {
  return judged.reduce((sum, { contribution }) => sum + contribution, 0n)
}
