/**
 * How many meter events were refused for each reason, and how many of them still wait. Added up from windows of their
 * receipt, whole days where it can, so it costs the same whatever the number of rejections; the bounds must therefore fall
 * on full windows.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import { DomainError } from '../domain/errors.js'
import type { LedgerName } from '../domain/ledger.js'
import { DAY_MS } from '../domain/time-bucket.js'
import { REPORT_WINDOW_MS } from '../projections/usage-rejections.js'
import type { RowReader } from '../read-model/read-model.js'
import { usageRejectionWindows, type UsageRejectionWindowRow } from '../read-model/tables.js'
import { Reader, requireMeter, type Answer, type QueryContext } from './reader.js'
import type { ReceivedFilter } from './rejection-rows.js'

export interface RejectionCount {
  readonly code: string
  readonly errors: number
  readonly resolved: number
}

export class CountRejections extends Query<Answer<readonly RejectionCount[]>> {
  constructor(
    readonly context: QueryContext,
    readonly meterId: string | null,
    readonly received: ReceivedFilter,
  ) {
    super()
  }
}

/** Windows one count may add up. */
export const COUNTED_WINDOWS_MAX = 200_000
/** Read at a time; then other requests are let in. */
const WINDOWS_PER_READ = 2_000

interface Run {
  readonly size: number
  readonly from: number
  readonly to: number
}

@QueryHandler(CountRejections)
export class CountRejectionsHandler implements IQueryHandler<CountRejections> {
  constructor(private readonly reader: Reader) {}

  /** The most frequent first. @throws DomainError for an unknown meter, bounds within a window, or too much to add up. */
  async execute({ context, meterId, received }: CountRejections): Promise<Answer<readonly RejectionCount[]>> {
    const runs = runsOf(received)
    return this.reader.read(context, 'usage-rejections', async (rows) => {
      if (meterId !== null) await requireMeter(rows, context.ledger, meterId, 'meter')
      const counts = new Map<string, RejectionCount>()
      let windows = 0
      for (const run of runs) {
        for await (const { code, errors, resolved } of windowsOf(rows, context.ledger, meterId, run)) {
          if (++windows > COUNTED_WINDOWS_MAX) {
            throw new DomainError('parameter_invalid', 'Too much to count. Name a meter, or full UTC days.', 'created')
          }
          const known = counts.get(code) ?? { code, errors: 0, resolved: 0 }
          counts.set(code, { code, errors: known.errors + errors, resolved: known.resolved + resolved })
        }
      }
      return [...counts.values()].sort((a, b) => b.errors - a.errors || (a.code < b.code ? -1 : 1))
    })
  }
}

async function* windowsOf(
  rows: RowReader,
  ledger: LedgerName,
  meterId: string | null,
  { size, from, to }: Run,
): AsyncGenerator<UsageRejectionWindowRow> {
  const scope = meterId === null ? { index: 'time', prefix: [ledger, size] } : { prefix: [ledger, meterId, size] }
  let last: UsageRejectionWindowRow | undefined
  for (;;) {
    const after = last && (meterId === null ? [last.start, last.meterId, last.code] : [last.start, last.code])
    const range = { ...scope, ...(after ? { after } : { from }), to, limit: WINDOWS_PER_READ }
    const page: UsageRejectionWindowRow[] = await rows.range(usageRejectionWindows, range)
    yield* page
    last = page.at(-1)
    if (page.length < WINDOWS_PER_READ) return
    await nextTurn()
  }
}

/** The days within the bounds, and the short windows before and after them. */
function runsOf({ from, to }: ReceivedFilter): Run[] {
  for (const bound of [from, to]) {
    if (bound !== null && bound % REPORT_WINDOW_MS !== 0) {
      throw new DomainError(
        'parameter_invalid',
        `Rejections are counted in windows of ${REPORT_WINDOW_MS / 1000} seconds: give created[gte] and created[lt] on full ones.`,
        'created',
      )
    }
  }
  const start = from ?? 0
  const end = to ?? Number.MAX_SAFE_INTEGER
  const firstDay = Math.ceil(start / DAY_MS) * DAY_MS
  const lastDay = to === null ? end : Math.floor(end / DAY_MS) * DAY_MS
  const runs =
    firstDay < lastDay
      ? [
          { size: REPORT_WINDOW_MS, from: start, to: firstDay },
          { size: DAY_MS, from: firstDay, to: lastDay },
          { size: REPORT_WINDOW_MS, from: lastDay, to: end },
        ]
      : [{ size: REPORT_WINDOW_MS, from: start, to: end }]
  return runs.filter((run) => run.from < run.to)
}
