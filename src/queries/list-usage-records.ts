/**
 * Usage records of a ledger, in the order they were recorded, newest first: what Stripe has no endpoint for.
 *
 * The rows of each meter (block by block) or of each series (by index, where a customer is asked for) are walked and merged,
 * so a page costs about what it shows; only filters on time and status pass over rows.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import { DomainError } from '../domain/errors.js'
import type { LedgerName } from '../domain/ledger.js'
import { METERS_MAX } from '../domain/meter-catalogue.js'
import { toMeter } from '../projections/meters.js'
import type { RowReader } from '../read-model/read-model.js'
import {
  BLOCK_RECORDS,
  meters,
  usageBlocks,
  usageRecords,
  usageSeries,
  type MeterRow,
  type UsageRecordRow,
} from '../read-model/tables.js'
import type { AsOfRequest } from './as-of.js'
import { meterAsOf } from './meter-as-of.js'
import { toPage, unknownCursor, type Page, type PageRequest } from './page.js'
import { Reader, requireMeter, type Answer, type QueryContext } from './reader.js'
import { recordAt } from './usage-at.js'
import { parseRecordId, viewRecords, type UsageRecordView } from './usage-record-view.js'
import { SERIES_MAX } from './usage-series-of.js'

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

export class ListUsageRecords extends Query<Answer<Page<UsageRecordView>>> {
  constructor(
    readonly context: QueryContext,
    readonly filter: UsageRecordFilter,
    readonly page: PageRequest,
    /** null: as they stand. */
    readonly asOf: AsOfRequest | null = null,
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
/** Rows read from one source at a time, with one source and with many. */
const ROWS_PER_READ = 256
const ROWS_PER_READ_OF_MANY = 16

interface Source {
  readonly of: 'meter' | 'series'
  readonly key: number
  buffer: UsageRecordRow[]
  /** Where the next read goes on; null at the end. */
  next: number | null
}

@QueryHandler(ListUsageRecords)
export class ListUsageRecordsHandler implements IQueryHandler<ListUsageRecords> {
  constructor(private readonly reader: Reader) {}

