/** Metrics on a port of their own: they are of the whole service, and no key of a ledger opens them. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import type { Metrics } from './metrics.js'

const PATH = '/metrics'
const CONNECTIONS_MAX = 100
/** A client that does not send its whole request, or takes nothing of its answer, within this time is cut off. */
const REQUEST_TIMEOUT_MS = 10_000

export class MetricsServer {
  private constructor(private readonly server: Server) {}

  /** @throws as `listen` does. */
  static async start(metrics: Metrics, log: Logger, host: string, port: number): Promise<MetricsServer> {
    const server = createServer(
      { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
      (request, response) => {
        answer(metrics, request, response).catch((error: unknown) => {
          log.error({ err: error }, 'Metrics could not be given.')
          end(response, 500, 'Metrics could not be given. The log of the service says why.')
        })
      },
    )
    server.maxConnections = CONNECTIONS_MAX
    server.setTimeout(REQUEST_TIMEOUT_MS)
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
