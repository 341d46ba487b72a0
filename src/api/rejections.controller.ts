/** `/meterbook/v1/rejections`: meter events the stream refused, as data that can be looked at, counted and tried again. */
import { Controller, Get, Param, Post, Req, Res } from '@nestjs/common'
import { CommandBus, QueryBus } from '@nestjs/cqrs'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { RequestContext } from '../commands/request-context.js'
import { RetryRejections, type RetryResult } from '../commands/retry-rejections.js'
import { DomainError } from '../domain/errors.js'
import type { LedgerName } from '../domain/ledger.js'
import { CountRejections } from '../queries/count-rejections.js'
import { FindOpenRejections } from '../queries/find-open-rejections.js'
import { GetRejection } from '../queries/get-rejection.js'
import { ListRejectionReports } from '../queries/list-rejection-reports.js'
import { ListRejections } from '../queries/list-rejections.js'
import type { RejectionFilter, RejectionStatus } from '../queries/rejection-rows.js'
import { ApiBody, ApiConsumes, ApiTags } from './api-decorators.js'
import { Allow, callerOf } from './caller.js'
import { Describe } from './describe.js'
import { pageRequest } from './page-request.js'
import { ReadContext, withPosition } from './read-context.js'
import {
  Rejection,
  RejectionCounts,
  rejectionCountsObject,
  RejectionList,
  rejectionObject,
  RejectionReportList,
  rejectionReportObject,
} from './rejection-objects.js'
import {
  CountRejectionsParameters,
  ListRejectionReportsParameters,
  ListRejectionsParameters,
  RetryRejectionsParameters,
} from './rejections.parameters.js'
import { flag, integer, namedObject, nullable, only, text, type TypeOf } from './stripe/answer-schemas.js'
import { parseQuery } from './stripe/form.js'
import { Idempotency } from './stripe/idempotency.js'
import { list } from './stripe/list.js'
import { Query, V1Parameters } from './stripe/parameter-decorators.js'
import { readParameters } from './stripe/parameters.js'
import { parseTimestamp } from './stripe/timestamp.js'
import { timeFilter } from './time-filter.js'

const PATH = '/meterbook/v1/rejections'
const BODY_TYPES = ['application/x-www-form-urlencoded', 'application/json']

const RejectionRetry = namedObject('RejectionRetry', {
  object: only('meterbook.rejection_retry'),
  counted: integer(),
  duplicates: integer('That had been counted meanwhile.'),
  has_more: flag('Whether there are more to retry: `starting_after` the last one.'),
  last: nullable(text('Id of the last one that was retried; null: none was.')),
  retried: integer(),
  still_rejected: integer(),
})
type RejectionRetry = TypeOf<typeof RejectionRetry>

