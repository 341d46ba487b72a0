/**
 * Usage records of a ledger, in the order they were recorded, newest first: what Stripe has no endpoint for.
 *
 * The rows of each meter (block by block) or of each series (by index, where a customer is asked for) are walked and merged,
 * so a page costs about what it shows; only filters on time and status pass over rows.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import { formatDecimal } from '../domain/decimal.js'
import { DomainError } from '../domain/errors.js'
import type { LedgerName } from '../domain/ledger.js'
import { METERS_MAX, type Meter } from '../domain/meter-catalogue.js'
import type { RecordFate } from '../domain/record-fate.js'
import { toMeter } from '../projections/meters.js'
import type { RowReader } from '../read-model/read-model.js'
import { meters, recordOutlines, usageRecords, type RecordOutline } from '../read-model/tables.js'
import type { AsOf, AsOfRequest } from './as-of.js'
import { CustomersOfSeries } from './customers-of-series.js'
import { judgeInDays, type Judged } from './judged-records.js'
import { meterAsOf } from './meter-as-of.js'
import { toPage, unknownCursor, type Page, type PageRequest } from './page.js'
import { recordsBySequence, type RecordSource } from './records-by-sequence.js'
import { LongPageTurns, LongReadTurns, SHORT_PAGE_ITEMS_MAX } from './read-turns.js'
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

/** Meters on which an identifier is looked for, before other requests are let in. */
const METERS_PER_LOOKUP = 256
/** Rows a list may pass over for one page before it asks for a narrower filter. */
export const SCANNED_ROWS_MAX = 2_000_000

@QueryHandler(ListUsageRecords)
export class ListUsageRecordsHandler implements IQueryHandler<ListUsageRecords> {
  constructor(
    private readonly reader: Reader,
    private readonly turns: LongReadTurns,
    private readonly pageTurns: LongPageTurns,
  ) {}

  /** @throws DomainError for an unknown meter or cursor, or a filter that finds too little in too much; Overloaded. */
  async execute(query: ListUsageRecords): Promise<Answer<Page<ListedUsageRecord>>> {
    const { context, filter, asOf } = query
    const then = await this.reader.momentOf(context, asOf)
    if (filter.meterId !== null) await meterAsOf(this.reader, context.ledger, filter.meterId, then, 'meter')
    const projection = query.withFate ? 'usage-cells' : 'usage-index'
    const pageTurns = query.page.limit > SHORT_PAGE_ITEMS_MAX ? this.pageTurns : null
    const turns = then !== null || mayReadFar(filter) ? this.turns : pageTurns
    return this.reader.readAsOf(context, projection, then, (rows) => list(rows, query, then), turns)
  }
}

async function list(
  rows: RowReader,
  { context, filter, page, withFate }: ListUsageRecords,
  then: AsOf | null,
): Promise<Page<ListedUsageRecord>> {
  const selection = { ...filter, sequence: then?.sequence ?? null }
  const candidates = await meterNumbers(rows, context.ledger, filter)
  const cursor = await cursorSequence(rows, context.ledger, page, selection)
  const found =
    filter.identifier === null
      ? await walk(rows, await sourcesOf(rows, candidates, filter), selection, page, cursor, context.signal)
      : await byIdentifier(rows, candidates, selection, page, cursor)
  const listed = toPage(page, found)
  const metersByNumber = await metersOf(rows, listed.items)
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
  records: readonly RecordOutline[],
  metersByNumber: ReadonlyMap<number, Meter>,
  sequence: number | null,
): Promise<ListedUsageRecord['judgement'][]> {
  const judged = new Map<RecordOutline, Judged>()
  for (const [number, meter] of metersByNumber) {
    const ofMeter = records.filter((record) => record.meter === number)
    for (const each of await judgeInDays(rows, meter, sequence, ofMeter)) judged.set(each.row, each)
  }
  return records.map((record) => {
    const { fate, contribution } = judged.get(record) as Judged
    return { fate, contribution: formatDecimal(contribution) }
  })
}

/** Their numbers alone: a ledger may have very many meters. */
async function meterNumbers(
  rows: RowReader,
  ledger: LedgerName,
  { meterId, eventName }: UsageRecordFilter,
): Promise<number[]> {
  if (meterId !== null) {
    const meter = await requireMeter(rows, ledger, meterId, 'meter')
    return eventName === null || eventName === meter.eventName ? [meter.number] : []
  }
  const where = eventName === null ? {} : { where: { eventName } }
  const found = await rows.values(meters, ['number'], {
    index: 'ledger',
    prefix: [ledger],
    ...where,
    limit: METERS_MAX,
  })
  return found.map(([number]) => number as number)
}

/** Those that the records are of, by their numbers. */
async function metersOf(rows: RowReader, records: readonly RecordOutline[]): Promise<Map<number, Meter>> {
  const numbers = [...new Set(records.map(({ meter }) => meter))]
  const found = await rows.get(
    meters,
    numbers.map((number) => [number]),
  )
  return new Map(found.flatMap((row) => (row ? [[row.number, toMeter(row)]] : [])))
}

async function byIdentifier(
  rows: RowReader,
  candidates: readonly number[],
  filter: Selection,
  page: PageRequest,
  cursor: number | null,
): Promise<RecordOutline[]> {
  const found: RecordOutline[] = []
  for (let from = 0; from < candidates.length; from += METERS_PER_LOOKUP) {
    await nextTurn()
    const some = candidates.slice(from, from + METERS_PER_LOOKUP)
    const keys = some.map((number) => [number, filter.identifier])
    for (const row of await rows.get(recordOutlines, keys, 'identifier')) if (row) found.push(row)
  }
  const customers = new CustomersOfSeries(rows)
  if (filter.customer !== null) await customers.lookUp(found)
  const ofCustomer: RecordOutline[] = []
  for (const row of found) {
    if (filter.customer === null || (await customers.of(row.series)) === filter.customer) ofCustomer.push(row)
  }
  const forwards = page.endingBefore === null
  return ofCustomer
    .flatMap((row) => recordAt(row, filter.sequence) ?? [])
    .filter((row) => matches(row, filter))
    .filter(({ sequence }) => cursor === null || (forwards ? sequence < cursor : sequence > cursor))
    .sort((left, right) => (forwards ? right.sequence - left.sequence : left.sequence - right.sequence))
    .slice(0, page.limit + 1)
}

/** Of a customer whose series on a meter are too many to be walked beside each other, the records of the meter. */
async function sourcesOf(
  rows: RowReader,
  candidates: readonly number[],
  { customer }: UsageRecordFilter,
): Promise<RecordSource[]> {
  const sources: RecordSource[] = []
  for (const number of candidates) {
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
): Promise<RecordOutline[]> {
  const { sequence, status, customer } = selection
  const customers = new CustomersOfSeries(rows)
  // A list begins with what was recorded last.
  const isBackwards = page.endingBefore === null
  const newest = sequence === null ? Number.MAX_SAFE_INTEGER : sequence + 1
  const from = cursor === null ? newest : isBackwards ? cursor : cursor + 1
  // What is cancelled now may not have been then.
  const where = status === 'recorded' && sequence === null ? { cancelledAt: null } : {}
  let scanned = 0
  const onRead = async (reads: readonly (readonly RecordOutline[])[]): Promise<void> => {
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
  const found: RecordOutline[] = []
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

function matches(row: RecordOutline, { status, occurred, recorded }: UsageRecordFilter): boolean {
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
