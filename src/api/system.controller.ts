/** `/meterbook/v1/system`: which version this is, what it stands on, and whether it can serve. Secrets and addresses are not told. */
import { Controller, Get, Inject, Req } from '@nestjs/common'
import type { FastifyRequest } from 'fastify'
import { ApiTags } from './api-decorators.js'
import { Allow } from './caller.js'
import { Describe } from './describe.js'
import { READINESS, readinessFields, servingStatus, type Readiness } from './health.controller.js'
import { choice, instant, namedObject, object, only, text, type TypeOf } from './stripe/answer-schemas.js'
import { parseQuery } from './stripe/form.js'
import { Query, V1Parameters } from './stripe/parameter-decorators.js'
import { readParameters } from './stripe/parameters.js'
import { formatTimestamp } from './stripe/timestamp.js'

export interface SystemFacts {
  readonly version: string
  readonly eventStore: 'embedded' | 'eventstoredb'
  readonly readModel: 'embedded' | 'postgresql'
  /** Whether this process writes the read model, or follows another one that does. */
  readonly isWriting: () => boolean
  /** Of this process; milliseconds since the epoch. */
  readonly startedAt: number
}

/** Dependency-injection token. */
export const SYSTEM_FACTS = Symbol('SystemFacts')

const System = namedObject('System', {
  object: only('meterbook.system'),
  event_store: object({ status: readinessFields.event_store, type: choice(['embedded', 'eventstoredb']) }),
  projections: readinessFields.projections,
  read_model: object({
    role: choice(['writing', 'following'], 'Whether this service writes it, or follows another one that does.'),
    type: choice(['embedded', 'postgresql']),
  }),
  reason: readinessFields.reason,
  started_at: instant('Of this process.'),
  status: servingStatus,
  version: text(),
})
type System = TypeOf<typeof System>

@ApiTags('Health')
@Controller('meterbook/v1/system')
export class SystemController {
  constructor(
    @Inject(SYSTEM_FACTS) private readonly facts: SystemFacts,
    @Inject(READINESS) private readonly readiness: () => Promise<Readiness>,
  ) {}

  @Get()
  @Allow('read')
  @Describe({
    id: 'retrieveSystem',
    summary: 'Version, stores, and whether the service can serve',
    answer: System,
  })
  @Query(V1Parameters)
  async retrieve(@Req() request: FastifyRequest): Promise<System> {
    readParameters(V1Parameters, parseQuery(request.url))
    const { version, eventStore, readModel, isWriting, startedAt } = this.facts
    const { event_store, projections, reason } = await this.readiness()
    return {
      object: 'meterbook.system',
      event_store: { status: event_store, type: eventStore },
      projections,
      read_model: { role: isWriting() ? 'writing' : 'following', type: readModel },
      reason,
      started_at: formatTimestamp(startedAt),
      status: reason === null ? 'ready' : 'not ready',
      version,
    }
  }
}
