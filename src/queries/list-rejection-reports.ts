/**
 * What was refused, as Stripe reports it: one report for each meter (or none) and window of ten seconds, newest first.
 * stripe-metering §7.1.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import { rejectionCodes } from '../domain/errors.js'
import type { LedgerName } from '../domain/ledger.js'
import { METERS_MAX } from '../domain/meter-catalogue.js'
import { REPORT_WINDOW_MS, type RejectionSample } from '../projections/usage-rejections.js'
import type { KeyValue, RowReader } from '../read-model/read-model.js'
import { usageRejectionWindows, type UsageRejectionWindowRow } from '../read-model/tables.js'
import { toPage, unknownCursor, type Page, type PageRequest } from './page.js'
import { Reader, requireMeter, type Answer, type QueryContext } from './reader.js'
import type { ReceivedFilter } from './rejection-rows.js'

export interface RejectionReport {
  /** `rejrep_<start>.<meter id>`: unique in its ledger, and the cursor of lists. */
  readonly id: string
  /** The meter that refused; null where none was found. */
  readonly meterId: string | null
  /** Of the window of receipt, `[start, end)`, milliseconds since the epoch. */
  readonly start: number
  readonly end: number
  readonly errors: number
  /** The most frequent first. */
  readonly types: readonly {
    readonly code: string
    readonly errors: number
    /** The first ones; fewer than there were errors. */
    readonly samples: readonly RejectionSample[]
  }[]
}

export class ListRejectionReports extends Query<Answer<Page<RejectionReport>>> {
  constructor(
    readonly context: QueryContext,
    readonly meterId: string | null,
    /** By the start of the window. */
    readonly received: ReceivedFilter,
    readonly page: PageRequest,
  ) {
    super()
  }
}

/** Every meter and none, each with every code there is, and room for the codes of wrong shapes. */
const WINDOW_ROWS_MAX = (METERS_MAX + 1) * rejectionCodes.length

const ID = /^rejrep_(\d{1,15})\.([A-Za-z0-9_]*)$/

interface Cursor {
  readonly start: number
  readonly meterId: string
}

@QueryHandler(ListRejectionReports)
export class ListRejectionReportsHandler implements IQueryHandler<ListRejectionReports> {
  constructor(private readonly reader: Reader) {}

  /** @throws DomainError for an unknown meter or cursor. */
  async execute({ context, meterId, received, page }: ListRejectionReports): Promise<Answer<Page<RejectionReport>>> {
    const { ledger } = context
    return this.reader.read(context, 'usage-rejections', async (rows) => {
      if (meterId !== null) await requireMeter(rows, ledger, meterId, 'meter')
      const cursor = await cursorOf(rows, ledger, page)
      return toPage(page, await walk(rows, ledger, meterId, received, page, cursor))
    })
  }
}

async function walk(
  rows: RowReader,
  ledger: LedgerName,
  meterId: string | null,
  { from, to }: ReceivedFilter,
  { endingBefore, limit }: PageRequest,
  cursor: Cursor | null,
): Promise<RejectionReport[]> {
  const forwards = endingBefore === null
  const scope =
    meterId === null
      ? { index: 'time', prefix: [ledger, REPORT_WINDOW_MS] as KeyValue[] }
      : { prefix: [ledger, meterId, REPORT_WINDOW_MS] as KeyValue[] }
  // The cursor's own window is read again: another meter's report of it may come next.
  let newest = to ?? Number.MAX_SAFE_INTEGER
  let oldest = from ?? 0
  if (cursor && forwards) newest = Math.min(newest, cursor.start + 1)
  if (cursor && !forwards) oldest = Math.max(oldest, cursor.start)
  const found: RejectionReport[] = []
  while (found.length <= limit) {
    await nextTurn()
    const bounds = { from: oldest, to: newest, reverse: forwards }
    const [next] = await rows.range(usageRejectionWindows, { ...scope, ...bounds, limit: 1 })
    if (!next) break
    const prefix = [...scope.prefix, next.start]
    const window = await rows.range(usageRejectionWindows, { ...scope, prefix, limit: WINDOW_ROWS_MAX })
    const reports = reportsOf(window).filter((report) => isBeyond(report, cursor, forwards))
    found.push(...(forwards ? reports : reports.reverse()))
    if (forwards) newest = next.start
    else oldest = next.start + 1
  }
  return found.slice(0, limit + 1)
}

/** Of one window, by meter id; the one without a meter first. */
function reportsOf(window: readonly UsageRejectionWindowRow[]): RejectionReport[] {
  const byMeter = new Map<string, UsageRejectionWindowRow[]>()
  for (const row of window) byMeter.set(row.meterId, [...(byMeter.get(row.meterId) ?? []), row])
  return [...byMeter].map(([meterId, rows]) => {
    const start = rows[0]?.start ?? 0
    const types = rows
      .map(({ code, errors, samples }) => ({ code, errors, samples: JSON.parse(samples) as RejectionSample[] }))
      .sort((a, b) => b.errors - a.errors || (a.code < b.code ? -1 : 1))
    return {
      id: `rejrep_${start}.${meterId}`,
      meterId: meterId === '' ? null : meterId,
      start,
      end: start + REPORT_WINDOW_MS,
      errors: types.reduce((sum, { errors }) => sum + errors, 0),
      types,
    }
  })
}

function isBeyond({ start, meterId }: RejectionReport, cursor: Cursor | null, forwards: boolean): boolean {
  if (cursor?.start !== start) return true
  return forwards ? (meterId ?? '') > cursor.meterId : (meterId ?? '') < cursor.meterId
}

async function cursorOf(rows: RowReader, ledger: LedgerName, page: PageRequest): Promise<Cursor | null> {
  const id = page.startingAfter ?? page.endingBefore
  if (id === null) return null
  const [, start, meterId] = ID.exec(id) ?? []
  if (start === undefined || meterId === undefined) return unknownCursor(page)
  const prefix = [ledger, meterId, REPORT_WINDOW_MS, Number(start)]
  const [row] = await rows.range(usageRejectionWindows, { prefix, limit: 1 })
  return row ? { start: Number(start), meterId } : unknownCursor(page)
}
