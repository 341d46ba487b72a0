/** `/meterbook/v1/meter_events`: the usage records themselves, which Stripe has no endpoint for. */
import { Controller, Get, Param, Req, Res } from '@nestjs/common'
import { QueryBus } from '@nestjs/cqrs'
import { ApiTags } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { EVENT_NAME_LENGTH_MAX } from '../domain/meter-catalogue.js'
import { CUSTOMER_LENGTH_MAX, IDENTIFIER_LENGTH_MAX } from '../domain/meter-event.js'
import { describeFate } from '../domain/record-fate.js'
import { GetUsageRecord } from '../queries/get-usage-record.js'
import { ListUsageRecords, type ListedUsageRecord } from '../queries/list-usage-records.js'
import { recordId, type UsageRecordView } from '../queries/usage-record-view.js'
import { AsOfListParameters } from './as-of.parameters.js'
import { Allow } from './caller.js'
import { goneSignal } from './gone-signal.js'
import { METER_ID_LENGTH_MAX } from './meters.parameters.js'
import { pageRequest } from './page-request.js'
import { ReadContext, withPosition } from './read-context.js'
import { parseQuery } from './stripe/form.js'
import { list } from './stripe/list.js'
import { Choice, Hash, Query, Text, V1Parameters } from './stripe/parameter-decorators.js'
import { readParameters } from './stripe/parameters.js'
import { formatTimestamp } from './stripe/timestamp.js'
import { timeFilter, TimeFilterParameters } from './time-filter.js'
import { recordObject } from './usage-record-object.js'

export class ListUsageRecordsParameters extends AsOfListParameters {
  @Text({ optional: true, lengthMax: METER_ID_LENGTH_MAX, description: 'Id of the meter.' })
  meter?: string

  @Text({ optional: true, lengthMax: EVENT_NAME_LENGTH_MAX, description: 'Event name they were sent with.' })
  event_name?: string

  @Text({ optional: true, lengthMax: CUSTOMER_LENGTH_MAX, description: 'Whose usage.' })
  customer?: string

  @Text({ optional: true, lengthMax: IDENTIFIER_LENGTH_MAX, description: 'On any meter.' })
  identifier?: string

  @Choice(['recorded', 'cancelled'], { optional: true, description: 'Both if left out.' })
  status?: string

  @Hash(() => TimeFilterParameters, { optional: true, description: 'When it happened.' })
  timestamp?: TimeFilterParameters

  @Hash(() => TimeFilterParameters, { optional: true, description: 'When it was received.' })
  created?: TimeFilterParameters

  @Choice(['fate'], { optional: true, description: 'Adds what became of each record in its UTC day.' })
  include?: string
}

@ApiTags('Usage records')
@Controller('meterbook/v1/meter_events')
@Allow('read')
export class UsageRecordsController {
  constructor(
    private readonly queries: QueryBus,
    private readonly readContext: ReadContext,
  ) {}

  @Get()
  @Query(ListUsageRecordsParameters)
  async list(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    const parameters = readParameters(ListUsageRecordsParameters, parseQuery(request.url))
    const context = this.readContext.of(request)
    const filter = {
      meterId: parameters.meter ?? null,
      eventName: parameters.event_name ?? null,
      customer: parameters.customer ?? null,
      identifier: parameters.identifier ?? null,
      status: (parameters.status ?? null) as UsageRecordView['status'] | null,
      occurred: timeFilter(parameters.timestamp),
      recorded: timeFilter(parameters.created),
    }
    const page = withPosition(
      reply,
      await this.queries.execute(
        new ListUsageRecords(
          context,
          filter,
          pageRequest(parameters),
          this.readContext.asOf(parameters),
          parameters.include === 'fate',
          goneSignal(reply),
        ),
      ),
    )
    const data = page.items.map(({ judgement, ...record }) => ({
      ...recordObject(context.ledger, record),
      ...(judgement ? { fate: fateObject(record.meterId, judgement) } : {}),
    }))
    return list('/meterbook/v1/meter_events', data, page.hasMore)
  }

  @Get(':meter/:identifier')
  @Query(V1Parameters)
  async retrieve(
    @Param('meter') meterId: string,
    @Param('identifier') identifier: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    readParameters(V1Parameters, parseQuery(request.url))
    const context = this.readContext.of(request)
    const { record, events } = withPosition(
      reply,
      await this.queries.execute(new GetUsageRecord(context, meterId, identifier)),
    )
    return {
      ...recordObject(context.ledger, record),
      events: events.map(({ id, type, stream, revision, position, requestId, actor, at }) => ({
        id,
        type,
        at: formatTimestamp(at),
        stream,
        revision,
        position,
        request_id: requestId,
        actor,
      })),
    }
  }
}

function fateObject(meterId: string, { fate, contribution }: NonNullable<ListedUsageRecord['judgement']>): object {
  return {
    by: 'by' in fate ? recordId(meterId, fate.by) : null,
    code: fate.code,
    contribution,
    reason: describeFate(fate, contribution, formatTimestamp),
  }
}