@ApiTags('Rejections')
@Controller(PATH.slice(1))
export class RejectionsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
    private readonly readContext: ReadContext,
    private readonly idempotency: Idempotency,
  ) {}

  @Get()
  @Allow('read')
  @Describe({ id: 'listRejections', summary: 'Meter events the stream refused, newest first', answer: RejectionList })
  @Query(ListRejectionsParameters)
  async list(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<RejectionList> {
    const parameters = readParameters(ListRejectionsParameters, parseQuery(request.url))
    const context = this.readContext.of(request, reply)
    const filter = { ...filterOf(parameters), status: (parameters.status ?? null) as RejectionStatus | null }
    const page = withPosition(
      reply,
      await this.queries.execute(new ListRejections(context, filter, pageRequest(parameters))),
    )
    const data = page.items.map((rejection) => rejectionObject(context.ledger, rejection))
    return list(PATH, data, page.hasMore)
  }

  @Get('counts')
  @Allow('read')
  @Describe({ id: 'countRejections', summary: 'How many were refused for which reason', answer: RejectionCounts })
  @Query(CountRejectionsParameters)
  async count(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RejectionCounts> {
    const { meter = null, created } = readParameters(CountRejectionsParameters, parseQuery(request.url))
    const context = this.readContext.of(request, reply)
    const counts = withPosition(
      reply,
      await this.queries.execute(new CountRejections(context, meter, timeFilter(created))),
    )
    return rejectionCountsObject(context.ledger, meter, counts)
  }

  @Get('reports')
  @Allow('read')
  @Describe({
    id: 'listRejectionReports',
    summary: "What was refused in each 10 seconds, in the shape of Stripe's error reports",
    answer: RejectionReportList,
  })
  @Query(ListRejectionReportsParameters)
  async listReports(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RejectionReportList> {
    const parameters = readParameters(ListRejectionReportsParameters, parseQuery(request.url))
    const { meter = null, created } = parameters
    const context = this.readContext.of(request, reply)
    const query = new ListRejectionReports(context, meter, timeFilter(created), pageRequest(parameters))
    const page = withPosition(reply, await this.queries.execute(query))
    const data = page.items.map((report) => rejectionReportObject(context.ledger, report))
    return list(`${PATH}/reports`, data, page.hasMore)
  }

  @Get(':id')
  @Allow('read')
  @Describe({ id: 'retrieveRejection', summary: 'A rejection', answer: Rejection })
  @Query(V1Parameters)
  async retrieve(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Rejection> {
    readParameters(V1Parameters, parseQuery(request.url))
    return this.show(id, request, reply)
  }

  @Post('retry')
  @Allow('ingest')
  @Describe({ id: 'retryRejections', summary: 'Try open rejections again, the oldest first', answer: RejectionRetry })
  @ApiConsumes(...BODY_TYPES)
  @ApiBody({ type: RetryRejectionsParameters, required: false })
  async retryAll(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<RejectionRetry> {
    const parameters = readParameters(RetryRejectionsParameters, request.body)
    const { limit, starting_after: startingAfter = null } = parameters
    const context = this.readContext.of(request, reply)
    return this.act(request, reply, async (retryContext) => {
      const open = await this.queries.execute(
        new FindOpenRejections(context, filterOf(parameters), startingAfter, limit),
      )
      const { outcomes, position } = await this.retry(context.ledger, open.revisions, retryContext)
      const counted = outcomes.filter(({ fate }) => fate === 'counted').length
      const stillRejected = outcomes.filter(({ fate }) => fate === 'refused').length
      const result: RejectionRetry = {
        object: 'meterbook.rejection_retry',
        counted,
        duplicates: outcomes.length - counted - stillRejected,
        has_more: open.hasMore,
        last: open.lastId,
        retried: outcomes.length,
        still_rejected: stillRejected,
      }
      return withPosition(reply, { result, position })
    })
  }

  @Post(':id/retry')
  @Allow('ingest')
  @Describe({
    id: 'retryRejection',
    summary: 'Try a rejection again; answers why if it is still refused',
    answer: Rejection,
  })
  @ApiConsumes(...BODY_TYPES)
  @ApiBody({ type: V1Parameters, required: false })
  async retryOne(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Rejection> {
    readParameters(V1Parameters, request.body)
    const context = this.readContext.of(request, reply)
    const rejection = await this.act(request, reply, async (retryContext) => {
      const { result } = await this.queries.execute(new GetRejection(context, id))
      const { outcomes } = await this.retry(context.ledger, [result.revision], retryContext)
      const [outcome] = outcomes
      if (outcome?.fate === 'refused') {
        const { code, message, param } = outcome.reason
        throw new DomainError(code, message, param)
      }
      return this.show(id, request, reply)
    })
    // What is remembered under an idempotency key may be what another key was answered.
    return callerOf(request).role === 'ingest' ? { ...rejection, event: null } : rejection
  }

  private retry(ledger: LedgerName, revisions: readonly number[], context: RequestContext): Promise<RetryResult> {
    // The event a retry causes is the rejection's, not this request's: sent again, it is found counted by its identifier.
    const retryContext = { ...context, idempotency: null }
    return this.commands.execute(new RetryRejections(ledger, revisions, parseTimestamp, retryContext))
  }

  /** Remembers the answer of an idempotency key. No event carries the key: after a crash it is done again, to no effect. */
  private act<Body extends object>(
    request: FastifyRequest,
    reply: FastifyReply,
    retry: (context: RequestContext) => Promise<Body>,
  ): Promise<Body> {
    return this.idempotency.answer(
      request,
      reply,
      async (context) => ({ body: await retry(context), appended: null, replayOf: null }),
      ({ stream, revision }) => {
        throw new Error(`Event ${revision} of ${stream} carries the idempotency key of a retry.`)
      },
    )
  }

  private async show(id: string, request: FastifyRequest, reply: FastifyReply): Promise<Rejection> {
    const context = this.readContext.of(request, reply)
    const { ledger, role } = callerOf(request)
    const rejection = withPosition(reply, await this.queries.execute(new GetRejection(context, id)))
    return rejectionObject(ledger, rejection, role !== 'ingest')
  }
}

type FilterParameters = Omit<RetryRejectionsParameters, 'status' | 'limit' | 'starting_after'>

function filterOf(parameters: FilterParameters): Omit<RejectionFilter, 'status'> {
  const { meter, event_name, code, identifier, customer, created } = parameters
  return {
    meterId: meter ?? null,
    eventName: event_name ?? null,
    code: code ?? null,
    identifier: identifier ?? null,
    customer: customer ?? null,
    received: timeFilter(created),
  }
}
