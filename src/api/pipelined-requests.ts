/**
 * What one connection may have under way, and how that ends with it. A client may send requests ahead of their answers
 * (pipelining): they are worked on side by side, and their answers wait in a queue. No browser and no SDK does it.
 *
 * When a connection dies, Node closes the response whose turn it was and says nothing to those queued behind it. Here they are
 * closed as well, so that whatever waits for `close`, work as well as streams, ends for every request whose client is gone.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Requests of one connection without a whole answer. With one more it is cut off, and none of them is answered. */
export const UNANSWERED_REQUESTS_MAX = 100

/** Those that came before their turn. Of a connection that never had any there is nothing. */
const queuedOf = new WeakMap<Socket, Set<ServerResponse>>()

/** The first Fastify `onRequest` hook: what it does not let through is not looked at, and gone with its connection. */
export function boundPipelining(
  { raw: { socket } }: FastifyRequest,
  { raw: response }: FastifyReply,
  done: () => void,
): void {
  // Node goes on parsing what had arrived before the connection was cut off.
  if (socket.destroyed) return
  // Its turn has come: so it is for every request of a client that waits for its answers.
  if (response.socket !== null) return done()
  const queued = queuedOf.get(socket) ?? follow(socket)
  // The one whose turn it is may have been queued before.
  const [oldest] = queued
  const unanswered = queued.size + (oldest && oldest.socket !== null ? 0 : 1)
  if (unanswered >= UNANSWERED_REQUESTS_MAX) return void socket.destroy()
  queued.add(response)
  response.once('close', () => queued.delete(response))
  done()
}

function follow(socket: Socket): Set<ServerResponse> {
  const queued = new Set<ServerResponse>()
  queuedOf.set(socket, queued)
  socket.once('close', () => {
    for (const response of queued) if (response.socket === null) close(response)
  })
  return queued
}

/** As Node does it for the response whose turn it is; `_closed` is what streams go by that are piped to it later. */
function close(response: ServerResponse): void {
  Object.assign(response, { destroyed: true, _closed: true }).emit('close')
}
