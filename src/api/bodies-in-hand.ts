/**
 * Bodies that are being received or worked on: what was read from them, and the events that wait for their writer, take up a
 * few times as much memory. So they are counted from before they are read until they are answered, and have a bound, of which
 * one ledger takes at most a part. What is beyond it is refused before any of it is read.
 *
 * Short ones are not counted: there is one for each connection at most, and there are only so many of these.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Overloaded } from '../overloaded.js'

/** Of one body. */
export const BODY_BYTES_MAX = 1024 * 1024
/** Of all bodies in hand. */
export const BODIES_BYTES_MAX = 64 * BODY_BYTES_MAX
/** Of those of one ledger, and of all strangers. */
export const LEDGER_BODIES_BYTES_MAX = 16 * BODY_BYTES_MAX
/** A report of usage is shorter, and so costs nothing here. */
const SHORT_BODY_BYTES = 4 * 1024

declare module 'fastify' {
  interface FastifyRequest {
    /** Set where its body is counted: to be called once its answer is made. */
    isWorkedOff?: (() => void) | undefined
    /** Set where it was counted as long as it may be: to be called with how long it was. */
    hasArrived?: (bytes: number) => void
  }
}

export class BodiesInHand {
  private bytesOfAll = 0
  private readonly bytesOf = new Map<string, number>()

  /** Of all. */
  get bytes(): number {
    return this.bytesOfAll
  }

  /** A Fastify `onRequest` hook, after all that refuse by what is before the body. @throws Overloaded */
  readonly take = (request: FastifyRequest, { raw: response }: FastifyReply, done: () => void): void => {
    const bytes = expectedBytes(request)
    if (bytes <= SHORT_BODY_BYTES) return done()
    // Gone while its key was looked up: nothing comes of such a request any more, and nothing would tell its end.
    if (response.destroyed) return
    const owner = request.caller?.ledger ?? ''
    const ofOwner = this.bytesOf.get(owner) ?? 0
    if (this.bytesOfAll + bytes > BODIES_BYTES_MAX || ofOwner + bytes > LEDGER_BODIES_BYTES_MAX) {
      throw new Overloaded('Too many large requests are being worked on. Send the request again in a moment.')
    }
    this.count(owner, bytes)
    let counted = bytes
    if (request.headers['content-length'] === undefined) {
      request.hasArrived = (arrived) => {
        this.count(owner, arrived - counted)
        counted = arrived
      }
    }
    // A client may be gone long before the work on its request is done, and an answer be made long before it is taken.
    let ends = 2
    const end = (): void => void (--ends === 0 && this.count(owner, -counted))
    request.isWorkedOff = end
    response.once('close', end)
    done()
  }

  /** A Fastify `onSend` hook. */
  readonly release = (
    request: FastifyRequest,
    _: FastifyReply,
    payload: unknown,
    done: (error: null, payload: unknown) => void,
  ): void => {
    if (request.isWorkedOff) {
      request.isWorkedOff()
      request.isWorkedOff = undefined
    }
    done(null, payload)
  }

  private count(owner: string, bytes: number): void {
    const ofOwner = (this.bytesOf.get(owner) ?? 0) + bytes
    if (ofOwner === 0) this.bytesOf.delete(owner)
    else this.bytesOf.set(owner, ofOwner)
    this.bytesOfAll += bytes
  }
}

/** What the request says, as far as it will be read; of a body whose length is not said, as much as it may have until it is there. */
function expectedBytes({ headers }: FastifyRequest): number {
  const length = headers['content-length']
  if (length !== undefined) return Math.min(Number(length), BODY_BYTES_MAX)
  return headers['transfer-encoding'] === undefined ? 0 : BODY_BYTES_MAX
}
