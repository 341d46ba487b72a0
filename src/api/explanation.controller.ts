/** `/meterbook/v1/meters/:id/explain`: a summary, and every record that was looked at for it. */
import { Controller, Get, Param, Req, Res } from '@nestjs/common'
import { QueryBus } from '@nestjs/cqrs'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { CUSTOMER_LENGTH_MAX } from '../domain/meter-event.js'
import { ExplainUsage, type ExplanationRequest } from '../queries/explain-usage.js'
import { ApiTags } from './api-decorators.js'
import { AsOfListParameters } from './as-of.parameters.js'
import { Allow } from './caller.js'
import { Describe } from './describe.js'
import { Explanation, explanationObject } from './explanation-object.js'
import { pageRequest } from './page-request.js'
import { ReadContext, withPosition } from './read-context.js'
import { parseQuery } from './stripe/form.js'
import { IntegerText, Query, StringMap, Text } from './stripe/parameter-decorators.js'
import { readParameters } from './stripe/parameters.js'
import { parseTimestamp } from './stripe/timestamp.js'
import { fromUnixSeconds, UNIX_SECONDS_MAX } from './stripe/unix-time.js'

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
  @Describe({
    id: 'explainMeterUsage',
    summary: 'A summary, with every record that was looked at for it and what became of it',
    answer: Explanation,
  })
  @Query(ExplainUsageParameters)
  async explain(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Explanation> {
    const parameters = readParameters(ExplainUsageParameters, parseQuery(request.url))
    const context = this.readContext.of(request, reply)
    const asked: ExplanationRequest = {
      meterId: id,
      customer: parameters.customer,
      start: fromUnixSeconds(parameters.start_time),
      end: fromUnixSeconds(parameters.end_time),
      filters: parameters.dimension_filters ?? {},
    }
    const answer = await this.queries.execute(
      new ExplainUsage(context, asked, pageRequest(parameters), parseTimestamp, this.readContext.asOf(parameters)),
    )
    return explanationObject(context.ledger, asked, withPosition(reply, answer), answer.position)
  }
}
