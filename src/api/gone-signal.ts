/**
 * Ends work nobody waits for any more: aborted when whoever asked is gone, or has been answered. Node closes the response whose
 * turn it is with its connection, and `pipelined-requests.ts` sees to it that there is no work for any other.
 */
import type { FastifyReply } from 'fastify'

/** Made once: nearly every read ends with it unnoticed, and another one each time would cost more than the rest of this. */
const gone = new DOMException('Whoever asked is gone, or was answered.', 'AbortError')

export function goneSignal({ raw: response }: FastifyReply): AbortSignal {
  if (response.destroyed) return AbortSignal.abort(gone)
  const controller = new AbortController()
  response.once('close', () => controller.abort(gone))
  return controller.signal
}
