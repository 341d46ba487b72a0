/**
 * Who calls: found from the API key before anything of the request is read. Every path of the API needs a key; what it may
 * do is said at each route by `@Allow`, and a route that says nothing allows nothing.
 */
import { Injectable, NotFoundException, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common'
import { Reflector } from '@nestjs/core'
import type { FastifyRequest } from 'fastify'
import type { ApiKey, KeyRole } from '../domain/api-keys.js'
import type { LedgerName } from '../domain/ledger.js'
import type { ApiKeyRing } from '../commands/api-key-ring.js'
import type { Clock } from '../commands/environment.js'
import { findDashboardSession } from '../commands/dashboard-session.js'
import { findSession } from '../commands/meter-event-session.js'
import type { SignedTokens } from '../commands/signed-token.js'
import { KnownAuthorizations } from './known-authorizations.js'
import { isReading, presentedSession, requireSameOrigin } from './session-cookie.js'
import { ApiError } from './stripe/api-error.js'
import { parseQuery } from './stripe/form.js'
import { quote, requireText } from './stripe/wire-text.js'

export interface Caller {
  readonly ledger: LedgerName
  readonly keyId: string
  readonly role: KeyRole
  /** Whether it came with a session's token, which opens the stream and nothing else. */
  readonly hasSession: boolean
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on every path that needs a key. */
    caller?: Caller
  }
}

const ALLOWED_ROLES = 'allowed-roles'
const PUBLIC = 'public'
const SESSION = 'session'
/** The one path that takes a session's token, and no key. */
const STREAM_PATH = '/v2/billing/meter_event_stream'
/** Where a browser signs in and out: it comes without a caller. */
export const SESSION_PATH = '/meterbook/v1/session'
/** Of URLs in their plain spelling (`plainUrl`). */
const API_PATHS = ['/v1/', '/v2/', '/meterbook/']
/** As Node names them. */
const ACCOUNT_HEADERS = ['stripe-account', 'stripe-context']
/** No key is longer; what is longer is not worth hashing. */
const AUTHORIZATION_LENGTH_MAX = 1000

/** Which roles may do this besides `secret`, which may do everything. */
export const Allow = (...roles: Exclude<KeyRole, 'secret'>[]): MethodDecorator & ClassDecorator =>
  SetMetadata(ALLOWED_ROLES, roles)

/** Needs a meter event session's token, and takes no key. */
export const SessionOnly = (): MethodDecorator & ClassDecorator => SetMetadata(ALLOWED_ROLES, [SESSION])

/** Needs no key. */
export const Public = (): MethodDecorator & ClassDecorator => SetMetadata(ALLOWED_ROLES, [PUBLIC])

/** Finds the caller of a request; a Fastify `onRequest` hook, so that nothing is read for strangers. */
export function authenticate(
  keyRing: ApiKeyRing,
  tokens: SignedTokens,
  clock: Clock,
): (request: FastifyRequest) => Promise<void> {
  const known = new KnownAuthorizations(keyRing)
  return async (request) => {
    // Fastify makes a new object of it each time it is asked for.
    const { url: route = '' } = request.routeOptions
    if (!isOfApi(request.url) && !isOfApi(route)) return
    if (route === SESSION_PATH && !isReading(request.method)) return
    const { authorization = '' } = request.headers
    const hasSession = route === STREAM_PATH
    const knownKey = hasSession ? null : await known.find(authorization)
    if (knownKey) {
      request.caller = callerWith(knownKey, false)
      return
    }
    const key = hasSession
      ? await findSessionKey(tokens, authorization, clock.now())
      : await findSignedInOrKey(keyRing, tokens, request, clock.now())
    if (!hasSession && authorization !== '') known.remember(authorization, key)
    request.caller = callerWith(key, hasSession)
  }
}

function callerWith({ ledger, keyId, role }: ApiKey, hasSession: boolean): Caller {
  return { ledger, keyId, role, hasSession }
}

