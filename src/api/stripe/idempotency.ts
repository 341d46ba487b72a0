/**
 * A POST retried with the same `Idempotency-Key` never acts twice and gets the first answer again, also after a crash: the
 * key stands in the metadata of the event it caused, and the answer is made from that event. Answers that caused no event
 * (already so, or refused) are remembered in memory. Design §6, stripe-metering §8.7.
 */
import { Injectable } from '@nestjs/common'
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { DomainError } from '../../domain/errors.js'
import { FirstAnswers, type Caused } from '../../queries/first-answers.js'
import { KeyOfOtherMeter } from '../../commands/changed-meter.js'
import type { Appended, RequestContext } from '../../commands/request-context.js'
import { callerOf } from '../caller.js'
import { ApiError } from './api-error.js'
import { toJson } from './exact-json.js'

const KEY_LENGTH_MAX = 255
/** Answers without an event that are remembered, and the characters of all of them; the oldest are forgotten first. */
const REMEMBERED_ANSWERS_MAX = 10_000
const REMEMBERED_CHARACTERS_MAX = 16 * 1024 * 1024
const REQUEST_HASH_LENGTH = 22

type Position = Appended['position']

export interface Done<Body extends object> {
  readonly body: Body
  /** The event the request caused; null where it was already so. */
  readonly appended: Appended | null
  /** Hash of the earlier request whose answer this is, where the write side found that out. */
  readonly replayOf: string | null
  /** Of the event that an earlier request caused, where it is known. */
  readonly position?: Position
}

/** What an earlier request led to. */
export interface Again<Body extends object> {
  readonly body: Body
  /** Of the event it caused. */
  readonly position: Position
}

interface RememberedAnswer {
  readonly requestHash: string
  readonly answer: { readonly body: object } | { readonly refusal: Refusal }
}

/** The error itself has a stack, which keeps the request it came from, with its body. */
type Refusal = Pick<DomainError, 'code' | 'message' | 'param'>

@Injectable()
export class Idempotency {
  /** Requests being worked on, by ledger and key. */
  private readonly running = new Map<string, string>()
  private readonly remembered = new Map<string, RememberedAnswer & { readonly characters: number }>()
  private rememberedCharacters = 0

  constructor(private readonly firstAnswers: FirstAnswers) {}

  /**
   * Answers a POST: by doing it, or by what it led to the first time.
   *
   * @throws ApiError 400 `idempotency_error` for a key used with other parameters, 409 while the first still runs.
   */
  async answer<Body extends object>(
    request: FastifyRequest,
    reply: FastifyReply,
    act: (context: RequestContext) => Promise<Done<Body>>,
    answerOf: (caused: Caused) => Promise<Again<Body>>,
  ): Promise<Body> {
    const { ledger, keyId: actor } = callerOf(request)
    const key = readKey(request)
    if (key === null) {
      const { body, appended } = await act({ requestId: request.id, actor, idempotency: null })
      return this.finish(reply, body, appended?.position)
    }

    const scope = `${ledger} ${key}`
    const requestHash = hashRequest(request)
    this.enter(scope, requestHash)
    try {
      const earlier = this.remembered.get(scope)
      // The same request, so the same kind of answer.
      if (earlier) return recall(earlier, requestHash, reply) as Body
      const caused = await this.firstAnswers.find(ledger, key)
      if (caused) {
        requireSame(caused.requestHash, requestHash)
        reply.header('idempotent-replayed', 'true')
        const { body, position } = await answerOf(caused)
        return this.finish(reply, body, position)
      }
      const done = await act({ requestId: request.id, actor, idempotency: { key, requestHash } })
      if (done.replayOf !== null) {
        requireSame(done.replayOf, requestHash)
        reply.header('idempotent-replayed', 'true')
      } else if (done.appended) {
        this.firstAnswers.remember(ledger, key, { ...done.appended, requestHash })
      } else {
        this.remember(scope, { requestHash, answer: { body: done.body } })
      }
      return this.finish(reply, done.body, done.appended?.position ?? done.position)
    } catch (error) {
      if (error instanceof KeyOfOtherMeter) throw otherParameters()
      if (error instanceof DomainError) {
        const { code, message, param } = error
        this.remember(scope, { requestHash, answer: { refusal: { code, message, param } } })
      }
      throw error
    } finally {
      this.running.delete(scope)
    }
  }

  private enter(scope: string, requestHash: string): void {
    const running = this.running.get(scope)
    if (running === undefined) return void this.running.set(scope, requestHash)
    requireSame(running, requestHash)
    throw new ApiError({
      status: 409,
      type: 'invalid_request_error',
      code: 'idempotency_key_in_use',
      message: 'A request with this idempotency key is still being worked on. Send it again in a moment.',
    })
  }

  private remember(scope: string, answer: RememberedAnswer): void {
    const characters = toJson(answer).length
    this.forget(scope)
    this.remembered.set(scope, { ...answer, characters })
    this.rememberedCharacters += characters
    for (const oldest of this.remembered.keys()) {
      const { size } = this.remembered
      if (size <= REMEMBERED_ANSWERS_MAX && this.rememberedCharacters <= REMEMBERED_CHARACTERS_MAX) return
      this.forget(oldest)
    }
  }

  private forget(scope: string): void {
    this.rememberedCharacters -= this.remembered.get(scope)?.characters ?? 0
    this.remembered.delete(scope)
  }

  private finish<Body extends object>(reply: FastifyReply, body: Body, position: Position | undefined): Body {
    if (position !== undefined) reply.header('meterbook-position', position)
    return body
  }
}

function recall({ requestHash, answer }: RememberedAnswer, sentHash: string, reply: FastifyReply): object {
  requireSame(requestHash, sentHash)
  reply.header('idempotent-replayed', 'true')
  if ('refusal' in answer) {
    const { code, message, param } = answer.refusal
    throw new DomainError(code, message, param)
  }
  return answer.body
}

/** @throws ApiError 400 `idempotency_error`. */
function requireSame(firstHash: string, requestHash: string): void {
  if (firstHash !== requestHash) throw otherParameters()
}

function otherParameters(): ApiError {
  return new ApiError({
    status: 400,
    type: 'idempotency_error',
    message:
      'Keys for idempotent requests can only be used with the same parameters they were first used with. Use another key for another request.',
  })
}

/** @throws ApiError for a key that is empty or too long. */
export function readKey(request: FastifyRequest): string | null {
  const header = request.headers['idempotency-key']
  if (header === undefined) return null
  const key = Array.isArray(header) ? (header[0] ?? '') : header
  if (key === '' || key.length > KEY_LENGTH_MAX) {
    throw ApiError.invalidRequest(
      `An idempotency key has 1 to ${KEY_LENGTH_MAX} characters.`,
      'parameter_invalid',
      'Idempotency-Key',
    )
  }
  return key
}

function hashRequest({ method, url, body }: FastifyRequest): string {
  const text = `${method} ${url.split('?', 1)[0]} ${canonical(body ?? {})}`
  return createHash('sha256').update(text).digest('base64url').slice(0, REQUEST_HASH_LENGTH)
}

/** The same for the same parameters in any order. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1))
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join()}}`
}
