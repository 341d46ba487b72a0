/**
 * A refusal: a request the rules turn down. Its code is from one closed list, its message says what to do, and
 * nothing was changed. Anything else that is thrown is a bug.
 */

/** Why a meter event was not counted: Stripe's ten codes (stripe-metering §7.2) and `duplicate_meter_event`. */
export const usageRefusalCodes = [
  'archived_meter',
  'duplicate_meter_event',
  'meter_event_customer_not_found',
  'meter_event_dimension_count_too_high',
  'meter_event_invalid_value',
  'meter_event_no_customer_defined',
  'meter_event_value_too_many_digits',
  'missing_dimension_payload_keys',
  'no_meter',
  'timestamp_in_future',
  'timestamp_too_far_in_past',
] as const

export type UsageRefusalCode = (typeof usageRefusalCodes)[number]

/** Of any request, and of an event of the stream. */
export const parameterRefusalCodes = [
  /** A value is of the right kind but outside what is allowed. */
  'parameter_invalid',
  'parameter_invalid_empty',
  'parameter_missing',
  'parameter_too_long',
  'parameter_unknown',
] as const

/** Why an event of the stream was not counted: no rejection has another code. */
export const rejectionCodes = [...usageRefusalCodes, ...parameterRefusalCodes] as const

export type ErrorCode =
  | (typeof rejectionCodes)[number]
  /** An object the request names does not exist in this ledger. */
  | 'resource_missing'
  /** An active meter already serves the event name. */
  | 'event_name_taken'
  /** The record was received more than 24 hours ago. */
  | 'cancellation_window_passed'

export class DomainError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
    /** The request parameter at fault, in Stripe's words, for example `payload[value]`. */
    readonly param: string | null = null,
  ) {
    super(message)
    this.name = 'DomainError'
  }
}
