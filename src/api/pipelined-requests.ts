/**
 * What one connection may have under way: one request. A client may send others ahead of its answer (pipelining); no browser
 * and no SDK does it. They wait until everything before them was answered and taken. So of a client that reads nothing one
 * answer is kept, and of one that is gone nothing is under way but what it was to be answered next.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Requests of one connection without a whole answer. With one more it is cut off, and none of them is answered. */
export const UNANSWERED_REQUESTS_MAX = 100
/** Requests of all connections that came before their turn. With one more its connection is cut off. */
export const REQUESTS_AHEAD_MAX = 1_000

/** Of a connection that never had any ahead there is nothing. */
const aheadOf = new WeakMap<Socket, { requests: number }>()
let aheadOfAll = 0

/** The first Fastify `onRequest` hook: nothing of a request is looked at before its turn. */
export function inTheirTurn(
  { raw: { socket } }: FastifyRequest,
  { raw: response }: FastifyReply,
  done: () => void,
): void {
  if (!mayBeAnswered(socket, response)) return
  if (response.socket !== null) return done()
  // Not before Node has done what makes it its turn.
  response.once('socket', () => process.nextTick(() => socket.destroyed || done()))
}

/** Whether there is room for its answer where it has to wait; where there is none, its connection is cut off. */
export function mayBeAnswered(socket: Socket, response: ServerResponse): boolean {
  // Node goes on parsing what had arrived before the connection was cut off.
  if (socket.destroyed) return false
  // Its turn has come: so it is for every request of a client that waits for its answers.
  if (response.socket !== null) return true
  const ahead = aheadOf.get(socket) ?? follow(socket)
  if (ahead.requests + 1 >= UNANSWERED_REQUESTS_MAX || aheadOfAll >= REQUESTS_AHEAD_MAX) {
    socket.destroy()
    return false
  }
  ahead.requests++
  aheadOfAll++
  response.once('socket', () => {
    if (socket.destroyed) return
    ahead.requests--
    aheadOfAll--
  })
  return true
}

function follow(socket: Socket): { requests: number } {
  const ahead = { requests: 0 }
  aheadOf.set(socket, ahead)
  socket.once('close', () => (aheadOfAll -= ahead.requests))
  return ahead
}
