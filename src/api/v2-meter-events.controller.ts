/** `/v2/billing/meter_events` and `/v2/billing/meter_event_adjustments`: JSON, RFC 3339. stripe-metering §3.3 and §4.2. */
import { Controller, Post, Req, Res } from '@nestjs/common'
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isLive } from '../domain/ledger.js'
import { ApiBody, ApiTags } from './api-decorators.js'
import { livemode, payload } from './answer-fields.js'
import { Allow } from './caller.js'
import { Describe } from './describe.js'
import { CreateV2MeterEventAdjustmentParameters, CreateV2MeterEventParameters } from './meter-events.parameters.js'
import { CostsEvents } from './rate-limits.js'
import { instant, namedObject, object, only, text, type TypeOf } from './stripe/answer-schemas.js'
import { ApiError } from './stripe/api-error.js'
import { readParameters } from './stripe/parameters.js'
import { formatTimestamp } from './stripe/timestamp.js'
import { UsageAnswers } from './usage-answers.js'

const ADJUSTMENT_ID_LENGTH = 32

const V2MeterEvent = namedObject('V2MeterEvent', {
  object: only('v2.billing.meter_event'),
  created: instant('When it was received.'),
  event_name: text(),
  identifier: text(),
  livemode,
  payload,
  timestamp: instant('When it happened.'),
})
type V2MeterEvent = TypeOf<typeof V2MeterEvent>

const V2MeterEventAdjustment = namedObject('V2MeterEventAdjustment', {
  id: text(),
  object: only('v2.billing.meter_event_adjustment'),
  cancel: object({ identifier: text() }),
  created: instant('When it was cancelled.'),
  event_name: text(),
  livemode,
  status: only('complete'),
  type: only('cancel'),
})
type V2MeterEventAdjustment = TypeOf<typeof V2MeterEventAdjustment>

@ApiTags('Usage, v2')
@Controller('v2/billing')
export class V2MeterEventsController {
  constructor(private readonly usage: UsageAnswers) {}

  @Post('meter_events')
  @Describe({
    id: 'createV2MeterEvent',
    summary: 'Report usage; it counts once it is answered',
    answer: V2MeterEvent,
  })
  @Allow('ingest')
  @CostsEvents()
  @ApiBody({ type: CreateV2MeterEventParameters })
  createMeterEvent(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<V2MeterEvent> {
    const { event_name, payload, identifier, timestamp } = readParameters(CreateV2MeterEventParameters, request.body)
    const event = { eventName: event_name, payload, identifier: identifier ?? null, timestamp: timestamp ?? null }
    return this.usage.record(request, reply, event, (recorded) => ({
      object: 'v2.billing.meter_event',
      created: formatTimestamp(recorded.recordedAt),
      event_name: recorded.eventName,
      identifier: recorded.identifier,
      livemode: isLive(recorded.ledger),
      payload: recorded.payload,
      timestamp: formatTimestamp(recorded.occurredAt),
    }))
  }

  @Post('meter_event_adjustments')
  @Describe({ id: 'createV2MeterEventAdjustment', summary: 'Cancel a meter event', answer: V2MeterEventAdjustment })
  @Allow('ingest')
  @CostsEvents()
  @ApiBody({ type: CreateV2MeterEventAdjustmentParameters })
  createAdjustment(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<V2MeterEventAdjustment> {
    const { event_name, cancel } = readAdjustment(request.body)
    const { identifier } = cancel
    return this.usage.cancel(request, reply, { eventName: event_name, identifier }, (cancelled) => ({
      id: adjustmentId(cancelled.meterId, cancelled.identifier),
      object: 'v2.billing.meter_event_adjustment',
      cancel: { identifier: cancelled.identifier },
      created: formatTimestamp(cancelled.cancelledAt),
      event_name: cancelled.eventName,
      livemode: isLive(cancelled.ledger),
      status: 'complete',
      type: 'cancel',
    }))
  }
}

/** A record is cancelled once, so its adjustment has one id. */
function adjustmentId(meterId: string, identifier: string): string {
  const hash = createHash('sha256').update(`${meterId} ${identifier}`).digest('hex')
  return `mtr_event_adj_${hash.slice(0, ADJUSTMENT_ID_LENGTH)}`
}

/** v2 has a code of its own for what is wrong within `cancel`. */
function readAdjustment(body: unknown): CreateV2MeterEventAdjustmentParameters {
  try {
    return readParameters(CreateV2MeterEventAdjustmentParameters, body)
  } catch (error) {
    if (error instanceof ApiError && /^cancel(\[|$)/.test(error.param ?? '')) {
      throw ApiError.invalidRequest(error.message, 'invalid_cancel_configuration', error.param)
    }
    throw error
  }
}
