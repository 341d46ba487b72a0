/**
 * Every failure in Stripe's envelope. The SDK takes any JSON object without `error` for a success and a text in `error` for
 * an OAuth failure, so there is no path on which `error` is anything but an object, and none that answers without it.
 * What is not a refusal is a bug: it is answered with one fixed sentence, and what happened goes to the log only.
 */
import { HttpException } from '@nestjs/common'
import { DomainError } from '../../domain/errors.js'
import { choice, namedObject, object, optional, text, type TypeOf } from './answer-schemas.js'
import {
  ApiError,
  apiErrorCodes,
  apiErrorTypes,
  fromDomainError,
  type ApiErrorCode,
  type ApiErrorType,
} from './api-error.js'
import { quote } from './wire-text.js'

const code = choice(apiErrorCodes)
const type = choice(apiErrorTypes)

export const V1Error = namedObject('V1Error', {
  error: object({
    type,
    message: text(),
    code: optional(code),
    param: optional(text('The parameter at fault, for example `payload[value]`.')),
  }),
})

export const V2Error = namedObject('V2Error', { error: object({ code, message: text(), type }) })

export interface FailedRequest {
  readonly method: string
  /** Path and query, as sent. */
  readonly url: string
  /** The parsed body, if it came that far. */
  readonly body?: unknown
}

export interface ErrorAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** JSON. */
  readonly body: string
  /** What someone should read about in the log: a bug, or what is in the way and passes; null for the caller's own mistakes. */
  readonly trouble: 'bug' | 'passing' | null
}

/** Codes of refusals that never reached an endpoint. Stripe's word where it has one. */
export const requestCodes: Readonly<Record<number, ApiErrorCode>> = {
  400: 'invalid_request',
  403: 'forbidden',
  404: 'url_invalid',
  405: 'url_invalid',
  408: 'request_timeout',
  413: 'request_too_large',
  414: 'url_invalid',
  415: 'content_type_invalid',
  417: 'expectation_failed',
  431: 'headers_too_large',
}

/** Codes of the v2 envelope, which always has one, for failures that have none of their own. */
const v2Codes: Readonly<Record<number, ApiErrorCode>> = {
  400: 'invalid_request',
  401: 'unauthenticated',
  403: 'forbidden',
  404: 'not_found',
  429: 'rate_limit',
  503: 'service_unavailable',
}

export function answerTo(error: unknown, request: FailedRequest): ErrorAnswer {
  const version = request.url.startsWith('/v2/') ? 'v2' : 'v1'
  const { status, type, code, message, param, headers } = toApiError(error, request, version)
  const envelope: TypeOf<typeof V1Error> | TypeOf<typeof V2Error> =
    version === 'v2'
      ? { error: { code: code ?? v2CodeOf(status, type), message, type } }
      : { error: { type, message, ...(code !== null && { code }), ...(param !== null && { param }) } }
  return { status, headers, body: JSON.stringify(envelope), trouble: troubleOf(error, status) }
}

function v2CodeOf(status: number, type: ApiErrorType): ApiErrorCode {
  if (type === 'idempotency_error') return type
  return v2Codes[status] ?? (status < 500 ? 'invalid_request' : 'internal_error')
}

function troubleOf(error: unknown, status: number): ErrorAnswer['trouble'] {
  // Nobody waits any more, and the work ended for that reason.
  if (error instanceof Error && error.name === 'AbortError') return null
  if (isLeft(error)) return null
  if (status === 500) return 'bug'
  const isPassing = error instanceof Error && Object.hasOwn(passingFailures, error.name)
  return isPassing || status > 500 ? 'passing' : null
}

/** By its client, before anything of the answer was taken. */
function isLeft(error: unknown): boolean {
  return (error as NodeJS.ErrnoException | null | undefined)?.code === 'ERR_STREAM_PREMATURE_CLOSE'
}

const tryAgain = { 'retry-after': '1', 'stripe-should-retry': 'true' }

