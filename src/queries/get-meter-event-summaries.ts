/**
 * Usage of one customer on one meter over `[start, end)`: as a whole, or by hour or day, newest first. Empty windows and groups
 * are left out; the whole is one summary even when it is 0. Design §6.
 */
import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import { formulas, type Formula } from '../domain/aggregation.js'
import { formatDecimal } from '../domain/decimal.js'
import { DomainError } from '../domain/errors.js'
import type { Meter } from '../domain/meter-catalogue.js'
import { bucketMs, DAY_MS, isAligned, type BucketSize } from '../domain/time-bucket.js'
import { toMeter } from '../projections/meters.js'
import type { RowReader } from '../read-model/read-model.js'
import { meterAsOf } from './meter-as-of.js'
import { toPage, unknownCursor, type Page, type PageRequest } from './page.js'
import { LongReadTurns } from './read-turns.js'
import { Reader, requireMeter, type Answer, type QueryContext } from './reader.js'
import type { AsOf, AsOfRequest } from './as-of.js'
import { PendingUsage, type CurrentUsage } from './pending-usage.js'
import { UsageAt, type Bucket } from './usage-at.js'
import { readingLimit } from './usage-of-customers.js'
import { ManySeries, seriesGroups, type DimensionRequest, type SeriesGroup } from './usage-series-of.js'

export interface MeterEventSummary {
  /** Made of what it is a summary of, so it is the same whenever it is asked for. */
  readonly id: string
  /** Milliseconds since the epoch; end exclusive. */
  readonly start: number
  readonly end: number
  /** Exact decimal text. */
  readonly value: string
  readonly dimensions: Readonly<Record<string, string>> | null
}

export interface SummaryRequest extends DimensionRequest {
  readonly meterId: string
  readonly customer: string
  readonly start: number
  readonly end: number
  readonly window: 'hour' | 'day' | null
}

export interface MeterEventSummaries extends Page<MeterEventSummary> {
  readonly meter: Meter
}

export class GetMeterEventSummaries extends Query<Answer<MeterEventSummaries>> {
  constructor(
    readonly context: QueryContext,
    readonly request: SummaryRequest,
    readonly page: PageRequest,
    /** null: as it stands. */
    readonly asOf: AsOfRequest | null = null,
  ) {
    super()
  }
}

/** Time that is read at once when walking window by window, in windows. */
const WINDOWS_PER_READ_MAX = 31 * 24
/** Windows that are read at once of all series together, as long as there is usage in them: a page shows 100. */
const SERIES_WINDOWS_PER_READ = 16_384
/** Groups whose ids are made before other requests are let in. */
const IDS_PER_TURN = 1_000
/** Series of a question that is answered without waiting for a turn. */
const SERIES_AT_ONCE_MAX = 1_000
/** Series that are added up before it is seen whether anybody still waits. */
const SERIES_PER_READ = 256
const ID_HASH_LENGTH = 32

@QueryHandler(GetMeterEventSummaries)
export class GetMeterEventSummariesHandler implements IQueryHandler<GetMeterEventSummaries> {
  constructor(
    private readonly reader: Reader,
    private readonly turns: LongReadTurns,
  ) {}

  /** @throws DomainError for misaligned bounds, too much at once, an unknown meter, dimension or cursor; Overloaded. */
  async execute(query: GetMeterEventSummaries): Promise<Answer<MeterEventSummaries>> {
    const { context, request, asOf } = query
    requireInterval(request)
    const few = asOf === null ? await this.ofFewSeries(query) : null
    if (few) return few
    const then = await this.reader.momentOf(context, asOf)
    const meterThen = await meterAsOf(this.reader, context.ledger, request.meterId, then)
    return this.projected(query, then, meterThen, Infinity, this.turns)
  }

  /** null where there are too many to answer it at once. */
  private async ofFewSeries(query: GetMeterEventSummaries): Promise<Answer<MeterEventSummaries> | null> {
    try {
      const current = await this.current(query, SERIES_AT_ONCE_MAX)
      return current ?? (await this.projected(query, null, null, SERIES_AT_ONCE_MAX, null))
    } catch (error) {
      if (error instanceof ManySeries) return null
      throw error
    }
  }

  private projected(
    query: GetMeterEventSummaries,
    then: AsOf | null,
    meterThen: Meter | null,
    seriesMax: number,
    turns: LongReadTurns | null,
  ): Promise<Answer<MeterEventSummaries>> {
    const { context, request } = query
    const read = async (rows: RowReader): Promise<MeterEventSummaries> => {
      const row = await requireMeter(rows, context.ledger, request.meterId)
      const meter = meterThen ?? toMeter(row)
      const usage = new UsageAt(rows, meter, then?.sequence ?? null)
      const { customer } = request
      const groups = await seriesGroups(rows, row.number, meter, customer, request, usage.sequence, [], seriesMax)
      return readSummaries(meter, usage, usage, groups, query)
    }
    return this.reader.readAsOf(context, 'usage-cells', then, read, turns)
  }

