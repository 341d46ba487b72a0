/** A proxy before a service that disturbs requests as a network or a busy service would: the service itself is real. */
import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, Server as TlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

/** What reverse proxies answer where they do not reach a service: an HTML page, and no word of when to come again. */
export type GatewayStatus = 502 | 503 | 504

export type Disturbance =
  | 'none'
  /** Answered with this status and `Retry-After: 0`, as the service itself would; it never sees it. */
  | 403
  | 429
  | 503
  /** Answered 409, as where an earlier request with the same idempotency key is still being worked on. */
  | 'in use'
  /** Answered as where the service is not reached, without being asked. */
  | { readonly unreached: GatewayStatus | 413 | 500 }
  /** Sent to another address. */
  | { readonly moved: 301 | 302 | 303 | 307 | 308; readonly location: string }
  /** Answered as where the service is not reached, 504, while it still has it before it. */
  | 'timed out'
  /** The connection breaks before the service has the request, or after it has answered. */
  | 'cut before'
  | 'cut after'

/** PEM, as the files of a server have them. */
export interface Certificate {
  /** With those of its authorities, if any. */
  readonly cert: string
  readonly key: string
}

export interface DisturbingProxy {
  readonly url: string
  readonly requests: number
  /** Shows another certificate to whoever connects from now on. */
  present(certificate: Certificate): void
  close(): Promise<void>
}

interface ProxyOptions {
  /** Any free one by default. */
  readonly port?: number
  /** The service is here, below this path, and nothing beside it; without a slash at the end. */
  readonly below?: string
  /** Makes it one that is reached by https. */
  readonly certificate?: Certificate
  /** Asked for each request that does not reach the service. */
  readonly unreached?: () => GatewayStatus
}

/** `disturb` is asked for each request, by its number from 1 and its path. */
export async function disturbingProxy(
  target: string,
  disturb: (request: number, path: string) => Disturbance | Promise<Disturbance>,
  { port = 0, below = '', certificate, unreached = () => 502 }: ProxyOptions = {},
): Promise<DisturbingProxy> {
  let requests = 0
  const listener = (incoming: IncomingMessage, response: ServerResponse): void => {
    void handle(incoming, response, { target, below, unreached }, disturb(++requests, incoming.url ?? ''))
  }
  const server = certificate ? createTlsServer(certificate, listener) : createServer(listener)
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `${certificate ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}${below}`,
    get requests() {
      return requests
    },
    present: (other) => {
      if (server instanceof TlsServer) server.setSecureContext(other)
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

interface Upstream {
  readonly target: string
  readonly below: string
  readonly unreached: () => GatewayStatus
}

async function handle(
  incoming: IncomingMessage,
  response: ServerResponse,
  { target, below, unreached }: Upstream,
  disturbing: Disturbance | Promise<Disturbance>,
): Promise<void> {
  const body = await buffer(incoming)
  const disturbance = await disturbing
  if (disturbance === 'cut before') return void incoming.socket.destroy()
  if (typeof disturbance === 'number') {
    response.writeHead(disturbance, { 'retry-after': '0', 'content-type': 'application/json' })
    return void response.end(JSON.stringify({ error: { type: 'api_error', message: 'Please try again.' } }))
  }
  if (disturbance === 'in use') {
    const error = { type: 'invalid_request_error', code: 'idempotency_key_in_use', message: 'Still being worked on.' }
    response.writeHead(409, { 'content-type': 'application/json' })
    return void response.end(JSON.stringify({ error }))
  }
  if (typeof disturbance === 'object') {
    if ('unreached' in disturbance) return answerUnreached(response, disturbance.unreached)
    response.writeHead(disturbance.moved, { location: disturbance.location, 'content-type': 'text/html' })
    return void response.end('<html><head><title>Moved</title></head></html>')
  }
  const { method, headers, url = '' } = incoming
  if (!url.startsWith(`${below}/`)) {
    response.writeHead(404, { 'content-type': 'text/html' })
    return void response.end('<html><head><title>404</title></head></html>')
  }
  const forwarded = request(`${target}${url.slice(below.length)}`, { method, headers })
  forwarded.end(body)
  if (disturbance === 'timed out') {
    forwarded.on('response', (late: IncomingMessage) => late.resume()).on('error', () => undefined)
    return answerUnreached(response, 504)
  }
  let answer: IncomingMessage
  let answered: Buffer
  try {
    ;[answer] = (await once(forwarded, 'response')) as [IncomingMessage]
    answered = await buffer(answer)
  } catch {
    return answerUnreached(response, unreached())
  }
  if (disturbance === 'cut after') return void incoming.socket.destroy()
  response.writeHead(answer.statusCode ?? 500, answer.headers)
  response.end(answered)
}

function answerUnreached(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'text/html' })
  response.end(`<html><head><title>${status}</title></head><body><center><h1>${status}</h1></center></body></html>`)
}
