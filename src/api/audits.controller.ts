/** `/meterbook/v1/audits`: the log folded again beside the running service, and every row of the ledger compared with it. */
import { Controller, Get, Param, Post, Req, Res } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { MeterCatalogues } from '../commands/meter-catalogues.js'
import { DomainError } from '../domain/errors.js'
import type { LedgerName } from '../domain/ledger.js'
import { Reader } from '../queries/reader.js'
import type { AuditSelection } from '../replay/audit.js'
import { AuditRunning, Audits } from '../replay/audits.js'
import { ApiBody, ApiConsumes, ApiTags } from './api-decorators.js'
import { Audit, AuditList, auditObject } from './audit-object.js'
import { Allow, callerOf } from './caller.js'
import { Describe } from './describe.js'
import { goneSignal } from './gone-signal.js'
import { ApiError } from './stripe/api-error.js'
import { Idempotency } from './stripe/idempotency.js'
import { parseQuery } from './stripe/form.js'
import { list } from './stripe/list.js'
import { IntegerText, Query, V1Parameters } from './stripe/parameter-decorators.js'
import { readParameters } from './stripe/parameters.js'
import { provenTimes } from './time-filter.js'
import { UsageSelectionParameters } from './usage-selection.parameters.js'

const PATH = '/meterbook/v1/audits'
const BODY_TYPES = ['application/x-www-form-urlencoded', 'application/json']

export class CreateAuditParameters extends UsageSelectionParameters {
  @IntegerText({
    optional: true,
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
    description: 'The records alone, as they stood after this usage event.',
  })
  sequence?: number
}

@ApiTags('Proof')
@Controller(PATH.slice(1))
@Allow()
export class AuditsController {
  constructor(
    private readonly audits: Audits,
    private readonly catalogues: MeterCatalogues,
    private readonly idempotency: Idempotency,
    private readonly reader: Reader,
  ) {}

  @Post()
  @Describe({
    id: 'createAudit',
    summary: 'Begin an audit. One runs at a time; it takes about as long as building the read model.',
    answer: Audit,
    statuses: [202],
  })
  @ApiConsumes(...BODY_TYPES)
  @ApiBody({ type: CreateAuditParameters, required: false })
  async create(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<Audit> {
    const {
      meter = null,
      customer = null,
      timestamp,
      sequence = null,
    } = readParameters(CreateAuditParameters, request.body)
    const { ledger } = callerOf(request)
    const selection = { ledger, meterId: meter, customer, ...provenTimes(timestamp), sequence }
    return this.idempotency.answer(
      request,
      reply,
      async () => ({ body: await this.begin(selection, goneSignal(reply)), appended: null, replayOf: null }),
      ({ stream, revision }) => {
        throw new Error(`Event ${revision} of ${stream} carries the idempotency key of an audit.`)
      },
    )
  }

  @Get()
  @Describe({
    id: 'listAudits',
    summary: 'The audits since the service started, the newest first; only the last few are remembered',
    answer: AuditList,
  })
  @Query(V1Parameters)
  list(@Req() request: FastifyRequest): AuditList {
    readParameters(V1Parameters, parseQuery(request.url))
    return list(PATH, this.audits.list(callerOf(request).ledger).map(auditObject), false)
  }

  @Get(':id')
  @Describe({ id: 'retrieveAudit', summary: 'An audit: how far it is, then its verdict', answer: Audit })
  @Query(V1Parameters)
  retrieve(@Param('id') id: string, @Req() request: FastifyRequest): Audit {
    readParameters(V1Parameters, parseQuery(request.url))
    const job = this.audits.find(callerOf(request).ledger, id)
    if (!job)
      throw new DomainError('resource_missing', `No such audit: '${id}'. They are kept until the service stops.`, 'id')
    return auditObject(job)
  }

  private async begin(
    selection: AuditSelection & { readonly ledger: LedgerName },
    signal: AbortSignal,
  ): Promise<Audit> {
    const { ledger, meterId, sequence } = selection
    const { result: latest } = await this.reader.read(
      { ledger, minPosition: null, signal },
      'usage-index',
      async (rows) => (await rows.checkpoint('usage-index')).sequence,
    )
    if (sequence !== null && sequence > latest) {
      const message = `The log has ${latest} usage events so far, not ${sequence}.`
      throw new DomainError('parameter_invalid', message, 'sequence')
    }
    if (meterId !== null && !(await this.catalogues.latest(ledger)).meters.has(meterId)) {
      throw new DomainError('resource_missing', `No such meter: '${meterId}'.`, 'meter')
    }
    try {
      return auditObject(this.audits.start(ledger, selection))
    } catch (error) {
      if (!(error instanceof AuditRunning)) throw error
      const named = error.job.ledger === ledger ? ` (${error.job.id})` : ''
      throw new ApiError({
        status: 409,
        type: 'invalid_request_error',
        code: 'audit_running',
        message: `Another audit is running${named}. Begin this one when it is done.`,
      })
    }
  }
}
