/**
 * Ends work nobody waits for any more: aborted when whoever asked is gone, or has been answered. `pipelined-requests.ts` sees
 * to it that every response is closed with its connection.
 */
import type { FastifyReply } from 'fastify'

export function goneSignal({ raw: response }: FastifyReply): AbortSignal {
  if (response.destroyed) return AbortSignal.abort()
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  return gone.signal
}
