/**
 * The HTTP server around the application: body parsers, request ids, keys, the error envelope, the dashboard's files, and the
 * description of the API.
 */
import 'reflect-metadata'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import type { FastifyInstance } from 'fastify'
import { existsSync } from 'node:fs'
import { Server as NetServer } from 'node:net'
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import { AnsweredRequests, type AnsweredListener } from './api/answered-requests.js'
import { describeApi } from './api/api-description.js'
import { BodiesInHand, BODY_BYTES_MAX } from './api/bodies-in-hand.js'
import {
  authenticate,
  refuseBodyOfGet,
  refuseOtherAccounts,
  refusePathsThatAreNoText,
  refuseQueryOfPost,
  refuseUnknownRoutes,
  SESSION_PATH,
} from './api/caller.js'
import { serveDashboard } from './api/dashboard-files.js'
import { inTheirTurn } from './api/pipelined-requests.js'
import { useBodyParsers } from './api/stripe/body-parsers.js'
import {
  answerForNode,
  clientErrorHandler,
  ErrorEnvelopeFilter,
  frameworkErrors,
} from './api/stripe/error-envelope.filter.js'
import { toJson } from './api/stripe/exact-json.js'
import { plainUrl } from './api/stripe/request-url.js'
import { leaveUnread } from './api/unread-bodies.js'
import { CONNECTIONS_MAX, UntakenAnswers } from './api/untaken-answers.js'
import { AppModule, type ServiceParts } from './app.module.js'
import type { Ids } from './commands/environment.js'
import { OPEN_FILES_OF_ITS_OWN, openFilesMax } from './open-files.js'

/** Of those who have no key yet and want to sign in with one: an API key and the name of the parameter. */
const STRANGERS_BODY_BYTES_MAX = 4 * 1024
/** Stripe's own limit for a URL parameter is not published; a customer has 255 characters of up to 12 escaped each. */
const PATH_PARAMETER_LENGTH_MAX = 3060
const REQUEST_ID_RANDOM_LENGTH = 14
/** A client that does not send its whole request within this time is cut off. */
const REQUEST_TIMEOUT_MS = 60_000
/** From one look for such clients to the next: so much longer may it take. */
const TIMEOUT_CHECK_MS = 10_000
/** Before a stop closes connections without a request: as long as one was answered so recently, others may be on their way. */
const QUIET_MS = 250
const LET_GO_MS_MAX = 1_000
/** Of the event loop, each of which takes what the system has ready. */
const TURNS_WITHOUT_CONNECTION = 10
/** So many are taken while connections come, also where they take long; but not for longer. */
const TURNS_MIN = 100
const TURNS_MS_MAX = 5_000

export interface App {
  readonly app: NestFastifyApplication
  readonly bodies: BodiesInHand
  readonly answers: UntakenAnswers
  /** Before it is closed: takes no new connections, and ends those there are with their next answers, until they are quiet. */
  readonly letGo: () => Promise<void>
  /** Calls it for each request whose answer was taken or will not be, from now on. */
  onAnswered(listener: AnsweredListener): void
}

export async function createApp(parts: ServiceParts): Promise<App> {
  const { log, ids, requestTimeoutMs = REQUEST_TIMEOUT_MS } = parts
  const newRequestId = (): string => requestId(ids)
  const answered = new AnsweredRequests()
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: requestTimeoutMs,
    genReqId: newRequestId,
    rewriteUrl: ({ url = '/' }) => plainUrl(url),
    frameworkErrors: frameworkErrors(log, answered.followUnrouted),
    clientErrorHandler: clientErrorHandler(newRequestId),
    // Its own answer while closing has a text in `error`, which the SDK takes for an OAuth failure.
    return503OnClosing: false,
    http: {
      requireHostHeader: false,
      headersTimeout: requestTimeoutMs,
      connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, requestTimeoutMs),
    },
    routerOptions: { querystringParser: () => ({}), maxParamLength: PATH_PARAMETER_LENGTH_MAX },
    schemaController: { compilersFactory: { buildValidator: refuseSchema, buildSerializer: refuseSchema } },
  })
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.over(parts), adapter, {
    bodyParser: false,
    logger: false,
    abortOnError: false,
  })
  const server = adapter.getInstance<FastifyInstance>()
  answerForNode(server.server, newRequestId, answered.followUnrouted)
  useBodyParsers(server)
  server.addHook('onRoute', (route) => {
    if (route.url === SESSION_PATH) route.bodyLimit = STRANGERS_BODY_BYTES_MAX
  })
  server.setReplySerializer(toJson)
  // Hooks that wait for nothing take a callback: a promise for each, on every request, costs more than what they do.
  server.addHook('onRequest', answered.follow)
  server.addHook('onRequest', inTheirTurn)
  server.addHook('onRequest', (request, reply, done) => {
    reply.header('request-id', request.id)
    const { 'stripe-version': version, 'idempotency-key': key } = request.headers
    // Any version is accepted and answered in the current shape; the header says which one was asked for.
    if (typeof version === 'string') reply.header('stripe-version', version)
    // Also with a refusal, and where no answer is kept: it says which of the client's requests this answers.
    if (request.method === 'POST' && typeof key === 'string') reply.header('idempotency-key', key)
    // For who asked alone: a cache on the way sees no key in a cookie. Files that may be kept say so themselves.
    reply.header('cache-control', 'no-store')
    done()
  })
  server.addHook('onRequest', authenticate(parts.keyRing, parts.tokens, parts.clock))
  server.addHook('onRequest', refuseOtherAccounts)
  server.addHook('onRequest', refuseUnknownRoutes)
  server.addHook('onRequest', refusePathsThatAreNoText)
  server.addHook('onRequest', refuseQueryOfPost)
  server.addHook('onRequest', refuseBodyOfGet)
  const bodies = new BodiesInHand()
  server.addHook('onRequest', bodies.take)
  server.addHook('onSend', bodies.release)
  server.addHook('onSend', leaveUnread)
  const connectionsMax = connectionsAllowed(log)
  const answers = new UntakenAnswers(server.server, {
    connectionsMax,
    onDropped: () => log.warn({ connectionsMax }, 'A connection was closed at once: as many are open as there may be.'),
  })
  server.addHook('onSend', answers.count)
  const letGo = letGoWhenClosing(server, answers)
  logRequests(server, log)
  const dashboard = fileURLToPath(new URL('dashboard', import.meta.url))
  if (existsSync(dashboard)) serveDashboard(server, dashboard)
  else log.warn('There is no dashboard: it was not built. Build it with: npm run build')
  app.useGlobalFilters(new ErrorEnvelopeFilter(log))
  describeApi(app, server, parts.version)
  return { app, bodies, answers, letGo, onAnswered: (listener) => answered.tell(listener) }
}

