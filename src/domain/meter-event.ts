/**
 * A meter event as it was reported, read by the meter it is for. What is wrong with it is named by one of Stripe's codes;
 * nothing is rounded, clamped or guessed. Rules: design §4; stripe-metering §2 and §7.2.
 */
import { readDecimal, type DecimalProblem } from './decimal.js'
import { DomainError, type ErrorCode } from './errors.js'
import { formulas } from './aggregation.js'
import { PAYLOAD_KEY_LENGTH_MAX, type Meter } from './meter-catalogue.js'
import { isLongerThan } from './text.js'
import { DAY_MS, MINUTE_MS, SECOND_MS } from './time-bucket.js'
import type { UsageRecord } from './usage-record.js'

export interface MeterEvent {
  readonly eventName: string
  readonly identifier: string
  readonly payload: Readonly<Record<string, string>>
  /** Milliseconds since the epoch; null where the caller left it out. */
  readonly timestamp: number | null
}

export const IDENTIFIER_LENGTH_MAX = 100
export const CUSTOMER_LENGTH_MAX = 255
export const PAYLOAD_KEYS_MAX = 50
export const PAYLOAD_VALUE_LENGTH_MAX = 500
/** How far back a timestamp may lie, inclusive: 35 × 24 hours before the second of the receipt. */
export const TIMESTAMP_PAST_MAX_MS = 35 * DAY_MS
/** The earliest timestamp of history that is imported: 1970. */
export const BACKFILL_EARLIEST = 0
/** How far ahead of the receipt a timestamp may lie, inclusive. */
export const TIMESTAMP_FUTURE_MAX_MS = 5 * MINUTE_MS

/**
 * The record a meter event makes on a meter. A rejected event that is retried later is read as of its first receipt. Whether
 * it happened too long ago is asked once it is known not to be recorded already (`requireNotTooOld`).
 *
 * @throws DomainError with the code that says why it cannot count.
 */
export function readMeterEvent(meter: Meter, event: MeterEvent, receivedAt: number): UsageRecord {
  requireIdentifier(event.identifier)
  requirePayloadLimits(event.payload)
  const occurredAt = readTimestamp(event.timestamp, receivedAt)
  const customer = readCustomer(meter, event.payload)
  const value = readValue(meter, event.payload)
  for (const key of meter.dimensionKeys) {
    if (!Object.hasOwn(event.payload, key)) {
      throw new DomainError(
        'missing_dimension_payload_keys',
        `The payload must contain every dimension of the meter: ${key} is missing.`,
        `payload[${key}]`,
      )
    }
  }
  return {
    meterId: meter.id,
    identifier: event.identifier,
    customer,
    value,
    occurredAt,
    recordedAt: receivedAt,
    payload: restOfPayload(meter, event.payload, value),
  }
}

/** The earliest timestamp at a receipt: a whole second, so that one of v1 can be the limit itself. */
export function earliestTimestamp(receivedAt: number): number {
  return receivedAt - (receivedAt % SECOND_MS) - TIMESTAMP_PAST_MAX_MS
}

/** @throws DomainError for a timestamp before `earliest`: `BACKFILL_EARLIEST` in an import of history, else 35 days back. */
export function requireNotTooOld(timestamp: number, earliest: number): void {
  if (timestamp >= earliest) return
  throw new DomainError(
    'timestamp_too_far_in_past',
    earliest === BACKFILL_EARLIEST
      ? 'The timestamp must not be before 1970.'
      : 'The timestamp must be within the past 35 calendar days.',
    'timestamp',
  )
}

/** The payload as it was sent. */
export function restorePayload(meter: Meter, record: UsageRecord): Record<string, string> {
  const payload = emptyPayload()
  for (const [key, text] of payloadEntries(meter, record)) payload[key] = text
  return payload
}

/** The payload as it was sent, its keys with their texts: what very many records are written from. */
export function payloadEntries(
  meter: Pick<Meter, 'customerKey' | 'valueKey'>,
  { customer, value, payload: rest }: Pick<UsageRecord, 'customer' | 'value' | 'payload'>,
): (readonly [key: string, text: string])[] {
  const { customerKey, valueKey } = meter
  // What was kept as it was sent goes before what was read from it.
  const sent = (key: string, read: string): string => (Object.hasOwn(rest, key) ? (rest[key] ?? '') : read)
  const entries: (readonly [string, string])[] = [[customerKey, sent(customerKey, customer)]]
  if (value !== null) entries.push([valueKey, sent(valueKey, value)])
  for (const key of Object.keys(rest)) {
    if (key !== customerKey && (key !== valueKey || value === null)) entries.push([key, rest[key] ?? ''])
  }
  return entries
}

