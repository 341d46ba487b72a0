/**
 * The cookie of someone who signed in to the dashboard, and the rule that keeps other sites from using it: it counts for
 * anything but reading only if the request comes from our own pages.
 */
import type { FastifyRequest } from 'fastify'
import { DASHBOARD_SESSION_LIFETIME_MS } from '../commands/dashboard-session.js'
import { ApiError } from './stripe/api-error.js'

const NAME = 'meterbook_session'
/** Browsers take a cookie of such a name from this very host and over https alone, and not from one beside or above it. */
const HTTPS_NAME = `__Host-${NAME}`
/** Far longer than a token is; what is longer is not worth looking at. */
const COOKIE_HEADER_LENGTH_MAX = 8_192

export function sessionCookie(request: FastifyRequest, token: string): string {
  return cookie(request, token, DASHBOARD_SESSION_LIFETIME_MS / 1000)
}

export function endedSessionCookie(request: FastifyRequest): string {
  return cookie(request, '', 0)
}

/** The token a browser sent; null where there is none. */
export function presentedSession(request: FastifyRequest): string | null {
  const { cookie: sent } = request.headers
  if (sent === undefined || sent.length > COOKIE_HEADER_LENGTH_MAX) return null
  const expected = nameFor(request)
  for (const pair of sent.split(';')) {
    const [name = '', value = ''] = pair.split('=', 2)
    if (name.trim() === expected && value.trim() !== '') return value.trim()
  }
  return null
}

/**
 * Browsers say where a request comes from: in `Sec-Fetch-Site` over https and on localhost, in `Origin` of every POST
 * otherwise. One that says neither is no page of ours.
 *
 * @throws ApiError 403 for a request of another site.
 */
export function requireSameOrigin({ headers }: FastifyRequest): void {
  const site = headers['sec-fetch-site']
  const isOurs = site === undefined ? isOwnOrigin(headers.origin, headers.host) : site === 'same-origin'
  if (isOurs) return
  throw new ApiError({
    status: 403,
    type: 'invalid_request_error',
    code: 'forbidden',
    message:
      "A dashboard session may change things only from the service's own pages. Programs send an API key in the Authorization header.",
  })
}

export function isReading(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}

function isOwnOrigin(origin: string | undefined, host: string | undefined): boolean {
  if (origin === undefined || host === undefined || !URL.canParse(origin)) return false
  return new URL(origin).host === host.toLowerCase()
}

function cookie(request: FastifyRequest, value: string, maxAgeSeconds: number): string {
  const parts = [`${nameFor(request)}=${value}`, 'Path=/', `Max-Age=${maxAgeSeconds}`, 'HttpOnly', 'SameSite=Strict']
  return (isHttps(request) ? [...parts, 'Secure'] : parts).join('; ')
}

function nameFor(request: FastifyRequest): string {
  return isHttps(request) ? HTTPS_NAME : NAME
}

/** The service itself speaks http; a proxy that ends https before it says so. */
function isHttps({ protocol, headers }: FastifyRequest): boolean {
  const forwarded = headers['x-forwarded-proto']
  return protocol === 'https' || (typeof forwarded === 'string' && forwarded.split(',', 1)[0]?.trim() === 'https')
}
