/** Everything about one event; the requests that made it are asked for when its details are opened. */
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { FailureNotice } from '../failure-notice.js'
import { usePageTexts } from '../language.js'
import { get } from '../service-client.js'
import { useMayChange } from '../session.js'
import { Skeleton } from '../skeleton.js'
import { utcSecond } from '../utc.js'
import { isCancellable } from './cancel-event.js'
import { eventsTexts } from './events-texts.js'
import type { ListedRecord, RejectedEvent } from './event-list.js'

interface RecordEvents {
  readonly events: readonly {
    readonly id: string
    readonly type: 'UsageRecorded' | 'UsageCancelled'
    readonly at: string
    readonly stream: string
    readonly revision: number
    readonly position: string
    /** Id of the API key. */
    readonly actor: string
    readonly request_id: string
  }[]
}

interface RecordProps {
  readonly record: ListedRecord
  /** As it was at an earlier moment: nothing is said of what can be done now, nor of a cancellation that was still to come. */
  readonly isOfPast: boolean
}

export function RecordDetails({ record, isOfPast }: RecordProps) {
  const pageTexts = usePageTexts(eventsTexts)
  const mayChange = useMayChange()
  const { meter, identifier } = record
  const history = useQuery({
    queryKey: ['usage', 'record', record.id],
    queryFn: ({ signal }) => get<RecordEvents>('/meterbook/v1/meter_event', { meter, identifier }, signal),
  })
  const isCancelled = record.status === 'cancelled'
  const events = history.data?.events.filter(({ type }) => !isOfPast || isCancelled || type !== 'UsageCancelled')
  return (
    <>
      {!isCancelled && !isOfPast && !isCancellable(record) && <p className="hint">{pageTexts.cancelTooLate}</p>}
      {!isCancelled && !isOfPast && isCancellable(record) && !mayChange && (
        <p className="hint">{pageTexts.cancelNeedsSecret}</p>
      )}
      <dl className="facts">
        <Fact name={pageTexts.happened}>{utcSecond(Date.parse(record.occurred_at))}</Fact>
        <Fact name={pageTexts.received}>{utcSecond(Date.parse(record.recorded_at))}</Fact>
        {record.cancelled_at !== null && (
          <Fact name={pageTexts.cancelledAt}>{utcSecond(Date.parse(record.cancelled_at))}</Fact>
        )}
        <Fact name={pageTexts.recordId} isWide>
          <code>{record.id}</code>
        </Fact>
      </dl>
      {events?.map(({ id, type, at, request_id, actor, position, stream, revision }) => (
        <dl key={id} className="facts" aria-label={pageTexts.logged[type]}>
          <Fact name={pageTexts.logged[type]}>{utcSecond(Date.parse(at))}</Fact>
          <Fact name={pageTexts.actor}>
            <code>{actor}</code>
          </Fact>
          <Fact name={pageTexts.requests[type]} isWide>
            <code>{request_id}</code>
          </Fact>
          <Fact name={pageTexts.position}>
            <code>{position}</code>
          </Fact>
          <Fact name={pageTexts.stream} isWide>
            <code>{pageTexts.revisionOf(stream, revision)}</code>
          </Fact>
        </dl>
      ))}
      {history.isPending && <Skeleton />}
      {history.isError && <FailureNotice error={history.error} onRetry={() => void history.refetch()} />}
      <Sent name={pageTexts.payload} value={record.payload} />
    </>
  )
}

export function RejectionDetails({ rejection }: { readonly rejection: RejectedEvent }) {
  const pageTexts = usePageTexts(eventsTexts)
  return (
    <>
      <dl className="facts">
        <Fact name={pageTexts.received}>{utcSecond(Date.parse(rejection.received_at))}</Fact>
        <Fact name={pageTexts.code}>
          <code>{rejection.code}</code>
        </Fact>
        <Fact name={pageTexts.rejectionId}>
          <code>{rejection.id}</code>
        </Fact>
      </dl>
      <Sent name={pageTexts.sent} value={rejection.event} />
    </>
  )
}

interface FactProps {
  readonly name: string
  readonly isWide?: boolean
  readonly children: ReactNode
}

function Fact({ name, isWide = false, children }: FactProps) {
  return (
    <div className={isWide ? 'fact-wide' : undefined}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}

function Sent({ name, value }: { readonly name: string; readonly value: unknown }) {
  return (
    <pre tabIndex={0} role="region" aria-label={name}>
      {JSON.stringify(value, null, 2)}
    </pre>
  )
}
