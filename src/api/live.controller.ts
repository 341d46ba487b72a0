/** `/meterbook/v1/live`: server-sent events that say when something of the ledger is worth reading again. */
import { Controller, Get, Inject, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ApiKeyRing } from '../commands/api-key-ring.js'
import { CLOCK, type Clock } from '../commands/environment.js'
import { SignedTokens } from '../commands/signed-token.js'
import { ApiTags } from './api-decorators.js'
import { Allow, callerOf, isStillCaller } from './caller.js'
import { Describe } from './describe.js'
import { LIVE_PATH, LiveConnections } from './live-connections.js'
import { parseQuery } from './stripe/form.js'
import { Query, V1Parameters } from './stripe/parameter-decorators.js'
import { readParameters } from './stripe/parameters.js'

const EVENT_STREAM = 'text/event-stream'

@ApiTags('Dashboard')
@Controller(LIVE_PATH)
export class LiveController {
  constructor(
    private readonly connections: LiveConnections,
    private readonly keyRing: ApiKeyRing,
    private readonly tokens: SignedTokens,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  @Get()
  @Allow('read')
  @Describe({
    id: 'followChanges',
    summary: 'Says what changed, as it changes: topics of the ledger, not the changes themselves',
    texts: { [EVENT_STREAM]: 'Server-sent events called `changed`; the data of each is JSON of `LiveChange`.' },
  })
  @Query(V1Parameters)
  follow(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    readParameters(V1Parameters, parseQuery(request.url))
    // Nothing is listened to for a HEAD.
    const isHead = request.method === 'HEAD'
    const mayGoOn = (): Promise<boolean> => isStillCaller(this.keyRing, this.tokens, this.clock, request)
    const body = isHead ? '' : this.connections.connect(callerOf(request), mayGoOn).body
    reply.headers({
      'content-type': EVENT_STREAM,
      'cache-control': 'no-cache, no-transform',
      // nginx would else collect what it passes on.
      'x-accel-buffering': 'no',
    })
    void reply.send(body)
  }
}
