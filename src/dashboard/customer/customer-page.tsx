/** What one customer used, on every meter: a statement to print, with the digest that proves it. */
import { useState } from 'react'
import { Button } from 'react-aria-components'
import { FailureNotice } from '../failure-notice.js'
import { usePageTexts, useTexts } from '../language.js'
import { PageHeading } from '../page-heading.js'
import { paths } from '../route.js'
import { useSession } from '../session.js'
import { Skeleton } from '../skeleton.js'
import { fromUtcField, utcSecond } from '../utc.js'
import { AnswerOfQuestion } from '../usage/answer-of-question.js'
import { intervalOf, periodOf, type Interval } from '../usage/period.js'
import { intervalText, PeriodPicker } from '../usage/period-picker.js'
import { usageTexts } from '../usage/texts.js'
import type { AsOf } from '../usage/usage-answers.js'
import { DigestOfCustomer } from './digest-of-customer.js'
import { MetersOfCustomer } from './meters-of-customer.js'
import { isComplete, useStatement, type Statement } from './statement.js'
import { customerTexts } from './texts.js'
import './customer.css'

export function CustomerPage({ customer }: { readonly customer: string }) {
  const texts = useTexts()
  const pageTexts = usePageTexts(customerTexts)
  const [period, setPeriod] = useState(() => periodOf('month', Date.now()))
  const [moment, setMoment] = useState('')
  const interval = intervalOf(period, 'minute', Date.now())
  const asOf = moment === '' ? null : fromUtcField(moment)
  const statement = useStatement(customer, interval, asOf)
  const isWhole = interval !== null && statement.isSuccess && !statement.isPlaceholderData && isComplete(statement.data)
  return (
    <>
      <p className="breadcrumb no-print">
        <a href={paths.meters}>{texts.meters}</a>
      </p>
      <div className="page-head">
        <PageHeading title={customer}>
          <span className="quiet">{texts.customer}</span> {customer}
        </PageHeading>
        <Button className="button no-print" isDisabled={!isWhole} onPress={() => window.print()}>
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
      {interval && statement.isError && (
        <FailureNotice error={statement.error} onRetry={() => void statement.refetch()} />
      )}
      {interval && statement.isPending && <Skeleton lines={6} />}
      {interval && statement.data && (
        <AnswerOfQuestion isAwaited={statement.isPlaceholderData} label={pageTexts.statement}>
          <StatementOfCustomer
            customer={customer}
            interval={interval}
            asOf={asOf}
            statement={statement.data}
            hasFailed={statement.isError}
          />
        </AnswerOfQuestion>
      )}
    </>
  )
}

interface StatementProps {
  readonly customer: string
  readonly interval: Interval
  readonly asOf: AsOf
  readonly statement: Statement
  /** What is not there yet does not come by itself. */
  readonly hasFailed: boolean
}

function StatementOfCustomer({ customer, interval, asOf, statement, hasFailed }: StatementProps) {
  const texts = useTexts()
  const pageTexts = usePageTexts(customerTexts)
  const shared = usePageTexts(usageTexts)
  const { account, livemode } = useSession()
  const { usage, answeredAt, digest } = statement
  return (
    <>
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
          <dd>{asOf === null ? pageTexts.now(utcSecond(answeredAt)) : `${utcSecond(asOf)} UTC`}</dd>
        </div>
        <div>
          <dt title={shared.positionHint}>{shared.position}</dt>
          <dd>
            <code>{usage.position ?? '–'}</code>
          </dd>
        </div>
      </dl>
      {usage.meters.length === 0 ? (
        <section className="empty">
          <h2>{pageTexts.empty}</h2>
          <p>{pageTexts.emptyHint}</p>
        </section>
      ) : (
        <>
          <MetersOfCustomer customer={customer} meters={usage.meters} interval={interval} asOf={asOf} />
          {(digest !== null || !hasFailed) && (
            <DigestOfCustomer customer={customer} interval={interval} digest={digest} />
          )}
        </>
      )}
    </>
  )
}
