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

/** Each name is looked up in the first of the `places` that knows it. */
export async function scopeOf(row: Row, ...places: readonly RowReader[]): Promise<RowScope> {
  const time = timeOf(row)
  const { series: number } = row
  const series =
    typeof number === 'number' ? await inFirst(places, (rows) => rows.get(usageSeries, [[number]])) : undefined
  const customer = series?.customer ?? (typeof row.customer === 'string' ? row.customer : null)
  const meter = await meterOf(row, series?.meter, places)
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

async function meterOf(
  row: Row,
  ofSeries: number | undefined,
  places: readonly RowReader[],
): Promise<MeterRow | undefined> {
  const { meterId } = row
  const number = ofSeries ?? (typeof row.meter === 'number' ? row.meter : null)
  if (number !== null) return inFirst(places, (rows) => rows.get(meters, [[number]]))
  return typeof meterId === 'string' ? inFirst(places, (rows) => rows.get(meters, [[meterId]], 'meterId')) : undefined
}

async function inFirst<Found>(
  places: readonly RowReader[],
  look: (rows: RowReader) => Promise<readonly (Found | undefined)[]>,
): Promise<Found | undefined> {
  for (const rows of places) {
    const [found] = await look(rows)
    if (found) return found
  }
  return undefined
}

function timeOf({ occurredAt, start, size }: Row): Pick<RowScope, 'from' | 'to'> {
  if (typeof occurredAt === 'number') return { from: occurredAt, to: occurredAt + 1 }
  if (typeof start === 'number') return { from: start, to: start + (typeof size === 'number' ? size : 1) }
  return { from: null, to: null }
}