/** The values of a meter's dimensions, in the order of its keys. */
export function dimensionValues(meter: Pick<Meter, 'dimensionKeys'>, record: UsageRecord): string[] {
  return meter.dimensionKeys.map((key) => (Object.hasOwn(record.payload, key) ? (record.payload[key] ?? '') : ''))
}

function restOfPayload(meter: Meter, sent: MeterEvent['payload'], value: string | null): UsageRecord['payload'] {
  let rest: Record<string, string> | null = null
  for (const key of Object.keys(sent)) {
    if (key === meter.customerKey) continue
    const text = sent[key] ?? ''
    // `25.0` counts as 25, and its text is kept so that nothing that was sent is lost.
    if (key === meter.valueKey && text === value) continue
    rest ??= emptyPayload()
    rest[key] = text
  }
  return rest ?? NOTHING_ELSE
}

function requireIdentifier(identifier: string): void {
  if (identifier.trim() === '') {
    throw new DomainError('parameter_invalid_empty', 'The identifier must not be empty or blank.', 'identifier')
  }
  if (isLongerThan(identifier, IDENTIFIER_LENGTH_MAX)) {
    throw new DomainError(
      'parameter_too_long',
      `The identifier must be at most ${IDENTIFIER_LENGTH_MAX} characters long.`,
      'identifier',
    )
  }
}

function requirePayloadLimits(payload: MeterEvent['payload']): void {
  const keys = Object.keys(payload)
  if (keys.length > PAYLOAD_KEYS_MAX) {
    throw new DomainError('parameter_invalid', `A payload has at most ${PAYLOAD_KEYS_MAX} keys.`, 'payload')
  }
  for (const key of keys) {
    if (isLongerThan(key, PAYLOAD_KEY_LENGTH_MAX)) {
      throw new DomainError(
        'parameter_too_long',
        `A payload key must be at most ${PAYLOAD_KEY_LENGTH_MAX} characters long.`,
        'payload',
      )
    }
    if (isLongerThan(payload[key] ?? '', PAYLOAD_VALUE_LENGTH_MAX)) {
      throw new DomainError(
        'parameter_too_long',
        `A payload value must be at most ${PAYLOAD_VALUE_LENGTH_MAX} characters long.`,
        `payload[${key}]`,
      )
    }
  }
}

function readTimestamp(timestamp: number | null, receivedAt: number): number {
  if (timestamp === null) return receivedAt
  if (timestamp > receivedAt + TIMESTAMP_FUTURE_MAX_MS) {
    throw new DomainError('timestamp_in_future', 'The timestamp must be at most 5 minutes in the future.', 'timestamp')
  }
  return timestamp
}

function readCustomer({ customerKey }: Meter, payload: MeterEvent['payload']): string {
  const param = `payload[${customerKey}]`
  const customer = own(payload, customerKey)
  if (customer === undefined || customer.trim() === '') {
    throw new DomainError(
      'meter_event_no_customer_defined',
      `The payload must name the customer under the key ${customerKey}.`,
      param,
    )
  }
  if (isLongerThan(customer, CUSTOMER_LENGTH_MAX)) {
    throw new DomainError(
      'parameter_too_long',
      `A customer id must be at most ${CUSTOMER_LENGTH_MAX} characters long.`,
      param,
    )
  }
  return customer
}

const valueProblems: Record<DecimalProblem, { readonly code: ErrorCode; readonly hint: string }> = {
  not_a_number: { code: 'meter_event_invalid_value', hint: 'must be a number such as 25, -4 or 0.5' },
  too_large: { code: 'meter_event_invalid_value', hint: 'must be between -1000000000000000 and 1000000000000000' },
  too_many_digits: { code: 'meter_event_value_too_many_digits', hint: 'must have at most 15 digits' },
  too_many_places: { code: 'meter_event_value_too_many_digits', hint: 'must have at most 15 decimal places' },
}

function readValue(meter: Meter, payload: MeterEvent['payload']): string | null {
  if (!formulas[meter.formula].usesValue) return null
  const param = `payload[${meter.valueKey}]`
  const text = own(payload, meter.valueKey)
  if (text === undefined) {
    throw new DomainError(
      'meter_event_invalid_value',
      `The payload must hold the value under the key ${meter.valueKey}.`,
      param,
    )
  }
  const read = readDecimal(text)
  if ('value' in read) return read.value
  const { code, hint } = valueProblems[read.problem]
  throw new DomainError(code, `The value under the payload key ${meter.valueKey} ${hint}.`, param)
}

function own(payload: MeterEvent['payload'], key: string): string | undefined {
  return Object.hasOwn(payload, key) ? payload[key] : undefined
}

/** Shared by the many records without dimensions. */
const NOTHING_ELSE: Readonly<Record<string, string>> = Object.freeze(emptyPayload())

/** Without a prototype, so that a key such as `__proto__` is a key like any other. */
function emptyPayload(): Record<string, string> {
  return Object.create(null) as Record<string, string>
}
