/**
 * Usage records of a ledger, in the order they were recorded, newest first: what Stripe has no endpoint for.
 *
 * The rows of each meter (block by block) or of each series (by index, where a customer is asked for) are walked and merged,
 * so a page costs about what it shows; only filters on time and status pass over rows.
 */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import { formatDecimal } from '../domain/decimal.js'
import { DomainError } from '../domain/errors.js'
import type { LedgerName } from '../domain/ledger.js'
import { METERS_MAX, type Meter } from '../domain/meter-catalogue.js'
import type { RecordFate } from '../domain/record-fate.js'
import { toMeter } from '../projections/meters.js'
import type { RowReader } from '../read-model/read-model.js'
import { meters, usageRecords, usageSeries, type MeterRow, type UsageRecordRow } from '../read-model/tables.js'
import type { AsOf, AsOfRequest } from './as-of.js'
import { CustomersOfSeries } from './customers-of-series.js'
import { judgeInDays, type Judged } from './judged-records.js'
import { meterAsOf } from './meter-as-of.js'
import { toPage, unknownCursor, type Page, type PageRequest } from './page.js'
import { recordsBySequence, type RecordSource } from './records-by-sequence.js'
import { LongReadTurns } from './read-turns.js'
import { Reader, requireMeter, type Answer, type QueryContext } from './reader.js'
import { recordAt } from './usage-at.js'
import { parseRecordId, viewRecords, type UsageRecordView } from './usage-record-view.js'
import { fewSeriesOf } from './usage-series-of.js'

/** Bounds are inclusive where `from`, exclusive where `to`; milliseconds since the epoch; null: none. */
export interface TimeFilter {
  readonly from: number | null
  readonly to: number | null
}

export interface UsageRecordFilter {
  readonly meterId: string | null
  readonly eventName: string | null
  readonly customer: string | null
  readonly identifier: string | null
  readonly status: UsageRecordView['status'] | null
  readonly occurred: TimeFilter
  readonly recorded: TimeFilter
}

export interface ListedUsageRecord extends UsageRecordView {
  /** What became of it in the number of its own UTC day, customer and dimensions; null where that was not asked for. */
  readonly judgement: {
    readonly fate: RecordFate
    /** Exact decimal text; 0 where it does not count. */
    readonly contribution: string
  } | null
}

export class ListUsageRecords extends Query<Answer<Page<ListedUsageRecord>>> {
  constructor(
    readonly context: QueryContext,
    readonly filter: UsageRecordFilter,
    readonly page: PageRequest,
    /** null: as they stand. */
    readonly asOf: AsOfRequest | null = null,
    readonly withFate = false,
  ) {
    super()
  }
}

interface Selection extends UsageRecordFilter {
  /** As records stood after this usage event; null: as they stand. */
  readonly sequence: number | null
}

/** Rows a list may pass over for one page before it asks for a narrower filter. */
export const SCANNED_ROWS_MAX = 2_000_000

@QueryHandler(ListUsageRecords)
export class ListUsageRecordsHandler implements IQueryHandler<ListUsageRecords> {
  constructor(
    private readonly reader: Reader,
    private readonly turns: LongReadTurns,
  ) {}

  /** @throws DomainError for an unknown meter or cursor, or a filter that finds too little in too much; Overloaded. */
  async execute(query: ListUsageRecords): Promise<Answer<Page<ListedUsageRecord>>> {
    const { context, filter, asOf } = query
    const then = await this.reader.momentOf(context, asOf)
    if (filter.meterId !== null) await meterAsOf(this.reader, context.ledger, filter.meterId, then, 'meter')
    const projection = query.withFate ? 'usage-cells' : 'usage-index'
    const turns = then !== null || mayReadFar(filter) ? this.turns : null
    return this.reader.readAsOf(context, projection, then, (rows) => list(rows, query, then), turns)
  }
}

async function list(
  rows: RowReader,
  { context, filter, page, withFate }: ListUsageRecords,
  then: AsOf | null,
): Promise<Page<ListedUsageRecord>> {
  const selection = { ...filter, sequence: then?.sequence ?? null }
  const candidates = await meterRows(rows, context.ledger, filter)
  const cursor = await cursorSequence(rows, context.ledger, page, selection)
  const found =
    filter.identifier === null
      ? await walk(rows, await sourcesOf(rows, candidates, filter), selection, page, cursor, context.signal)
      : await byIdentifier(rows, candidates, selection, page, cursor)
  const metersByNumber = new Map(candidates.map((row) => [row.number, toMeter(row)]))
  const listed = toPage(page, found)
  const views = await viewRecords(rows, listed.items, metersByNumber)
  const judgements = withFate ? await judgementsOf(rows, listed.items, metersByNumber, selection.sequence) : null
  return {
    items: views.map((record, index) => ({ ...record, judgement: judgements?.[index] ?? null })),
    hasMore: listed.hasMore,
  }
}

/** Whether rows may be passed over that do not match, or very many series walked beside each other. */
function mayReadFar({ identifier, customer, status, occurred, recorded }: UsageRecordFilter): boolean {
  if (identifier !== null) return false
  return customer !== null || status !== null || isBounded(occurred) || isBounded(recorded)
}

function isBounded({ from, to }: TimeFilter): boolean {
  return from !== null || to !== null
}

