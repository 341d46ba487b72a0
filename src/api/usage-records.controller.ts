/**
 * `/meterbook/v1/meter_events`: the usage records themselves, which Stripe has no endpoint for. `/meterbook/v1/meter_event` is one
 * of any identifier: browsers and many other clients take `.` and `..` for steps in a path, and some proxies an escaped
 * slash for one that is none, so these cannot stand in a path.
 */
import { Controller, Get, Param, Req, Res } from '@nestjs/common'
import { QueryBus } from '@nestjs/cqrs'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { EVENT_NAME_LENGTH_MAX } from '../domain/meter-catalogue.js'
import { CUSTOMER_LENGTH_MAX, IDENTIFIER_LENGTH_MAX } from '../domain/meter-event.js'
import { describeFate } from '../domain/record-fate.js'
import { GetUsageRecord } from '../queries/get-usage-record.js'
import { ListUsageRecords, type ListedUsageRecord } from '../queries/list-usage-records.js'
import { recordId, type UsageRecordView } from '../queries/usage-record-view.js'
import { ApiTags } from './api-decorators.js'
import { fate as fateFields } from './answer-fields.js'
import { AsOfListParameters } from './as-of.parameters.js'
import { Allow } from './caller.js'
import { Describe } from './describe.js'
import { METER_ID_LENGTH_MAX } from './meters.parameters.js'
import { pageRequest } from './page-request.js'
import { ReadContext, withPosition } from './read-context.js'
import {
  choice,
  instant,
  integer,
  listOf,
  namedObject,
  object,
  only,
  optional,
  text,
  type TypeOf,
  type TypeOfFields,
} from './stripe/answer-schemas.js'
import { parseQuery } from './stripe/form.js'
import { list, namedList } from './stripe/list.js'
import { Choice, Hash, Query, Text, V1Parameters } from './stripe/parameter-decorators.js'
import { readParameters } from './stripe/parameters.js'
import { formatTimestamp } from './stripe/timestamp.js'
import { timeFilter, TimeFilterParameters } from './time-filter.js'
import { recordFields, recordObject } from './usage-record-object.js'

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

export class NamedUsageRecordParameters extends V1Parameters {
  @Text({ lengthMax: METER_ID_LENGTH_MAX, description: 'Id of the meter.' })
  meter!: string

  @Text({ lengthMax: IDENTIFIER_LENGTH_MAX, description: 'Of the event.' })
  identifier!: string
}

const UsageRecordList = namedList(
  'UsageRecordList',
  namedObject('UsageRecord', {
    ...recordFields,
    object: only('meterbook.usage_record'),
    fate: optional(object(fateFields, 'With `include=fate`: what became of it in its UTC day.')),
  }),
)
type UsageRecordList = TypeOf<typeof UsageRecordList>

const UsageRecordHistory = namedObject('UsageRecordHistory', {
  ...recordFields,
  object: only('meterbook.usage_record'),
  events: listOf(
    object({
      id: text(),
      type: choice(['UsageRecorded', 'UsageCancelled']),
      at: instant('When it was received.'),
      stream: text(),
      revision: integer('Its place in the stream, from 1.'),
      position: text('Its place in the log.'),
      request_id: text(),
      actor: text('Id of the API key.'),
    }),
    'The events that made the record what it is, in their order.',
  ),
})
type UsageRecordHistory = TypeOf<typeof UsageRecordHistory>

@ApiTags('Usage records')
@Controller('meterbook/v1')
@Allow('read')
export class UsageRecordsController {
  constructor(
    private readonly queries: QueryBus,
    private readonly readContext: ReadContext,
  ) {}

  @Get('meter_events')
  @Describe({ id: 'listUsageRecords', summary: 'Usage records, the one received last first', answer: UsageRecordList })
  @Query(ListUsageRecordsParameters)
  async list(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UsageRecordList> {
    const parameters = readParameters(ListUsageRecordsParameters, parseQuery(request.url))
    const context = this.readContext.of(request, reply)
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
        ),
      ),
    )
    const data = page.items.map(({ judgement, ...record }) => ({
      ...recordObject('meterbook.usage_record', context.ledger, record),
      ...(judgement ? { fate: fateObject(record.meterId, judgement) } : {}),
    }))
    return list('/meterbook/v1/meter_events', data, page.hasMore)
  }

  @Get('meter_events/:meter/:identifier')
  @Describe({
    id: 'retrieveUsageRecord',
    summary: 'A usage record, with the events that made it what it is',
    answer: UsageRecordHistory,
  })
  @Query(V1Parameters)
  retrieve(
    @Param('meter') meterId: string,
    @Param('identifier') identifier: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UsageRecordHistory> {
    readParameters(V1Parameters, parseQuery(request.url))
    return this.history(meterId, identifier, request, reply)
  }

  @Get('meter_event')
  @Describe({
    id: 'retrieveNamedUsageRecord',
    summary: 'A usage record of any identifier, also `.`, `..` and with slashes',
    answer: UsageRecordHistory,
  })
  @Query(NamedUsageRecordParameters)
  retrieveNamed(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UsageRecordHistory> {
    const { meter, identifier } = readParameters(NamedUsageRecordParameters, parseQuery(request.url))
    return this.history(meter, identifier, request, reply)
  }

  private async history(
    meterId: string,
    identifier: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<UsageRecordHistory> {
    const context = this.readContext.of(request, reply)
    const { record, events } = withPosition(
      reply,
      await this.queries.execute(new GetUsageRecord(context, meterId, identifier)),
    )
    return {
      ...recordObject('meterbook.usage_record', context.ledger, record),
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

function fateObject(
  meterId: string,
  { fate, contribution }: NonNullable<ListedUsageRecord['judgement']>,
): TypeOfFields<typeof fateFields> {
  return {
    by: 'by' in fate ? recordId(meterId, fate.by) : null,
    code: fate.code,
    contribution,
    reason: describeFate(fate, contribution, formatTimestamp),
  }
}