/** Whether an answer that goes on for long may still go on: not once its key is revoked or its dashboard session over. */
export async function isStillCaller(
  keyRing: ApiKeyRing,
  tokens: SignedTokens,
  clock: Clock,
  request: FastifyRequest,
): Promise<boolean> {
  try {
    const { keyId } = await findSignedInOrKey(keyRing, tokens, request, clock.now())
    return keyId === callerOf(request).keyId
  } catch (error) {
    if (error instanceof ApiError) return false
    throw error
  }
}

/** Nothing is read for what leads nowhere. A Fastify `onRequest` hook, after `authenticate`. */
export function refuseUnknownRoutes(request: FastifyRequest, _: unknown, done: () => void): void {
  if (request.is404) throw new NotFoundException()
  done()
}

/** Names in a path are text as all others are. A Fastify `onRequest` hook, after `authenticate`. */
export function refusePathsThatAreNoText({ url, params }: FastifyRequest, _: unknown, done: () => void): void {
  if (!url.includes('%')) return done()
  for (const [name, value] of Object.entries(params as Record<string, string>)) requireText(value, name)
  done()
}

/**
 * A POST takes its parameters from its body alone; one that was put into the URL would be passed over in silence. A Fastify
 * `onRequest` hook, after `authenticate`.
 */
export function refuseQueryOfPost(request: FastifyRequest, _: unknown, done: () => void): void {
  const { method, url } = request
  if (method !== 'POST' || !url.includes('?') || request.routeOptions.url === undefined) return done()
  const [param] = Object.keys(parseQuery(url))
  if (param === undefined) return done()
  throw ApiError.invalidRequest(
    `A POST takes its parameters in its body, not in the URL. Please move ${quote(param)} there.`,
    'parameter_invalid',
    param,
  )
}

/**
 * A GET takes its parameters from its URL alone; those in a body would be passed over in silence, and the answer be one to
 * another question. A body whose length nobody says may be empty, as proxies make them. A Fastify `onRequest` hook, after
 * `authenticate`.
 */
export function refuseBodyOfGet({ method, headers, routeOptions }: FastifyRequest, _: unknown, done: () => void): void {
  if (!isReading(method) || Number(headers['content-length'] ?? 0) === 0) return done()
  if (!isOfApi(routeOptions.url ?? '')) return done()
  throw ApiError.invalidRequest(
    `A ${method} takes its parameters in its URL, not in a body. Please move them there.`,
    'parameter_invalid',
  )
}

/**
 * At Stripe these headers say on whose behalf a platform acts. Here an account is one of the key alone: to pass them over would
 * put the usage of all of them into one ledger. A Fastify `onRequest` hook, after `authenticate`.
 */
export function refuseOtherAccounts(request: FastifyRequest, _: unknown, done: () => void): void {
  const { headers, url } = request
  const header = ACCOUNT_HEADERS.find((name) => (headers[name] ?? '') !== '')
  if (header === undefined || (!isOfApi(url) && !isOfApi(request.routeOptions.url ?? ''))) return done()
  throw new ApiError({
    status: 403,
    type: 'invalid_request_error',
    code: 'account_invalid',
    message: `Meterbook has one account per key, so ${header} cannot choose another. Leave it out, and use a key of its own (meterbook keys create --account) for each account: each has a ledger of its own.`,
  })
}

/** Also of paths that lead nowhere. */
function isOfApi(path: string): boolean {
  return API_PATHS.some((prefix) => path.startsWith(prefix))
}

@Injectable()
export class RoleGuard implements CanActivate {
  private readonly reflector = new Reflector()
  /** By handler: the same for every request, and looking it up costs more than the rest. */
  private readonly allowed = new Map<unknown, readonly string[] | undefined>()

