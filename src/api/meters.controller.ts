/** `/v1/billing/meters`. Shapes and statuses only; stripe-metering §1 and §5. */
import { Controller, Get, Param, Post, Req, Res } from '@nestjs/common'
import { CommandBus, QueryBus } from '@nestjs/cqrs'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ChangeMeter, type MeterChange } from '../commands/change-meter.js'
import type { ChangedMeter } from '../commands/changed-meter.js'
import { CreateMeter } from '../commands/create-meter.js'
import type { RequestContext } from '../commands/request-context.js'
import type { LedgerName } from '../domain/ledger.js'
import type { Meter } from '../domain/meter-catalogue.js'
import { FirstAnswers } from '../queries/first-answers.js'
import { GetMeter } from '../queries/get-meter.js'
import { GetMeterEventSummaries } from '../queries/get-meter-event-summaries.js'
import { ListMeters } from '../queries/list-meters.js'
import { ApiBody, ApiConsumes, ApiTags } from './api-decorators.js'
import { Allow, callerOf } from './caller.js'
import { Describe } from './describe.js'
import { BillingMeter, BillingMeterList, meterObject } from './meter-object.js'
import { MeterEventSummaryList, summaryObject } from './meter-event-summary-object.js'
import {
  configurationOf,
  CreateMeterParameters,
  ListEventSummariesParameters,
  ListMetersParameters,
  UpdateMeterParameters,
} from './meters.parameters.js'
import { ReadContext, withPosition } from './read-context.js'
import { parseQuery } from './stripe/form.js'
import { Idempotency } from './stripe/idempotency.js'
import { list } from './stripe/list.js'
import { pageRequest } from './page-request.js'
import { Query, V1Parameters } from './stripe/parameter-decorators.js'
import { readParameters } from './stripe/parameters.js'
import { fromUnixSeconds } from './stripe/unix-time.js'

const FORM = 'application/x-www-form-urlencoded'

