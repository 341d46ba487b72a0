/** For whoever runs the service: alive, and able to serve. Neither needs a key. */
import { Controller, Get, HttpStatus, Inject, Res } from '@nestjs/common'
import type { FastifyReply } from 'fastify'
import { ApiTags } from './api-decorators.js'
import { Public } from './caller.js'
import { Describe } from './describe.js'
import { choice, namedObject, nullable, only, text, type TypeOf, type TypeOfFields } from './stripe/answer-schemas.js'

export const readinessFields = {
  event_store: choice(['reachable', 'unreachable']),
  projections: choice(['caught up', 'catching up', 'stopped']),
  reason: nullable(text('What stands in the way; null when ready.')),
}
export type Readiness = TypeOfFields<typeof readinessFields>

export const servingStatus = choice(['ready', 'not ready'])

const Alive = namedObject('Alive', { status: only('alive') })
type Alive = TypeOf<typeof Alive>

const Ready = namedObject('Ready', { status: servingStatus, ...readinessFields })
type Ready = TypeOf<typeof Ready>

/** Dependency-injection token of `() => Promise<Readiness>`. */
export const READINESS = Symbol('Readiness')

@ApiTags('Health')
@Controller()
@Public()
export class HealthController {
  constructor(@Inject(READINESS) private readonly readiness: () => Promise<Readiness>) {}

  @Get('healthz')
  @Describe({ id: 'checkHealth', summary: 'Whether the process answers', answer: Alive, security: [] })
  alive(): Alive {
    return { status: 'alive' }
  }

  @Get('readyz')
  @Describe({
    id: 'checkReadiness',
    summary: 'Whether it can serve; 503 while it cannot',
    answer: Ready,
    statuses: [HttpStatus.OK, HttpStatus.SERVICE_UNAVAILABLE],
    security: [],
  })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<Ready> {
    const readiness = await this.readiness()
    const isReady = readiness.reason === null
    if (!isReady) reply.status(HttpStatus.SERVICE_UNAVAILABLE)
    return { status: isReady ? 'ready' : 'not ready', ...readiness }
  }
}
