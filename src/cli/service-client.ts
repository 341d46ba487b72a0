/**
 * A running service, as a command reaches it, mostly through a proxy. A request is sent again while the service asks for that
 * (429, 503), or breaks off, or is not reached by the proxy (502, 503, 504), after it had answered before; and for a moment
 * where it has not answered yet: only requests that may be repeated belong here. Whoever runs the command is told of it once,
 * and once it goes on.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { ServiceAccess } from '../config.js'
import type { JsonValue } from '../domain/json.js'
import { printableLine } from './printable.js'

/** One attempt; longer than any wait inside the service. */
const REQUEST_TIMEOUT_MS = 60_000
/** How long one request is tried. */
const GIVE_UP_AFTER_MS = 5 * 60_000
const FIRST_WAIT_MS = 250
/** How long a service that never answered is tried: it may be starting, but more likely it is somewhere else. */
const FIRST_ANSWER_MS = 30_000
const FIRST_ANSWER_RETRY_MS = 500
const ADVICE = 'See that it runs there, and that --url is right.'
/** Nothing listens, or nothing behind whatever does. Any other failure of a first call is for whoever gave the address to mend. */
const NOT_LISTENING: readonly unknown[] = ['ECONNREFUSED', 'ECONNRESET', 'UND_ERR_SOCKET']
const UNKNOWN_AUTHORITY =
  'Its certificate is of no authority that is known here: set NODE_EXTRA_CA_CERTS to a file with the certificate of that authority (PEM).'
const UNKNOWN_CHAIN = `${UNKNOWN_AUTHORITY} If it is a public one, have the server send the certificates in between as well.`
const OUT_OF_TIME = 'See to its certificate, and to the clock here.'
const NO_TLS = 'It speaks no TLS there: give --url with http://, or the address of the proxy that does.'
/** What to do where no connection with TLS comes about, by the code of the error. None of them passes by itself. */
const TLS_ADVICE: ReadonlyMap<unknown, string> = new Map([
  ['DEPTH_ZERO_SELF_SIGNED_CERT', UNKNOWN_AUTHORITY],
  ['SELF_SIGNED_CERT_IN_CHAIN', UNKNOWN_AUTHORITY],
  ['UNABLE_TO_GET_ISSUER_CERT', UNKNOWN_CHAIN],
  ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', UNKNOWN_CHAIN],
  ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', UNKNOWN_CHAIN],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'Give the service in --url by a name that its certificate is for.'],
  ['CERT_HAS_EXPIRED', OUT_OF_TIME],
  ['CERT_NOT_YET_VALID', OUT_OF_TIME],
  ['ERR_SSL_WRONG_VERSION_NUMBER', NO_TLS],
  ['ERR_SSL_PACKET_LENGTH_TOO_LONG', NO_TLS],
])
/** Sent again. Why, where it is not the service that says so: none of its own answers is 502 or 504. */
const BY_A_PROXY: Readonly<Record<number, string>> = {
  429: 'a proxy in front of it takes no more for now.',
  502: 'a proxy in front of it does not reach it.',
  503: 'a proxy in front of it sends nothing on to it.',
  504: 'a proxy in front of it got no answer from it in time.',
}
/** As in docs/operations.md. A call of an import has up to 768 KiB. */
const TOO_LARGE_FOR_A_PROXY = 'a proxy in front of it takes no body that large. Let it take 2 MiB.'
const NO_SERVICE = 'it is no Meterbook service'
const NOT_BY_THE_SERVICE =
  'that came from a proxy in front of it, for the service has answered before. See to the proxy.'
const REDIRECTIONS: readonly number[] = [301, 302, 303, 307, 308]
/** Between two attempts, whatever the service asks for. */
const WAIT_MAX_MS = 60_000
const BACKOFF_MAX_MS = 10_000
/** What the service sets a pace with (429) is told where one request has to wait for longer. */
const PACE_UNTOLD_MS = 10_000

/** What the service refused, or that it cannot be reached; with a message for the operator. */
export class ServiceRefusal extends Error {
  override readonly name = 'ServiceRefusal'
}

interface ServiceRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body: string | null
  readonly idempotencyKey: string | null
}

type Attempt =
  | { readonly answer: JsonValue }
  /**
   * `afterMs` null: the service did not say. `withinMs`: how long it is tried. `isPace`: it works, and wants less at a time.
   */
  | {
      readonly problem: string
      readonly afterMs: number | null
      readonly withinMs: number
      readonly isPace: boolean
    }

interface ErrorAnswer {
  readonly code: unknown
  /** null where it is no answer of the service. */
  readonly message: string | null
}
const NO_ERROR: ErrorAnswer = { code: null, message: null }

export class ServiceClient {
  private hasAnswered = false

  constructor(
    private readonly service: ServiceAccess,
    /** Takes a line for whoever runs the command. */
    private readonly tell: (line: string) => void,
    /** Ends a wait at once; what is under way is answered. */
    private readonly signal?: AbortSignal,
  ) {}

  /** @throws ServiceRefusal */
  get(path: string): Promise<JsonValue> {
    return this.ask({ method: 'GET', path, body: null, idempotencyKey: null })
  }

  /** `body` is JSON. With an idempotency key, what must not be done twice may be sent again, too. @throws ServiceRefusal */
  post(path: string, body: string, idempotencyKey: string | null = null): Promise<JsonValue> {
    return this.ask({ method: 'POST', path, body, idempotencyKey })
  }