/** Where no more files may be opened, connections are closed without a word, and files cannot be read. */
function connectionsAllowed(log: Logger): number {
  const openFiles = openFilesMax()
  if (openFiles === null || openFiles >= CONNECTIONS_MAX + OPEN_FILES_OF_ITS_OWN) return CONNECTIONS_MAX
  const connectionsMax = Math.max(1, openFiles - OPEN_FILES_OF_ITS_OWN)
  log.warn({ openFiles, connectionsMax }, 'Few files may be open at once, and so few connections. Raise `ulimit -n`.')
  return connectionsMax
}

/**
 * While closing, a connection ends with the answer under way on it; kept alive, it would hold the stop up until it times out.
 *
 * Closing ends connections without a request at once, and a request that is on its way on one of them is lost: its client
 * cannot tell whether it was taken. So busy clients are told first that theirs end; new ones find nobody who listens, which
 * is clear to them.
 *
 * A connection on which nothing came yet, as browsers open them in advance, is to Node.js one with a request that it waits for.
 */
function letGoWhenClosing(server: FastifyInstance, connections: UntakenAnswers): () => Promise<void> {
  let isLettingGo = false
  let isClosing = false
  let answeredAt = -Infinity
  let connected = 0
  server.server.on('connection', () => connected++)
  server.addHook('preClose', (done) => {
    isClosing = true
    done()
  })
  server.addHook('onSend', (_request, reply, payload, done) => {
    if (isLettingGo) reply.header('connection', 'close')
    done(null, payload)
  })
  server.addHook('onResponse', (_request, _reply, done) => {
    answeredAt = performance.now()
    // For an answer that was on its way when the closing began.
    if (isClosing) setImmediate(() => server.server.closeIdleConnections())
    done()
  })
  return async () => {
    isLettingGo = true
    const since = performance.now()
    const passedMs = (): number => performance.now() - since
    const mayTurn = (turns: number): boolean =>
      passedMs() < LET_GO_MS_MAX || (turns < TURNS_MIN && passedMs() < TURNS_MS_MAX)
    // Those that the system has taken already would be reset.
    for (let turns = 0, last = 0; turns - last < TURNS_WITHOUT_CONNECTION && mayTurn(turns); turns++) {
      const before = connected
      await nextTurn()
      if (connected > before) last = turns + 1
    }
    // Of an HTTP server it would end the others as well.
    NetServer.prototype.close.call(server.server)
    const until = performance.now() + LET_GO_MS_MAX
    for (let now = performance.now(); now < until && now < answeredAt + QUIET_MS; now = performance.now()) {
      await delay(Math.min(until, answeredAt + QUIET_MS) - now)
    }
    // What came on one of them by now is read first.
    for (let turns = 0; turns < TURNS_WITHOUT_CONNECTION; turns++) await nextTurn()
    connections.endUnheard()
  }
}

/** Parameters are read without schemas of Fastify's. To load what compiles them takes a good part of a start. */
function refuseSchema(): never {
  throw new Error('A route has a schema, which nothing here compiles.')
}

function requestId(ids: Ids): string {
  return `req_${ids.random(REQUEST_ID_RANDOM_LENGTH)}`
}

function logRequests(server: FastifyInstance, log: Logger): void {
  if (!log.isLevelEnabled('debug')) return
  server.addHook('onResponse', async (request, reply) => {
    log.debug(
      {
        requestId: request.id,
        method: request.method,
        route: request.routeOptions.url,
        status: reply.statusCode,
        durationMs: Math.round(reply.elapsedTime * 10) / 10,
        actor: request.caller?.keyId,
      },
      'Answered.',
    )
  })
}
