/** What one usage event did to the number it is about: the minute it falls into, before and after. */
import { formulas } from '../domain/aggregation.js'
import { formatDecimal } from '../domain/decimal.js'
import { bucketMs, bucketStart } from '../domain/time-bucket.js'
import { dimensionValues } from '../domain/meter-event.js'
import { ledgerOf } from '../event-store/streams.js'
import { cellsTable } from '../projections/cell-tables.js'
import { toMeter } from '../projections/meters.js'
import type { ProjectedEvent } from '../projections/projection.js'
import type { RowReader } from '../read-model/read-model.js'
import { meters, usageSeries } from '../read-model/tables.js'
import type { Watcher } from './refold.js'
import { isSelected, type Selection } from './row-scope.js'

export interface Effect {
  readonly type: 'UsageRecorded' | 'UsageCancelled'
  readonly stream: string
  readonly revision: number
  readonly position: string
  readonly sequence: number
  readonly meterId: string
  readonly identifier: string
  readonly customer: string
  readonly value: string | null
  /** Milliseconds since the epoch, like `minute`, where the minute begins. */
  readonly occurredAt: number
  readonly minute: number
  /** Exact decimal text: what the minute came to before and after. */
  readonly before: string
  readonly after: string
}

/** Events whose effect is told; later ones are folded without a word. */
export const EFFECTS_MAX = 10_000

export class EffectWatcher implements Watcher {
  private told = 0
  private value = ''

  constructor(
    private readonly selection: Selection,
    private readonly onEffect: (effect: Effect) => void,
  ) {}

  isWatched({ event, stream }: ProjectedEvent): boolean {
    if (this.told >= EFFECTS_MAX) return false
    if (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled') return false
    const { meterId, customer, occurredAt } = event.data
    const scope = { ledger: ledgerOf(stream), meterId, customer, from: occurredAt, to: occurredAt + 1 }
    return isSelected(scope, this.selection)
  }

  async before(projected: ProjectedEvent, rows: RowReader): Promise<void> {
    this.value = await minuteValue(projected, rows)
  }

  async after(projected: ProjectedEvent, rows: RowReader): Promise<void> {
    const { event, stream, revision, position, sequence } = projected
    if (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled') return
    const { meterId, identifier, customer, value, occurredAt } = event.data
    this.told++
    this.onEffect({
      type: event.type,
      stream,
      revision,
      position,
      sequence,
      meterId,
      identifier,
      customer,
      value,
      occurredAt,
      minute: bucketStart('minute', occurredAt),
      before: this.value,
      after: await minuteValue(projected, rows),
    })
  }
}

async function minuteValue({ event }: ProjectedEvent, rows: RowReader): Promise<string> {
  if (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled') return ''
  const [meterRow] = await rows.get(meters, [[event.data.meterId]], 'meterId')
  if (!meterRow) return '' // Projecting it stops, and says why.
  const meter = toMeter(meterRow)
  const formula = formulas[meter.formula]
  const dimensions = meter.dimensionKeys.length === 0 ? '[]' : JSON.stringify(dimensionValues(meter, event.data))
  const [series] = await rows.get(usageSeries, [[meterRow.number, event.data.customer, dimensions]], 'combination')
  const start = bucketStart('minute', event.data.occurredAt)
  const [cell] = series ? await rows.get(cellsTable(meter), [[bucketMs.minute, series.series, start]]) : []
  return formatDecimal(formula.value(cell ? formula.decode(cell.state) : formula.empty))
}
