/** Ends work nobody waits for any more: aborted when whoever asked is gone, or has been answered. */
import type { FastifyReply } from 'fastify'

export function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  return gone.signal
}
