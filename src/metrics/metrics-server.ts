/** Metrics on a port of their own: they are of the whole service, and no key of a ledger opens them. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import { isIP, type AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import type { Metrics } from './metrics.js'

const PATH = '/metrics'
/** Those of `OPEN_FILES_OF_ITS_OWN` have room for them. */
const CONNECTIONS_MAX = 100
/** A client that does not send its whole request, or takes nothing of its answer, within this time is cut off. */
const REQUEST_TIMEOUT_MS = 10_000
/** From one look for such clients to the next: so much longer may it take. */
const TIMEOUT_CHECK_MS = 1_000
const LOOPBACK = /^(::ffff:)?127\.|^::1$/

export interface MetricsServerOptions {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  readonly requestTimeoutMs?: number
}

export class MetricsServer {
  private constructor(private readonly server: Server) {}

  /** @throws as `listen` does. */
  static async start(
    metrics: Metrics,
    log: Logger,
    { host, port, requestTimeoutMs = REQUEST_TIMEOUT_MS }: MetricsServerOptions,
  ): Promise<MetricsServer> {
    const server = createServer(
      {
        requestTimeout: requestTimeoutMs,
        headersTimeout: requestTimeoutMs,
        connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, requestTimeoutMs),
      },
      (request, response) => {
        if (isMisled(request, host)) {
          return end(response, 421, 'Ask for metrics at an address, at localhost or at what METRICS_HOST names.')
        }
        answer(metrics, request, response).catch((error: unknown) => {
          log.error({ err: error }, 'Metrics could not be given.')
          end(response, 500, 'Metrics could not be given. The log of the service says why.')
        })
      },
    )
    server.maxConnections = CONNECTIONS_MAX
    server.setTimeout(requestTimeoutMs)
    server.listen(port, host)
    await once(server, 'listening')
    return new MetricsServer(server)
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close')
    this.server.close()
    this.server.closeAllConnections()
    await closed
  }
}

/**
 * Whether a page on this machine may be asking that is none of its owner's: a stranger's name can be made to lead to the
 * loopback address (DNS rebinding), and a browser then lets the stranger's page read what is answered. At other addresses
 * metrics are there for whoever reaches them, by names that nobody here can know.
 */
function isMisled({ headers, socket }: IncomingMessage, host: string): boolean {
  if (!LOOPBACK.test(socket.localAddress ?? '')) return false
  const name = (headers.host ?? '').replace(/:\d*$/, '').toLowerCase()
  const isAddress = name.startsWith('[') || isIP(name) !== 0
  return name !== '' && !isAddress && name !== 'localhost' && name !== host.toLowerCase()
}

async function answer(
  metrics: Metrics,
  { method, url = '' }: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (url.split('?', 1)[0] !== PATH) return end(response, 404, `Metrics are at ${PATH}.`)
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('allow', 'GET, HEAD')
    return end(response, 405, 'Metrics are only read.')
  }
  const text = await metrics.text()
  response.setHeader('content-type', metrics.contentType)
  response.end(text)
}

function end(response: ServerResponse, status: number, message: string): void {
  if (response.headersSent) return void response.destroy()
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' })
  response.end(`${message}\n`)
}