  /** @throws ApiError 403 where the key may not do this. */
  canActivate(context: ExecutionContext): boolean {
    const allowed = this.allowedFor(context)
    if (allowed?.includes(PUBLIC)) return true
    const { caller, method, url } = context.switchToHttp().getRequest<FastifyRequest>()
    if (caller?.hasSession && allowed?.includes(SESSION)) return true
    if (
      caller &&
      !caller.hasSession &&
      !allowed?.includes(SESSION) &&
      (caller.role === 'secret' || allowed?.includes(caller.role))
    )
      return true
    throw new ApiError({
      status: 403,
      type: 'invalid_request_error',
      code: 'more_permissions_required',
      message: `The API key (role ${caller?.role ?? 'none'}) may not be used for ${method} ${url.split('?', 1)[0]}. Use a secret key, or one of another role.`,
    })
  }

  private allowedFor(context: ExecutionContext): readonly string[] | undefined {
    const handler = context.getHandler()
    if (!this.allowed.has(handler)) {
      this.allowed.set(handler, this.reflector.getAllAndOverride(ALLOWED_ROLES, [handler, context.getClass()]))
    }
    return this.allowed.get(handler)
  }
}

/** @throws Error on a route that forgot to ask for a key: a bug. */
export function callerOf(request: FastifyRequest): Caller {
  if (!request.caller) throw new Error(`${request.method} ${request.url} was routed without a caller.`)
  return request.caller
}

async function findSignedInOrKey(
  keyRing: ApiKeyRing,
  tokens: SignedTokens,
  request: FastifyRequest,
  now: number,
): Promise<ApiKey> {
  return (await findSignedIn(tokens, request, now)) ?? (await findKey(keyRing, request.headers.authorization))
}

async function findKey(keyRing: ApiKeyRing, authorization: string | undefined): Promise<ApiKey> {
  if (authorization === undefined || authorization === '') {
    throw unauthorized(
      "You did not provide an API key. Send it in the Authorization header: 'Authorization: Bearer YOUR_SECRET_KEY'.",
    )
  }
  const presented = presentedKey(authorization)
  const key = presented === null ? null : await keyRing.find(presented)
  if (!key) throw unauthorized('Invalid API Key provided. Issue one with: meterbook keys create')
  return key
}

/** Whoever signed in to the dashboard; null where a key was sent or nobody did, so that a key is asked for. */
async function findSignedIn(tokens: SignedTokens, request: FastifyRequest, now: number): Promise<ApiKey | null> {
  if (request.headers.authorization !== undefined) return null
  const token = presentedSession(request)
  const key = token === null ? null : await findDashboardSession(tokens, token, now)
  if (key && !isReading(request.method)) requireSameOrigin(request)
  return key
}

async function findSessionKey(tokens: SignedTokens, authorization = '', now: number): Promise<ApiKey> {
  const token = presentedKey(authorization)
  const session = token === null ? null : await findSession(tokens, token, now)
  switch (session?.status) {
    case 'good':
      return session.key
    case 'over':
      throw new ApiError({
        status: 401,
        type: 'temporary_session_expired',
        code: 'billing_meter_event_session_expired',
        message: 'The meter event session has expired. Create another one with POST /v2/billing/meter_event_session.',
      })
    case 'unknown':
    case undefined:
      throw unauthorized(
        'The meter event stream takes the authentication_token of a meter event session whose API key is active, and no API key. Create one with POST /v2/billing/meter_event_session.',
      )
  }
}

function presentedKey(authorization: string): string | null {
  if (authorization.length > AUTHORIZATION_LENGTH_MAX) return null
  const [scheme = '', credentials = ''] = authorization.split(/ +/, 2)
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return credentials
    case 'basic':
      return Buffer.from(credentials, 'base64').toString('utf8').split(':', 1)[0] ?? null
    default:
      return null
  }
}

export function unauthorized(message: string): ApiError {
  return new ApiError({
    status: 401,
    type: 'invalid_request_error',
    code: 'unauthenticated',
    message,
    headers: { 'www-authenticate': 'Bearer realm="Meterbook"' },
  })
}
