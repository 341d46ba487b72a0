/**
 * Limits on what one API key may send, where the operator set them: meter events a second on the routes that take usage, and
 * requests a second on all others. Beyond it a request is refused before anything is looked up or written, so it uses up
 * neither its identifiers nor its idempotency key and can be sent again as it is.
 *
 * A session's token counts on the key it was made for.
 */
import { Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common'
import { Reflector } from '@nestjs/core'
import type { FastifyRequest } from 'fastify'
import type { Stopwatch } from '../commands/environment.js'
import { RateLimiter } from './rate-limiter.js'
import { ApiError } from './stripe/api-error.js'

/** null: no limit. */
export interface RateLimits {
  readonly eventsPerSecond: number | null
  readonly requestsPerSecond: number | null
}

type CountEvents = (body: unknown) => number

const EVENTS = 'counted-events'

/** A route that takes usage: it costs as many events as its body has. A cancellation is an event like a report. */
export const CostsEvents = (count: CountEvents = () => 1): MethodDecorator => SetMetadata(EVENTS, count)

/** The entries of a list in the body, from 1 to what one call may have: also a call that is refused for its shape costs. */
export function entriesOf(list: string, entriesMax: number): CountEvents {
  return (body) => {
    const entries = (body as Readonly<Record<string, unknown>> | undefined)?.[list]
    return Array.isArray(entries) ? Math.min(Math.max(entries.length, 1), entriesMax) : 1
  }
}

@Injectable()
export class RateLimitGuard implements CanActivate {
  private readonly reflector = new Reflector()
  private readonly events: RateLimiter | null
  private readonly requests: RateLimiter | null

  constructor({ eventsPerSecond, requestsPerSecond }: RateLimits, stopwatch: Stopwatch) {
    this.events = eventsPerSecond === null ? null : new RateLimiter(eventsPerSecond, stopwatch)
    this.requests = requestsPerSecond === null ? null : new RateLimiter(requestsPerSecond, stopwatch)
  }

  /** @throws ApiError 429 that says after how many seconds the request would be taken if the key sent nothing else. */
  canActivate(context: ExecutionContext): boolean {
    const { caller, body } = context.switchToHttp().getRequest<FastifyRequest>()
    if (!caller) return true
    const count = this.reflector.get<CountEvents | undefined>(EVENTS, context.getHandler())
    const afterSeconds = count ? this.events?.take(caller.keyId, count(body)) : this.requests?.take(caller.keyId, 1)
    if (typeof afterSeconds === 'number') throw tooFast(count ? 'meter events' : 'requests', afterSeconds)
    return true
  }
}

function tooFast(what: string, afterSeconds: number): ApiError {
  return new ApiError({
    status: 429,
    type: 'invalid_request_error',
    code: 'rate_limit',
    message: `This API key sends more ${what} a second than the service takes from one key. Nothing of this request was recorded; send it again in ${afterSeconds} s.`,
    headers: {
      'retry-after': String(afterSeconds),
      'stripe-rate-limited-reason': 'global-rate',
      'stripe-should-retry': 'true',
    },
  })
}
