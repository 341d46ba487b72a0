/**
 * How many usage events each meter received lately: within the last hour, to the minute, and in each of the last 24 hours.
 * The minute and the hour that are going on count as the last of them. Meters that received nothing are left out.
 */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import { DomainError } from '../domain/errors.js'
import { bucketStart, HOUR_MS, MINUTE_MS } from '../domain/time-bucket.js'
import type { RowReader } from '../read-model/read-model.js'
import { meterActivityHours, meterActivityMinutes, type MeterActivityRow, type Table } from '../read-model/tables.js'
import { Reader, requireMeter, type Answer, type QueryContext } from './reader.js'

export const HOURS_SHOWN = 24
const MINUTES_SHOWN = 60
/** Rows of hours or of minutes that one answer adds up: those of thousands of busy meters. */
export const ACTIVITY_ROWS_MAX = 300_000

export interface EventCounts {
  readonly recorded: number
  /** Cancellations that were received, of whichever records. */
  readonly cancelled: number
}

export interface MeterActivity {
  readonly meterId: string
  readonly lastHour: EventCounts
  readonly lastDay: EventCounts
  /** Records received in each of the last `HOURS_SHOWN` hours, the earliest first. */
  readonly hours: readonly number[]
}

export interface LedgerActivity {
  /** Where the first of the hours begins, and the first minute of the last hour. */
  readonly hoursFrom: number
  readonly minutesFrom: number
  readonly meters: readonly MeterActivity[]
}

export class GetMeterActivity extends Query<Answer<LedgerActivity>> {
  constructor(
    readonly context: QueryContext,
    /** null: of every meter. */
    readonly meterId: string | null,
    /** Milliseconds since the epoch. */
    readonly now: number,
  ) {
    super()
  }
}

@QueryHandler(GetMeterActivity)
export class GetMeterActivityHandler implements IQueryHandler<GetMeterActivity> {
  constructor(private readonly reader: Reader) {}

  /** @throws DomainError for an unknown meter, or too many of them. */
  async execute({ context, meterId, now }: GetMeterActivity): Promise<Answer<LedgerActivity>> {
    const hoursFrom = bucketStart('hour', now) - (HOURS_SHOWN - 1) * HOUR_MS
    const minutesFrom = bucketStart('minute', now) - (MINUTES_SHOWN - 1) * MINUTE_MS
    return this.reader.read(context, 'meter-activity', async (rows) => {
      if (meterId !== null) await requireMeter(rows, context.ledger, meterId, 'meter')
      const read = (table: Table<MeterActivityRow>, from: number): Promise<Received[]> =>
        received(rows, table, context.ledger, meterId, from)
      const meters = new Map<string, { lastHour: EventCounts; lastDay: EventCounts; hours: number[] }>()
      for (const [id, since, recorded, cancelled] of await read(meterActivityHours, hoursFrom)) {
        const known = meters.get(id) ?? { lastHour: NONE, lastDay: NONE, hours: emptyHours() }
        known.lastDay = plus(known.lastDay, recorded, cancelled)
        // What a clock that is ahead received counts as received just now.
        const hour = Math.min((since - hoursFrom) / HOUR_MS, HOURS_SHOWN - 1)
        known.hours[hour] = (known.hours[hour] ?? 0) + recorded
        meters.set(id, known)
      }
      for (const [id, , recorded, cancelled] of await read(meterActivityMinutes, minutesFrom)) {
        const known = meters.get(id)
        if (known) known.lastHour = plus(known.lastHour, recorded, cancelled)
      }
      return { hoursFrom, minutesFrom, meters: Array.from(meters, ([id, activity]) => ({ meterId: id, ...activity })) }
    })
  }
}

const NONE: EventCounts = { recorded: 0, cancelled: 0 }

function emptyHours(): number[] {
  return new Array<number>(HOURS_SHOWN).fill(0)
}

type Received = [meterId: string, since: number, recorded: number, cancelled: number]

async function received(
  rows: RowReader,
  table: Table<MeterActivityRow>,
  ledger: string,
  meterId: string | null,
  from: number,
): Promise<Received[]> {
  const where = meterId === null ? {} : { where: { meterId } }
  const range = { prefix: [ledger], from, ...where, limit: ACTIVITY_ROWS_MAX + 1 }
  const read = await rows.values(table, ['meterId', 'since', 'recorded', 'cancelled'], range)
  if (read.length <= ACTIVITY_ROWS_MAX) return read as Received[]
  throw new DomainError('parameter_invalid', 'Too many meters received events. Name a meter.', 'meter')
}

function plus(counts: EventCounts, recorded: number, cancelled: number): EventCounts {
  return { recorded: counts.recorded + recorded, cancelled: counts.cancelled + cancelled }
}
