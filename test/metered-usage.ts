/** What almost every scenario does with the Stripe client: makes a meter, reports usage on it, asks what it comes to. */
import type Stripe from 'stripe'
import { DAY_MS } from '../src/domain/time-bucket.js'
import { NOW, uniqueName } from './controls.js'
import { seconds } from './running-service.js'

export type Meter = Stripe.Billing.Meter
export type Summary = Stripe.Billing.MeterEventSummary & {
  readonly aggregated_value_decimal: string
  readonly dimensions: Record<string, string> | null
  readonly position: string | null
}
type MeterChoices = Partial<Omit<Stripe.Billing.MeterCreateParams, 'default_aggregation'>> & {
  readonly dimension_payload_keys?: string[]
}

type SummaryChoices = Partial<Stripe.Billing.MeterListEventSummariesParams> & {
  readonly dimension_filters?: Record<string, string>
  readonly dimension_group_by_keys?: string[]
}

export const CUSTOMER = 'cus_A'
const TODAY = Math.floor(NOW / DAY_MS) * DAY_MS
/** Every instant the tests report at; whole days. */
export const EVER: Interval = { start: TODAY - 100 * DAY_MS, end: TODAY + 100 * DAY_MS }

/** Milliseconds since the epoch; end exclusive. */
export interface Interval {
  readonly start: number
  readonly end: number
}

/** A meter with an event name of its own. */
export function createMeter(
  stripe: Stripe,
  formula: 'sum' | 'count' | 'last' = 'sum',
  choices: MeterChoices = {},
): Promise<Meter> {
  const event_name = uniqueName('event_')
  return stripe.billing.meters.create({
    display_name: `Meter of ${event_name}`,
    event_name,
    default_aggregation: { formula },
    ...choices,
  })
}

export interface Reported {
  readonly customer?: string
  /** Milliseconds since the epoch. */
  readonly at?: number
  readonly identifier?: string
  /** Further payload keys. */
  readonly payload?: Record<string, string>
}

/** Reports one value under the meter's own payload keys. */
export function report(
  stripe: Stripe,
  meter: Meter,
  value: string | number,
  { customer = CUSTOMER, at, identifier, payload = {} }: Reported = {},
): Promise<Stripe.Response<Stripe.Billing.MeterEvent>> {
  return stripe.billing.meterEvents.create({
    event_name: meter.event_name,
    payload: {
      [meter.customer_mapping.event_payload_key]: customer,
      [meter.value_settings.event_payload_key]: String(value),
      ...payload,
    },
    ...(at === undefined ? {} : { timestamp: seconds(at) }),
    ...(identifier === undefined ? {} : { identifier }),
  })
}

export function cancel(
  stripe: Stripe,
  meter: Pick<Meter, 'event_name'>,
  identifier: string,
): Promise<Stripe.Response<Stripe.Billing.MeterEventAdjustment>> {
  const { event_name } = meter
  return stripe.billing.meterEventAdjustments.create({ event_name, type: 'cancel', cancel: { identifier } })
}

/** When the rows have every event acknowledged so far: lists are read from rows alone, totals are not. */
export async function usageProjected(stripe: Stripe): Promise<void> {
  await stripe.rawRequest('GET', '/meterbook/v1/meter_events?limit=1')
}

export async function summaries(
  stripe: Stripe,
  meter: Pick<Meter, 'id'>,
  { start, end }: Interval = EVER,
  choices: SummaryChoices = {},
): Promise<Summary[]> {
  const { data } = await stripe.billing.meters.listEventSummaries(meter.id, {
    customer: CUSTOMER,
    start_time: seconds(start),
    end_time: seconds(end),
    ...choices,
  })
  return data as Summary[]
}

/** The exact total of a customer, as text. */
export async function total(
  stripe: Stripe,
  meter: Pick<Meter, 'id'>,
  { customer = CUSTOMER, ...interval }: Partial<Interval> & { readonly customer?: string } = {},
): Promise<string> {
  const [whole, ...others] = await summaries(stripe, meter, { ...EVER, ...interval }, { customer })
  if (!whole || others.length > 0) throw new Error('The whole interval has one summary.')
  return whole.aggregated_value_decimal
}

/** Values by window start, newest first, as the list has them. */
export async function byWindow(
  stripe: Stripe,
  meter: Pick<Meter, 'id'>,
  window: 'hour' | 'day',
  interval: Interval,
): Promise<[start: string, value: number][]> {
  const windows = await summaries(stripe, meter, interval, { value_grouping_window: window })
  return windows.map(({ start_time, aggregated_value }) => [
    new Date(start_time * 1000).toISOString(),
    aggregated_value,
  ])
}
