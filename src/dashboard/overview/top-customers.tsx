/** The customers with the most usage of the period. */
import { useQuery } from '@tanstack/react-query'
import { Button } from 'react-aria-components'
import type { Meter } from '../answers.js'
import { FailureNotice } from '../failure-notice.js'
import { useNumberFormat, usePageTexts, useTexts } from '../language.js'
import { paths } from '../route.js'
import { ofButtons, ofNumbers, ScrolledTable } from '../scrolled-table.js'
import { shareText } from '../usage/share.js'
import { usageTexts } from '../usage/texts.js'
import { asOfAddress, periodQuery } from '../usage/address.js'
import { getUsageByCustomer, type AsOf } from '../usage/usage-answers.js'
import type { Interval, Period } from '../usage/period.js'
import { overviewTexts } from './texts.js'

interface Props {
  readonly meter: Meter
  readonly period: Period
  /** What it comes to, as it is shown. */
  readonly interval: Interval
  readonly asOf: AsOf
  readonly onCustomer: (customer: string) => void
}

const SHOWN_CUSTOMERS = 10

export function TopCustomers({ meter, period, interval, asOf, onCustomer }: Props) {
  const texts = useTexts()
  const pageTexts = usePageTexts(overviewTexts)
  const shared = usePageTexts(usageTexts)
  const number = useNumberFormat()
  const top = useQuery({
    queryKey: ['usage', 'by customer', meter.id, interval.start, interval.end, asOf, SHOWN_CUSTOMERS],
    queryFn: ({ signal }) => getUsageByCustomer(meter.id, interval, asOf, { limit: SHOWN_CUSTOMERS }, signal),
  })
  if (top.isError) return <FailureNotice error={top.error} onRetry={() => void top.refetch()} />
  if (!top.data || top.data.data.length === 0) return null
  const { data, total, has_more } = top.data
  // Wherever a link leads, it is to the same numbers.
  const same = { ...periodQuery(period, interval), ...asOfAddress(asOf) }
  return (
    <section className="totals">
      <div className="totals-head">
        <h2>{pageTexts.topCustomers}</h2>
        {has_more && (
          <a href={paths.meter(meter.id, 'customers', same)}>
            {pageTexts.everyCustomer(number(total?.customers ?? 0))}
          </a>
        )}
      </div>
      <ScrolledTable
        label={pageTexts.topCustomers}
        columns={[texts.customer, ofNumbers(texts.value), ofNumbers(shared.share), ofButtons(texts.actions)]}
      >
        <tbody>
          {data.map(({ customer, aggregated_value_decimal }) => (
            <tr key={customer}>
              <th scope="row">
                <a href={paths.customer(customer, same)}>{customer}</a>
              </th>
              <td className="number">{aggregated_value_decimal}</td>
              <td className="number">{total && shareText(aggregated_value_decimal, total.aggregated_value_decimal)}</td>
              <td>
                <Button
                  className="button button-quiet"
                  aria-label={pageTexts.onlyCustomer(customer)}
                  onPress={() => onCustomer(customer)}
                >
                  {pageTexts.only}
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </ScrolledTable>
    </section>
  )
}
