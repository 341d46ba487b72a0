/** `/meterbook/v1/projections`: how the read models stand, and building them anew while they serve. */
import { Controller, Get, Inject, Param, Post, Req, Res } from '@nestjs/common'
import { QueryBus } from '@nestjs/cqrs'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { CLOCK, type Clock } from '../commands/environment.js'
import { projectionNames } from '../replay/projection-names.js'
import {
  ListProjections,
  REBUILDS,
  requireProjection,
  type ProjectionState,
  type Rebuilds,
} from '../replay/projection-states.js'
import { ApiBody, ApiConsumes, ApiTags } from './api-decorators.js'
import { Allow, callerOf } from './caller.js'
import { Describe } from './describe.js'
import { Projection, ProjectionList, projectionObject } from './projection-object.js'
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
  @Describe({ id: 'listProjections', summary: 'How far each read model is', answer: ProjectionList })
  @Query(V1Parameters)
  async list(@Req() request: FastifyRequest): Promise<ProjectionList> {
    readParameters(V1Parameters, parseQuery(request.url))
    return this.showAll(request)
  }

  @Get(':name')
  @Allow('read')
  @Describe({ id: 'retrieveProjection', summary: 'How far one read model is', answer: Projection })
  @Query(V1Parameters)
  async retrieve(@Param('name') name: string, @Req() request: FastifyRequest): Promise<Projection> {
    requireProjection(name)
    readParameters(V1Parameters, parseQuery(request.url))
    return this.show(name, request)
  }

  @Post('rebuild')
  @Describe({
    id: 'rebuildProjections',
    summary: 'Build all projections anew beside the live ones, compare every row, and switch.',
    answer: ProjectionList,
    statuses: [202],
  })
  @ApiConsumes(...BODY_TYPES)
  @ApiBody({ type: RebuildParameters, required: false })
  rebuildAll(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<ProjectionList> {
    return this.begin(projectionNames, request, reply, (states) => this.listOf(states, request))
  }

  @Post(':name/rebuild')
  @Describe({
    id: 'rebuildProjection',
    summary: 'Build one projection anew beside the live one, compare every row, and switch.',
    answer: Projection,
    statuses: [202],
  })
  @ApiConsumes(...BODY_TYPES)
  @ApiBody({ type: RebuildParameters, required: false })
  rebuild(
    @Param('name') name: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Projection> {
    requireProjection(name)
    return this.begin([name], request, reply, (states) => this.objectOf(name, states, request))
  }

  private begin<Body extends object>(
    projections: readonly string[],
    request: FastifyRequest,
    reply: FastifyReply,
    answer: (states: readonly ProjectionState[]) => Body,
  ): Promise<Body> {
    const { keep } = readParameters(RebuildParameters, request.body)
    return this.idempotency.answer(
      request,
      reply,
      async () => {
        if (this.rebuilds.rebuilds.running) throw this.running()
        // Before it is begun: whoever gets no answer asks again, and is to be refused by another one only.
        const states = await this.states(request)
        const rebuild = this.rebuilds.beginRebuild({ projections, keep: keep === 'true' })
        if (!rebuild) throw this.running()
        const isRebuilt = ({ name }: ProjectionState): boolean => projections.includes(name)
        const begun = states.map((state) =>
          isRebuilt(state) ? { ...state, rebuild: { ...rebuild, differences: [] } } : state,
        )
        return { body: answer(begun), appended: null, replayOf: null }
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
      message: `A rebuild of ${this.rebuilds.rebuilds.running?.projections.join(', ')} is running. Begin this one when it is done.`,
    })
  }

  private states(request: FastifyRequest): Promise<ProjectionState[]> {
    return this.queries.execute(new ListProjections(callerOf(request).ledger, this.clock.now()))
  }

  private async show(name: string, request: FastifyRequest): Promise<Projection> {
    return this.objectOf(name, await this.states(request), request)
  }

  private async showAll(request: FastifyRequest): Promise<ProjectionList> {
    return this.listOf(await this.states(request), request)
  }

  private objectOf(name: string, states: readonly ProjectionState[], request: FastifyRequest): Projection {
    const state = states.find((each) => each.name === name)
    return projectionObject(state as ProjectionState, callerOf(request).ledger)
  }

  private listOf(states: readonly ProjectionState[], request: FastifyRequest): ProjectionList {
    const { ledger } = callerOf(request)
    return list(
      PATH,
      states.map((state) => projectionObject(state, ledger)),
      false,
    )
  }
}
