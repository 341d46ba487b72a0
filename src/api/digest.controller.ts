/** `/meterbook/v1/digest`: one number by which two parties see that they hold the same usage records. */
import { Controller, Get, Req, Res } from '@nestjs/common'
import { QueryBus } from '@nestjs/cqrs'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isLive } from '../domain/ledger.js'
import { GetDigest } from '../replay/get-digest.js'
import { ApiTags } from './api-decorators.js'
import { livemode, position } from './answer-fields.js'
import { Allow } from './caller.js'
import { Describe } from './describe.js'
import { ReadContext, withPosition } from './read-context.js'
import { instant, integer, namedObject, nullable, only, text, type TypeOf } from './stripe/answer-schemas.js'
import { parseQuery } from './stripe/form.js'
import { CURSOR_LENGTH_MAX } from './stripe/list.js'
import { IntegerText, Query, Text } from './stripe/parameter-decorators.js'
import { readParameters } from './stripe/parameters.js'
import { formatTimestamp } from './stripe/timestamp.js'
import { UNIX_SECONDS_MAX } from './stripe/unix-time.js'
import { provenTimes } from './time-filter.js'
import { UsageSelectionParameters } from './usage-selection.parameters.js'

export class DigestParameters extends UsageSelectionParameters {
  @IntegerText({
    optional: true,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    description: 'As the records stood after this usage event: `sequence` of an earlier digest.',
  })
  sequence?: number

  @IntegerText({
    optional: true,
    min: 0,
    max: UNIX_SECONDS_MAX,
    exclusiveWith: 'sequence',
    description: 'Unix seconds: as the records stood at this instant.',
  })
  as_of?: number

  @Text({
    optional: true,
    lengthMax: CURSOR_LENGTH_MAX,
    exclusiveWith: ['sequence', 'as_of'],
    description: 'A position of an earlier answer: as the records stood there.',
  })
  as_of_position?: string
}

const Digest = namedObject('Digest', {
  object: only('meterbook.digest'),
  algorithm: only('sha256'),
  cancelled: integer('Of the records, cancelled.'),
  customer: nullable(text('Asked for; null: all.')),
  digest: text('Lower-case hexadecimal.'),
  from: nullable(instant('When the records happened, inclusive; null: no bound.')),
  livemode,
  meter: nullable(text('Id of the meter asked for; null: of all.')),
  position,
  records: integer(),
  sequence: integer('Usage events up to there.'),
  to: nullable(instant('When the records happened, exclusive; null: no bound.')),
})
type Digest = TypeOf<typeof Digest>

@ApiTags('Proof')
@Controller('meterbook/v1/digest')
@Allow('read')
export class DigestController {
  constructor(
    private readonly queries: QueryBus,
    private readonly readContext: ReadContext,
  ) {}

  @Get()
  @Describe({
    id: 'retrieveDigest',
    summary: 'SHA-256 over the canonical listing of usage records',
    description: 'The same records give the same digest on any store. docs/digest.md says how to compute it oneself.',
    answer: Digest,
  })
  @Query(DigestParameters)
  async retrieve(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<Digest> {
    const parameters = readParameters(DigestParameters, parseQuery(request.url))
    const { meter = null, customer = null, sequence = null } = parameters
    const context = this.readContext.of(request, reply)
    const { from, to } = provenTimes(parameters.timestamp)
    const answer = await this.queries.execute(
      new GetDigest(context, { meterId: meter, customer, from, to, sequence }, this.readContext.asOf(parameters)),
    )
    const digest = withPosition(reply, answer)
    return {
      object: 'meterbook.digest',
      algorithm: 'sha256',
      cancelled: digest.cancelled,
      customer,
      digest: digest.sha256,
      from: from === null ? null : formatTimestamp(from),
      livemode: isLive(context.ledger),
      meter,
      position: answer.position,
      records: digest.records,
      sequence: digest.sequence,
      to: to === null ? null : formatTimestamp(to),
    }
  }
}
