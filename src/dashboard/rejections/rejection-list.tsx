/** Refused events, newest first, each as it was sent, with another try for those that still wait. */
import { useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { Button } from 'react-aria-components'
import { DEFAULT_CUSTOMER_KEY } from '../../domain/meter-catalogue.js'
import type { List } from '../answers.js'
import { busyClass } from '../busy-class.js'
import { FailureNotice, eventRefusalText } from '../failure-notice.js'
import { usePageTexts, useTexts } from '../language.js'
import { payloadOf } from '../meter/event-list.js'
import { useMeters } from '../meters.js'
import { MoreButton } from '../more-button.js'
import { paths } from '../route.js'
import { get, newIdempotencyKey, postForm } from '../service-client.js'
import { useMayChange } from '../session.js'
import { Skeleton } from '../skeleton.js'
import { utcSecond } from '../utc.js'
import type { Rejection } from './answers.js'
import { listQuery, PATH, type Filters } from './filters.js'
import { rejectionTexts } from './texts.js'

const PAGE_REJECTIONS = 25
const JSON_INDENT = 2

interface Props {
  readonly filters: Filters
  /** Whether nothing at all was refused in that time, whatever the other filters. */
  readonly isNothing: boolean
}

export function RejectionList({ filters, isNothing }: Props) {
  const texts = useTexts()
  const pageTexts = usePageTexts(rejectionTexts)
  const list = useInfiniteQuery({
    queryKey: ['rejections', 'list', filters],
    queryFn: ({ pageParam, signal }) =>
      get<List<Rejection>>(PATH, { ...listQuery(filters), limit: PAGE_REJECTIONS, starting_after: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ data, has_more }) => (has_more ? data.at(-1)?.id : undefined),
  })
  const rejections = list.data?.pages.flatMap(({ data }) => data) ?? []
  return (
    <>
      {list.isError && <FailureNotice error={list.error} onRetry={() => void list.refetch()} />}
      {list.isPending && <Skeleton lines={6} />}
      {list.isSuccess && rejections.length === 0 && (
        <section className="empty">
          <h2>{isNothing ? pageTexts.nothing : pageTexts.noMatch}</h2>
          <p>{isNothing ? pageTexts.nothingHint : pageTexts.noMatchHint}</p>
        </section>
      )}
      <ul className="rejections" aria-label={texts.rejections}>
        {rejections.map((rejection) => (
          <RejectedEvent key={rejection.id} rejection={rejection} />
        ))}
      </ul>
      <MoreButton
        label={pageTexts.older}
        isThere={list.hasNextPage}
        isBusy={list.isFetchingNextPage}
        onPress={() => void list.fetchNextPage()}
      />
    </>
  )
}

function RejectedEvent({ rejection }: { readonly rejection: Rejection }) {
  const pageTexts = usePageTexts(rejectionTexts)
  const texts = useTexts()
  const { code, message, status, event, identifier, resolved_at: resolvedAt } = rejection
  const customer = useCustomerOf(rejection)
  return (
    <li className="panel">
      <p className="rejection-head">
        <span className={status === 'open' ? 'tag tag-bad' : 'tag tag-good'}>{pageTexts.statuses[status]}</span>
        <code>{code}</code>
        <span className="quiet instant">{utcSecond(Date.parse(rejection.received_at))} UTC</span>
      </p>
      <p>{eventRefusalText(texts, code, message)}</p>
      <dl className="facts">
        <div>
          <dt>{pageTexts.identifier}</dt>
          <dd>
            <code>{identifier}</code>
          </dd>
        </div>
        <div>
          <dt>{pageTexts.eventName}</dt>
          <dd>{rejection.event_name === null ? pageTexts.none : <code>{rejection.event_name}</code>}</dd>
        </div>
        <div>
          <dt>{pageTexts.meter}</dt>
          <dd>{rejection.meter === null ? pageTexts.none : <MeterName meterId={rejection.meter} />}</dd>
        </div>
        {customer !== undefined && (
          <div>
            <dt>{texts.customer}</dt>
            <dd>
              <a href={paths.customer(customer)}>{customer}</a>
            </dd>
          </div>
        )}
        {resolvedAt !== null && (
          <div>
            <dt>{pageTexts.resolvedAt}</dt>
            <dd className="instant">{utcSecond(Date.parse(resolvedAt))}</dd>
          </div>
        )}
      </dl>
      <details>
        <summary>{pageTexts.asSent}</summary>
        <pre tabIndex={0}>{JSON.stringify(event, null, JSON_INDENT)}</pre>
      </details>
      {status === 'open' && <Retry rejection={rejection} />}
    </li>
  )
}

/** What was sent under the key that the meter reads; where none was found, under the usual one. */
function useCustomerOf(rejection: Rejection): string | undefined {
  const meters = useMeters()
  const meter = meters.data?.meters.find(({ id }) => id === rejection.meter)
  const customer = payloadOf(rejection)[meter?.customer_mapping.event_payload_key ?? DEFAULT_CUSTOMER_KEY]
  return customer === '' ? undefined : customer
}

function MeterName({ meterId }: { readonly meterId: string }) {
  const meters = useMeters()
  const known = meters.data?.meters.find(({ id }) => id === meterId)
  return <a href={paths.meter(meterId)}>{known?.display_name ?? meterId}</a>
}

/** What still does not count says why it does not. */
function Retry({ rejection: { id, identifier } }: { readonly rejection: Rejection }) {
  const pageTexts = usePageTexts(rejectionTexts)
  const mayChange = useMayChange()
  const client = useQueryClient()
  const retry = useMutation({
    mutationFn: () => postForm(`${PATH}/${encodeURIComponent(id)}/retry`, {}, newIdempotencyKey()),
    onSuccess: () => {
      for (const topic of ['rejections', 'usage']) void client.invalidateQueries({ queryKey: [topic] })
    },
  })
  if (!mayChange) return null
  return (
    <>
      <Button
        className={`button ${busyClass(retry.isPending)}`}
        aria-label={pageTexts.retryOf(identifier)}
        onPress={() => !retry.isPending && retry.mutate()}
      >
        {pageTexts.retry}
      </Button>
      {retry.isError && <FailureNotice error={retry.error} />}
    </>
  )
}
