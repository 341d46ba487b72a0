/** `/meterbook/v1/meters/:id/history`: what happened to a meter itself, which Stripe has no endpoint for. */
import { Controller, Get, Param, Req, Res } from '@nestjs/common'
import { QueryBus } from '@nestjs/cqrs'
import { ApiOperation, ApiTags } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { isLive, type LedgerName } from '../domain/ledger.js'
import { ListMeterChanges, type MeterChange } from '../queries/list-meter-changes.js'
import { Allow } from './caller.js'
import { pageRequest } from './page-request.js'
import { ReadContext, withPosition } from './read-context.js'
import { parseQuery } from './stripe/form.js'
import { list, ListParameters } from './stripe/list.js'
import { Query } from './stripe/parameter-decorators.js'
import { readParameters } from './stripe/parameters.js'
import { formatTimestamp } from './stripe/timestamp.js'
import { toUnixSeconds } from './stripe/unix-time.js'

@ApiTags('Answers')
@Controller('meterbook/v1/meters')
@Allow('read')
export class MeterHistoryController {
  constructor(
    private readonly queries: QueryBus,
    private readonly readContext: ReadContext,
  ) {}

  @Get(':id/history')
  @ApiOperation({ summary: 'Each event of a meter, newest first: what it changed, when, and who did it' })
  @Query(ListParameters)
  async history(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const parameters = readParameters(ListParameters, parseQuery(request.url))
    const context = this.readContext.of(request)
    const page = withPosition(
      reply,
      await this.queries.execute(new ListMeterChanges(context, id, pageRequest(parameters))),
    )
    const data = page.items.map((change) => changeObject(context.ledger, id, change))
    return list(`/meterbook/v1/meters/${id}/history`, data, page.hasMore)
  }
}

const types: Readonly<Record<MeterChange['type'], string>> = {
  MeterCreated: 'created',
  MeterRenamed: 'renamed',
  MeterDeactivated: 'deactivated',
  MeterReactivated: 'reactivated',
}

function changeObject(ledger: LedgerName, meterId: string, change: MeterChange): object {
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
