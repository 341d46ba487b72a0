/**
 * `/v2/billing/meter_event_session` and `/v2/billing/meter_event_stream`: the high-rate way in. The answer to a batch is
 * `{}`, once everything that counts is durable and every refusal is stored. stripe-metering §3.1, §3.2.
 */
import { Controller, Inject, Post, Req, Res } from '@nestjs/common'
import { CommandBus } from '@nestjs/cqrs'
import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ApiKeyRing } from '../commands/api-key-ring.js'
import { CLOCK, type Clock } from '../commands/environment.js'
import { openSession } from '../commands/meter-event-session.js'
import { RecordUsageStream } from '../commands/record-usage-stream.js'
import { SignedTokens } from '../commands/signed-token.js'
import { isLive } from '../domain/ledger.js'
import { ApiBody, ApiTags } from './api-decorators.js'
import { livemode } from './answer-fields.js'
import { Allow, callerOf, SessionOnly, unauthorized } from './caller.js'
import { Describe, SESSION_TOKEN } from './describe.js'
import { readEventList } from './event-list.js'
import { CreateV2MeterEventParameters } from './meter-events.parameters.js'
import { CostsEvents, entriesOf } from './rate-limits.js'
import { withPosition } from './read-context.js'
import { instant, namedObject, only, text, type TypeOf } from './stripe/answer-schemas.js'
import { ApiError } from './stripe/api-error.js'
import { readKey } from './stripe/idempotency.js'
import { HashList } from './stripe/parameter-decorators.js'
import { readParameters } from './stripe/parameters.js'
import { SentEvents } from './stripe/sent-events.js'
import { formatTimestamp, parseTimestamp } from './stripe/timestamp.js'

/** Events of one call (Stripe's own limit). */
export const STREAM_EVENTS_MAX = 100
/** JSON of one event: far above what can count, and well below what one append takes. */
const STREAM_EVENT_CHARACTERS_MAX = 64 * 1024
const SESSION_ID_LENGTH = 32

/** What is sent all the same is refused. */
class NoParameters {}

const MeterEventSession = namedObject('MeterEventSession', {
  id: text(),
  object: only('v2.billing.meter_event_session'),
  authentication_token: text('What the stream takes in place of an API key.'),
  created: instant(),
  expires_at: instant(),
  livemode,
})
type MeterEventSession = TypeOf<typeof MeterEventSession>

const StreamedMeterEvents = namedObject('StreamedMeterEvents', {})
type StreamedMeterEvents = TypeOf<typeof StreamedMeterEvents>

/** For the API description: the events are read one by one, not as parameters. */
class MeterEventStreamParameters {
  @HashList(() => CreateV2MeterEventParameters, {
    lengthMax: STREAM_EVENTS_MAX,
    description: 'Each has a fate of its own.',
  })
  events!: CreateV2MeterEventParameters[]
}

@ApiTags('Usage, v2')
@Controller('v2/billing')
export class V2MeterEventStreamController {
  constructor(
    private readonly commands: CommandBus,
    private readonly keyRing: ApiKeyRing,
    private readonly tokens: SignedTokens,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Post('meter_event_session')
  @Describe({ id: 'createMeterEventSession', summary: 'Open a session for the stream', answer: MeterEventSession })
  @ApiBody({ type: NoParameters, required: false })
  @Allow('ingest')
  async createSession(@Req() request: FastifyRequest): Promise<MeterEventSession> {
    readParameters(NoParameters, request.body)
    const { keyId, ledger } = callerOf(request)
    const key = await this.keyRing.findById(keyId)
    if (!key) throw unauthorized('The API key was revoked.')
    const { token, createdAt, expiresAt } = openSession(this.tokens, key, this.clock.now())
    return {
      id: `mes_${createHash('sha256').update(token).digest('hex').slice(0, SESSION_ID_LENGTH)}`,
      object: 'v2.billing.meter_event_session',
      authentication_token: token,
      created: formatTimestamp(createdAt),
      expires_at: formatTimestamp(expiresAt),
      livemode: isLive(ledger),
    }
  }

  @Post('meter_event_stream')
  @Describe({
    id: 'streamMeterEvents',
    summary: 'Report usage in batches; refused events are kept as rejections',
    answer: StreamedMeterEvents,
    security: [{ [SESSION_TOKEN]: [] }],
  })
  @SessionOnly()
  @CostsEvents(entriesOf('events', STREAM_EVENTS_MAX))
  @ApiBody({ type: MeterEventStreamParameters })
  async stream(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<StreamedMeterEvents> {
    const events = readEvents(request)
    const { ledger, keyId: actor } = callerOf(request)
    const key = readKey(request)
    // There is no answer to keep: sent again, the key makes the same identifiers, and those count once.
    const context = { requestId: request.id, actor, idempotency: null }
    const { position } = await this.commands.execute(
      new RecordUsageStream(ledger, events, key, parseTimestamp, context),
    )
    return withPosition(reply, { result: {}, position })
  }
}

function readEvents({ body, sentJson, headers }: FastifyRequest): SentEvents {
  const events = readEventList(body, STREAM_EVENTS_MAX)
  if (!sentJson) throw new Error('A list of events was read of a body that is no JSON.')
  const sent = new SentEvents(events, sentJson)
  // No event of a short body is long. A body whose length nobody said is looked at.
  const isShort = Number(headers['content-length'] ?? Infinity) <= STREAM_EVENT_CHARACTERS_MAX
  const tooLong = isShort
    ? -1
    : events.findIndex((_event, index) => sent.textOf(index).length > STREAM_EVENT_CHARACTERS_MAX)
  if (tooLong >= 0) {
    throw ApiError.invalidRequest(
      `A meter event has at most ${STREAM_EVENT_CHARACTERS_MAX} characters of JSON.`,
      'parameter_too_long',
      `events[${tooLong}]`,
    )
  }
  return sent
}
