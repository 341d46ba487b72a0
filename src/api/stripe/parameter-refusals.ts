/** What is said about a parameter, in Stripe's words and under Stripe's codes. */
import { ApiError } from './api-error.js'
import { listProblem } from './form.js'
import { quote } from './wire-text.js'

export function missing(param: string): ApiError {
  return ApiError.invalidRequest(`Missing required param: ${param}.`, 'parameter_missing', param)
}

export function unknown(param: string, meant: string | null): ApiError {
  const hint = meant === null ? '' : `. Did you mean ${meant}?`
  return ApiError.invalidRequest(`Received unknown parameter: ${param}${hint}`, 'parameter_unknown', param)
}

export function empty(param: string): ApiError {
  return ApiError.invalidRequest(
    `You passed an empty string for '${param}'. Leave '${param}' out of the request or supply a value.`,
    'parameter_invalid_empty',
    param,
  )
}

export function tooLong(param: string, lengthMax: number): ApiError {
  return ApiError.invalidRequest(
    `Invalid string for ${param}: must be at most ${lengthMax} characters.`,
    'parameter_too_long',
    param,
  )
}

/** `kind` is what is expected, with its article. */
export function wrongKind(param: string, kind: string): ApiError {
  return ApiError.invalidRequest(`Invalid ${param}: must be ${kind}.`, 'parameter_invalid', param)
}

/** As `wrongKind`, of a value that may have been written as a list and is none. */
export function notAList(param: string, value: unknown, kind: string): ApiError {
  const problem = listProblem(value)
  if (problem === null) return wrongKind(param, kind)
  return ApiError.invalidRequest(`Invalid request: the list ${quote(param)} ${problem}.`, 'parameter_invalid', param)
}

export function notOneOf(param: string, allowed: readonly string[]): ApiError {
  const choices = allowed.length < 2 ? allowed.join('') : `${allowed.slice(0, -1).join(', ')} or ${allowed.at(-1)}`
  return wrongKind(param, allowed.length < 2 ? choices : `one of ${choices}`)
}

export function badInteger(param: string, raw: unknown): ApiError {
  const given = typeof raw === 'string' ? `: ${quote(raw)}` : ''
  return ApiError.invalidRequest(`Invalid integer for ${param}${given}`, 'parameter_invalid_integer', param)
}

export function outOfRange(param: string, min: number, max: number): ApiError {
  return ApiError.invalidRequest(
    `Invalid integer for ${param}: must be from ${min} to ${max}.`,
    'parameter_invalid_integer',
    param,
  )
}

export function exclusive(param: string, other: string): ApiError {
  return ApiError.invalidRequest(
    `You may only specify one of these parameters: ${other}, ${param}.`,
    'parameters_exclusive',
    param,
  )
}

export function notExpandable(path: string): ApiError {
  return ApiError.invalidRequest(`This property cannot be expanded (${quote(path)}).`, 'parameter_invalid', 'expand')
}
