/**
 * The service's HTTP API as the dashboard uses it. `/v1` takes forms, `/meterbook/v1` JSON; every failure, also of the
 * network, becomes a `Failure`.
 */
import { parseExactly } from './exact-json.js'
import { addressOf } from './service-address.js'

export type Query = Readonly<Record<string, string | number | undefined>>
export interface Parameters {
  readonly [name: string]: string | number | readonly string[] | Parameters | undefined
}

export class Failure extends Error {
  constructor(
    /** 0: the service could not be reached. */
    readonly status: number,
    message: string,
    readonly code: string | null = null,
    /** The parameter at fault, for example `event_name`. */
    readonly param: string | null = null,
    readonly requestId: string | null = null,
    /** false: something on the way answered in its place, a proxy for example. */
    readonly isOfService = true,
    /** Seconds after which the service may be asked again; null: it did not say. */
    readonly retryAfter: number | null = null,
  ) {
    super(message)
    this.name = 'Failure'
  }
}

export async function get<Answer>(path: string, query: Query = {}, signal?: AbortSignal): Promise<Answer> {
  return (await getDated<Answer>(path, query, signal)).answer
}

interface Dated<Answer> {
  readonly answer: Answer
  /** When the service sent it, by its own clock, to the second; by that of the browser where it does not say. */
  readonly at: number
}

export function getDated<Answer>(path: string, query: Query = {}, signal?: AbortSignal): Promise<Dated<Answer>> {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value))
  const url = search.size === 0 ? path : `${path}?${search}`
  return sendDated(url, signal ? { signal } : {})
}

/** `idempotencyKey` makes sending it again, after an answer that was lost, the same as sending it once. */
export function postForm<Answer>(path: string, parameters: Parameters, idempotencyKey: string): Promise<Answer> {
  const body = new URLSearchParams()
  appendTo(body, '', parameters)
  return send(path, { method: 'POST', body, headers: { 'idempotency-key': idempotencyKey } })
}

export function postJson<Answer>(path: string, parameters: Parameters | object, signal?: AbortSignal): Promise<Answer> {
  return send(path, {
    method: 'POST',
    body: JSON.stringify(parameters),
    headers: { 'content-type': 'application/json' },
    ...(signal ? { signal } : {}),
  })
}

export function remove<Answer>(path: string): Promise<Answer> {
  return send(path, { method: 'DELETE' })
}

/** `crypto.randomUUID` is missing where the page came over plain http. */
export function newIdempotencyKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

async function send<Answer>(url: string, request: RequestInit): Promise<Answer> {
  return (await sendDated<Answer>(url, request)).answer
}

async function sendDated<Answer>(url: string, request: RequestInit): Promise<Dated<Answer>> {
  let response: Response
  try {
    response = await fetch(addressOf(url), { ...request, credentials: 'same-origin' })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new Failure(0, 'The service could not be reached.')
  }
  const body = (await response
    .text()
    .then(parseExactly)
    .catch(() => null)) as
    | (Answer & { readonly error?: { readonly message?: string; readonly code?: string; readonly param?: string } })
    | null
  if (response.ok && body !== null) {
    const at = Date.parse(response.headers.get('date') ?? '')
    return { answer: body, at: Number.isNaN(at) ? Date.now() : at }
  }
  const { message, code, param } = body?.error ?? {}
  throw new Failure(
    response.status,
    message ?? `The service answered ${response.status}.`,
    code ?? null,
    param ?? null,
    response.headers.get('request-id'),
    message !== undefined,
    secondsOf(response.headers.get('retry-after')),
  )
}

/** A header in the other form, a date, is left to whoever tries again. */
function secondsOf(header: string | null): number | null {
  return header !== null && /^\d+$/.test(header) ? Number(header) : null
}

function appendTo(body: URLSearchParams, prefix: string, parameters: Parameters): void {
  for (const [key, value] of Object.entries(parameters)) {
    const name = prefix === '' ? key : `${prefix}[${key}]`
    if (value === undefined) continue
    if (typeof value === 'string' || typeof value === 'number') body.append(name, String(value))
    else if (isList(value)) for (const each of value) body.append(`${name}[]`, each)
    else appendTo(body, name, value)
  }
}

function isList(value: readonly string[] | Parameters): value is readonly string[] {
  return Array.isArray(value)
}
