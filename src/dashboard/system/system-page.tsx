/** What runs here, how far its rows are, building them anew, and proving them. */
import { useQuery } from '@tanstack/react-query'
import { FailureNotice } from '../failure-notice.js'
import { usePageTexts, useTexts } from '../language.js'
import { PageHeading } from '../page-heading.js'
import { get } from '../service-client.js'
import { useMayChange } from '../session.js'
import { Skeleton } from '../skeleton.js'
import { utcSecond } from '../utc.js'
import type { SystemState } from './answers.js'
import { Audits } from './audits.js'
import { Projections } from './projections.js'
import './system.css'
import { systemTexts } from './texts.js'

/** Nothing tells when a store is lost or found again. */
const ASK_AGAIN_MS = 10_000

export function SystemPage() {
  const texts = useTexts()
  const pageTexts = usePageTexts(systemTexts)
  const mayChange = useMayChange()
  return (
    <div className="system">
      <PageHeading title={texts.system} />
      <Facts />
      <Projections />
      <section>
        <h2>{pageTexts.audits}</h2>
        <p className="quiet">{pageTexts.auditsIntro}</p>
        {mayChange ? <Audits /> : <p className="notice">{pageTexts.auditsNeedSecret}</p>}
      </section>
    </div>
  )
}

function Facts() {
  const pageTexts = usePageTexts(systemTexts)
  const system = useQuery({
    queryKey: ['system'],
    queryFn: ({ signal }) => get<SystemState>('/meterbook/v1/system', {}, signal),
    refetchInterval: ASK_AGAIN_MS,
  })
  if (system.isError) return <FailureNotice error={system.error} onRetry={() => void system.refetch()} />
  if (!system.data) return <Skeleton />
  const { version, status, reason, event_store, read_model, projections, started_at } = system.data
  // A file is always written by the service that reads it.
  const isShared = read_model.type === 'postgresql'
  const facts: readonly [string, string][] = [
    [pageTexts.version, version],
    [pageTexts.eventStore, `${pageTexts.stores[event_store.type]} (${pageTexts.reachability[event_store.status]})`],
    [
      pageTexts.readModel,
      pageTexts.stores[read_model.type] + (isShared ? ` (${pageTexts.roles[read_model.role]})` : ''),
    ],
    [pageTexts.projections, pageTexts.following[projections]],
    [pageTexts.startedAt, utcSecond(Date.parse(started_at))],
  ]
  return (
    <>
      {reason !== null && (
        <p className="notice notice-bad" role="alert">
          {reason}
        </p>
      )}
      <dl className="facts">
        <div>
          <dt>{pageTexts.status}</dt>
          <dd>
            <span className={status === 'ready' ? 'tag tag-good' : 'tag tag-bad'}>{pageTexts.readiness[status]}</span>
          </dd>
        </div>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </>
  )
}
