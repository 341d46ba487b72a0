/** What the form of a new meter holds, and what it means for the domain and for the API. */
import type { FormulaName } from '../domain/aggregation.js'
import { DomainError } from '../domain/errors.js'
import {
  configuredMeter,
  DEFAULT_CUSTOMER_KEY,
  DEFAULT_VALUE_KEY,
  type EventTimeWindow,
  type Meter,
} from '../domain/meter-catalogue.js'
import { Failure, type Parameters } from './service-client.js'

export interface MeterForm {
  readonly displayName: string
  readonly eventName: string
  readonly formula: FormulaName
  readonly window: EventTimeWindow | null
  readonly valueKey: string
  readonly customerKey: string
  /** As typed: payload keys separated by commas. */
  readonly dimensions: string
}

export const emptyForm: MeterForm = {
  displayName: '',
  eventName: '',
  formula: 'sum',
  window: null,
  valueKey: DEFAULT_VALUE_KEY,
  customerKey: DEFAULT_CUSTOMER_KEY,
  dimensions: '',
}

export interface Problem {
  /** The field it belongs to; null where it belongs to none. */
  readonly field: keyof MeterForm | null
  readonly code: string | null
  readonly param: string | null
  readonly message: string
}

/** Parameter of the API → the field it is typed in. */
const fields: Readonly<Record<string, keyof MeterForm>> = {
  display_name: 'displayName',
  event_name: 'eventName',
  'default_aggregation[formula]': 'formula',
  event_time_window: 'window',
  'value_settings[event_payload_key]': 'valueKey',
  'customer_mapping[event_payload_key]': 'customerKey',
  dimension_payload_keys: 'dimensions',
}

function dimensionKeys({ dimensions }: MeterForm): string[] {
  return dimensions
    .split(',')
    .map((key) => key.trim())
    .filter((key) => key !== '')
}

/** The meter the form describes, by the rules that create it; or what stands in the way. */
export function meterOf(form: MeterForm, now: number): { readonly meter: Meter } | { readonly problem: Problem } {
  try {
    const { displayName, eventName, formula, valueKey, customerKey } = form
    const meter = configuredMeter({
      meterId: '',
      displayName,
      eventName,
      formula,
      eventTimeWindow: form.window,
      valueKey,
      customerKey,
      dimensionKeys: dimensionKeys(form),
      createdAt: now,
    })
    return { meter }
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
    return { problem: problemOf(error) }
  }
}

/** A preview needs no names yet. */
export function previewedMeter(form: MeterForm, now: number): ReturnType<typeof meterOf> {
  const orElse = (text: string, otherwise: string): string => (text.trim() === '' ? otherwise : text)
  return meterOf(
    { ...form, displayName: orElse(form.displayName, 'Preview'), eventName: orElse(form.eventName, 'preview') },
    now,
  )
}

export function parametersOf(form: MeterForm): Parameters {
  return {
    display_name: form.displayName,
    event_name: form.eventName,
    default_aggregation: { formula: form.formula },
    event_time_window: form.window ?? undefined,
    value_settings: { event_payload_key: form.valueKey },
    customer_mapping: { type: 'by_id', event_payload_key: form.customerKey },
    dimension_payload_keys: dimensionKeys(form),
  }
}

export function problemOf(error: DomainError | Failure): Problem {
  const field = error.param === null ? null : (fields[error.param.replace(/\[\d*\]$/, '')] ?? null)
  return { field, code: error.code, param: error.param, message: error.message }
}
