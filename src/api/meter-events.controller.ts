/** `/v1/billing/meter_events` and `/v1/billing/meter_event_adjustments`. stripe-metering §2 and §4. */
import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common'
import { ApiBody, ApiConsumes, ApiTags } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isLive } from '../domain/ledger.js'
import { Allow } from './caller.js'
import { CreateMeterEventAdjustmentParameters, CreateMeterEventParameters } from './meter-events.parameters.js'
import { CostsEvents } from './rate-limits.js'
import { readParameters } from './stripe/parameters.js'
import { fromUnixSeconds, toUnixSeconds } from './stripe/unix-time.js'
import { UsageAnswers } from './usage-answers.js'

const FORM = 'application/x-www-form-urlencoded'

@ApiTags('Usage')
@Controller('v1/billing')
export class MeterEventsController {
  constructor(private readonly usage: UsageAnswers) {}

  @Post('meter_events')
  @HttpCode(200)
  @Allow('ingest')
  @CostsEvents()
  @ApiConsumes(FORM)
  @ApiBody({ type: CreateMeterEventParameters })
  createMeterEvent(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
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
  @HttpCode(200)
  @Allow('ingest')
  @CostsEvents()
  @ApiConsumes(FORM)
  @ApiBody({ type: CreateMeterEventAdjustmentParameters })
  createAdjustment(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
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
