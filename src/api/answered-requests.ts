/**
 * Tells of every request once its answer was taken, or once its connection ended before that; however it was answered, as long
 * as there was a request. A request that was sent ahead and whose turn never came has had no answer, and is not told of.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ServerResponse } from 'node:http'
import { LIVE_PATH } from './live-connections.js'

/** Told for the status of an answer that was not taken whole, as proxies call it. */
export const CLIENT_GONE = 499

/** `route`: as the code writes it; undefined where there is none. `durationMs`: since the request arrived. */
export type AnsweredListener = (method: string, route: string | undefined, status: number, durationMs: number) => void

export class AnsweredRequests {
  private listener: AnsweredListener | null = null

  /** Without a listener nothing is measured. */
  tell(listener: AnsweredListener): void {
    this.listener = listener
  }

  /** A Fastify `onRequest` hook, before all others: whatever refuses the request comes after it. */
  readonly follow = (request: FastifyRequest, { raw: response }: FastifyReply, done: () => void): void => {
    const { listener } = this
    if (listener) {
      whenOver(response, (status, durationMs) => {
        const { url: route } = request.routeOptions
        // How long somebody listened says nothing of how long anybody waits.
        if (route !== LIVE_PATH) listener(request.method, route, status, durationMs)
      })
    }
    done()
  }

  /** What is answered before any route is looked for. */
  readonly followUnrouted = (response: ServerResponse): void => {
    const { listener } = this
    if (!listener) return
    whenOver(response, (status, durationMs) => listener(response.req.method ?? '', undefined, status, durationMs))
  }
}

function whenOver(response: ServerResponse, tell: (status: number, durationMs: number) => void): void {
  const since = performance.now()
  let isTaken = false
  const { socket } = response.req
  // Node says it also of an answer whose connection broke, and itself ends a connection on it, so it is asked before that.
  response.prependListener('finish', () => (isTaken = !socket.destroyed && socket.errored === null))
  response.on('close', () => tell(isTaken ? response.statusCode : CLIENT_GONE, performance.now() - since))
}
