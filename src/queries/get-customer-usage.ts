/**
 * What one customer used on every meter of the ledger over an interval, and how that divides by dimension. Meters on which the
 * customer has no record in the interval are left out.
 */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { formulas } from '../domain/aggregation.js'
import { formatDecimal, type Decimal } from '../domain/decimal.js'
import type { Meter } from '../domain/meter-catalogue.js'
import { toMeter } from '../projections/meters.js'
import type { RowReader } from '../read-model/read-model.js'
import { meters, type MeterRow } from '../read-model/tables.js'
import type { AsOf, AsOfRequest } from './as-of.js'
import { requireInterval } from './get-meter-event-summaries.js'
import { GROUPS_MAX, type GroupSum, type UsageSum } from './get-meter-usage.js'
import { usedMeterAsOf } from './meter-as-of.js'
import { LongReadTurns } from './read-turns.js'
import { Reader, type Answer, type QueryContext } from './reader.js'
import { UsageAt, type Bucket } from './usage-at.js'
import { customersOf, readingLimit } from './usage-of-customers.js'
import { seriesGrouping } from './usage-series-of.js'

/** On most of them the customer has no usage, which takes one look. */
const METERS_PER_TURN = 64

export interface CustomerUsageRequest {
  readonly customer: string
  /** Milliseconds since the epoch, on full minutes; end exclusive. */
  readonly start: number
  readonly end: number
}

export interface UsageOnMeter extends UsageSum {
  /** As it stood at the moment that was asked for. */
  readonly meter: Meter
  /** By all dimensions together, highest first; none on a meter without. */
  readonly groups: readonly GroupSum[]
  /** There are more groups than these. */
  readonly hasMoreGroups: boolean
}

export class GetCustomerUsage extends Query<Answer<readonly UsageOnMeter[]>> {
  constructor(
    readonly context: QueryContext,
    readonly request: CustomerUsageRequest,
    /** null: as it stands. */
    readonly asOf: AsOfRequest | null,
  ) {
    super()
  }
}

@QueryHandler(GetCustomerUsage)
export class GetCustomerUsageHandler implements IQueryHandler<GetCustomerUsage> {
  constructor(
    private readonly reader: Reader,
    private readonly turns: LongReadTurns,
  ) {}

  /** @throws DomainError for misaligned bounds and too much at once; Overloaded. */
  async execute({ context, request, asOf }: GetCustomerUsage): Promise<Answer<readonly UsageOnMeter[]>> {
    requireInterval({ ...request, window: null })
    const then = await this.reader.momentOf(context, asOf)
    const read = async (rows: RowReader): Promise<UsageOnMeter[]> => {
      const found: UsageOnMeter[] = []
      let from = 0
      for (;;) {
        // A ledger may have very many, and other requests are let in between.
        await nextTurn()
        context.signal.throwIfAborted()
        const range = { index: 'ledger', prefix: [context.ledger], from, limit: METERS_PER_TURN }
        const some = await rows.range(meters, range)
        for (const row of some) {
          const usage = await usageOn(rows, row, request, then?.sequence ?? null, context.signal)
          if (usage) found.push(usage)
        }
        const last = some.at(-1)
        if (!last || some.length < METERS_PER_TURN) return found
        from = last.number + 1
      }
    }
    const answer = await this.reader.readAsOf(context, 'usage-cells', then, read, this.turns)
    return then === null ? answer : { ...answer, result: await this.withMetersAsOf(context, answer.result, then) }
  }

  private async withMetersAsOf(
    { ledger, signal }: QueryContext,
    found: readonly UsageOnMeter[],
    then: AsOf,
  ): Promise<UsageOnMeter[]> {
    const stood: UsageOnMeter[] = []
    for (const [at, usage] of found.entries()) {
      if (at % METERS_PER_TURN === 0) await nextTurn()
      signal.throwIfAborted()
      stood.push({ ...usage, meter: await usedMeterAsOf(this.reader, ledger, usage.meter, then) })
    }
    return stood
  }
}

async function usageOn(
  rows: RowReader,
  row: MeterRow,
  { customer, start, end }: CustomerUsageRequest,
  sequence: number | null,
  signal: AbortSignal,
): Promise<UsageOnMeter | null> {
  const meter = toMeter(row)
  const formula = formulas[meter.formula]
  const usage = new UsageAt(rows, meter, sequence)
  const withinLimit = readingLimit(usage, signal)
  const grouping = seriesGrouping(meter, { filters: {}, groupBy: meter.dimensionKeys })
  let state = formula.empty
  let records = 0
  const groups: { dimensions: GroupSum['dimensions']; value: Decimal; records: number }[] = []
  for await (const each of customersOf(rows, row.number, { customer }, grouping)) {
    const read = usage.wholeOfEach(
      each.groups.map(({ series }) => series),
      start,
      end,
    )
    for (const { dimensions } of each.groups) {
      const part = (await read.next()).value as Bucket
      withinLimit()
      if (part.records === 0) continue
      state = formula.merge(state, part.state)
      records += part.records
      groups.push({ dimensions, value: formula.value(part.state), records: part.records })
    }
  }
  if (records === 0) return null
  groups.sort((left, right) => (left.value === right.value ? 0 : left.value < right.value ? 1 : -1))
  const shown = meter.dimensionKeys.length === 0 ? [] : groups.slice(0, GROUPS_MAX)
  return {
    meter,
    value: formatDecimal(formula.value(state)),
    records,
    groups: shown.map((group) => ({ ...group, value: formatDecimal(group.value) })),
    hasMoreGroups: meter.dimensionKeys.length > 0 && groups.length > shown.length,
  }
}
