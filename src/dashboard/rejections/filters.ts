/** Which rejections someone looks at, and how that is asked of the service. */
import { DAY_MS } from '../../domain/time-bucket.js'
import { paths, type Change } from '../route.js'
import { newIdempotencyKey, postForm, type Query } from '../service-client.js'
import type { RetryOutcome } from './answers.js'

export const PATH = '/meterbook/v1/rejections'

/** Days back from now; null: ever. */
export const spans = { day: 1, week: 7, month: 30, ever: null } as const
export type Span = keyof typeof spans
export const spanNames = Object.keys(spans) as readonly Span[]

export interface Filters {
  readonly span: Span
  /** Empty: any. */
  readonly meter: string
  readonly code: string
  readonly status: '' | 'open' | 'resolved'
  /** Empty: any. */
  readonly identifier: string
  /** Empty: any. */
  readonly customer: string
}

const firstFilters: Filters = { span: 'week', meter: '', code: '', status: 'open', identifier: '', customer: '' }

/** Of one identifier or customer whatever there is, however long ago. Empty: any. */
function filtersOf(identifier: string, customer: string): Filters {
  if (identifier === '' && customer === '') return firstFilters
  return { ...firstFilters, span: 'ever', status: '', identifier, customer }
}

/** As addresses have them. */
const statusNames = { open: 'open', resolved: 'resolved', '': 'any' } as const satisfies Record<
  Filters['status'],
  string
>
const statuses = Object.keys(statusNames) as readonly Filters['status'][]

/** What the address does not say, or says wrongly, is as for its identifier and customer. */
export function readFilters(identifier: string, query: URLSearchParams): Filters {
  const first = filtersOf(identifier, query.get('customer') ?? '')
  return {
    ...first,
    span: spanNames.find((name) => name === query.get('received')) ?? first.span,
    meter: query.get('meter') ?? '',
    code: query.get('code') ?? '',
    status: statuses.find((status) => statusNames[status] === query.get('status')) ?? first.status,
  }
}

export function addressOfFilters({ span, meter, code, status, identifier, customer }: Filters): string {
  const first = filtersOf(identifier, customer)
  return paths.rejectionsOf(identifier, {
    customer: given(customer),
    received: span === first.span ? undefined : span,
    meter: given(meter),
    code: given(code),
    status: status === first.status ? undefined : statusNames[status],
  })
}

/** While a text is being written, what it was on the way is no step of its own. */
export function changeOfFilters(before: Filters, after: Filters): Change {
  const isOnTheWay = (['identifier', 'customer'] as const).some(
    (name) => before[name] !== after[name] && before[name] !== '' && after[name] !== '',
  )
  return isOnTheWay ? 'small change' : 'step'
}

/** Counts are kept by windows of so many seconds of receipt: bounds must fall on them. */
const WINDOW_SECONDS = 10
const RETRIED_AT_ONCE = 1000

/** Unix seconds from which on; undefined: from the first. */
function sinceOf(span: Span): number | undefined {
  const days = spans[span]
  if (days === null) return undefined
  return Math.floor((Date.now() - days * DAY_MS) / 1000 / WINDOW_SECONDS) * WINDOW_SECONDS
}

export function countQuery({ span, meter }: Filters): Query {
  return { 'created[gte]': sinceOf(span), meter: given(meter) }
}

export function listQuery(filters: Filters): Query {
  const { code, status, identifier, customer } = filters
  return {
    ...countQuery(filters),
    code: given(code),
    status: given(status),
    identifier: given(identifier),
    customer: given(customer),
  }
}

/** Tries every open one that matches again, oldest first, call by call; those that are still refused are passed over. */
export async function retryAll({ span, meter, code }: Filters): Promise<RetryOutcome> {
  const created = { gte: sinceOf(span) }
  const sum = { counted: 0, duplicates: 0, still_rejected: 0 }
  for (let last: string | null = null; ;) {
    const parameters = {
      created,
      meter: given(meter),
      code: given(code),
      limit: RETRIED_AT_ONCE,
      starting_after: last ?? undefined,
    }
    const outcome: RetryOutcome = await postForm(`${PATH}/retry`, parameters, newIdempotencyKey())
    sum.counted += outcome.counted
    sum.duplicates += outcome.duplicates
    sum.still_rejected += outcome.still_rejected
    if (!outcome.has_more || outcome.last === null) return { ...sum, has_more: false, last: outcome.last }
    last = outcome.last
  }
}

function given(text: string): string | undefined {
  return text === '' ? undefined : text
}
