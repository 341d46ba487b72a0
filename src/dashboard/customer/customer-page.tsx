/** What one customer used, on every meter: a statement to print, with the digest that proves it. */
import { Button } from 'react-aria-components'
import { usePageTexts, useTexts } from '../language.js'
import { PageHeading } from '../page-heading.js'
import { paths } from '../route.js'
import { useSession } from '../session.js'
import { Skeleton } from '../skeleton.js'
import { utcSecond } from '../utc.js'
import { usePeriod } from '../usage/address.js'
import { AnswerOfQuestion } from '../usage/answer-of-question.js'
import { AsOfChoice } from '../usage/as-of.js'
import { asOfTexts } from '../usage/as-of-texts.js'
import { useMoment } from '../usage/moment.js'
import { intervalOf, type Interval, type Period } from '../usage/period.js'
import { intervalText, PeriodPicker } from '../usage/period-picker.js'
import { usageTexts } from '../usage/texts.js'
import type { AsOf } from '../usage/usage-answers.js'
import { UsageFailure } from '../usage/usage-failure.js'
import { DigestOfCustomer } from './digest-of-customer.js'
import { MetersOfCustomer } from './meters-of-customer.js'
import { isComplete, useStatement, type Statement } from './statement.js'
import { customerTexts } from './texts.js'
import './customer.css'

export function CustomerPage({ customer }: { readonly customer: string }) {
  const texts = useTexts()
  const pageTexts = usePageTexts(customerTexts)
  const { period, choose: choosePeriod } = usePeriod('month')
  const moment = useMoment()
  const { asOf } = moment
  const interval = intervalOf(period, 'minute', Date.now())
  const statement = useStatement(customer, interval, asOf)
  const isAwaited = statement.isPlaceholderData || !moment.isSettled
  const isWhole = interval !== null && statement.isSuccess && !isAwaited && isComplete(statement.data)
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
        <PeriodPicker period={period} interval={interval} onPeriod={choosePeriod} />
        <AsOfChoice moment={moment} />
      </div>
      {interval && statement.isError && (
        <UsageFailure error={statement.error} onRetry={() => void statement.refetch()} />
      )}
      {interval && statement.isPending && <Skeleton lines={6} />}
      {interval && statement.data && (
        <AnswerOfQuestion isAwaited={isAwaited} label={pageTexts.statement}>
          <StatementOfCustomer
            customer={customer}
            period={period}
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
  readonly period: Period
  readonly interval: Interval
  readonly asOf: AsOf
  readonly statement: Statement
  /** What is not there yet does not come by itself. */
  readonly hasFailed: boolean
}

function StatementOfCustomer({ customer, period, interval, asOf, statement, hasFailed }: StatementProps) {
  const texts = useTexts()
  const pageTexts = usePageTexts(customerTexts)
  const shared = usePageTexts(usageTexts)
  const momentTexts = usePageTexts(asOfTexts)
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
          <dt>{momentTexts.asOf}</dt>
          <dd>
            {asOf === null
              ? pageTexts.now(utcSecond(answeredAt))
              : 'instant' in asOf
                ? `${utcSecond(asOf.instant)} UTC`
                : momentTexts.shortPosition(asOf.position)}
          </dd>
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
          <p>
            {pageTexts.emptyCancelled} <a href={paths.meters}>{texts.meters}</a>
          </p>
          <p>
            {pageTexts.emptyRefused} <a href={paths.rejections}>{texts.rejections}</a>
          </p>
        </section>
      ) : (
        <>
          <MetersOfCustomer customer={customer} meters={usage.meters} period={period} interval={interval} asOf={asOf} />
          {(digest !== null || !hasFailed) && (
            <DigestOfCustomer
              customer={customer}
              interval={interval}
              digest={digest}
              effective={usage.meters.reduce((sum, { records }) => sum + records, 0)}
            />
          )}
        </>
      )}
    </>
  )
}
