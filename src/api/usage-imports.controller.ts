/** `/meterbook/v1/usage_imports`: events of a file through the running service, each answered for. Secret keys only. */
import { Controller, HttpCode, Post, Req, Res } from '@nestjs/common'
import { CommandBus } from '@nestjs/cqrs'
import { ApiBody, ApiProperty, ApiTags } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ImportUsageBatch } from '../commands/import-usage-batch.js'
import { IMPORT_CALL_EVENTS_MAX, type Fate } from '../commands/import-usage.js'
import { isLive, type LedgerName } from '../domain/ledger.js'
import { callerOf } from './caller.js'
import { readEventList } from './event-list.js'
import { CreateV2MeterEventParameters } from './meter-events.parameters.js'
import { CostsEvents, entriesOf } from './rate-limits.js'
import { ApiError } from './stripe/api-error.js'
import { readKey } from './stripe/idempotency.js'
import { HashList } from './stripe/parameter-decorators.js'
import { parseTimestamp } from './stripe/timestamp.js'

/** For the API description: the events are read one by one, not as parameters. */
class CreateUsageImportParameters {
  @HashList(() => CreateV2MeterEventParameters, {
    lengthMax: IMPORT_CALL_EVENTS_MAX,
    description: 'Each has a fate of its own.',
  })
  events!: CreateV2MeterEventParameters[]

  @ApiProperty({ required: false, default: false, description: 'Take timestamps older than 35 days, too.' })
  backfill?: boolean
}

@ApiTags('Usage records')
@Controller('meterbook/v1/usage_imports')
export class UsageImportsController {
  constructor(private readonly commands: CommandBus) {}

  @Post()
  @HttpCode(200)
  @CostsEvents(entriesOf('events', IMPORT_CALL_EVENTS_MAX))
  @ApiBody({ type: CreateUsageImportParameters })
  async create(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    const events = readEventList(request.body, IMPORT_CALL_EVENTS_MAX, ['backfill'])
    const backfill = readBackfill(request.body as { readonly backfill?: unknown })
    const { ledger, keyId: actor } = callerOf(request)
    const key = readKey(request)
    if (key !== null) reply.header('idempotency-key', key)
    // There is no answer to keep: sent again, the key makes the same identifiers, and those count once.
    const context = { requestId: request.id, actor, idempotency: null }
    const outcomes = await this.commands.execute(
      new ImportUsageBatch(ledger, events, backfill, key, parseTimestamp, context),
    )
    return importObject(ledger, outcomes)
  }
}

function readBackfill({ backfill = false }: { readonly backfill?: unknown }): boolean {
  if (typeof backfill === 'boolean') return backfill
  throw ApiError.invalidRequest('backfill must be true or false.', 'parameter_invalid', 'backfill')
}

function importObject(ledger: LedgerName, outcomes: readonly Fate['outcome'][]): object {
  const counted = outcomes.filter((outcome) => outcome === 'counted').length
  const duplicates = outcomes.filter((outcome) => outcome === 'duplicate').length
  return {
    object: 'meterbook.usage_import',
    counted,
    duplicates,
    livemode: isLive(ledger),
    rejected: outcomes.length - counted - duplicates,
    /** One for each event, in their order. */
    results: outcomes.map(resultObject),
  }
}

function resultObject(outcome: Fate['outcome']): object {
  if (typeof outcome === 'string') return { status: outcome }
  const { code, message, param } = outcome
  return { status: 'rejected', code, message, param }
}
