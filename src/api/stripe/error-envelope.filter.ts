/**
 * Where failures leave the service: Nest's filter for requests that were routed, Fastify's handlers for those that never
 * were (a malformed URL, a request Node cannot parse), and Node's for those it would answer by itself (an unknown `Expect`,
 * `CONNECT`). All of them send `answerTo`, with a request id.
 */
import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common'
import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { mayBeAnswered } from '../pipelined-requests.js'
import { endsWith } from '../unread-bodies.js'
import { ApiError } from './api-error.js'
import { answerTo, requestCodes, type ErrorAnswer } from './error-envelope.js'

/** The part of a pino logger that is used. */
export interface ErrorLog {
  error(fields: object, message: string): void
  warn(fields: { readonly requestId: string; readonly status: number; readonly reason: string }, message: string): void
}

/** The parts of Fastify's request and reply that are used. */
interface Request {
  readonly id: string
  readonly method: string
  readonly url: string
  readonly body?: unknown
}
interface Reply {
  readonly sent: boolean
  hasHeader(name: string): boolean
  header(name: string, value: string): unknown
  code(status: number): unknown
  send(payload: string): unknown
}

const JSON_TYPE = 'application/json; charset=utf-8'
/** How long the answer to what never became a request waits for the client to take it. */
const UNTAKEN_ANSWER_MS = 5_000

@Catch()
export class ErrorEnvelopeFilter implements ExceptionFilter {
  constructor(private readonly log: ErrorLog) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp()
    sendError(error, http.getRequest<Request>(), http.getResponse<Reply>(), this.log)
  }
}

/** Is given each response that no hook sees. */
type Follow = (response: ServerResponse) => void

/** Fastify's `frameworkErrors`: what its router refuses, before any hook, filter or error handler. */
export function frameworkErrors(log: ErrorLog, follow?: Follow) {
  return (error: unknown, request: Request, { raw }: { readonly raw: ServerResponse }): void => {
    if (!mayBeAnswered(raw.req.socket, raw)) return
    follow?.(raw)
    const answer = answerTo(error, request)
    logTrouble(error, request, answer, log)
    const connection = endsWith(raw.req) ? { connection: 'close' } : {}
    const headers = { ...answer.headers, 'content-type': JSON_TYPE, 'request-id': request.id, ...connection }
    raw.writeHead(answer.status, headers)
    raw.end(answer.body)
  }
}

/** Fastify's `clientErrorHandler`: what Node's HTTP parser refuses. There is no request yet, so also no path. */
export function clientErrorHandler(newRequestId: () => string) {
  return (error: Error & { readonly code?: string }, socket: Socket): void => {
    // A client that went away is no error, and nobody is left to answer.
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    endSocket(socket, answerTo(unreadableRequest(error.code), { method: '', url: '' }), newRequestId())
  }
}

/** What Node answers with an empty body, or not at all. */
export function answerForNode(server: Server, newRequestId: () => string, follow: Follow): void {
  server.on('checkExpectation', ({ method = '', url = '' }: IncomingMessage, response: ServerResponse) => {
    if (!mayBeAnswered(response.req.socket, response)) return
    follow(response)
    const refusal = refused(417, 'The only expectation the service can meet is 100-continue. Leave Expect out.')
    const { status, body } = answerTo(refusal, { method, url })
    // Whether a body follows is not known, so the connection cannot go on.
    response.writeHead(status, { 'content-type': JSON_TYPE, 'request-id': newRequestId(), connection: 'close' })
    response.end(body)
  })
  server.on('connect', ({ url = '' }: IncomingMessage, socket: Socket) => {
    const refusal = refused(405, 'The service is no proxy. Please check the method and the path.')
    endSocket(socket, answerTo(refusal, { method: 'CONNECT', url }), newRequestId())
  })
}

/**
 * Nobody else sees to what becomes of the socket: after a CONNECT Node has let go of it. It is closed with its answer, not when
 * the client closes its side, which it may never do.
 */
function endSocket(socket: Socket, { status, body }: ErrorAnswer, requestId: string): void {
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    `content-type: ${JSON_TYPE}`,
    `content-length: ${Buffer.byteLength(body)}`,
    `request-id: ${requestId}`,
    'connection: close',
  ]
  const timeout = setTimeout(() => socket.destroy(), UNTAKEN_ANSWER_MS)
  socket.once('close', () => clearTimeout(timeout))
  // That the client has gone meanwhile is nobody's concern, and must not end the process.
  socket.on('error', () => undefined)
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}

function unreadableRequest(code: string | undefined): ApiError {
  switch (code ?? '') {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return refused(408, 'The request did not arrive in time.')
    case 'HPE_HEADER_OVERFLOW':
      return refused(431, 'The request headers are larger than the service accepts (16 KiB).')
    default:
      return refused(400, 'Invalid request: it is not valid HTTP.')
  }
}

function refused(status: number, message: string): ApiError {
  return new ApiError({ status, type: 'invalid_request_error', code: requestCodes[status], message })
}

function sendError(error: unknown, request: Request, reply: Reply, log: ErrorLog): void {
  const answer = answerTo(error, request)
  logTrouble(error, request, answer, log)
  // Too late for another answer: a response half written is cut off by Fastify.
  if (reply.sent) return
  for (const [name, value] of Object.entries(answer.headers)) reply.header(name, value)
  // Hooks do not run for every failure.
  if (!reply.hasHeader('request-id')) reply.header('request-id', request.id)
  reply.header('content-type', JSON_TYPE)
  reply.code(answer.status)
  reply.send(answer.body)
}

/** For somebody to mend: that nothing can be stored, a full disk for instance, or that rows cannot be read. */
const forSomebody: ReadonlySet<string> = new Set(['EventStoreUnavailable', 'ReadModelUnusable'])

/** Where a stack came from matters for bugs only; what passes by itself is told with every request it meets, so in a line. */
function logTrouble(error: unknown, { id: requestId }: Request, { trouble, status }: ErrorAnswer, log: ErrorLog): void {
  if (trouble === 'bug') log.error({ requestId, err: error }, 'A request failed.')
  if (trouble !== 'passing') return
  const isForSomebody = error instanceof Error && forSomebody.has(error.name)
  const fields = { requestId, status, reason: reasonOf(error) }
  if (isForSomebody) log.error(fields, 'A request was refused for now.')
  else log.warn(fields, 'A request was refused for now.')
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { name, message, cause } = error
  const more = cause instanceof Error && !message.includes(cause.message) ? ` (${cause.message})` : ''
  return `${name}: ${message}${more}`
}