/** What passes by itself, so that trying again is right. By name: the API knows nothing of what lies behind it. */
const passingFailures: Readonly<Record<string, (error: Error) => ApiError>> = {
  EventStoreUnavailable: () =>
    new ApiError({
      status: 503,
      type: 'api_error',
      message: 'The service cannot reach its event store just now. Please try again.',
      headers: tryAgain,
    }),
  ReadModelUnusable: () =>
    new ApiError({
      status: 503,
      type: 'api_error',
      message: 'The service cannot read its read model just now. Please try again.',
      headers: tryAgain,
    }),
  ReadModelBehind: ({ message }) => new ApiError({ status: 503, type: 'api_error', message, headers: tryAgain }),
  ReadModelBusy: ({ message }) =>
    new ApiError({ status: 503, type: 'api_error', message: `${message} Please try again.`, headers: tryAgain }),
  Overloaded: ({ message }) =>
    new ApiError({ status: 429, type: 'invalid_request_error', code: 'rate_limit', message, headers: tryAgain }),
  TransactionConflict: ({ message }) =>
    new ApiError({ status: 409, type: 'invalid_request_error', code: 'lock_timeout', message, headers: tryAgain }),
}

function toApiError(error: unknown, request: FailedRequest, version: 'v1' | 'v2'): ApiError {
  if (error instanceof ApiError) return error
  if (error instanceof DomainError) return fromDomainError(error, version, request.body)
  const passing = error instanceof Error ? passingFailures[error.name] : undefined
  if (passing) return passing(error as Error)
  const status = refusalStatus(error)
  if (status !== null) return fromFramework(status, error as Error, request, version)
  if (isCutOff(error)) {
    return ApiError.invalidRequest('The connection was closed before the whole request had arrived.')
  }
  return new ApiError({
    status: 500,
    type: 'api_error',
    message: 'An error occurred inside the service. It was logged under the request id of this response.',
  })
}

/** The status of a refusal by Nest or Fastify; anything else that was thrown is a bug. */
function refusalStatus(error: unknown): number | null {
  if (error instanceof HttpException) return isRefusal(error.getStatus()) ? error.getStatus() : null
  if (!(error instanceof Error)) return null
  const { code, statusCode } = error as { readonly code?: unknown; readonly statusCode?: unknown }
  const isFastifys = typeof code === 'string' && code.startsWith('FST_ERR_')
  return isFastifys && typeof statusCode === 'number' && isRefusal(statusCode) ? statusCode : null
}

/** The client went away in the middle of its body: Node's error, marked by Fastify as the client's. */
function isCutOff(error: unknown): boolean {
  const { code, statusCode } = (error ?? {}) as { readonly code?: unknown; readonly statusCode?: unknown }
  return code === 'ECONNRESET' && statusCode === 400
}

function isRefusal(status: number): boolean {
  return status >= 400 && status < 500
}

function fromFramework(status: number, error: Error, request: FailedRequest, version: 'v1' | 'v2'): ApiError {
  const type = 'invalid_request_error'
  if ('code' in error && error.code === 'FST_ERR_BAD_URL') {
    const message = 'Invalid request: the URL has a percent escape that is malformed or not UTF-8.'
    return new ApiError({ status, type, code: 'url_invalid', message })
  }
  const code = (version === 'v2' ? v2Codes[status] : undefined) ?? requestCodes[status] ?? 'invalid_request'
  return new ApiError({ status, type, code, message: sentence(status, error.message, request) })
}

function sentence(status: number, message: string, { method, url }: FailedRequest): string {
  switch (status) {
    case 404:
    case 405:
      return `Unrecognized request URL (${method}: ${quote(url.split('?', 1)[0] ?? '')}). Please check the method and the path.`
    case 413:
      return 'The request body is larger than the service accepts. Send less in one request.'
    case 414:
      return 'A part of the request URL is longer than the service accepts.'
    case 415: {
      const type = url.startsWith('/v2/') ? 'application/json' : 'application/x-www-form-urlencoded'
      return `Invalid request (check that your POST content type is ${type}).`
    }
    default:
      return `Invalid request: ${message === '' ? 'it could not be read' : message.replace(/\.$/, '')}.`
  }
}
