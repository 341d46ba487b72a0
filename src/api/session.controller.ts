/** `/meterbook/v1/session`: signing in to the dashboard with an API key, and out. The key itself is never kept. */
import { Controller, Delete, Get, HttpCode, Inject, Post, Req, Res } from '@nestjs/common'
import { ApiBody, ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ApiKeyRing } from '../commands/api-key-ring.js'
import { openDashboardSession } from '../commands/dashboard-session.js'
import { CLOCK, type Clock } from '../commands/environment.js'
import { SignedTokens } from '../commands/signed-token.js'
import type { ApiKey } from '../domain/api-keys.js'
import { isLive } from '../domain/ledger.js'
import { Allow, callerOf, Public, unauthorized } from './caller.js'
import { endedSessionCookie, requireSameOrigin, sessionCookie } from './session-cookie.js'
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

@ApiTags('Dashboard')
@Controller('meterbook/v1/session')
export class SessionController {
  constructor(
    private readonly keyRing: ApiKeyRing,
    private readonly tokens: SignedTokens,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Post()
  @HttpCode(200)
  @Public()
  @ApiOperation({ summary: 'Signs a browser in for 12 hours, with an HttpOnly cookie', security: [] })
  @ApiConsumes(...BODY_TYPES)
  @ApiBody({ type: SignInParameters })
  async signIn(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
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
    return sessionObject(reply, key)
  }

  @Get()
  @Allow('read', 'ingest')
  @ApiOperation({ summary: 'Which ledger the key or session opens, and what it may do' })
  async retrieve(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
    const key = await this.keyRing.findById(callerOf(request).keyId)
    if (!key) throw unauthorized('The API key was revoked.')
    return sessionObject(reply, key)
  }

  @Delete()
  @Public()
  @ApiOperation({ summary: 'Signs a browser out', security: [] })
  signOut(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): object {
    requireSameOrigin(request)
    reply.header('set-cookie', endedSessionCookie(request))
    reply.header('cache-control', 'no-store')
    return { object: 'meterbook.session', deleted: true }
  }
}

function sessionObject(reply: FastifyReply, { ledger, role, lastFour, name }: ApiKey): object {
  reply.header('cache-control', 'no-store')
  return {
    object: 'meterbook.session',
    account: ledger.slice(0, ledger.lastIndexOf('~')),
    key: { last_four: lastFour, name },
    livemode: isLive(ledger),
    role,
  }
}
