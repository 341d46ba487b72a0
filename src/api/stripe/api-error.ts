/**
 * A refusal in the words of Stripe's API, and how each refusal of the domain is said in them. The tables are complete by
 * type: an error code without its answer does not compile.
 */
import { usageRefusalCodes, type DomainError, type ErrorCode } from '../../domain/errors.js'

/** Every code there is in an answer, v1 or v2: those of the domain and those of requests. docs/wire-compatibility.md says when each of them comes. */
export const apiErrorCodes = [
  ...usageRefusalCodes,
  'account_invalid',
  'audit_running',
  'billing_meter_event_session_expired',
  'cancellation_window_passed',
  'content_type_invalid',
  'expectation_failed',
  'forbidden',
  'headers_too_large',
  'idempotency_error',
  'idempotency_key_in_use',
  'internal_error',
  'invalid_cancel_configuration',
  'invalid_request',
  'lock_timeout',
  'more_permissions_required',
  'not_found',
  'parameter_invalid',
  'parameter_invalid_empty',
  'parameter_invalid_integer',
  'parameter_missing',
  'parameter_too_long',
  'parameter_unknown',
  'parameters_exclusive',
  'payload_invalid_value',
  'payload_no_customer_defined',
  'payload_no_value_defined',
  'rate_limit',
  'rebuild_running',
  'request_timeout',
  'request_too_large',
  'resource_already_exists',
  'resource_missing',
  'service_unavailable',
  'unauthenticated',
  'url_invalid',
] as const

export type ApiErrorCode = (typeof apiErrorCodes)[number]

export const apiErrorTypes = [
  'api_error',
  'idempotency_error',
  'invalid_request_error',
  /** v2 only: the token of a meter event session is past its time. */
  'temporary_session_expired',
] as const

export type ApiErrorType = (typeof apiErrorTypes)[number]

export class ApiError extends Error {
  readonly status: number
  readonly type: ApiErrorType
  readonly code: ApiErrorCode | null
  /** The full name of the parameter at fault, for example `payload[value]`. */
  readonly param: string | null
  readonly headers: Readonly<Record<string, string>>

  constructor(answer: {
    readonly status: number
    readonly type: ApiErrorType
    readonly message: string
    readonly code?: ApiErrorCode | null
    readonly param?: string | null
    readonly headers?: Readonly<Record<string, string>>
  }) {
    super(answer.message)
    this.name = 'ApiError'
    this.status = answer.status
    this.type = answer.type
    this.code = answer.code ?? null
    this.param = answer.param ?? null
    this.headers = answer.headers ?? {}
  }

  static invalidRequest(
    message: string,
    code: ApiErrorCode = 'invalid_request',
    param: string | null = null,
  ): ApiError {
    return new ApiError({ status: 400, type: 'invalid_request_error', message, code, param })
  }
}

interface Answer {
  readonly v1: { readonly status: number; readonly type: ApiErrorType; readonly code: ApiErrorCode | null }
  readonly v2: { readonly status: number; readonly code: ApiErrorCode }
  readonly headers?: Readonly<Record<string, string>>
}

function refused(v1Code: ApiErrorCode | null, v2Code: ApiErrorCode, status = 400): Answer {
  return { v1: { status, type: 'invalid_request_error', code: v1Code }, v2: { status, code: v2Code } }
}

export const answers: Readonly<Record<ErrorCode, Answer>> = {
  archived_meter: refused('archived_meter', 'archived_meter'),
  // Stripe's v1 answer has no code here; clients match on the message. Sending it again can never help.
  duplicate_meter_event: {
    ...refused(null, 'duplicate_meter_event'),
    headers: { 'stripe-should-retry': 'false' },
  },
  meter_event_customer_not_found: refused('meter_event_customer_not_found', 'meter_event_customer_not_found'),
  meter_event_dimension_count_too_high: refused(
    'meter_event_dimension_count_too_high',
    'meter_event_dimension_count_too_high',
  ),
  meter_event_invalid_value: refused('meter_event_invalid_value', 'payload_invalid_value'),
  meter_event_no_customer_defined: refused('meter_event_no_customer_defined', 'payload_no_customer_defined'),
  meter_event_value_too_many_digits: refused('meter_event_value_too_many_digits', 'payload_invalid_value'),
  missing_dimension_payload_keys: refused('missing_dimension_payload_keys', 'missing_dimension_payload_keys'),
  no_meter: refused('no_meter', 'no_meter'),
  timestamp_in_future: refused('timestamp_in_future', 'timestamp_in_future'),
  timestamp_too_far_in_past: refused('timestamp_too_far_in_past', 'timestamp_too_far_in_past'),
  parameter_invalid: refused('parameter_invalid', 'parameter_invalid'),
  parameter_invalid_empty: refused('parameter_invalid_empty', 'parameter_invalid_empty'),
  parameter_missing: refused('parameter_missing', 'parameter_missing'),
  parameter_too_long: refused('parameter_too_long', 'parameter_too_long'),
  parameter_unknown: refused('parameter_unknown', 'parameter_unknown'),
  resource_missing: refused('resource_missing', 'resource_missing', 404),
  event_name_taken: refused('resource_already_exists', 'resource_already_exists'),
  cancellation_window_passed: refused('cancellation_window_passed', 'cancellation_window_passed'),
}

/** `body` is the request's, to tell a value that is missing from one that is wrong: v2 has a code for each. */
export function fromDomainError(error: DomainError, version: 'v1' | 'v2', body: unknown): ApiError {
  const { code, message, param } = error
  const answer = answers[code]
  if (version === 'v1') return new ApiError({ ...answer.v1, message, param, headers: answer.headers })
  const v2Code =
    code === 'meter_event_invalid_value' && isAbsent(param, body) ? 'payload_no_value_defined' : answer.v2.code
  return new ApiError({
    status: answer.v2.status,
    type: 'invalid_request_error',
    code: v2Code,
    message,
    param,
    headers: answer.headers,
  })
}

function isAbsent(param: string | null, body: unknown): boolean {
  const key = /^payload\[(.*)\]$/s.exec(param ?? '')?.[1]
  if (key === undefined || typeof body !== 'object' || body === null) return false
  const payload = Object.getOwnPropertyDescriptor(body, 'payload')?.value as unknown
  return typeof payload === 'object' && payload !== null && !Object.hasOwn(payload, key)
}
