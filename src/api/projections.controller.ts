/** `/meterbook/v1/projections`: how the read models stand, and building them anew while they serve. */
import { Controller, Get, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common'
import { QueryBus } from '@nestjs/cqrs'
import { ApiBody, ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { CLOCK, type Clock } from '../commands/environment.js'
import {
  ListProjections,
  projectionNames,
  REBUILDS,
  requireProjection,
  type ProjectionState,
  type Rebuilds,
} from '../replay/projection-states.js'
import { Allow, callerOf } from './caller.js'
import { ApiError } from './stripe/api-error.js'
import { parseQuery } from './stripe/form.js'
import { Idempotency } from './stripe/idempotency.js'
import { list } from './stripe/list.js'
import { Choice, Query, V1Parameters } from './stripe/parameter-decorators.js'
import { readParameters } from './stripe/parameters.js'

const PATH = '/meterbook/v1/projections'
const BODY_TYPES = ['application/x-www-form-urlencoded', 'application/json']

export class RebuildParameters extends V1Parameters {
  @Choice(['true', 'false'], { optional: true, description: 'Whether the old tables stay in the file.' })
  keep?: string
}

@ApiTags('Proof')
@Controller('meterbook/v1/projections')
@Allow()
export class ProjectionsController {
  constructor(
    private readonly queries: QueryBus,
    private readonly idempotency: Idempotency,
    @Inject(REBUILDS) private readonly rebuilds: Rebuilds,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get()
  @Allow('read')
  @Query(V1Parameters)
  async list(@Req() request: FastifyRequest): Promise<object> {
    readParameters(V1Parameters, parseQuery(request.url))
    return list(PATH, (await this.states(request)).map(projectionObject), false)
  }

  @Get(':name')
  @Allow('read')
  @Query(V1Parameters)
  async retrieve(@Param('name') name: string, @Req() request: FastifyRequest): Promise<object> {
    requireProjection(name)
    readParameters(V1Parameters, parseQuery(request.url))
    return this.show(name, request)
  }

  @Post('rebuild')
  @HttpCode(202)
  @ApiOperation({ summary: 'Build all projections anew beside the live ones, compare every row, and switch.' })
  @ApiConsumes(...BODY_TYPES)
  @ApiBody({ type: RebuildParameters, required: false })
  rebuildAll(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    return this.begin(projectionNames, request, reply, async () =>
      list(PATH, (await this.states(request)).map(projectionObject), false),
    )
  }

  @Post(':name/rebuild')
  @HttpCode(202)
  @ApiOperation({ summary: 'Build one projection anew beside the live one, compare every row, and switch.' })
  @ApiConsumes(...BODY_TYPES)
  @ApiBody({ type: RebuildParameters, required: false })
  rebuild(
    @Param('name') name: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    requireProjection(name)
    return this.begin([name], request, reply, () => this.show(name, request))
  }

  private begin(
    projections: readonly string[],
    request: FastifyRequest,
    reply: FastifyReply,
    answer: () => Promise<object>,
  ): Promise<object> {
    const { keep } = readParameters(RebuildParameters, request.body)
    return this.idempotency.answer(
      request,
      reply,
      async () => {
        if (!this.rebuilds.beginRebuild({ projections, keep: keep === 'true' })) throw this.running()
        return { body: await answer(), appended: null, replayOf: null }
      },
      ({ stream, revision }) => {
        throw new Error(`Event ${revision} of ${stream} carries the idempotency key of a rebuild.`)
      },
    )
  }

  private running(): ApiError {
    return new ApiError({
      status: 409,
      type: 'invalid_request_error',
      code: 'rebuild_running',
      message: `A rebuild of ${this.rebuilds.rebuild?.projections.join(', ')} is running. Begin this one when it is done.`,
    })
  }

  private states(request: FastifyRequest): Promise<ProjectionState[]> {
    return this.queries.execute(new ListProjections(callerOf(request).ledger, this.clock.now()))
  }

  private async show(name: string, request: FastifyRequest): Promise<object> {
    const state = (await this.states(request)).find((each) => each.name === name)
    return projectionObject(state as ProjectionState)
  }
}

function projectionObject({ name, schema, position, sequence, lagEvents, lagMs, rebuild }: ProjectionState): object {
  return {
    id: name,
    object: 'meterbook.projection',
    lag_events: lagEvents,
    lag_seconds: lagMs / 1000,
    position,
    rebuild: rebuild && {
      difference_count: rebuild.differenceCount,
      differences: rebuild.differences,
      elapsed_seconds: rebuild.elapsedMs / 1000,
      failure: rebuild.failure,
      projections: rebuild.projections,
      rows: rebuild.rows,
      sequence: rebuild.sequence,
      status: rebuild.status,
      wanted_rows: rebuild.wantedRows,
      wanted_sequence: rebuild.wantedSequence,
    },
    schema,
    sequence,
  }
}
