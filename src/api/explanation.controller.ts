/** `/meterbook/v1/meters/:id/explain`: a summary, and every record that was looked at for it. */
import { Controller, Get, Param, Req, Res } from '@nestjs/common'
import { QueryBus } from '@nestjs/cqrs'
import { ApiOperation, ApiTags } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { LedgerName } from '../domain/ledger.js'
import { isLive } from '../domain/ledger.js'
import { CUSTOMER_LENGTH_MAX } from '../domain/meter-event.js'
import { describeFate } from '../domain/record-fate.js'
import {
  ExplainUsage,
  type ExplainedRecord,
  type Explanation,
  type ExplanationRequest,
} from '../queries/explain-usage.js'
import { recordId } from '../queries/usage-record-view.js'
import { AsOfListParameters } from './as-of.parameters.js'
import { Allow } from './caller.js'
import { goneSignal } from './gone-signal.js'
import { summaryObject } from './meter-event-summary-object.js'
import { meterObject } from './meter-object.js'
import { pageRequest } from './page-request.js'
import { ReadContext, withPosition } from './read-context.js'
import { rejectionObject } from './rejection-objects.js'
import { parseQuery } from './stripe/form.js'
import { list } from './stripe/list.js'
import { IntegerText, Query, StringMap, Text } from './stripe/parameter-decorators.js'
import { readParameters } from './stripe/parameters.js'
import { formatTimestamp, parseTimestamp } from './stripe/timestamp.js'
import { fromUnixSeconds, toUnixSeconds, UNIX_SECONDS_MAX } from './stripe/unix-time.js'
import { recordObject } from './usage-record-object.js'

export class ExplainUsageParameters extends AsOfListParameters {
  @Text({ lengthMax: CUSTOMER_LENGTH_MAX, description: 'Whose usage.' })
  customer!: string

  @IntegerText({ min: 0, max: UNIX_SECONDS_MAX, description: 'Unix seconds, on a full minute; inclusive.' })
  start_time!: number

  @IntegerText({ min: 0, max: UNIX_SECONDS_MAX, description: 'Unix seconds, on a full minute; exclusive.' })
  end_time!: number

  @StringMap({ optional: true, description: 'Dimension → the value it must have.' })
  dimension_filters?: Record<string, string>
}

@ApiTags('Answers')
@Controller('meterbook/v1/meters')
@Allow('read')
export class ExplanationController {
  constructor(
    private readonly queries: QueryBus,
    private readonly readContext: ReadContext,
  ) {}

  @Get(':id/explain')
  @ApiOperation({ summary: 'A summary, with every record that was looked at for it and what became of it' })
  @Query(ExplainUsageParameters)
  async explain(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const parameters = readParameters(ExplainUsageParameters, parseQuery(request.url))
    const context = this.readContext.of(request)
    const asked: ExplanationRequest = {
      meterId: id,
      customer: parameters.customer,
      start: fromUnixSeconds(parameters.start_time),
      end: fromUnixSeconds(parameters.end_time),
      filters: parameters.dimension_filters ?? {},
    }
    const answer = await this.queries.execute(
      new ExplainUsage(
        context,
        asked,
        pageRequest(parameters),
        parseTimestamp,
        this.readContext.asOf(parameters),
        goneSignal(reply),
      ),
    )
    return explanationObject(context.ledger, asked, withPosition(reply, answer), answer.position)
  }
}

function explanationObject(
  ledger: LedgerName,
  { customer, start, end, filters }: ExplanationRequest,
  { meter, summary, records, rejections }: Explanation,
  position: string | null,
): object {
  const rejected = rejections.items.map((rejection) => rejectionObject(ledger, rejection))
  const eventName = new URLSearchParams({ event_name: meter.eventName }).toString()
  return {
    object: 'meterbook.explanation',
    customer,
    dimension_filters: filters,
    end_time: toUnixSeconds(end),
    livemode: isLive(ledger),
    meter: meterObject(ledger, meter),
    position,
    records: list(
      `/meterbook/v1/meters/${meter.id}/explain`,
      records.items.map((record) => explainedRecordObject(ledger, record)),
      records.hasMore,
    ),
    rejections: list(`/meterbook/v1/rejections?${eventName}`, rejected, rejections.hasMore),
    start_time: toUnixSeconds(start),
    summary: summaryObject(ledger, meter, summary, position),
  }
}

function explainedRecordObject(
  ledger: LedgerName,
  { record, fate, contribution, runningTotal }: ExplainedRecord,
): object {
  return {
    ...recordObject(ledger, record),
    object: 'meterbook.explained_record',
    by: 'by' in fate ? recordId(record.meterId, fate.by) : null,
    code: fate.code,
    contribution,
    reason: describeFate(fate, contribution, formatTimestamp),
    running_total: runningTotal,
  }
}
