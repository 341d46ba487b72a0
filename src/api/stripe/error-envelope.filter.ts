/**
 * Where failures leave the service: Nest's filter for requests that were routed, and Fastify's handlers for those that never
 * were (a malformed URL, a request Node cannot parse). All of them send `answerTo`, with a request id.
 */
import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common'
import { STATUS_CODES, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { ApiError } from './api-error.js'
import { answerTo } from './error-envelope.js'

/** The part of a pino logger that is used. */
export interface ErrorLog {
  error(fields: { readonly requestId: string; readonly err: unknown }, message: string): void
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

@Catch()
export class ErrorEnvelopeFilter implements ExceptionFilter {
  constructor(private readonly log: ErrorLog) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp()
    sendError(error, http.getRequest<Request>(), http.getResponse<Reply>(), this.log)
  }
}

/** Fastify's `frameworkErrors`: what its router refuses, before any hook, filter or error handler. */
export function frameworkErrors(log: ErrorLog) {
  return (error: unknown, request: Request, { raw }: { readonly raw: ServerResponse }): void => {
    const answer = answerTo(error, request)
    if (answer.ours) log.error({ requestId: request.id, err: error }, 'A request failed.')
    raw.writeHead(answer.status, { ...answer.headers, 'content-type': JSON_TYPE, 'request-id': request.id })
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
    const { status, body } = answerTo(unreadableRequest(error.code), { method: '', url: '' })
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
      `content-type: ${JSON_TYPE}`,
      `content-length: ${Buffer.byteLength(body)}`,
      `request-id: ${newRequestId()}`,
      'connection: close',
    ]
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  }
}

function unreadableRequest(code: string | undefined): ApiError {
  const type = 'invalid_request_error'
  switch (code ?? '') {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ApiError({ status: 408, type, message: 'The request did not arrive in time.' })
    case 'HPE_HEADER_OVERFLOW':
      return new ApiError({ status: 431, type, message: 'The request headers are larger than the service accepts.' })
    default:
      return new ApiError({ status: 400, type, message: 'Invalid request: it is not valid HTTP.' })
  }
}

function sendError(error: unknown, request: Request, reply: Reply, log: ErrorLog): void {
  const answer = answerTo(error, request)
  if (answer.ours) log.error({ requestId: request.id, err: error }, 'A request failed.')
  // Too late for another answer: a response half written is cut off by Fastify.
  if (reply.sent) return
  for (const [name, value] of Object.entries(answer.headers)) reply.header(name, value)
  // Hooks do not run for every failure.
  if (!reply.hasHeader('request-id')) reply.header('request-id', request.id)
  reply.header('content-type', JSON_TYPE)
  reply.code(answer.status)
  reply.send(answer.body)
}
