/** What is filtered for, in the address: the customer in the same word as on all pages about usage. */
import { useMemo } from 'react'
import { changeQuery, useAddressQuery } from '../route.js'
import { instantText, readInstant } from '../usage/address.js'
import { noFilter } from './event-filters.js'
import { eventStatuses, type EventFilter } from './event-list.js'

export function useFilter(): EventFilter {
  const query = useAddressQuery()
  return useMemo(
    () => ({
      status: eventStatuses.find((status) => status === query.get('status')) ?? noFilter.status,
      customer: query.get('customer') ?? '',
      identifier: query.get('identifier') ?? '',
      from: readInstant(query.get('received_from')),
      to: readInstant(query.get('received_to')),
    }),
    [query],
  )
}

/** While a text or a time is being written, what it was on the way is no step of its own. */
export function changeFilter(before: EventFilter, { status, customer, identifier, from, to }: EventFilter): void {
  const isWritten =
    status === before.status &&
    (['customer', 'identifier', 'from', 'to'] as const).every((name) => {
      const after = { customer, identifier, from, to }[name]
      return after === before[name] || (!isEmpty(before[name]) && !isEmpty(after))
    })
  changeQuery(
    {
      status: status === noFilter.status ? undefined : status,
      customer: customer || undefined,
      identifier: identifier || undefined,
      received_from: from === null ? undefined : instantText(from),
      received_to: to === null ? undefined : instantText(to),
    },
    isWritten ? 'small change' : 'step',
  )
}

function isEmpty(value: string | number | null): boolean {
  return value === '' || value === null
}
