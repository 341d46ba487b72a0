/** Whose a row is: found through its series, meter, stream or ledger, whichever it names. */
import type { LedgerName } from '../domain/ledger.js'
import { ledgerOf } from '../event-store/streams.js'
import type { RowReader } from '../read-model/read-model.js'
import { meters, usageSeries, type MeterRow } from '../read-model/tables.js'
import type { Row } from '../projections/compare-rows.js'

export interface RowScope {
  /** null where the row names nothing that is known. */
  readonly ledger: LedgerName | null
  readonly meterId: string | null
  readonly customer: string | null
  /** When what it is about happened: `[from, to)`, milliseconds since the epoch; null where it is about no time. */
  readonly from: number | null
  readonly to: number | null
}

/** Usage on which attention is; null: no matter which. */
export interface Selection {
  readonly ledger: LedgerName | null
  readonly meterId: string | null
  readonly customer: string | null
  readonly from: number | null
  readonly to: number | null
}

export async function scopeOf(row: Row, rows: RowReader): Promise<RowScope> {
  const time = timeOf(row)
  const series = typeof row.series === 'number' ? (await rows.get(usageSeries, [[row.series]]))[0] : undefined
  const customer = series?.customer ?? (typeof row.customer === 'string' ? row.customer : null)
  const meter = await meterOf(row, series?.meter, rows)
  if (meter) return { ledger: meter.ledger as LedgerName, meterId: meter.meterId, customer, ...time }
  const ledger =
    typeof row.ledger === 'string' ? row.ledger : typeof row.stream === 'string' ? ledgerOf(row.stream) : null
  return { ledger: ledger as LedgerName | null, meterId: null, customer, ...time }
}

/** A row of one customer or meter is not of another; a row that is of none may matter to all. */
export function isSelected(scope: RowScope, { ledger, meterId, customer, from, to }: Selection): boolean {
  return (
    (ledger === null || scope.ledger === ledger) &&
    (meterId === null || scope.meterId === null || scope.meterId === meterId) &&
    (customer === null || scope.customer === null || scope.customer === customer) &&
    (from === null || scope.to === null || scope.to > from) &&
    (to === null || scope.from === null || scope.from < to)
  )
}

async function meterOf(row: Row, number: number | undefined, rows: RowReader): Promise<MeterRow | undefined> {
  const key = number ?? (typeof row.meter === 'number' ? row.meter : null)
  if (key !== null) return (await rows.get(meters, [[key]]))[0]
  return typeof row.meterId === 'string' ? (await rows.get(meters, [[row.meterId]], 'meterId'))[0] : undefined
}

function timeOf({ occurredAt, start, size }: Row): Pick<RowScope, 'from' | 'to'> {
  if (typeof occurredAt === 'number') return { from: occurredAt, to: occurredAt + 1 }
  if (typeof start === 'number') return { from: start, to: start + (typeof size === 'number' ? size : 1) }
  return { from: null, to: null }
}
