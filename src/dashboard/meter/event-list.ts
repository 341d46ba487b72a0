/**
 * The events of a meter as one list, newest receipt first: usage records and the rejections of its event name, each read
 * page by page. Two lists that end at different times are shown only as far back as both are complete.
 */
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import type { List, Meter, UsageRecord } from '../answers.js'
import { get } from '../service-client.js'
import { asOfQuery, type AsOf } from '../usage/usage-answers.js'

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
  /** What is there was found with other filters. */
  readonly isAwaited: boolean
  readonly error: Error | null
  readonly hasOlder: boolean
  readonly isLoadingOlder: boolean
  readonly loadOlder: () => void
  readonly retry: () => void
}

export function useEventList(meter: Meter, filter: EventFilter, asOf: AsOf): EventList {
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
    ...asOfQuery(asOf),
  })
  const rejections = usePages<RejectedEvent>(
    'rejections',
    '/meterbook/v1/rejections',
    // They have no place among usage events.
    (status === 'all' || status === 'rejected') && !(asOf !== null && 'position' in asOf),
    {
      ...query,
      event_name: meter.event_name,
      customer: customer === '' ? undefined : customer,
      'created[lt]': earliest(query['created[lt]'], asOfQuery(asOf).as_of),
    },
  )
  const listed = inOrder(
    records.items.map((record): MeterEvent => ({ kind: 'record', at: Date.parse(record.recorded_at), record })),
  )
  const rejected = inOrder(
    rejections.items.map((rejection): MeterEvent => ({
      kind: 'rejection',
      at: Date.parse(rejection.received_at),
      rejection: asKnownAt(rejection, asOf),
    })),
  )
  const ends = [endOf(records, listed), endOf(rejections, rejected)]
  const end = Math.max(...ends)
  const events = [...listed, ...rejected.filter(({ event }) => concerns(event, meter, customer))]
    .filter(({ place }) => place >= end)
    .sort((left, right) => right.place - left.place)
    .map(({ event }) => event)
  return {
    events,
    isPending: records.isPending || rejections.isPending,
    isAwaited: records.isAwaited || rejections.isAwaited,
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

/** What was tried again later still waited then. */
function asKnownAt(rejection: RejectedEvent, asOf: AsOf): RejectedEvent {
  const { resolved_at } = rejection
  const isLater = asOf !== null && 'instant' in asOf && resolved_at !== null && Date.parse(resolved_at) >= asOf.instant
  return isLater ? { ...rejection, resolved_at: null } : rejection
}

function earliest(...bounds: readonly (string | number | undefined)[]): number | undefined {
  const seconds = bounds.filter((bound) => typeof bound === 'number')
  return seconds.length === 0 ? undefined : Math.min(...seconds)
}

interface Pages<Item> {
  readonly items: readonly Item[]
  readonly hasMore: boolean
  readonly isPending: boolean
  readonly isAwaited: boolean
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
  // Reading on is given up when the ledger changes meanwhile and all pages are read again, so what is wanted is kept here.
  const of = JSON.stringify(query)
  const [wanted, setWanted] = useState({ of, pages: 1 })
  const read = pages.data?.pages.length ?? 0
  const isShort = wanted.of === of && wanted.pages > read && pages.hasNextPage
  const { fetchNextPage } = pages
  useEffect(() => {
    if (isShort && !pages.isFetching && !pages.isError) void fetchNextPage()
  }, [isShort, pages.isFetching, pages.isError, fetchNextPage])
  return {
    items: isWanted ? (pages.data?.pages.flatMap(({ data }) => data) ?? []) : [],
    hasMore: isWanted && pages.hasNextPage,
    isPending: isWanted && pages.isPending,
    isAwaited: isWanted && pages.isPlaceholderData,
    isLoadingMore: isShort && !pages.isError,
    error: isWanted ? pages.error : null,
    loadMore: () => setWanted({ of, pages: read + 1 }),
    retry: () => void pages.refetch(),
  }
}

interface PlacedEvent {
  readonly event: MeterEvent
  /** The earliest receipt down to it: events recorded side by side need not be in the order of their receipt. */
  readonly place: number
}

function inOrder(events: readonly MeterEvent[]): PlacedEvent[] {
  let place = Infinity
  return events.map((event) => {
    place = Math.min(place, event.at)
    return { event, place }
  })
}

/** Up to which place a list is known; -Infinity where it is known to its end. */
function endOf({ hasMore }: { readonly hasMore: boolean }, events: readonly PlacedEvent[]): number {
  return hasMore ? (events.at(-1)?.place ?? Infinity) : -Infinity
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