  /** As it stands, without waiting for the projector; null where that is needed. */
  private current(query: GetMeterEventSummaries, seriesMax: number): Promise<Answer<MeterEventSummaries> | null> {
    const { context, request } = query
    return this.reader.readUnprojected(context, 'usage-cells', request, async (rows, records) => {
      const row = await requireMeter(rows, context.ledger, request.meterId)
      const meter = toMeter(row)
      const pending = await PendingUsage.find(rows, meter, row, records)
      if (!pending) return null
      const { customer } = request
      const { newSeries } = pending
      const groups = await seriesGroups(rows, row.number, meter, customer, request, null, newSeries, seriesMax)
      const usage = new UsageAt(rows, meter, null)
      return readSummaries(meter, usage, pending.over(usage), groups, query)
    })
  }
}

/** What is read, and of what. */
interface Reading {
  readonly usage: CurrentUsage
  readonly request: SummaryRequest
  readonly page: PageRequest
  readonly groups: readonly SeriesGroup[]
  readonly formula: Formula<unknown>
  readonly signal: AbortSignal
  /** To be called after each part that was read window by window. */
  readonly withinLimit: () => void
}

async function readSummaries(
  meter: Meter,
  usageAt: UsageAt,
  usage: CurrentUsage,
  groups: readonly SeriesGroup[],
  { context: { signal }, request, page }: GetMeterEventSummaries,
): Promise<MeterEventSummaries> {
  const withinLimit = readingLimit(usageAt, signal)
  const reading = { usage, request, page, groups, formula: formulas[meter.formula], signal, withinLimit }
  const { window } = request
  return { meter, ...toPage(page, await (window === null ? readWhole(reading) : readWindows(reading, window))) }
}

async function readWhole(reading: Reading): Promise<MeterEventSummary[]> {
  const { usage, request, page, groups, formula, withinLimit } = reading
  const { start, end, groupBy } = request
  const cursor = cursorOf(page)
  const at = cursor === null ? -1 : await groupOfId(request, start, groups, cursor)
  if (cursor !== null && at < 0) return unknownCursor(page)
  const indexes = [...groups.keys()].filter((index) => (page.endingBefore === null ? index > at : index < at))
  if (page.endingBefore !== null) indexes.reverse()
  const summaries: MeterEventSummary[] = []
  const asked = indexes.map((index) => groups[index] as SeriesGroup)
  if (groupBy.length === 0) {
    for (const group of asked) {
      summaries.push(summary(request, start, end, group, formula, await stateOf(reading, group)))
    }
    return summaries
  }
  const series = asked.map((group) => group.series)
  const found = asked.values()
  for await (const { records, state } of usage.wholeOfEach(series, start, end)) {
    withinLimit()
    const group = found.next().value as SeriesGroup
    if (records > 0) summaries.push(summary(request, start, end, group, formula, state))
    if (summaries.length > page.limit) break
  }
  return summaries
}

/** Never too much to be answered: it is what is billed. */
async function stateOf({ usage, request, formula, signal }: Reading, { series }: SeriesGroup): Promise<unknown> {
  let state = formula.empty
  for (let from = 0; from < series.length; from += SERIES_PER_READ) {
    const some = series.slice(from, from + SERIES_PER_READ)
    state = formula.merge(state, await usage.state(some, request.start, request.end))
    signal.throwIfAborted()
  }
  return state
}

/** Walks window by window from the newest, or from the oldest for `ending_before`, until one more than a page is found. */
async function readWindows(reading: Reading, window: BucketSize): Promise<MeterEventSummary[]> {
  const { request, page, groups, formula } = reading
  const forwards = page.endingBefore === null
  const series = groups.reduce((sum, group) => sum + group.series.length, 0)
  let windows = Math.min(WINDOWS_PER_READ_MAX, Math.max(1, Math.floor(SERIES_WINDOWS_PER_READ / series)))
  let { start, end } = request
  const cursor = cursorOf(page)
  const passed = cursor === null ? null : await placeOf(cursor, request, groups)
  if (cursor !== null && passed === null) return unknownCursor(page)
  if (passed) {
    if (forwards) end = passed.start + bucketMs[window]
    else start = passed.start
  }
  const isBeyond = (at: number, group: number): boolean =>
    passed === null || at !== passed.start || (forwards ? group > passed.group : group < passed.group)
  const found: MeterEventSummary[] = []
  while (start < end && found.length <= page.limit) {
    const span = windows * bucketMs[window]
    const from = forwards ? Math.max(start, end - span) : start
    const to = forwards ? end : Math.min(end, start + span)
    const byStart = await readSpan(reading, window, from, to)
    // Only what is shown becomes a summary: of very many, almost none is.
    for (const [at, states] of inListOrder(byStart, forwards)) {
      for (const [index, state] of forwards ? states : [...states].reverse()) {
        if (found.length > page.limit) return found
        if (!isBeyond(at, index)) continue
        found.push(summary(request, at, at + bucketMs[window], groups[index] as SeriesGroup, formula, state))
      }
    }
    if (byStart.size === 0) windows = Math.min(2 * windows, WINDOWS_PER_READ_MAX)
    if (forwards) end = from
    else start = to
  }
  return found
}