  private async ask(request: ServiceRequest): Promise<JsonValue> {
    const since = performance.now()
    let isTold = false
    for (let backoff = FIRST_WAIT_MS; ; backoff = Math.min(2 * backoff, BACKOFF_MAX_MS)) {
      const attempt = await this.attempt(request)
      if ('answer' in attempt) {
        if (isTold) this.tell('The service answers again; going on.')
        return attempt.answer
      }
      const { problem, afterMs, withinMs, isPace } = attempt
      const wait = Math.min(afterMs ?? backoff, WAIT_MAX_MS)
      const waited = performance.now() - since + wait
      if (waited > withinMs) throw new ServiceRefusal(problem)
      if (!isTold && (!isPace || waited > PACE_UNTOLD_MS)) {
        isTold = true
        this.tell(printableLine(`Waiting for the service, for up to ${duration(withinMs)}. ${problem}`))
      }
      await delay(wait, undefined, { signal: this.signal })
    }
  }

  private async attempt({ method, path, body, idempotencyKey }: ServiceRequest): Promise<Attempt> {
    const { url, apiKey } = this.service
    let response: Response
    let text: string
    try {
      response = await fetch(`${url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${apiKey}`,
          ...(body !== null && { 'content-type': 'application/json' }),
          ...(idempotencyKey !== null && { 'idempotency-key': idempotencyKey }),
        },
        body,
        // One to another origin would be followed without the key, and mostly without the body.
        redirect: 'manual',
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      })
      text = await response.text()
    } catch (error) {
      const problem = `The service at ${url} cannot be reached: ${reasonOf(error)}.`
      const tlsAdvice = TLS_ADVICE.get(codeOf(error))
      if (tlsAdvice !== undefined) throw new ServiceRefusal(`${problem} ${tlsAdvice}`)
      if (this.hasAnswered) return { problem, afterMs: null, withinMs: GIVE_UP_AFTER_MS, isPace: false }
      const advised = `${problem} ${ADVICE}`
      if (!NOT_LISTENING.includes(codeOf(error))) throw new ServiceRefusal(advised)
      return { problem: advised, afterMs: FIRST_ANSWER_RETRY_MS, withinMs: FIRST_ANSWER_MS, isPace: false }
    }
    const { status, ok } = response
    const answer = parse(text)
    if (ok && answer !== null) {
      this.hasAnswered = true
      return { answer }
    }
    const { code, message } = status === 502 || status === 504 ? NO_ERROR : errorIn(answer)
    if (message !== null) this.hasAnswered = true
    const elsewhere = REDIRECTIONS.includes(status) ? addressIn(response.headers.get('location'), url, path) : null
    const redirected = elsewhere && `it is to be reached at ${elsewhere}. Give that as --url.`
    const foreign = this.hasAnswered ? NOT_BY_THE_SERVICE : NO_SERVICE
    const byAProxy = BY_A_PROXY[status] ?? (status === 413 ? TOO_LARGE_FOR_A_PROXY : foreign)
    const reason = redirected ?? message ?? byAProxy
    const problem = `The service at ${url} answered ${status}: ${reason}`
    // An earlier try of this request, whose answer did not arrive.
    const isUnderWay = code === 'idempotency_key_in_use'
    if (!(status in BY_A_PROXY) && !isUnderWay) throw new ServiceRefusal(problem)
    const seconds = response.headers.get('retry-after') ?? ''
    const afterMs = /^\d{1,9}$/.test(seconds) ? Number(seconds) * 1000 : null
    const isPace = status === 429
    if (this.hasAnswered || isPace) return { problem, afterMs, withinMs: GIVE_UP_AFTER_MS, isPace }
    return {
      problem: `${problem} ${ADVICE}`,
      afterMs: afterMs ?? FIRST_ANSWER_RETRY_MS,
      withinMs: FIRST_ANSWER_MS,
      isPace,
    }
  }
}

function parse(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue
  } catch {
    return null
  }
}

/** Of an error envelope. */
function errorIn(answer: JsonValue): ErrorAnswer {
  const { error } = (answer ?? {}) as { readonly error?: { readonly code?: unknown; readonly message?: unknown } }
  const { code, message } = error ?? {}
  return typeof message === 'string' ? { code, message } : NO_ERROR
}

/**
 * Of a service, as a redirection of a request for `path` names it; null where that is no other one. Of another path, such as
 * that of a page to sign in at, nothing is told but the origin: the rest may be meant for nobody else.
 */
function addressIn(location: string | null, url: string, path: string): string | null {
  if (location === null || !URL.canParse(location, `${url}${path}`)) return null
  const { protocol, origin, pathname } = new URL(location, `${url}${path}`)
  if (protocol !== 'https:' && protocol !== 'http:') return null
  if (pathname.endsWith(path)) {
    const address = `${origin}${pathname.slice(0, -path.length)}`
    return address === url ? null : address
  }
  return origin === new URL(url).origin ? null : origin
}

/** `fetch` says what happened in the cause of its error. */
function reasonOf(error: unknown): string {
  const { cause } = error as { readonly cause?: unknown }
  const code = codeOf(error)
  // OpenSSL names the lines of its own code.
  if (typeof code === 'string' && code.startsWith('ERR_SSL_')) return code
  if (cause instanceof Error && cause.message !== '') return cause.message
  // Of several addresses there is only the code.
  if (typeof code === 'string') return code
  return error instanceof Error ? error.message : String(error)
}

function codeOf(error: unknown): unknown {
  const { cause } = error as { readonly cause?: { readonly code?: unknown } }
  return cause?.code
}

function duration(ms: number): string {
  return ms < 60_000 ? `${ms / 1000} seconds` : `${ms / 60_000} minutes`
}
