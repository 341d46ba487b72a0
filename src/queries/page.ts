/** A page of a list, Stripe's way: newest first, cut by the id of the item before or after it. */
import { DomainError } from '../domain/errors.js'

export interface PageRequest {
  /** 1 to 100. */
  readonly limit: number
  readonly startingAfter: string | null
  readonly endingBefore: string | null
}

export interface Page<Item> {
  readonly items: readonly Item[]
  readonly hasMore: boolean
}

function cursorParam({ startingAfter }: PageRequest): 'starting_after' | 'ending_before' {
  return startingAfter === null ? 'ending_before' : 'starting_after'
}

/** @throws DomainError always: the cursor names nothing in this list. */
export function unknownCursor(request: PageRequest): never {
  const cursor = request.startingAfter ?? request.endingBefore ?? ''
  throw new DomainError('resource_missing', `No such item: '${cursor}'.`, cursorParam(request))
}

/** The page of `limit` items out of up to one more, which were read in the direction of the request. */
export function toPage<Item>({ limit, endingBefore }: PageRequest, read: readonly Item[]): Page<Item> {
  const items = read.slice(0, limit)
  // Read backwards from the cursor, shown in the order of the list.
  return { items: endingBefore === null ? items : items.reverse(), hasMore: read.length > limit }
}
