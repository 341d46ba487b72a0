/** `/meterbook/v1/meter_activity`: how much each meter received lately. */
import { Controller, Get, Inject, Req, Res } from '@nestjs/common'
import { QueryBus } from '@nestjs/cqrs'
import { ApiOperation, ApiTags } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { CLOCK, type Clock } from '../commands/environment.js'
import { isLive } from '../domain/ledger.js'
import { GetMeterActivity, type EventCounts } from '../queries/get-meter-activity.js'
import { Allow } from './caller.js'
import { METER_ID_LENGTH_MAX } from './meters.parameters.js'
import { ReadContext, withPosition } from './read-context.js'
import { parseQuery } from './stripe/form.js'
import { Query, Text, V1Parameters } from './stripe/parameter-decorators.js'
import { readParameters } from './stripe/parameters.js'
import { formatTimestamp } from './stripe/timestamp.js'

export class MeterActivityParameters extends V1Parameters {
  @Text({ optional: true, lengthMax: METER_ID_LENGTH_MAX, description: 'Id of one meter; every meter by default.' })
  meter?: string
}

@ApiTags('Meters')
@Controller('meterbook/v1/meter_activity')
@Allow('read')
export class MeterActivityController {
  constructor(
    private readonly queries: QueryBus,
    private readonly readContext: ReadContext,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get()
  @ApiOperation({ summary: 'Usage events each meter received in the last hour, the last day, and each hour of it' })
  @Query(MeterActivityParameters)
  async retrieve(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    const { meter = null } = readParameters(MeterActivityParameters, parseQuery(request.url))
    const context = this.readContext.of(request)
    const query = new GetMeterActivity(context, meter, this.clock.now())
    const { hoursFrom, minutesFrom, meters } = withPosition(reply, await this.queries.execute(query))
    return {
      object: 'meterbook.meter_activity',
      last_day_from: formatTimestamp(hoursFrom),
      last_hour_from: formatTimestamp(minutesFrom),
      livemode: isLive(context.ledger),
      meters: meters.map(({ meterId, lastHour, lastDay, hours }) => ({
        hours,
        last_day: countsOf(lastDay),
        last_hour: countsOf(lastHour),
        meter: meterId,
      })),
    }
  }
}

function countsOf({ recorded, cancelled }: EventCounts): object {
  return { cancelled_count: cancelled, recorded_count: recorded }
}
