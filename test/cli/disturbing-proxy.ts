/** A proxy before a service that disturbs requests as a network or a busy service would: the service itself is real. */
import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

export type Disturbance =
  | 'none'
  /** Answered with this status and `Retry-After: 0`; the service never sees it. */
  | 403
  | 429
  | 503
  /** The connection breaks before the service has the request, or after it has answered. */
  | 'cut before'
  | 'cut after'

export interface DisturbingProxy {
  readonly url: string
  readonly requests: number
  close(): Promise<void>
}

/** `disturb` is asked for each request, by its number from 1 and its path. */
export async function disturbingProxy(
  target: string,
  disturb: (request: number, path: string) => Disturbance | Promise<Disturbance>,
  port = 0,
): Promise<DisturbingProxy> {
  let requests = 0
  const server = createServer((incoming, response) => {
    void handle(incoming, response, target, disturb(++requests, incoming.url ?? ''))
  })
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get requests() {
      return requests
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

async function handle(
  incoming: IncomingMessage,
  response: ServerResponse,
  target: string,
  disturbing: Disturbance | Promise<Disturbance>,
): Promise<void> {
  const body = await buffer(incoming)
  const disturbance = await disturbing
  if (disturbance === 'cut before') return void incoming.socket.destroy()
  if (typeof disturbance === 'number') {
    response.writeHead(disturbance, { 'retry-after': '0', 'content-type': 'application/json' })
    return void response.end(JSON.stringify({ error: { type: 'api_error', message: 'Please try again.' } }))
  }
  const { method, headers } = incoming
  const forwarded = request(`${target}${incoming.url}`, { method, headers })
  forwarded.end(body)
  const [answer] = (await once(forwarded, 'response')) as [IncomingMessage]
  const answered = await buffer(answer)
  if (disturbance === 'cut after') return void incoming.socket.destroy()
  response.writeHead(answer.statusCode ?? 500, answer.headers)
  response.end(answered)
}
