/** Stripe's list parameters as the queries take them. */
import type { PageRequest } from '../queries/page.js'
import type { ListParameters } from './stripe/list.js'

export function pageRequest({ limit, starting_after, ending_before }: ListParameters): PageRequest {
  return { limit, startingAfter: starting_after ?? null, endingBefore: ending_before ?? null }
}
