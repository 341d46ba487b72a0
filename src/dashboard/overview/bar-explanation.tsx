/** Why a bar is as high as it is: the customers it is made of, and the events of the one that is chosen. */
import { useQuery } from '@tanstack/react-query'
import { useLayoutEffect, useRef, useState } from 'react'
import { Button } from 'react-aria-components'
import type { Meter } from '../answers.js'
import { FailureNotice } from '../failure-notice.js'
import { useNumberFormat, usePageTexts, useTexts } from '../language.js'
import type { AddressQuery } from '../route.js'
import { ofButtons, ofNumbers, ScrolledTable } from '../scrolled-table.js'
import { Skeleton } from '../skeleton.js'
import { ExplainList } from '../usage/explain-list.js'
import { groupName } from '../usage/group-name.js'
import type { Interval } from '../usage/period.js'
import { usageTexts } from '../usage/texts.js'
import { dimensionFilters, getUsageByCustomer, type AsOf, type WindowUsage } from '../usage/usage-answers.js'
import { overviewTexts } from './texts.js'
import { barName, groupOf } from './usage-table.js'

interface Props {
  readonly meter: Meter
  readonly bar: WindowUsage
  readonly size: 'hour' | 'day'
  /** null: all of them. */
  readonly customer: string | null
  readonly asOf: AsOf
  /** The period and the moment of the page. */
  readonly same: AddressQuery
  readonly onClose: () => void
}

type Dimensions = Readonly<Record<string, string>>

const NO_DIMENSIONS: Dimensions = {}

export function BarExplanation({ meter, bar, size, customer, asOf, same, onClose }: Props) {
  const texts = useTexts()
  const pageTexts = usePageTexts(overviewTexts)
  const shared = usePageTexts(usageTexts)
  const [dimensions, setDimensions] = useState<Dimensions>(NO_DIMENSIONS)
  const [picked, setPicked] = useState<string | null>(null)
  const heading = useRef<HTMLHeadingElement>(null)
  const opener = useRef<Element | null>(null)
  useLayoutEffect(() => {
    opener.current ??= document.activeElement
    heading.current?.focus()
  }, [])
  // The focus moves before what it is on goes: back to what opened the panel, which a click on a bar did without any focus.
  const close = (): void => {
    const from = opener.current
    const place = from?.isConnected && from !== document.body ? from : document.querySelector('.chart')
    if (place instanceof HTMLElement) place.focus()
    onClose()
  }
  const choose = (customer: string | null): void => {
    setPicked(customer)
    heading.current?.focus()
  }
  const interval = { start: bar.start_time * 1000, end: bar.end_time * 1000 }
  const isGrouped = Object.keys(dimensions).length > 0
  const shown = isGrouped ? groupOf(bar.groups, { dimensions }) : bar
  const named = bar.groups.flatMap((group) =>
    group.dimensions === null ? [] : [{ ...group, dimensions: group.dimensions }],
  )
  const who = customer ?? picked
  return (
    <section
      className="panel bar-explanation"
      aria-labelledby="bar-explanation"
      onKeyDown={({ key }) => {
        if (key === 'Escape') close()
      }}
    >
      <div className="totals-head">
        <h2 id="bar-explanation" ref={heading} tabIndex={-1}>
          {pageTexts.barIs(barName(interval.start, size), shown?.aggregated_value_decimal ?? '0')}
        </h2>
        <Button className="button button-quiet" onPress={close}>
          {pageTexts.close}
        </Button>
      </div>
      {named.length > 0 && (
        <p className="bar-group">
          <label htmlFor="bar-group">{pageTexts.group}</label>{' '}
          <select
            id="bar-group"
            value={isGrouped ? JSON.stringify(dimensions) : ''}
            onChange={({ target }) => {
              setDimensions(target.value === '' ? NO_DIMENSIONS : (JSON.parse(target.value) as Dimensions))
            }}
          >
            <option value="">{pageTexts.allGroups}</option>
            {named.map((group) => (
              <option key={JSON.stringify(group.dimensions)} value={JSON.stringify(group.dimensions)}>
                {groupName(group, shared)}: {group.aggregated_value_decimal}
              </option>
            ))}
          </select>
        </p>
      )}
      {who === null ? (
        <CustomersOfBar meter={meter} interval={interval} asOf={asOf} dimensions={dimensions} onCustomer={choose} />
      ) : (
        <>
          {customer === null && (
            <p>
              <strong className="bar-customer">{who}</strong>{' '}
              <Button className="button button-quiet" onPress={() => choose(null)}>
                {pageTexts.backToCustomers}
              </Button>
            </p>
          )}
          <ExplainList
            meter={meter}
            customer={who}
            interval={interval}
            asOf={asOf}
            same={same}
            dimensions={dimensions}
          />
        </>
      )}
      <p className="hint">{texts.formulaHints[meter.default_aggregation.formula]}</p>
    </section>
  )
}

const SHOWN_CUSTOMERS = 100

interface CustomersProps {
  readonly meter: Meter
  readonly interval: Interval
  readonly asOf: AsOf
  readonly dimensions: Dimensions
  readonly onCustomer: (customer: string) => void
}

function CustomersOfBar({ meter, interval, asOf, dimensions, onCustomer }: CustomersProps) {
  const texts = useTexts()
  const pageTexts = usePageTexts(overviewTexts)
  const shared = usePageTexts(usageTexts)
  const number = useNumberFormat()
  const asked = { ...dimensionFilters(dimensions), limit: SHOWN_CUSTOMERS }
  const customers = useQuery({
    queryKey: ['usage', 'by customer', meter.id, interval.start, interval.end, asOf, asked],
    queryFn: ({ signal }) => getUsageByCustomer(meter.id, interval, asOf, asked, signal),
  })
  if (customers.isError) return <FailureNotice error={customers.error} onRetry={() => void customers.refetch()} />
  if (customers.isPending) return <Skeleton />
  return (
    <>
      <p className="quiet">{pageTexts.chooseCustomer}</p>
      <ScrolledTable
        label={pageTexts.customersOfBar}
        columns={[texts.customer, ofNumbers(texts.value), ofNumbers(shared.records), ofButtons(texts.actions)]}
        className="bar-customers"
      >
        <tbody>
          {customers.data.data.map(({ customer, aggregated_value_decimal, records }) => (
            <tr key={customer}>
              <th scope="row">{customer}</th>
              <td className="number">{aggregated_value_decimal}</td>
              <td className="number">{number(records)}</td>
              <td>
                <Button
                  className="button button-quiet"
                  aria-label={pageTexts.explainCustomer(customer)}
                  onPress={() => onCustomer(customer)}
                >
                  {shared.explain}
                </Button>
              </td>
            </tr>
          ))}
        </tbody>
      </ScrolledTable>
      {customers.data.has_more && <p className="quiet">{pageTexts.moreCustomers(SHOWN_CUSTOMERS)}</p>}
    </>
  )
}
