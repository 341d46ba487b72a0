/** Where a read looks, from the request: the caller's ledger, and a position it must at least reflect. */
import { Inject, Injectable } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { CLOCK, type Clock } from '../commands/environment.js'
import type { AsOfRequest } from '../queries/as-of.js'
import { Reader, type Answer, type QueryContext } from '../queries/reader.js'
import { asOfRequest, type AsOfParameters } from './as-of.parameters.js'
import { callerOf } from './caller.js'
import { goneSignal } from './gone-signal.js'
import { ApiError } from './stripe/api-error.js'

const MIN_POSITION_HEADER = 'meterbook-min-position'
const POSITION_HEADER = 'meterbook-position'

@Injectable()
export class ReadContext {
  constructor(
    private readonly reader: Reader,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** The moment of the past something is asked for; null: as it stands. */
  asOf(parameters: AsOfParameters): AsOfRequest | null {
    return asOfRequest(parameters, this.clock.now())
  }

  /** Of what is read for this reply, and for nobody else. @throws ApiError for a position that is none of this store's. */
  of(request: FastifyRequest, reply: FastifyReply): QueryContext {
    return { ledger: callerOf(request).ledger, minPosition: this.minPosition(request), signal: goneSignal(reply) }
  }

  private minPosition(request: FastifyRequest): QueryContext['minPosition'] {
    const header = request.headers[MIN_POSITION_HEADER]
    if (header === undefined) return null
    const minPosition = typeof header === 'string' ? this.reader.parsePosition(header) : null
    if (minPosition === null) {
      throw ApiError.invalidRequest(
        'Meterbook-Min-Position must be a position as an earlier answer of this service gave it in Meterbook-Position.',
        'parameter_invalid',
        'Meterbook-Min-Position',
      )
    }
    return minPosition
  }
}

/** The result, with the position in the response's header that it reflects, or where a write stands. */
export function withPosition<Result>(reply: FastifyReply, { result, position }: Answer<Result>): Result {
  if (position !== null) reply.header(POSITION_HEADER, position)
  return result
}
