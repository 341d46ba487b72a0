/**
 * What a meter that is not saved would count: over sample events, or over the real history of an event name, beside a meter
 * that is saved if one is named. Records keep their whole payload, so each is read again as it was sent.
 *
 * Nothing is stored. A history too long for one answer is read as far as `PREVIEWED_RECORDS_MAX` and `PREVIEWED_CHARACTERS_MAX`
 * allow, and the answer says so.
 */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import { compareCodePoints } from '../domain/canonical-record.js'
import { formatDecimal, parseDecimal } from '../domain/decimal.js'
import { configuredMeter, METERS_MAX, type Meter, type MeterCreated } from '../domain/meter-catalogue.js'
import { earliestTimestamp } from '../domain/meter-event.js'
import { Preview, type EventPreview, type MeterPreview, type PreviewInterval } from '../domain/meter-preview.js'
import { toMeter } from '../projections/meters.js'
import type { RowReader } from '../read-model/read-model.js'
import { meters, type MeterRow } from '../read-model/tables.js'
import { requireInterval } from './get-meter-event-summaries.js'
import { previewHistory, type PreviewedHistory, type ReachedRecord } from './preview-history.js'
import { WholeMeterTurns } from './read-turns.js'
import { Reader, requireMeter, type Answer, type QueryContext } from './reader.js'

export interface SampleEvent {
  readonly identifier: string | null
  readonly payload: Readonly<Record<string, string>>
  /** Milliseconds since the epoch; null: when it was received, which is now. */
  readonly timestamp: number | null
}

export type PreviewSource =
  /** In the order of their receipt. */
  | { readonly type: 'samples'; readonly samples: readonly SampleEvent[]; readonly at: number }
  | ({ readonly type: 'history' } & PreviewedHistory)

export interface ComparedCustomer {
  readonly customer: string
  /** Exact decimal text, as are the others. */
  readonly value: string
  readonly windows: readonly (PreviewInterval & { readonly value: string })[]
  /** What the saved meter says, and how much more the preview says; null where there is nothing to compare with. */
  readonly compared: { readonly value: string; readonly difference: string } | null
}

export interface PreviewAnswer {
  readonly meter: Meter
  /** Id of the active meter that has the event name; null where it is free. */
  readonly takenBy: string | null
  /** By customer; at most `PREVIEWED_CUSTOMERS_MAX`. */
  readonly customers: readonly ComparedCustomer[]
  readonly hasMoreCustomers: boolean
  readonly events: readonly EventPreview[]
  /** The last record that was read, where the history was too long; null for all of it. */
  readonly reached: ReachedRecord | null
}

export class PreviewMeter extends Query<Answer<PreviewAnswer>> {
  constructor(
    readonly context: QueryContext,
    readonly configuration: MeterCreated,
    readonly source: PreviewSource,
    /** Usage by hour or day too; null: only as a whole. */
    readonly window: 'hour' | 'day' | null,
    /** Id of a saved meter. */
    readonly compareTo: string | null,
  ) {
    super()
  }
}

export const SAMPLE_EVENTS_MAX = 1_000
export const PREVIEWED_CUSTOMERS_MAX = 1_000

interface Outcome {
  readonly preview: MeterPreview
  /** Customer → what the saved meter says; null where there is nothing to compare with. */
  readonly saved: ReadonlyMap<string, string> | null
  readonly reached: ReachedRecord | null
}

@QueryHandler(PreviewMeter)
export class PreviewMeterHandler implements IQueryHandler<PreviewMeter> {
  constructor(
    private readonly reader: Reader,
    private readonly turns: WholeMeterTurns,
  ) {}

  /**
   * @throws DomainError for a configuration no meter may have, a misaligned interval, an unknown event name or meter;
   * Overloaded.
   */
  async execute(query: PreviewMeter): Promise<Answer<PreviewAnswer>> {
    const { context, configuration, source } = query
    const meter = configuredMeter(configuration)
    const isLong = source.type === 'history'
    if (isLong) requireInterval({ ...source, window: null }, (param) => `history[${param}]`)
    return this.reader.read(context, 'usage-cells', (rows) => preview(rows, meter, query), isLong ? this.turns : null)
  }
}

async function preview(
  rows: RowReader,
  meter: Meter,
  { context, source, window, compareTo }: PreviewMeter,
): Promise<PreviewAnswer> {
  const named = (where: Partial<MeterRow>): Promise<MeterRow[]> =>
    rows.range(meters, { index: 'ledger', prefix: [context.ledger], where, limit: METERS_MAX })
  const [holder] = await named({ eventName: meter.eventName, status: 'active' })
  const saved = compareTo === null ? null : await requireMeter(rows, context.ledger, compareTo, 'compare_to')
  const outcome =
    source.type === 'samples'
      ? ofSamples(meter, source, window, saved)
      : await previewHistory(
          rows,
          meter,
          source,
          window,
          saved,
          await named({ eventName: source.eventName }),
          context.signal,
        )
  const customers = compare(outcome)
  return {
    meter,
    takenBy: holder?.meterId ?? null,
    customers: customers.slice(0, PREVIEWED_CUSTOMERS_MAX),
    hasMoreCustomers: customers.length > PREVIEWED_CUSTOMERS_MAX,
    events: outcome.preview.events,
    reached: outcome.reached,
  }
}

function ofSamples(
  meter: Meter,
  { samples, at }: PreviewSource & { type: 'samples' },
  window: 'hour' | 'day' | null,
  saved: MeterRow | null,
): Outcome {
  const given = new Set(samples.map(({ identifier }) => identifier))
  const under = (configured: Meter): MeterPreview => {
    const preview = new Preview(configured)
    samples.forEach(({ identifier, payload, timestamp }, index) =>
      preview.take({
        event: { eventName: meter.eventName, identifier: identifier ?? nameOf(index, given), payload, timestamp },
        receivedAt: at,
        earliest: earliestTimestamp(at),
        cancelledAt: null,
      }),
    )
    return preview.finish(null, window)
  }
  const customers = saved && under(toMeter(saved)).customers.map(({ customer, value }) => [customer, value] as const)
  return { preview: under(meter), saved: customers && new Map(customers), reached: null }
}

/** Of a sample without an identifier: no other has it. */
function nameOf(index: number, given: ReadonlySet<string | null>): string {
  let name = `(sample ${index})`
  while (given.has(name)) name = `(${name})`
  return name
}

/** Every customer of either side, in the order of their names. */
function compare({ preview, saved }: Outcome): ComparedCustomer[] {
  const customers = new Map<string, Omit<ComparedCustomer, 'compared'>>()
  for (const each of preview.customers) customers.set(each.customer, each)
  for (const customer of saved?.keys() ?? []) {
    if (!customers.has(customer)) customers.set(customer, { customer, value: '0', windows: [] })
  }
  return [...customers.values()]
    .sort((left, right) => compareCodePoints(left.customer, right.customer))
    .map((each) => {
      if (saved === null) return { ...each, compared: null }
      const value = saved.get(each.customer) ?? '0'
      const difference = formatDecimal(parseDecimal(each.value) - parseDecimal(value))
      return { ...each, compared: { value, difference } }
    })
}
