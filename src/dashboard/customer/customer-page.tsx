/** What one customer used, on every meter: a statement to print, with the digest that proves it. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Button } from 'react-aria-components'
import { FailureNotice } from '../failure-notice.js'
import { usePageTexts, useTexts } from '../language.js'
import { PageHeading } from '../page-heading.js'
import { paths } from '../route.js'
import { get } from '../service-client.js'
import { useSession } from '../session.js'
import { Skeleton } from '../skeleton.js'
import { fromUtcField, utcSecond } from '../utc.js'
import { intervalOf, periodOf, type Interval } from '../usage/period.js'
import { intervalText, PeriodPicker } from '../usage/period-picker.js'
import { usageTexts } from '../usage/texts.js'
import { intervalQuery, type AsOf, type UsageOfCustomer } from '../usage/usage-answers.js'
import { DigestOfCustomer } from './digest-of-customer.js'
import { MetersOfCustomer } from './meters-of-customer.js'
import { customerTexts } from './texts.js'
import './customer.css'

export function CustomerPage({ customer }: { readonly customer: string }) {
  const texts = useTexts()
  const pageTexts = usePageTexts(customerTexts)
  const [period, setPeriod] = useState(() => periodOf('month', Date.now()))
  const [moment, setMoment] = useState('')
  const interval = intervalOf(period, 'minute', Date.now())
  const asOf = moment === '' ? null : fromUtcField(moment)
  return (
    <>
      <p className="breadcrumb no-print">
        <a href={paths.meters}>{texts.meters}</a>
      </p>
      <div className="page-head">
        <PageHeading title={customer}>
          <span className="quiet">{texts.customer}</span> {customer}
        </PageHeading>
        <Button className="button no-print" onPress={() => window.print()}>
          {pageTexts.print}
        </Button>
      </div>
      <div className="no-print">
        <PeriodPicker period={period} interval={interval} onPeriod={setPeriod} />
        <label className="field customer-moment">
          <span>{pageTexts.asOf}</span>
          <input
            type="datetime-local"
            step={1}
            value={moment}
            aria-describedby="customer-moment-hint"
            onChange={({ target }) => setMoment(target.value)}
          />
          <span className="hint" id="customer-moment-hint">
            {pageTexts.asOfHint}
          </span>
        </label>
      </div>
      {interval && <Statement customer={customer} interval={interval} asOf={asOf} />}
    </>
  )
}

interface StatementProps {
  readonly customer: string
  readonly interval: Interval
  readonly asOf: AsOf
}

function Statement({ customer, interval, asOf }: StatementProps) {
  const texts = useTexts()
  const pageTexts = usePageTexts(customerTexts)
  const shared = usePageTexts(usageTexts)
  const { account, livemode } = useSession()
  const usage = useQuery({
    queryKey: ['usage', 'of customer', customer, interval.start, interval.end, asOf],
    queryFn: ({ signal }) =>
      get<UsageOfCustomer>('/meterbook/v1/customer_usage', { ...intervalQuery(interval, asOf), customer }, signal),
    placeholderData: keepPreviousData,
  })
  if (usage.isError) return <FailureNotice error={usage.error} onRetry={() => void usage.refetch()} />
  if (usage.isPending) return <Skeleton lines={6} />
  const { meters, position } = usage.data
  return (
    <article aria-busy={usage.isPlaceholderData} aria-label={pageTexts.statement}>
      <dl className="statement-head">
        <div>
          <dt>{pageTexts.account}</dt>
          <dd>
            {account} ({livemode ? texts.live : texts.test})
          </dd>
        </div>
        <div>
          <dt>{shared.period}</dt>
          <dd>{intervalText(interval)}</dd>
        </div>
        <div>
          <dt>{shared.asOf}</dt>
          <dd>{asOf === null ? pageTexts.now : `${utcSecond(asOf)} UTC`}</dd>
        </div>
        <div>
          <dt title={shared.positionHint}>{shared.position}</dt>
          <dd>
            <code>{position ?? '–'}</code>
          </dd>
        </div>
      </dl>
      {meters.length === 0 ? (
        <section className="empty">
          <h2>{pageTexts.empty}</h2>
          <p>{pageTexts.emptyHint}</p>
          <p>
            {pageTexts.emptyRefused} <a href={paths.rejections}>{texts.rejections}</a>
          </p>
        </section>
      ) : (
        <>
          <MetersOfCustomer customer={customer} meters={meters} interval={interval} asOf={asOf} />
          <DigestOfCustomer
            customer={customer}
            interval={interval}
            asOf={asOf}
            position={position}
            effective={meters.reduce((sum, { records }) => sum + records, 0)}
          />
        </>
      )}
    </article>
  )
}
