/**
 * The events of a meter as one list, newest receipt first: usage records and the rejections of its event name, each read
 * page by page. Two lists that end at different times are shown only as far back as both are complete.
 */
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import type { List, Meter, UsageRecord } from '../answers.js'
import { get } from '../service-client.js'

export type RecordFateCode = 'counted' | 'overwritten' | 'not_last' | 'cancelled'

export interface ListedRecord extends UsageRecord {
  /** Of its own UTC day, customer and dimensions. */
  readonly fate: {
    readonly code: RecordFateCode
    /** Id of the record that counts in its place. */
    readonly by: string | null
    /** Exact decimal text. */
    readonly contribution: string
  }
}

export interface RejectedEvent {
  readonly id: string
  readonly code: string
  readonly message: string
  /** As it was sent: anything. */
  readonly event: unknown
  readonly identifier: string
  /** null where no meter was found. */
  readonly meter: string | null
  readonly received_at: string
  readonly resolved_at: string | null
}

export type MeterEvent =
  | { readonly kind: 'record'; readonly at: number; readonly record: ListedRecord }
  | { readonly kind: 'rejection'; readonly at: number; readonly rejection: RejectedEvent }

export const eventStatuses = ['all', 'recorded', 'cancelled', 'rejected'] as const
export type EventStatus = (typeof eventStatuses)[number]

export interface EventFilter {
  readonly status: EventStatus
  readonly customer: string
  readonly identifier: string
  /** Of the receipt, milliseconds since the epoch; from inclusive, to exclusive; null: no bound. */
  readonly from: number | null
  readonly to: number | null
}

const PAGE_EVENTS = 50
/** Each change of the ledger reads all that is shown once more, so this has a bound; a shorter time shows what is beyond. */
export const SHOWN_EVENTS_MAX = 1_000

export interface EventList {
  readonly events: readonly MeterEvent[]
  readonly isPending: boolean
  readonly error: Error | null
  readonly hasOlder: boolean
  readonly isLoadingOlder: boolean
  readonly loadOlder: () => void
  readonly retry: () => void
}

export function useEventList(meter: Meter, filter: EventFilter): EventList {
  const { status, customer, identifier, from, to } = filter
  const query = {
    identifier: identifier === '' ? undefined : identifier,
    'created[gte]': from === null ? undefined : Math.floor(from / 1000),
    'created[lt]': to === null ? undefined : Math.ceil(to / 1000),
    limit: PAGE_EVENTS,
  }
  const records = usePages<ListedRecord>('usage', '/meterbook/v1/meter_events', status !== 'rejected', {
    ...query,
    meter: meter.id,
    customer: customer === '' ? undefined : customer,
    status: status === 'recorded' || status === 'cancelled' ? status : undefined,
    include: 'fate',
  })
  const rejections = usePages<RejectedEvent>(
    'rejections',
    '/meterbook/v1/rejections',
    status === 'all' || status === 'rejected',
    { ...query, event_name: meter.event_name },
  )
  const listed: MeterEvent[] = records.items.map((record) => ({
    kind: 'record',
    at: Date.parse(record.recorded_at),
    record,
  }))
  const rejected: MeterEvent[] = rejections.items.map((rejection) => ({
    kind: 'rejection',
    at: Date.parse(rejection.received_at),
    rejection,
  }))
  const ends = [endOf(records, listed), endOf(rejections, rejected)]
  const end = Math.max(...ends)
  const events = [...listed, ...rejected.filter((event) => concerns(event, meter, customer))]
    .filter(({ at }) => at >= end)
    .sort((left, right) => right.at - left.at)
  return {
    events,
    isPending: records.isPending || rejections.isPending,
    error: records.error ?? rejections.error,
    hasOlder: end > -Infinity,
    isLoadingOlder: records.isLoadingMore || rejections.isLoadingMore,
    loadOlder: () => {
      if (ends[0] === end) records.loadMore()
      if (ends[1] === end) rejections.loadMore()
    },
    retry: () => {
      records.retry()
      rejections.retry()
    },
  }
}

interface Pages<Item> {
  readonly items: readonly Item[]
  readonly hasMore: boolean
  readonly isPending: boolean
  readonly isLoadingMore: boolean
  readonly error: Error | null
  readonly loadMore: () => void
  readonly retry: () => void
}

function usePages<Item extends { readonly id: string }>(
  topic: 'usage' | 'rejections',
  path: string,
  isWanted: boolean,
  query: Readonly<Record<string, string | number | undefined>>,
): Pages<Item> {
  const pages = useInfiniteQuery({
    queryKey: [topic, 'events', query],
    queryFn: ({ pageParam, signal }) => get<List<Item>>(path, { ...query, starting_after: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ data, has_more }) => (has_more ? data.at(-1)?.id : undefined),
    placeholderData: keepPreviousData,
    enabled: isWanted,
  })
  return {
    items: isWanted ? (pages.data?.pages.flatMap(({ data }) => data) ?? []) : [],
    hasMore: isWanted && pages.hasNextPage,
    isPending: isWanted && pages.isPending,
    isLoadingMore: pages.isFetchingNextPage,
    error: isWanted ? pages.error : null,
    loadMore: () => void pages.fetchNextPage(),
    retry: () => void pages.refetch(),
  }
}

/** Up to which receipt a list is known; -Infinity where it is known to its end. */
function endOf({ hasMore }: { readonly hasMore: boolean }, events: readonly MeterEvent[]): number {
  return hasMore ? (events.at(-1)?.at ?? Infinity) : -Infinity
}

/** The event name may have served another meter before; rejections have no customer of their own. */
function concerns(event: MeterEvent, meter: Meter, customer: string): boolean {
  if (event.kind === 'record') return true
  const { rejection } = event
  if (rejection.meter !== null && rejection.meter !== meter.id) return false
  return customer === '' || payloadOf(rejection)[meter.customer_mapping.event_payload_key] === customer
}

/** What is a payload of texts in what was sent. */
export function payloadOf({ event }: RejectedEvent): Readonly<Record<string, string>> {
  if (typeof event !== 'object' || event === null || !('payload' in event)) return {}
  const { payload } = event
  if (typeof payload !== 'object' || payload === null) return {}
  return Object.fromEntries(Object.entries(payload).filter(([, value]) => typeof value === 'string'))
}
