/** Audits: one to begin, the one that runs, and what the last ones found. */
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { List } from '../answers.js'
import { FailureNotice } from '../failure-notice.js'
import { useNumberFormat, usePageTexts } from '../language.js'
import { useMeters } from '../meters.js'
import { get, newIdempotencyKey, postForm, type Parameters } from '../service-client.js'
import { Snippet } from '../snippet.js'
import { utcSecond } from '../utc.js'
import type { Audit, Finding } from './answers.js'
import { AuditForm } from './audit-form.js'
import { Differences } from './differences.js'
import { ProgressLine } from './progress-line.js'
import { systemTexts } from './texts.js'

const PATH = '/meterbook/v1/audits'
const RUNNING_INTERVAL_MS = 1_000
const BEGIN = ['begin audit']

export function Audits() {
  const pageTexts = usePageTexts(systemTexts)
  const client = useQueryClient()
  const audits = useQuery({
    queryKey: ['audits'],
    queryFn: ({ signal }) => get<List<Audit>>(PATH, {}, signal),
    refetchInterval: ({ state }) => (isRunning(state.data) ? RUNNING_INTERVAL_MS : false),
  })
  const begin = useMutation({
    mutationKey: BEGIN,
    mutationFn: (selection: Parameters) => postForm<Audit>(PATH, selection, newIdempotencyKey()),
    onSettled: () => client.invalidateQueries({ queryKey: ['audits'] }),
  })
  const differing = audits.data?.data.find(({ verdict }) => verdict === 'differs')
  return (
    <>
      <AuditForm
        isBusy={begin.isPending || isRunning(audits.data)}
        onBegin={(selection) => {
          // Known before the button is: a second click comes sooner than the page is drawn.
          if (client.isMutating({ mutationKey: BEGIN }) === 0) begin.mutate(selection)
        }}
      />
      {begin.isError && <FailureNotice error={begin.error} />}
      {audits.isError && <FailureNotice error={audits.error} onRetry={() => void audits.refetch()} />}
      {audits.data?.data.length === 0 && <p className="empty">{pageTexts.noAudits}</p>}
      {audits.data?.data.map((audit) => (
        <AuditReport key={audit.id} audit={audit} hasAdvice={audit === differing} />
      ))}
    </>
  )
}

interface ReportProps {
  readonly audit: Audit
  /** Whether it says at length what to do: the newest that differs does. */
  readonly hasAdvice: boolean
}

function AuditReport({ audit, hasAdvice }: ReportProps) {
  const pageTexts = usePageTexts(systemTexts)
  const format = useNumberFormat()
  const { status, progress, failure, verdict } = audit
  const outside = audit.outside_count ?? 0
  const startedAt = Date.parse(audit.started_at)
  return (
    <article className="panel report" aria-live={status === 'running' ? 'off' : 'polite'}>
      <h3>
        <AuditSubject audit={audit} />
      </h3>
      <p className="quiet">{pageTexts.startedAtTime(utcSecond(startedAt))}</p>
      {status === 'running' && progress && (
        <ProgressLine
          key={progress.phase}
          label={pageTexts.phases[progress.phase]}
          done={progress.done}
          fraction={progress.fraction}
        />
      )}
      {status === 'failed' && <p className="notice notice-bad">{pageTexts.auditFailed(failure ?? '')}</p>}
      {verdict !== null && (
        <>
          <p>
            <span className={verdict === 'agrees' ? 'tag tag-good' : 'tag tag-bad'}>{pageTexts.verdicts[verdict]}</span>{' '}
            {verdict === 'agrees' && outside > 0 ? pageTexts.selectionAgrees : pageTexts.verdictMeans[verdict]}
          </p>
          {hasAdvice && <WhichIsWrong />}
          {verdict === 'damaged' && <p className="notice notice-bad">{pageTexts.afterDamage}</p>}
          {outside > 0 && <p className="notice notice-bad">{pageTexts.differsOutside(format(outside))}</p>}
          <AuditFacts audit={audit} />
          <Findings findings={audit.findings ?? []} />
        </>
      )}
    </article>
  )
}

/** Before anything is mended: a rebuild takes the log to be right, and whatever else the rows knew is gone with it. */
function WhichIsWrong() {
  const pageTexts = usePageTexts(systemTexts)
  return (
    <div className="notice notice-bad which-is-wrong">
      <p>{pageTexts.whichIsWrong}</p>
      <ol>
        <li>
          {pageTexts.compareDigest}
          <Snippet label={pageTexts.digestOfLog} text="node dist/cli/main.js audit --sequence N" />
        </li>
        <li>{pageTexts.logIsSound}</li>
        <li>{pageTexts.logWasChanged}</li>
      </ol>
    </div>
  )
}

function AuditSubject({ audit: { meter, customer, from, to } }: { readonly audit: Audit }) {
  const pageTexts = usePageTexts(systemTexts)
  const meters = useMeters()
  const name = meters.data?.meters.find(({ id }) => id === meter)?.display_name ?? meter
  const parts = [
    name === null ? null : pageTexts.ofMeter(name),
    customer === null ? null : pageTexts.ofCustomer(customer),
    from === null ? null : pageTexts.fromTime(utcSecond(Date.parse(from))),
    to === null ? null : pageTexts.toTime(utcSecond(Date.parse(to))),
  ].filter((part) => part !== null)
  return <>{parts.length === 0 ? pageTexts.ofEverything : parts.join(pageTexts.separator)}</>
}

function AuditFacts({ audit }: { readonly audit: Audit }) {
  const pageTexts = usePageTexts(systemTexts)
  const format = useNumberFormat()
  const counts: readonly [string, number | null][] = [
    [pageTexts.events, audit.events],
    [pageTexts.rows, audit.rows],
    [pageTexts.findings, audit.finding_count],
    [pageTexts.records, audit.records],
  ]
  return (
    <dl className="facts">
      {counts.map(([name, count]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{count === null ? '–' : format(count)}</dd>
        </div>
      ))}
      <div>
        <dt>{pageTexts.position}</dt>
        <dd>
          <code>{audit.position ?? '–'}</code>
        </dd>
      </div>
      <div className="audit-digest">
        <dt>{pageTexts.digest}</dt>
        <dd>
          <code>{audit.digest ?? '–'}</code>
        </dd>
      </div>
    </dl>
  )
}

function Findings({ findings }: { readonly findings: readonly Finding[] }) {
  const pageTexts = usePageTexts(systemTexts)
  const others = findings.filter((finding) => finding.kind !== 'row')
  return (
    <>
      {others.length > 0 && (
        <ul className="findings">
          {others.map((finding, index) => (
            <li key={index}>
              {finding.kind === 'checkpoint' ? pageTexts.checkpointDiffers(finding.projection) : finding.message}
            </li>
          ))}
        </ul>
      )}
      <Differences differences={findings.filter((finding) => finding.kind === 'row')} />
    </>
  )
}

function isRunning(list: List<Audit> | undefined): boolean {
  return list?.data.some(({ status }) => status === 'running') === true
}
