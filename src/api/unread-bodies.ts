/**
 * What becomes of a body that nobody reads, since its request was refused before that or has no use for one. One of a length
 * that would have been read is passed over, and the connection goes on. Behind any other the connection ends: the answer
 * says so, no more of the body than that is taken, and the client has time to take its answer.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { IncomingMessage } from 'node:http'
import { BODY_BYTES_MAX } from './bodies-in-hand.js'

/** From an answer to the end of its connection, if the client does not end it before. */
const UNREAD_BODY_MS = 5_000

/** A Fastify `onSend` hook. */
export function leaveUnread(
  { raw: request }: FastifyRequest,
  reply: FastifyReply,
  payload: unknown,
  done: (error: null, payload: unknown) => void,
): void {
  if (endsWith(request)) reply.header('connection', 'close')
  done(null, payload)
}

/** Whether the connection is to end with the answer to the request; then it will, and not before the client had time to take it. */
export function endsWith(request: IncomingMessage): boolean {
  if (request.complete) return false
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
  if (length === undefined ? encoding === undefined : Number(length) <= BODY_BYTES_MAX) return false
  const { socket } = request
  let passedOver = 0
  request.on('data', (chunk: Buffer) => {
    passedOver += chunk.length
    if (passedOver >= BODY_BYTES_MAX) request.pause()
  })
  // Node calls it once the answer is written, to close at once: a client that still sends would be reset, and lose the answer.
  socket.destroySoon = () => {
    socket.end()
    const end = setTimeout(() => socket.destroy(), UNREAD_BODY_MS)
    socket.once('close', () => clearTimeout(end))
  }
  return true
}