  /** @throws DomainError for an unknown meter or cursor, or a filter that finds too little in too much. */
  async execute({ context, filter, page, asOf }: ListUsageRecords): Promise<Answer<Page<UsageRecordView>>> {
    return this.reader.readAsOf(context, 'usage-index', asOf, async (rows, then) => {
      const selection = { ...filter, sequence: then?.sequence ?? null }
      const candidates = await meterRows(rows, context.ledger, filter)
      for (const row of filter.meterId === null ? [] : candidates) {
        await meterAsOf(rows, this.reader.store, row, then, 'meter')
      }
      const cursor = await cursorSequence(rows, context.ledger, page, selection)
      const found =
        filter.identifier === null
          ? await walk(rows, await sourcesOf(rows, candidates, filter), selection, page, cursor)
          : await byIdentifier(rows, candidates, selection, page, cursor)
      const metersByNumber = new Map(candidates.map((row) => [row.number, toMeter(row)]))
      return toPage(page, await viewRecords(rows, found, metersByNumber))
    })
  }
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

async function sourcesOf(
  rows: RowReader,
  candidates: readonly MeterRow[],
  { customer }: UsageRecordFilter,
): Promise<Omit<Source, 'buffer' | 'next'>[]> {
  if (customer === null) return candidates.map(({ number }) => ({ of: 'meter', key: number }))
  const sources: Omit<Source, 'buffer' | 'next'>[] = []
  for (const { number } of candidates) {
    const series = await rows.range(usageSeries, {
      index: 'combination',
      prefix: [number, customer],
      limit: SERIES_MAX,
    })
    for (const row of series) sources.push({ of: 'series', key: row.series })
  }
  return sources
}

/** Merges the sources by sequence until one more than a page is found. */
async function walk(
  rows: RowReader,
  keys: readonly Omit<Source, 'buffer' | 'next'>[],
  filter: Selection,
  page: PageRequest,
  cursor: number | null,
): Promise<UsageRecordRow[]> {
  const forwards = page.endingBefore === null
  const newest = filter.sequence === null ? Number.MAX_SAFE_INTEGER : filter.sequence + 1
  const start = cursor === null ? newest : forwards ? cursor : cursor + 1
  const sources: Source[] = keys.map((key) => ({ ...key, buffer: [], next: start }))
  const size = sources.length === 1 ? ROWS_PER_READ : ROWS_PER_READ_OF_MANY
  const found: UsageRecordRow[] = []
  let scanned = 0
  for (;;) {
    let first: Source | null = null
    for (const source of sources) {
      // A block may have nothing left that is wanted.
      while (source.buffer.length === 0 && source.next !== null) {
        scanned += 1 + (await refill(rows, source, filter, forwards, size))
        requireFewScanned(scanned)
      }
      const [row] = source.buffer
      const [best] = first?.buffer ?? []
      if (row && (!best || (forwards ? row.sequence > best.sequence : row.sequence < best.sequence))) first = source
    }
    const row = first?.buffer.shift()
    if (!row) return found
    if (matches(row, filter)) found.push(row)
    if (found.length > page.limit) return found
  }
}

function requireFewScanned(scanned: number): void {
  if (scanned <= SCANNED_ROWS_MAX) return
  throw new DomainError(
    'parameter_invalid',
    'Too few of too many records match. Name a meter or customer, or a shorter time.',
  )
}

async function refill(
  rows: RowReader,
  source: Source,
  { status, sequence }: Selection,
  forwards: boolean,
  size: number,
): Promise<number> {
  // Long walks let other requests in between.
  await nextTurn()
  const from = source.next as number
  // What is cancelled now may not have been then.
  const where = status === 'recorded' && sequence === null ? { cancelledAt: null } : {}
  const read = source.of === 'meter' ? refillFromBlock : refillFromIndex
  source.next = await read(rows, source, from, where, forwards, size)
  const { length } = source.buffer
  if (sequence === null) return length
  source.buffer = source.buffer.flatMap((row) => recordAt(row, sequence) ?? [])
  if (!forwards && source.next !== null && source.next > sequence) source.next = null
  return length
}

type Refill = (
  rows: RowReader,
  source: Source,
  from: number,
  status: Partial<UsageRecordRow>,
  forwards: boolean,
  size: number,
) => Promise<number | null>

const refillFromIndex: Refill = async (rows, source, from, status, forwards, size) => {
  source.buffer = await rows.range(usageRecords, {
    index: 'series',
    prefix: [source.key],
    ...(forwards ? { to: from } : { from }),
    where: status,
    reverse: forwards,
    limit: size,
  })
  return source.buffer.length < size ? null : after(source.buffer, forwards)
}

/** The meter's records of the next block that has any. */
const refillFromBlock: Refill = async (rows, source, from, status, forwards, size) => {
  const start = blockOf(forwards ? from - 1 : from)
  const [row] = await rows.range(usageBlocks, {
    prefix: [source.key],
    ...(forwards ? { to: start + 1 } : { from: start }),
    reverse: forwards,
    limit: 1,
  })
  if (!row) return null
  const first = row.block * BLOCK_RECORDS
  source.buffer = await rows.range(usageRecords, {
    from: forwards ? first : Math.max(from, first),
    to: forwards ? Math.min(from, first + BLOCK_RECORDS) : first + BLOCK_RECORDS,
    where: { meter: source.key, ...status },
    reverse: forwards,
    limit: size,
  })
  if (source.buffer.length === size) return after(source.buffer, forwards)
  return forwards ? first : first + BLOCK_RECORDS
}

/** Where to go on after these rows: exclusive going back, inclusive going on. */
function after(buffer: readonly UsageRecordRow[], forwards: boolean): number | null {
  const last = buffer.at(-1)
  if (!last) return null
  return forwards ? last.sequence : last.sequence + 1
}

function blockOf(sequence: number): number {
  return Math.floor(sequence / BLOCK_RECORDS)
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
