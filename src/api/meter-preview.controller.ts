/** `POST /meterbook/v1/meters/preview`: what a meter would count, before it is made. Stores nothing. */
import { Controller, Inject, Post, Req, Res } from '@nestjs/common'
import { QueryBus } from '@nestjs/cqrs'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { CLOCK, type Clock } from '../commands/environment.js'
import { PreviewMeter, type PreviewSource } from '../queries/preview-meter.js'
import { ApiBody, ApiConsumes, ApiTags } from './api-decorators.js'
import { Allow } from './caller.js'
import { Describe } from './describe.js'
import { MeterPreview, meterPreviewObject } from './meter-preview-object.js'
import { PreviewMeterParameters } from './meter-preview.parameters.js'
import { configurationOf } from './meters.parameters.js'
import { ReadContext, withPosition } from './read-context.js'
import { ApiError } from './stripe/api-error.js'
import { readParameters } from './stripe/parameters.js'
import { fromUnixSeconds } from './stripe/unix-time.js'

@ApiTags('Answers')
@Controller('meterbook/v1/meters')
export class MeterPreviewController {
  constructor(
    private readonly queries: QueryBus,
    private readonly readContext: ReadContext,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Post('preview')
  @Allow('read')
  @Describe({
    id: 'previewMeter',
    summary: 'What a meter would count, of sample events or of recorded ones; nothing is stored',
    answer: MeterPreview,
  })
  @ApiConsumes('application/json', 'application/x-www-form-urlencoded')
  @ApiBody({ type: PreviewMeterParameters })
  async preview(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MeterPreview> {
    const parameters = readParameters(PreviewMeterParameters, request.body)
    const context = this.readContext.of(request, reply)
    const at = this.clock.now()
    const source = sourceOf(parameters, at)
    const compareTo = parameters.compare_to ?? null
    const window = (parameters.value_grouping_window ?? null) as 'hour' | 'day' | null
    // Never an id anyone sees: the meter is not made.
    const configuration = { meterId: '', ...configurationOf(parameters), createdAt: at }
    const query = new PreviewMeter(context, configuration, source, window, compareTo)
    const answer = await this.queries.execute(query)
    return meterPreviewObject(context.ledger, source, compareTo, withPosition(reply, answer), answer.position)
  }
}

function sourceOf({ sample_events: samples, history, event_name }: PreviewMeterParameters, at: number): PreviewSource {
  if (samples && history) {
    throw ApiError.invalidRequest(
      'You may only specify one of these parameters: sample_events, history.',
      'parameters_exclusive',
      'history',
    )
  }
  if (samples) {
    return {
      type: 'samples',
      at,
      samples: samples.map(({ identifier, payload, timestamp }) => ({
        identifier: identifier ?? null,
        payload,
        timestamp: timestamp === undefined ? null : fromUnixSeconds(timestamp),
      })),
    }
  }
  if (history) {
    return {
      type: 'history',
      eventName: history.event_name ?? event_name,
      customer: history.customer ?? null,
      start: fromUnixSeconds(history.start_time),
      end: fromUnixSeconds(history.end_time),
    }
  }
  throw ApiError.invalidRequest(
    'Missing required param: sample_events. Give sample_events to try the meter on, or history for events that were recorded.',
    'parameter_missing',
    'sample_events',
  )
}
