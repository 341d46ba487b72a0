/** What each customer of a meter used in a period: searched, in order, to scroll through, and to take along as a file. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useDeferredValue } from 'react'
import { Input, Label, SearchField } from 'react-aria-components'
import type { Meter } from '../answers.js'
import { useNumberFormat, usePageTexts, useTexts } from '../language.js'
import { changeQuery, useAddressQuery } from '../route.js'
import { addressOf } from '../service-address.js'
import { Skeleton } from '../skeleton.js'
import { asOfAddress, periodQuery, usePeriod } from '../usage/address.js'
import { AnswerOfQuestion } from '../usage/answer-of-question.js'
import { AsOfChoice } from '../usage/as-of.js'
import { firstMomentOf, useMoment } from '../usage/moment.js'
import { intervalOf, type Interval, type Period } from '../usage/period.js'
import { PeriodPicker } from '../usage/period-picker.js'
import { usageTexts } from '../usage/texts.js'
import {
  getUsageByCustomer,
  intervalQuery,
  meterPath,
  type AsOf,
  type UsageByCustomer,
} from '../usage/usage-answers.js'
import { UsageFailure } from '../usage/usage-failure.js'
import { CustomerList } from './customer-list.js'
import { customersTexts } from './texts.js'
import './customers.css'

type Order = '-value' | 'customer'

/** Where a page begins, and the place in the log that all pages are of. */
interface PageParam {
  readonly after: string
  readonly position: string | undefined
}

/** In the order of values every page costs the same, so they are large. */
const PAGE_CUSTOMERS = 1_000

export function CustomersTab({ meter }: { readonly meter: Meter }) {
  const texts = useTexts()
  const pageTexts = usePageTexts(customersTexts)
  const query = useAddressQuery()
  const { period, choose: choosePeriod } = usePeriod('days30')
  const order: Order = query.get('order') === 'name' ? 'customer' : '-value'
  const text = query.get('search') ?? ''
  const setText = (typed: string): void =>
    changeQuery({ search: typed || undefined }, text === '' ? 'step' : 'small change')
  const knownFrom = firstMomentOf(meter)
  const moment = useMoment()
  const { asOf } = moment
  const search = useDeferredValue(text)
  const interval = intervalOf(period, 'minute', Date.now())
  return (
    <>
      <PeriodPicker period={period} interval={interval} onPeriod={choosePeriod} />
      <AsOfChoice moment={moment} from={knownFrom} />
      <div className="usage-choices customers-choices">
        <SearchField className="field" value={text} onChange={setText}>
          <Label>{pageTexts.search}</Label>
          <Input placeholder={pageTexts.searchHint} />
        </SearchField>
        <label className="field">
          <span>{pageTexts.order}</span>
          <select
            value={order}
            onChange={({ target }) => changeQuery({ order: target.value === 'customer' ? 'name' : undefined }, 'step')}
          >
            <option value="-value">{pageTexts.orders['-value']}</option>
            <option value="customer">{pageTexts.orders.customer}</option>
          </select>
        </label>
        {interval && (
          <a className="button" href={csvAddress(meter.id, interval, asOf, search)} download>
            {pageTexts.download}
          </a>
        )}
      </div>
      {interval ? (
        <AnswerOfQuestion isAwaited={!moment.isSettled}>
          <Customers
            // Of another period or moment nothing stays.
            key={JSON.stringify([interval, asOf])}
            meter={meter}
            period={period}
            interval={interval}
            asOf={asOf}
            order={order}
            search={search}
          />
        </AnswerOfQuestion>
      ) : (
        <p className="quiet">{texts.noUsage}</p>
      )}
    </>
  )
}

interface CustomersProps {
  readonly meter: Meter
  readonly period: Period
  readonly interval: Interval
  readonly asOf: AsOf
  readonly order: Order
  readonly search: string
}

function Customers({ meter, period, interval, asOf, order, search }: CustomersProps) {
  const pageTexts = usePageTexts(customersTexts)
  const shared = usePageTexts(usageTexts)
  const number = useNumberFormat()
  const asked = { order, search: search === '' ? undefined : search, limit: PAGE_CUSTOMERS }
  const key = ['usage', 'by customer', meter.id, interval.start, interval.end, asOf]
  const customers = useInfiniteQuery({
    queryKey: [...key, asked],
    queryFn: ({ pageParam, signal }) =>
      getUsageByCustomer(
        meter.id,
        interval,
        pageParam?.position === undefined ? asOf : { position: pageParam.position },
        { ...asked, starting_after: pageParam?.after },
        signal,
      ),
    initialPageParam: null as PageParam | null,
    getNextPageParam: ({ data, has_more }: UsageByCustomer, pages): PageParam | undefined => {
      const last = data.at(-1)
      return has_more && last ? { after: last.customer, position: pages[0]?.position ?? undefined } : undefined
    },
    // The list stays where it is while one types or orders it.
    placeholderData: (previous) => previous,
  })
  const totals = useQuery({
    queryKey: [...key, 'total'],
    queryFn: ({ signal }) => getUsageByCustomer(meter.id, interval, asOf, { limit: 1 }, signal),
    enabled: order === 'customer',
  })
  if (customers.isError) return <UsageFailure error={customers.error} onRetry={() => void customers.refetch()} />
  if (customers.isPending) return <Skeleton lines={8} />
  const found = customers.data.pages.flatMap(({ data }) => data)
  const [first] = customers.data.pages
  const total = first?.total ?? totals.data?.total ?? null
  if (found.length === 0) {
    return (
      <section className="empty">
        <h2>{search === '' ? pageTexts.empty : pageTexts.noMatch(search)}</h2>
        <p>{pageTexts.emptyHint}</p>
      </section>
    )
  }
  return (
    <div aria-busy={customers.isPlaceholderData}>
      {total && (
        <p role="status">
          {pageTexts.total(number(total.customers), total.aggregated_value_decimal)}{' '}
          <span className="quiet" title={shared.positionHint}>
            {shared.position} {first?.position}
          </span>
        </p>
      )}
      <CustomerList
        customers={found}
        same={{ ...periodQuery(period, interval), ...asOfAddress(asOf) }}
        count={search === '' ? (total?.customers ?? null) : customers.hasNextPage ? null : found.length}
        total={total?.aggregated_value_decimal ?? null}
        onEnd={() => {
          if (customers.hasNextPage && !customers.isFetching) void customers.fetchNextPage()
        }}
      />
    </div>
  )
}

function csvAddress(meterId: string, interval: Interval, asOf: AsOf, search: string): string {
  // Who presses the button opens the file in a spreadsheet.
  const query = new URLSearchParams({ format: 'csv', byte_order_mark: 'true' })
  for (const [name, value] of Object.entries(intervalQuery(interval, asOf))) query.set(name, String(value))
  if (search !== '') query.set('search', search)
  return addressOf(`${meterPath(meterId, 'customers')}?${query}`)
}
