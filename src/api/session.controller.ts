/** `/meterbook/v1/session`: signing in to the dashboard with an API key, and out. The key itself is never kept. */
import { Controller, Delete, Get, Inject, Post, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ApiKeyRing } from '../commands/api-key-ring.js'
import { openDashboardSession } from '../commands/dashboard-session.js'
import { CLOCK, type Clock } from '../commands/environment.js'
import { SignedTokens } from '../commands/signed-token.js'
import { keyRoles, type ApiKey } from '../domain/api-keys.js'
import { isLive } from '../domain/ledger.js'
import { ApiBody, ApiConsumes, ApiTags } from './api-decorators.js'
import { livemode } from './answer-fields.js'
import { Allow, callerOf, Public, unauthorized } from './caller.js'
import { Describe } from './describe.js'
import { endedSessionCookie, requireSameOrigin, sessionCookie } from './session-cookie.js'
import { choice, flag, namedObject, object, only, text, type TypeOf } from './stripe/answer-schemas.js'
import { ApiError } from './stripe/api-error.js'
import { Text } from './stripe/parameter-decorators.js'
import { readParameters } from './stripe/parameters.js'

const BODY_TYPES = ['application/x-www-form-urlencoded', 'application/json']
/** No key is longer. */
const API_KEY_LENGTH_MAX = 256

export class SignInParameters {
  @Text({ lengthMax: API_KEY_LENGTH_MAX, description: 'A secret key, or a restricted one of role read.' })
  api_key!: string
}

const Session = namedObject('Session', {
  object: only('meterbook.session'),
  account: text(),
  key: object({ last_four: text(), name: text() }),
  livemode,
  role: choice(keyRoles),
})
type Session = TypeOf<typeof Session>

const EndedSession = namedObject('EndedSession', { object: only('meterbook.session'), deleted: flag('Always true.') })
type EndedSession = TypeOf<typeof EndedSession>

@ApiTags('Dashboard')
@Controller('meterbook/v1/session')
export class SessionController {
  constructor(
    private readonly keyRing: ApiKeyRing,
    private readonly tokens: SignedTokens,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Post()
  @Public()
  @Describe({
    id: 'signIn',
    summary: 'Signs a browser in for 12 hours, with an HttpOnly cookie',
    answer: Session,
    security: [],
  })
  @ApiConsumes(...BODY_TYPES)
  @ApiBody({ type: SignInParameters })
  async signIn(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<Session> {
    requireSameOrigin(request)
    const parameters = readParameters(SignInParameters, request.body)
    const key = await this.keyRing.find(parameters.api_key.trim())
    if (!key) {
      throw new ApiError({
        status: 401,
        type: 'invalid_request_error',
        code: 'unauthenticated',
        message: 'This is no active API key of this service. Issue one with: meterbook keys create',
        param: 'api_key',
      })
    }
    if (key.role === 'ingest') {
      throw new ApiError({
        status: 403,
        type: 'invalid_request_error',
        code: 'more_permissions_required',
        message:
          'A key of role ingest reports usage and reads nothing. Sign in with a secret key, or one of role read.',
        param: 'api_key',
      })
    }
    const session = openDashboardSession(this.tokens, key, this.clock.now())
    reply.header('set-cookie', sessionCookie(request, session))
    return sessionObject(key)
  }

  @Get()
  @Allow('read', 'ingest')
  @Describe({
    id: 'retrieveSession',
    summary: 'Which ledger the key or session opens, and what it may do',
    answer: Session,
  })
  async retrieve(@Req() request: FastifyRequest): Promise<Session> {
    const key = await this.keyRing.findById(callerOf(request).keyId)
    if (!key) throw unauthorized('The API key was revoked.')
    return sessionObject(key)
  }

  @Delete()
  @Public()
  @Describe({ id: 'signOut', summary: 'Signs a browser out', answer: EndedSession, security: [] })
  signOut(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): EndedSession {
    requireSameOrigin(request)
    reply.header('set-cookie', endedSessionCookie(request))
    return { object: 'meterbook.session', deleted: true }
  }
}

function sessionObject({ ledger, role, lastFour, name }: ApiKey): Session {
  return {
    object: 'meterbook.session',
    account: ledger.slice(0, ledger.lastIndexOf('~')),
    key: { last_four: lastFour, name },
    livemode: isLive(ledger),
    role,
  }
}