/** In the order of the records. */
async function judgementsOf(
  rows: RowReader,
  records: readonly UsageRecordRow[],
  metersByNumber: ReadonlyMap<number, Meter>,
  sequence: number | null,
): Promise<ListedUsageRecord['judgement'][]> {
  const judged = new Map<UsageRecordRow, Judged>()
  for (const [number, meter] of metersByNumber) {
    const ofMeter = records.filter((record) => record.meter === number)
    for (const each of await judgeInDays(rows, meter, sequence, ofMeter)) judged.set(each.row, each)
  }
  return records.map((record) => {
    const { fate, contribution } = judged.get(record) as Judged
    return { fate, contribution: formatDecimal(contribution) }
  })
}

async function meterRows(rows: RowReader, ledger: LedgerName, filter: UsageRecordFilter): Promise<MeterRow[]> {
  const found =
    filter.meterId === null
      ? await rows.range(meters, { index: 'ledger', prefix: [ledger], limit: METERS_MAX })
      : [await requireMeter(rows, ledger, filter.meterId, 'meter')]
  return found.filter(({ eventName }) => filter.eventName === null || eventName === filter.eventName)
}

async function byIdentifier(
  rows: RowReader,
  candidates: readonly MeterRow[],
  filter: Selection,
  page: PageRequest,
  cursor: number | null,
): Promise<UsageRecordRow[]> {
  const found = await rows.get(
    usageRecords,
    candidates.map(({ number }) => [number, filter.identifier]),
    'identifier',
  )
  const customers = await rows.get(
    usageSeries,
    found.map((row) => [row?.series ?? 0]),
  )
  const forwards = page.endingBefore === null
  return found
    .filter((row, index) => row && (filter.customer === null || customers[index]?.customer === filter.customer))
    .flatMap((row) => (row && recordAt(row, filter.sequence)) ?? [])
    .filter((row) => matches(row, filter))
    .filter(({ sequence }) => cursor === null || (forwards ? sequence < cursor : sequence > cursor))
    .sort((left, right) => (forwards ? right.sequence - left.sequence : left.sequence - right.sequence))
    .slice(0, page.limit + 1)
}

/** Of a customer whose series on a meter are too many to be walked beside each other, the records of the meter. */
async function sourcesOf(
  rows: RowReader,
  candidates: readonly MeterRow[],
  { customer }: UsageRecordFilter,
): Promise<RecordSource[]> {
  const sources: RecordSource[] = []
  for (const { number } of candidates) {
    const series = customer === null ? null : await fewSeriesOf(rows, number, customer)
    if (series === null) sources.push({ of: 'meter', key: number })
    else for (const key of series) sources.push({ of: 'series', key })
  }
  return sources
}

/** Until one more than a page is found. */
async function walk(
  rows: RowReader,
  sources: readonly RecordSource[],
  selection: Selection,
  page: PageRequest,
  cursor: number | null,
  signal: AbortSignal,
): Promise<UsageRecordRow[]> {
  const { sequence, status, customer } = selection
  const customers = new CustomersOfSeries(rows)
  // A list begins with what was recorded last.
  const isBackwards = page.endingBefore === null
  const newest = sequence === null ? Number.MAX_SAFE_INTEGER : sequence + 1
  const from = cursor === null ? newest : isBackwards ? cursor : cursor + 1
  // What is cancelled now may not have been then.
  const where = status === 'recorded' && sequence === null ? { cancelledAt: null } : {}
  let scanned = 0
  const onRead = async (reads: readonly (readonly UsageRecordRow[])[]): Promise<void> => {
    signal.throwIfAborted()
    for (const read of reads) scanned += 1 + read.length
    if (scanned > SCANNED_ROWS_MAX) {
      throw new DomainError(
        'parameter_invalid',
        'Too few of too many records match. Name a meter or customer, or a shorter time.',
      )
    }
    if (customer !== null) await customers.lookUp(reads.flat())
  }
  const found: UsageRecordRow[] = []
  for await (const row of recordsBySequence(rows, sources, { isBackwards, from, where, onRead })) {
    const then = recordAt(row, sequence)
    // Going on, all that follows was recorded later still.
    if (!then) return found
    if (!matches(then, selection)) continue
    if (customer === null || (await customers.of(then.series)) === customer) found.push(then)
    if (found.length > page.limit) return found
  }
  return found
}

function matches(row: UsageRecordRow, { status, occurred, recorded }: UsageRecordFilter): boolean {
  if (status !== null && (row.cancelledAt === null ? 'recorded' : 'cancelled') !== status) return false
  return isWithin(row.occurredAt, occurred) && isWithin(row.recordedAt, recorded)
}

function isWithin(instant: number, { from, to }: TimeFilter): boolean {
  return (from === null || instant >= from) && (to === null || instant < to)
}

async function cursorSequence(
  rows: RowReader,
  ledger: LedgerName,
  page: PageRequest,
  { sequence }: Selection,
): Promise<number | null> {
  const id = page.startingAfter ?? page.endingBefore
  if (id === null) return null
  const parsed = parseRecordId(id)
  if (!parsed) return unknownCursor(page)
  const [meter] = await rows.get(meters, [[parsed.meterId]], 'meterId')
  if (meter?.ledger !== ledger) return unknownCursor(page)
  const [row] = await rows.get(usageRecords, [[meter.number, parsed.identifier]], 'identifier')
  return row && recordAt(row, sequence) ? row.sequence : unknownCursor(page)
}
