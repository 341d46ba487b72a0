/**
 * Answers that wait in memory until their clients take them. One waits on each connection (`pipelined-requests.ts`), there
 * are only so many connections, and all answers together have a bound: beyond it the ones that have waited longest are cut
 * off. So is whoever takes nothing of an answer for long. Without that, a client that asks and does not read ends the process.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Connections of the process. One more is closed at once. */
export const CONNECTIONS_MAX = 10_000
/** Of all connections together. The largest answers, lists of the largest rejections, have 19 MiB. */
export const UNTAKEN_BYTES_MAX = 64 * 1024 * 1024
/** Not counted: of those the number of connections is bound enough. */
const SHORT_ANSWER_BYTES = 16 * 1024
/** A client that takes nothing of an answer for so long is cut off. */
export const UNTAKEN_MS = 15_000
/** From one look for such clients to the next. */
const LOOK_INTERVAL_MS = 5_000

export interface UntakenAnswersOptions {
  readonly connectionsMax?: number
  /** One that came when there were as many as there may be, and was closed. */
  readonly onDropped?: () => void
  readonly untakenMs?: number
  readonly lookIntervalMs?: number
}

export class UntakenAnswers {
  private untakenBytes = 0
  /** With their bytes, in the order in which they were sent. */
  private readonly answers = new Map<ServerResponse, number>()
  private readonly sockets = new Set<Socket>()

  constructor(
    server: Server,
    private readonly options: UntakenAnswersOptions = {},
  ) {
    server.maxConnections = options.connectionsMax ?? CONNECTIONS_MAX
    if (options.onDropped) server.on('drop', options.onDropped)
    server.on('connection', (socket) => {
      this.sockets.add(socket)
      socket.once('close', () => this.sockets.delete(socket))
    })
    const looking = setInterval(() => this.look(), options.lookIntervalMs ?? LOOK_INTERVAL_MS)
    server.once('close', () => clearInterval(looking))
  }

  /** Of all that are counted. */
  get bytes(): number {
    return this.untakenBytes
  }

  get connections(): number {
    return this.sockets.size
  }

  /** Ends connections on which nothing has come yet. */
  endUnheard(): void {
    for (const socket of this.sockets) if (socket.bytesRead === 0) socket.destroy()
  }

  /** A Fastify `onSend` hook. */
  readonly count = (
    _: FastifyRequest,
    { raw: response }: FastifyReply,
    payload: unknown,
    done: (error: null, payload: unknown) => void,
  ): void => {
    // What is streamed is made as it is taken.
    if ((typeof payload === 'string' || Buffer.isBuffer(payload)) && payload.length > SHORT_ANSWER_BYTES) {
      if (!response.destroyed) this.add(response, Buffer.byteLength(payload))
    }
    done(null, payload)
  }

  private add(response: ServerResponse, bytes: number): void {
    this.answers.set(response, bytes)
    this.untakenBytes += bytes
    // Taken, or its client is gone.
    response.once('close', () => this.forget(response))
    for (const oldest of this.answers.keys()) {
      if (this.untakenBytes <= UNTAKEN_BYTES_MAX || oldest === response) return
      this.forget(oldest)
      oldest.destroy()
    }
  }

  private forget(response: ServerResponse): void {
    this.untakenBytes -= this.answers.get(response) ?? 0
    this.answers.delete(response)
  }

  /**
   * Sets the time limit where something waits to be taken, and none anywhere else: what is being worked on for long is
   * silent too. It is Node's own, which begins again with every byte that is taken, and closes the connection.
   */
  private look(): void {
    const { untakenMs = UNTAKEN_MS } = this.options
    for (const socket of this.sockets) {
      const isLimited = socket.timeout === untakenMs
      if (socket.writableLength > 0) {
        if (!isLimited) socket.setTimeout(untakenMs)
      } else if (isLimited) socket.setTimeout(0)
    }
  }
}