/** By the start of the window, the state of each group that has usage in it; groups in their order. */
type States = ReadonlyMap<number, ReadonlyMap<number, unknown>>

async function readSpan(
  { usage, groups, formula, withinLimit }: Reading,
  window: BucketSize,
  from: number,
  to: number,
): Promise<States> {
  const byStart = new Map<number, Map<number, unknown>>()
  const all = groups.flatMap(({ series }) => series)
  const read = usage.bucketsOfEach(all, window, from, to)
  for (const [index, { series }] of groups.entries()) {
    for (let at = 0; at < series.length; at++) {
      for (const { start, state } of (await read.next()).value as Bucket[]) {
        // Groups are gone through in their order.
        const states = byStart.get(start) ?? new Map<number, unknown>()
        states.set(index, formula.merge(states.get(index) ?? formula.empty, state))
        byStart.set(start, states)
      }
      withinLimit()
    }
  }
  return byStart
}

/** The newest window first, or the oldest. */
function inListOrder(byStart: States, forwards: boolean): [number, ReadonlyMap<number, unknown>][] {
  return [...byStart].sort(([left], [right]) => (forwards ? right - left : left - right))
}

export function summary(
  request: SummaryRequest,
  start: number,
  end: number,
  group: SeriesGroup,
  formula: Formula<unknown>,
  state: unknown,
): MeterEventSummary {
  const value = formatDecimal(formula.value(state))
  return { id: summaryId(request, start, group), start, end, value, dimensions: group.dimensions }
}

/** `<prefix><start, base 36>_<hash of everything else>`: the start makes a cursor findable without counting. */
function summaryId(
  { meterId, customer, window, filters, start, end }: SummaryRequest,
  at: number,
  group: SeriesGroup,
): string {
  const whole = window === null ? [start, end] : null
  const what = JSON.stringify([meterId, customer, window, whole, Object.entries(filters).sort(), group.dimensions])
  const hash = createHash('sha256').update(what).digest('hex').slice(0, ID_HASH_LENGTH)
  const prefix = meterId.startsWith('mtr_test_') ? 'mtrusg_test_' : 'mtrusg_'
  return `${prefix}${at.toString(36)}_${hash}`
}

/** Index of the group that an id of a window (or of the whole) names; -1 for none. */
async function groupOfId(
  request: SummaryRequest,
  start: number,
  groups: readonly SeriesGroup[],
  id: string,
): Promise<number> {
  for (const [at, group] of groups.entries()) {
    if (summaryId(request, start, group) === id) return at
    if (at % IDS_PER_TURN === IDS_PER_TURN - 1) await nextTurn()
  }
  return -1
}

/** Where a cursor stands, also when what its window held was cancelled since; null where it never was one of this list. */
async function placeOf(
  cursor: string,
  request: SummaryRequest,
  groups: readonly SeriesGroup[],
): Promise<{ readonly start: number; readonly group: number } | null> {
  const start = startOf(cursor)
  if (start === null || start < request.start || start >= request.end) return null
  if (request.window !== null && !isAligned(request.window, start)) return null
  const group = await groupOfId(request, start, groups, cursor)
  return group < 0 ? null : { start, group }
}

function startOf(id: string): number | null {
  const match = /^mtrusg_(?:test_)?(-?[0-9a-z]{1,11})_[0-9a-f]+$/.exec(id)
  return match?.[1] === undefined ? null : parseInt(match[1], 36)
}

function cursorOf({ startingAfter, endingBefore }: PageRequest): string | null {
  return startingAfter ?? endingBefore
}

/** `named` gives a bound its name in the request. @throws DomainError for bounds that are misaligned or in the wrong order. */
export function requireInterval(
  { start, end, window }: Pick<SummaryRequest, 'start' | 'end' | 'window'>,
  named = (param: string): string => param,
): void {
  const size: BucketSize = window ?? 'minute'
  const boundary = window === 'day' ? '00:00 UTC of a day' : `a full ${size} (UTC)`
  for (const [param, instant] of [
    [named('start_time'), start],
    [named('end_time'), end],
  ] as const) {
    if (!isAligned(size, instant)) {
      throw new DomainError(
        'parameter_invalid',
        `${param} must be at ${boundary}${window === null ? '' : ` when value_grouping_window is ${window}`}.`,
        param,
      )
    }
  }
  if (end <= start) {
    const message = `${named('end_time')} must be after ${named('start_time')}.`
    throw new DomainError('parameter_invalid', message, named('end_time'))
  }
  if (window !== null && end - start > WINDOWED_INTERVAL_MAX_MS) {
    throw new DomainError('parameter_invalid', 'By window, an interval is at most ten years long.', named('end_time'))
  }
}

const WINDOWED_INTERVAL_MAX_MS = 3660 * DAY_MS