@ApiTags('Meters')
@Controller('v1/billing/meters')
export class MetersController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly readContext: ReadContext,
    private readonly idempotency: Idempotency,
    private readonly firstAnswers: FirstAnswers,
  ) {}

  @Post()
  @Describe({ id: 'createMeter', summary: 'Create a meter', answer: BillingMeter })
  @ApiConsumes(FORM)
  @ApiBody({ type: CreateMeterParameters })
  create(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<BillingMeter> {
    const parameters = readParameters(CreateMeterParameters, request.body)
    const meter = configurationOf(parameters)
    return this.change(request, reply, (ledger, context) =>
      this.commands.execute(new CreateMeter(ledger, meter, context)),
    )
  }

  @Get()
  @Allow('read')
  @Describe({ id: 'listMeters', summary: 'Meters, newest first', answer: BillingMeterList })
  @Query(ListMetersParameters)
  async list(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BillingMeterList> {
    const parameters = readParameters(ListMetersParameters, parseQuery(request.url))
    const status = (parameters.status ?? null) as Meter['status'] | null
    const context = this.readContext.of(request, reply)
    const page = withPosition(
      reply,
      await this.queries.execute(new ListMeters(context, status, pageRequest(parameters))),
    )
    const data = page.items.map((meter) => meterObject(context.ledger, meter))
    return list('/v1/billing/meters', data, page.hasMore)
  }

  @Get(':id')
  @Allow('read')
  @Describe({ id: 'retrieveMeter', summary: 'A meter', answer: BillingMeter })
  @Query(V1Parameters)
  async retrieve(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BillingMeter> {
    readParameters(V1Parameters, parseQuery(request.url))
    const context = this.readContext.of(request, reply)
    return meterObject(context.ledger, withPosition(reply, await this.queries.execute(new GetMeter(context, id))))
  }

  @Post(':id')
  @Describe({ id: 'updateMeter', summary: 'Rename a meter', answer: BillingMeter })
  @ApiConsumes(FORM)
  @ApiBody({ type: UpdateMeterParameters })
  async update(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BillingMeter> {
    const { display_name: displayName } = readParameters(UpdateMeterParameters, request.body)
    // An update of nothing changes nothing and answers the meter as it stands.
    if (displayName === undefined) {
      return this.change(request, reply, async () => {
        const { result: meter } = await this.queries.execute(new GetMeter(this.readContext.of(request, reply), id))
        return { meter, appended: null, replayOf: null }
      })
    }
    return this.changeById(id, { type: 'RenameMeter', displayName }, request, reply)
  }

  @Post(':id/deactivate')
  @Describe({
    id: 'deactivateMeter',
    summary: 'Deactivate a meter: it takes no more usage, and its event name is free',
    answer: BillingMeter,
  })
  @ApiConsumes(FORM)
  @ApiBody({ type: V1Parameters, required: false })
  deactivate(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BillingMeter> {
    readParameters(V1Parameters, request.body)
    return this.changeById(id, { type: 'DeactivateMeter' }, request, reply)
  }

  @Post(':id/reactivate')
  @Describe({ id: 'reactivateMeter', summary: 'Reactivate a meter', answer: BillingMeter })
  @ApiConsumes(FORM)
  @ApiBody({ type: V1Parameters, required: false })
  reactivate(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<BillingMeter> {
    readParameters(V1Parameters, request.body)
    return this.changeById(id, { type: 'ReactivateMeter' }, request, reply)
  }

  @Get(':id/event_summaries')
  @Allow('read')
  @ApiTags('Summaries')
  @Describe({
    id: 'listMeterEventSummaries',
    summary: 'Usage of a customer over an interval, whole or by hour, day and dimension',
    answer: MeterEventSummaryList,
  })
  @Query(ListEventSummariesParameters)
  async listEventSummaries(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MeterEventSummaryList> {
    const parameters = readParameters(ListEventSummariesParameters, parseQuery(request.url))
    const context = this.readContext.of(request, reply)
    const answer = await this.queries.execute(
      new GetMeterEventSummaries(
        context,
        {
          meterId: id,
          customer: parameters.customer,
          start: fromUnixSeconds(parameters.start_time),
          end: fromUnixSeconds(parameters.end_time),
          window: (parameters.value_grouping_window ?? null) as 'hour' | 'day' | null,
          filters: parameters.dimension_filters ?? {},
          groupBy: parameters.dimension_group_by_keys ?? [],
        },
        pageRequest(parameters),
        this.readContext.asOf(parameters),
      ),
    )
    const { meter, items, hasMore } = withPosition(reply, answer)
    const data = items.map((summary) => summaryObject(context.ledger, meter, summary, answer.position))
    return list(`/v1/billing/meters/${id}/event_summaries`, data, hasMore)
  }

  private changeById(
    id: string,
    change: MeterChange,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<BillingMeter> {
    return this.change(request, reply, (ledger, context) =>
      this.commands.execute(new ChangeMeter(ledger, id, change, context)),
    )
  }

  private async change(
    request: FastifyRequest,
    reply: FastifyReply,
    act: (ledger: LedgerName, context: RequestContext) => Promise<ChangedMeter>,
  ): Promise<BillingMeter> {
    const { ledger } = callerOf(request)
    return this.idempotency.answer(
      request,
      reply,
      async (context) => {
        const { meter, appended, replayOf } = await act(ledger, context)
        return { body: meterObject(ledger, meter), appended, replayOf }
      },
      async (caused) => {
        const { event, recorded } = await this.firstAnswers.event(caused)
        const { meters } = await this.firstAnswers.catalogueAt(ledger, caused.revision)
        const id = 'meterId' in event.data ? event.data.meterId : null
        const meter = id === null ? undefined : meters.get(id)
        if (!meter) throw new Error(`Event ${caused.revision} of ${caused.stream} is about no meter.`)
        return { body: meterObject(ledger, meter), position: recorded.position }
      },
    )
  }
}
