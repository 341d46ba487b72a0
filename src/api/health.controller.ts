/** For whoever runs the service: alive, and able to serve. Neither needs a key. */
import { Controller, Get, HttpStatus, Inject, Res } from '@nestjs/common'
import { ApiOperation, ApiTags } from '@nestjs/swagger'
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
  @ApiOperation({ summary: 'Whether the process answers', security: [] })
  alive(): object {
    return { status: 'alive' }
  }

  @Get('readyz')
  @ApiOperation({ summary: 'Whether it can serve; 503 while it cannot', security: [] })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    const readiness = await this.readiness()
    const isReady = readiness.reason === null
    if (!isReady) reply.status(HttpStatus.SERVICE_UNAVAILABLE)
    return { status: isReady ? 'ready' : 'not ready', ...readiness }
  }
}
