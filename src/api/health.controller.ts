/** For whoever runs the service: alive, and able to serve. Neither needs a key. */
import { Controller, Get, HttpStatus, Inject, Res } from '@nestjs/common'
import { ApiTags } from '@nestjs/swagger'
import type { FastifyReply } from 'fastify'
import { Public } from './caller.js'

export interface Readiness {
  readonly event_store: 'reachable' | 'unreachable'
  readonly projections: 'caught up' | 'catching up' | 'stopped'
  /** What stands in the way; null when ready. */
  readonly reason: string | null
}

/** Dependency-injection token of `() => Promise<Readiness>`. */
export const READINESS = Symbol('Readiness')

@ApiTags('Health')
@Controller()
@Public()
export class HealthController {
  constructor(@Inject(READINESS) private readonly readiness: () => Promise<Readiness>) {}

  @Get('healthz')
  alive(): object {
    return { status: 'alive' }
  }

  @Get('readyz')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    const readiness = await this.readiness()
    const isReady = readiness.reason === null
    if (!isReady) reply.status(HttpStatus.SERVICE_UNAVAILABLE)
    return { status: isReady ? 'ready' : 'not ready', ...readiness }
  }
}
