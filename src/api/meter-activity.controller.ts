/** `/meterbook/v1/meter_activity`: how much each meter received lately. */
import { Controller, Get, Inject, Req, Res } from '@nestjs/common'
import { QueryBus } from '@nestjs/cqrs'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { CLOCK, type Clock } from '../commands/environment.js'
import { isLive } from '../domain/ledger.js'
import { GetMeterActivity, type EventCounts as Counts } from '../queries/get-meter-activity.js'
import { ApiTags } from './api-decorators.js'
import { livemode } from './answer-fields.js'
import { Allow } from './caller.js'
import { Describe } from './describe.js'
import { METER_ID_LENGTH_MAX } from './meters.parameters.js'
import { ReadContext, withPosition } from './read-context.js'
import { instant, integer, listOf, namedObject, object, only, text, type TypeOf } from './stripe/answer-schemas.js'
import { parseQuery } from './stripe/form.js'
import { Query, Text, V1Parameters } from './stripe/parameter-decorators.js'
import { readParameters } from './stripe/parameters.js'
import { formatTimestamp } from './stripe/timestamp.js'

export class MeterActivityParameters extends V1Parameters {
  @Text({ optional: true, lengthMax: METER_ID_LENGTH_MAX, description: 'Id of one meter; every meter by default.' })
  meter?: string
}

const EventCounts = namedObject('EventCounts', {
  cancelled_count: integer('Cancellations that were received, of whichever records.'),
  recorded_count: integer(),
})
type EventCounts = TypeOf<typeof EventCounts>

const MeterActivity = namedObject('MeterActivity', {
  object: only('meterbook.meter_activity'),
  last_day_from: instant('Where the first of the hours begins.'),
  last_hour_from: instant('Where the last hour begins.'),
  livemode,
  meters: listOf(
    object({
      hours: listOf(integer(), 'Records received in each hour of the last day, the earliest first.'),
      last_day: EventCounts,
      last_hour: EventCounts,
      meter: text('Id of the meter.'),
    }),
  ),
})
type MeterActivity = TypeOf<typeof MeterActivity>

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
  @Describe({
    id: 'retrieveMeterActivity',
    summary: 'Usage events each meter received in the last hour, the last day, and each hour of it',
    answer: MeterActivity,
  })
  @Query(MeterActivityParameters)
  async retrieve(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MeterActivity> {
    const { meter = null } = readParameters(MeterActivityParameters, parseQuery(request.url))
    const context = this.readContext.of(request, reply)
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

function countsOf({ recorded, cancelled }: Counts): EventCounts {
  return { cancelled_count: cancelled, recorded_count: recorded }
}
