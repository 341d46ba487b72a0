/** `/meterbook/v1/usage_imports`: events of a file through the running service, each answered for. Secret keys only. */
import { Controller, Post, Req, Res } from '@nestjs/common'
import { CommandBus } from '@nestjs/cqrs'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ImportUsageBatch } from '../commands/import-usage-batch.js'
import { IMPORT_CALL_EVENTS_MAX, type Fate } from '../commands/import-usage.js'
import { isLive, type LedgerName } from '../domain/ledger.js'
import { EVENT_NAME_LENGTH_MAX } from '../domain/meter-catalogue.js'
import { IDENTIFIER_LENGTH_MAX } from '../domain/meter-event.js'
import { ApiBody, ApiConsumes, ApiProperty, ApiTags } from './api-decorators.js'
import { livemode } from './answer-fields.js'
import { callerOf } from './caller.js'
import { Describe } from './describe.js'
import { readEventList } from './event-list.js'
import { CostsEvents, entriesOf } from './rate-limits.js'
import { withPosition } from './read-context.js'
import {
  choice,
  integer,
  listOf,
  namedObject,
  nullable,
  oneOf,
  only,
  text,
  type TypeOf,
} from './stripe/answer-schemas.js'
import { ApiError } from './stripe/api-error.js'
import { readKey } from './stripe/idempotency.js'
import { HashList, StringMap, Text } from './stripe/parameter-decorators.js'
import { parseTimestamp } from './stripe/timestamp.js'

/** For the API description: the events are read one by one, not as parameters. */
class ImportedEventParameters {
  @Text({ lengthMax: EVENT_NAME_LENGTH_MAX, description: 'The event name of an active meter.' })
  event_name!: string

  @StringMap({ description: 'The customer, the value and the dimensions under the keys of the meter.' })
  payload!: Record<string, string>

  @Text({
    optional: true,
    lengthMax: IDENTIFIER_LENGTH_MAX,
    description: 'Counts once. Needed where the request has no Idempotency-Key to make it from.',
  })
  identifier?: string

  @ApiProperty({
    required: false,
    oneOf: [{ type: 'string', format: 'date-time' }, { type: 'string', pattern: '^-?\\d{1,12}$' }, { type: 'integer' }],
    description:
      'RFC 3339, or whole Unix seconds: at most 35 days back (with backfill from 1970 on) and 5 minutes ahead. The time of receipt if left out.',
  })
  timestamp?: string | number
}

/** For the API description: the events are read one by one, not as parameters. */
class CreateUsageImportParameters {
  @HashList(() => ImportedEventParameters, {
    lengthMax: IMPORT_CALL_EVENTS_MAX,
    description: 'Each has a fate of its own.',
  })
  events!: ImportedEventParameters[]

  @ApiProperty({ required: false, default: false, description: 'Take timestamps older than 35 days, too.' })
  backfill?: boolean
}

const ImportedEvent = oneOf([
  namedObject('TakenEvent', { status: choice(['counted', 'duplicate'], 'duplicate: it counted before.') }),
  namedObject('RejectedEvent', {
    status: only('rejected'),
    code: text('A code of v1, or `duplicate_meter_event`.'),
    message: text(),
    param: nullable(text('What of it is wrong.')),
  }),
])
type ImportedEvent = TypeOf<typeof ImportedEvent>

const UsageImport = namedObject('UsageImport', {
  object: only('meterbook.usage_import'),
  counted: integer(),
  duplicates: integer(),
  livemode,
  rejected: integer(),
  results: listOf(ImportedEvent, 'One for each event, in their order.'),
})
type UsageImport = TypeOf<typeof UsageImport>

@ApiTags('Usage records')
@Controller('meterbook/v1/usage_imports')
export class UsageImportsController {
  constructor(private readonly commands: CommandBus) {}

  @Post()
  @Describe({ id: 'importUsage', summary: 'Report usage in batches, each event answered for', answer: UsageImport })
  @CostsEvents(entriesOf('events', IMPORT_CALL_EVENTS_MAX))
  @ApiConsumes('application/json', 'application/x-www-form-urlencoded')
  @ApiBody({ type: CreateUsageImportParameters })
  async create(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<UsageImport> {
    const events = readEventList(request.body, IMPORT_CALL_EVENTS_MAX, ['backfill'])
    const backfill = readBackfill(request.body as { readonly backfill?: unknown })
    const { ledger, keyId: actor } = callerOf(request)
    const key = readKey(request)
    // There is no answer to keep: sent again, the key makes the same identifiers, and those count once.
    const context = { requestId: request.id, actor, idempotency: null }
    const { outcomes, position } = await this.commands.execute(
      new ImportUsageBatch(ledger, events, backfill, key, parseTimestamp, context),
    )
    return withPosition(reply, { result: importObject(ledger, outcomes), position })
  }
}

function readBackfill({ backfill = false }: { readonly backfill?: unknown }): boolean {
  if (typeof backfill === 'boolean') return backfill
  // A form has texts alone.
  if (backfill === 'true' || backfill === 'false') return backfill === 'true'
  throw ApiError.invalidRequest('backfill must be true or false.', 'parameter_invalid', 'backfill')
}

function importObject(ledger: LedgerName, outcomes: readonly Fate['outcome'][]): UsageImport {
  const counted = outcomes.filter((outcome) => outcome === 'counted').length
  const duplicates = outcomes.filter((outcome) => outcome === 'duplicate').length
  return {
    object: 'meterbook.usage_import',
    counted,
    duplicates,
    livemode: isLive(ledger),
    rejected: outcomes.length - counted - duplicates,
    results: outcomes.map(resultObject),
  }
}

function resultObject(outcome: Fate['outcome']): ImportedEvent {
  if (typeof outcome === 'string') return { status: outcome }
  const { code, message, param } = outcome
  return { status: 'rejected', code, message, param }
}
