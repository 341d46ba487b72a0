/** `/meterbook/v1/meters/:id/history`: what happened to a meter itself, which Stripe has no endpoint for. */
import { Controller, Get, Param, Req, Res } from '@nestjs/common'
import { QueryBus } from '@nestjs/cqrs'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isLive, type LedgerName } from '../domain/ledger.js'
import { ListMeterChanges, type MeterChange as Change } from '../queries/list-meter-changes.js'
import { ApiTags } from './api-decorators.js'
import { livemode } from './answer-fields.js'
import { Allow } from './caller.js'
import { Describe } from './describe.js'
import { pageRequest } from './page-request.js'
import { ReadContext, withPosition } from './read-context.js'
import {
  choice,
  instant,
  namedObject,
  nullable,
  object,
  only,
  text,
  unixSeconds,
  type TypeOf,
} from './stripe/answer-schemas.js'
import { parseQuery } from './stripe/form.js'
import { list, namedList, ListParameters } from './stripe/list.js'
import { Query } from './stripe/parameter-decorators.js'
import { readParameters } from './stripe/parameters.js'
import { formatTimestamp } from './stripe/timestamp.js'
import { toUnixSeconds } from './stripe/unix-time.js'

const MeterChange = namedObject('MeterChange', {
  id: text(),
  object: only('meterbook.meter_change'),
  actor: object({
    id: text('Id of the API key, or `system`.'),
    last4: nullable(text('Of the key; null of `system`.')),
    name: nullable(text('Of the key; null of `system`.')),
  }),
  at: instant(),
  created: unixSeconds('when it happened.'),
  display_name: text(),
  livemode,
  meter: text('Id of the meter.'),
  previous_display_name: nullable(text('null before it was created.')),
  request_id: text(),
  type: choice(['created', 'renamed', 'deactivated', 'reactivated']),
})
type MeterChange = TypeOf<typeof MeterChange>

const MeterChangeList = namedList('MeterChangeList', MeterChange)
type MeterChangeList = TypeOf<typeof MeterChangeList>

@ApiTags('Answers')
@Controller('meterbook/v1/meters')
@Allow('read')
export class MeterHistoryController {
  constructor(
    private readonly queries: QueryBus,
    private readonly readContext: ReadContext,
  ) {}

  @Get(':id/history')
  @Describe({
    id: 'listMeterChanges',
    summary: 'Each event of a meter, newest first: what it changed, when, and who did it',
    answer: MeterChangeList,
  })
  @Query(ListParameters)
  async history(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MeterChangeList> {
    const parameters = readParameters(ListParameters, parseQuery(request.url))
    const context = this.readContext.of(request, reply)
    const page = withPosition(
      reply,
      await this.queries.execute(new ListMeterChanges(context, id, pageRequest(parameters))),
    )
    const data = page.items.map((change) => changeObject(context.ledger, id, change))
    return list(`/meterbook/v1/meters/${id}/history`, data, page.hasMore)
  }
}

const types: Readonly<Record<Change['type'], MeterChange['type']>> = {
  MeterCreated: 'created',
  MeterRenamed: 'renamed',
  MeterDeactivated: 'deactivated',
  MeterReactivated: 'reactivated',
}

function changeObject(ledger: LedgerName, meterId: string, change: Change): MeterChange {
  const { id, type, at, requestId, actor, displayName, previousDisplayName } = change
  return {
    id,
    object: 'meterbook.meter_change',
    actor: { id: actor.id, last4: actor.lastFour, name: actor.name },
    at: formatTimestamp(at),
    created: toUnixSeconds(at),
    display_name: displayName,
    livemode: isLive(ledger),
    meter: meterId,
    previous_display_name: previousDisplayName,
    request_id: requestId,
    type: types[type],
  }
}
