/** `/meterbook/v1/audits`: the log folded again beside the running service, and every row of the ledger compared with it. */
import { Controller, Get, HttpCode, Param, Post, Req, Res } from '@nestjs/common'
import { ApiBody, ApiConsumes, ApiOperation, ApiTags } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { MeterCatalogues } from '../commands/meter-catalogues.js'
import { DomainError } from '../domain/errors.js'
import { isLive, type LedgerName } from '../domain/ledger.js'
import { Reader } from '../queries/reader.js'
import type { AuditSelection, Finding } from '../replay/audit.js'
import { AuditRunning, Audits, type AuditJob } from '../replay/audits.js'
import { Allow, callerOf } from './caller.js'
import { ApiError } from './stripe/api-error.js'
import { Idempotency } from './stripe/idempotency.js'
import { parseQuery } from './stripe/form.js'
import { list } from './stripe/list.js'
import { IntegerText, Query, V1Parameters } from './stripe/parameter-decorators.js'
import { readParameters } from './stripe/parameters.js'
import { formatTimestamp } from './stripe/timestamp.js'
import { provenTimes } from './time-filter.js'
import { UsageSelectionParameters } from './usage-selection.parameters.js'

const PATH = '/meterbook/v1/audits'
const BODY_TYPES = ['application/x-www-form-urlencoded', 'application/json']
/** Findings in one answer. */
const FINDINGS_SHOWN_MAX = 100

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
  @HttpCode(202)
  @ApiOperation({ summary: 'Begin an audit. One runs at a time; it takes about as long as building the read model.' })
  @ApiConsumes(...BODY_TYPES)
  @ApiBody({ type: CreateAuditParameters, required: false })
  async create(@Req() request: FastifyRequest, @Res({ passthrough: true }) reply: FastifyReply): Promise<object> {
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
      async () => ({ body: await this.begin(selection), appended: null, replayOf: null }),
      ({ stream, revision }) => {
        throw new Error(`Event ${revision} of ${stream} carries the idempotency key of an audit.`)
      },
    )
  }

  @Get()
  @ApiOperation({ summary: 'The audits since the service started, the newest first; only the last few are remembered' })
  @Query(V1Parameters)
  list(@Req() request: FastifyRequest): object {
    readParameters(V1Parameters, parseQuery(request.url))
    return list(PATH, this.audits.list(callerOf(request).ledger).map(auditObject), false)
  }

  @Get(':id')
  @Query(V1Parameters)
  retrieve(@Param('id') id: string, @Req() request: FastifyRequest): object {
    readParameters(V1Parameters, parseQuery(request.url))
    const job = this.audits.find(callerOf(request).ledger, id)
    if (!job)
      throw new DomainError('resource_missing', `No such audit: '${id}'. They are kept until the service stops.`, 'id')
    return auditObject(job)
  }

  private async begin(selection: AuditSelection & { readonly ledger: LedgerName }): Promise<object> {
    const { ledger, meterId, sequence } = selection
    const { result: latest } = await this.reader.read(
      { ledger, minPosition: null },
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

function auditObject({
  id,
  ledger,
  selection,
  startedAt,
  endedAt,
  status,
  progress,
  verdict,
  failure,
}: AuditJob): object {
  const { meterId, customer, from, to, sequence } = selection
  const [digest] = verdict?.digests ?? []
  return {
    id,
    object: 'meterbook.audit',
    customer,
    digest: digest?.sha256 ?? null,
    ended_at: endedAt === null ? null : formatTimestamp(endedAt),
    events: verdict?.events ?? null,
    failure,
    finding_count: verdict?.findingCount ?? null,
    findings: verdict
      ? verdict.findings.slice(0, FINDINGS_SHOWN_MAX).map((finding) => findingObject(finding, ledger))
      : null,
    from: from === null ? null : formatTimestamp(from),
    livemode: isLive(ledger),
    log_goes_on: verdict?.logGoesOn ?? null,
    meter: meterId,
    position: verdict?.checkpoint.position ?? null,
    progress: status === 'running' ? progress : null,
    records: digest?.records ?? null,
    rows: verdict?.rows ?? null,
    sequence: verdict?.checkpoint.sequence ?? sequence,
    started_at: formatTimestamp(startedAt),
    status,
    to: to === null ? null : formatTimestamp(to),
    verdict: verdict?.verdict ?? null,
  }
}

function findingObject(finding: Finding, ledger: LedgerName): object {
  switch (finding.kind) {
    case 'log':
      return { kind: 'log', message: isOfAnother(finding.message, ledger) ? OTHER_LEDGER : finding.message }
    case 'storage':
      return { kind: 'storage', message: finding.message }
    case 'checkpoint': {
      const { projection, expected, found } = finding
      return { kind: 'checkpoint', expected, found, projection }
    }
    case 'row': {
      const { table, key, expected, found, meterId, customer } = finding
      return { kind: 'row', customer, expected, found, key, meter: meterId, table }
    }
  }
}

const OTHER_LEDGER = 'An event that is not of this ledger is wrong. The operator sees which one with `meterbook audit`.'

/** Nothing of one ledger is told to the keys of another. */
function isOfAnother(message: string, ledger: LedgerName): boolean {
  const stream = /\bstream (\S+)/.exec(message)?.[1] ?? ''
  return !stream.includes(`-${ledger}`)
}
