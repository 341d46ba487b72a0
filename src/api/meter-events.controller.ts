/** `/v1/billing/meter_events` and `/v1/billing/meter_event_adjustments`. stripe-metering §2 and §4. */
import { Controller, Post, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isLive } from '../domain/ledger.js'
import { ApiBody, ApiConsumes, ApiTags } from './api-decorators.js'
import { livemode, payload } from './answer-fields.js'
import { Allow } from './caller.js'
import { Describe } from './describe.js'
import { CreateMeterEventAdjustmentParameters, CreateMeterEventParameters } from './meter-events.parameters.js'
import { CostsEvents } from './rate-limits.js'
import { namedObject, object, only, text, unixSeconds, type TypeOf } from './stripe/answer-schemas.js'
import { readParameters } from './stripe/parameters.js'
import { fromUnixSeconds, toUnixSeconds } from './stripe/unix-time.js'
import { UsageAnswers } from './usage-answers.js'

const FORM = 'application/x-www-form-urlencoded'

const MeterEvent = namedObject('MeterEvent', {
  object: only('billing.meter_event'),
  created: unixSeconds('when it was received.'),
  event_name: text(),
  identifier: text(),
  livemode,
  payload,
  timestamp: unixSeconds('when it happened.'),
})
type MeterEvent = TypeOf<typeof MeterEvent>

const MeterEventAdjustment = namedObject('MeterEventAdjustment', {
  object: only('billing.meter_event_adjustment'),
  cancel: object({ identifier: text() }),
  event_name: text(),
  livemode,
  status: only('complete'),
  type: only('cancel'),
})
type MeterEventAdjustment = TypeOf<typeof MeterEventAdjustment>

@ApiTags('Usage')
@Controller('v1/billing')
export class MeterEventsController {
  constructor(private readonly usage: UsageAnswers) {}

  @Post('meter_events')
  @Describe({
    id: 'createMeterEvent',
    summary: 'Report usage; it counts once it is answered',
    answer: MeterEvent,
  })
  @Allow('ingest')
  @CostsEvents()
  @ApiConsumes(FORM)
  @ApiBody({ type: CreateMeterEventParameters })
  createMeterEvent(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MeterEvent> {
    const { event_name, payload, identifier, timestamp } = readParameters(CreateMeterEventParameters, request.body)
    const event = {
      eventName: event_name,
      payload,
      identifier: identifier ?? null,
      timestamp: timestamp === undefined ? null : fromUnixSeconds(timestamp),
    }
    return this.usage.record(request, reply, event, (recorded) => ({
      object: 'billing.meter_event',
      created: toUnixSeconds(recorded.recordedAt),
      event_name: recorded.eventName,
      identifier: recorded.identifier,
      livemode: isLive(recorded.ledger),
      payload: recorded.payload,
      timestamp: toUnixSeconds(recorded.occurredAt),
    }))
  }

  @Post('meter_event_adjustments')
  @Describe({ id: 'createMeterEventAdjustment', summary: 'Cancel a meter event', answer: MeterEventAdjustment })
  @Allow('ingest')
  @CostsEvents()
  @ApiConsumes(FORM)
  @ApiBody({ type: CreateMeterEventAdjustmentParameters })
  createAdjustment(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MeterEventAdjustment> {
    const { event_name, cancel } = readParameters(CreateMeterEventAdjustmentParameters, request.body)
    const { identifier } = cancel
    return this.usage.cancel(request, reply, { eventName: event_name, identifier }, (cancelled) => ({
      object: 'billing.meter_event_adjustment',
      cancel: { identifier: cancelled.identifier },
      event_name: cancelled.eventName,
      livemode: isLive(cancelled.ledger),
      status: 'complete',
      type: 'cancel',
    }))
  }
}
