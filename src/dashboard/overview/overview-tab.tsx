/** What a meter comes to: figures, a bar for each hour or day, the customers with most, and why each bar is what it is. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import type { CSSProperties } from 'react'
import { DAY_MS, type BucketSize } from '../../domain/time-bucket.js'
import type { Meter } from '../answers.js'
import { useNumberFormat, usePageTexts, useTexts } from '../language.js'
import { loadedLater } from '../loaded-later.js'
import { changeQuery, useAddressQuery } from '../route.js'
import { get } from '../service-client.js'
import { Skeleton } from '../skeleton.js'
import { asOfAddress, instantText, periodQuery, readInstant, usePeriod } from '../usage/address.js'
import { AnswerOfQuestion } from '../usage/answer-of-question.js'
import { AsOfChoice } from '../usage/as-of.js'
import { ExplainList } from '../usage/explain-list.js'
import { firstMomentOf, useMoment } from '../usage/moment.js'
import { intervalOf, type Interval } from '../usage/period.js'
import { PeriodPicker } from '../usage/period-picker.js'
import { usageTexts } from '../usage/texts.js'
import { intervalQuery, meterPath, type MeterUsage } from '../usage/usage-answers.js'
import { UsageFailure } from '../usage/usage-failure.js'
import { BarExplanation } from './bar-explanation.js'
import { CustomerField } from './customer-field.js'
import { overviewTexts } from './texts.js'
import { TopCustomers } from './top-customers.js'
import { UsageTable } from './usage-table.js'
import './overview.css'

/** The chart is most of the page's code; figures and tables are there before it. */
const UsageChart = loadedLater(
  async () => (await import('./usage-chart.js')).UsageChart,
  <div className="chart-place" />,
)

/** Beyond this many hours a chart is of days. */
const HOURS_DAYS_MAX = 31
/** Up to this many days a chart is of hours unless one asks for days. */
const HOURS_DAYS_DEFAULT = 2

export function OverviewTab({ meter }: { readonly meter: Meter }) {
  const texts = useTexts()
  const pageTexts = usePageTexts(overviewTexts)
  const shared = usePageTexts(usageTexts)
  const number = useNumberFormat()
  const query = useAddressQuery()
  const { period, choose: choosePeriod } = usePeriod('days30')
  const dimensions = meter.dimension_payload_keys ?? []
  const unit = query.get('unit')
  const chosenSize = unit === 'hour' || unit === 'day' ? unit : null
  const customer = query.get('customer') || null
  const setCustomer = (chosen: string | null): void => changeQuery({ customer: chosen ?? undefined }, 'step')
  const groupBy = dimensions.find((key) => key === query.get('group_by')) ?? ''
  const knownFrom = firstMomentOf(meter)
  const moment = useMoment()
  const { asOf } = moment
  const bar = readInstant(query.get('bar'))
  const setBar = (start: number | null): void =>
    changeQuery({ bar: start === null ? undefined : instantText(start) }, 'step')
  const interval = intervalOf(period, 'hour', Date.now())
  const size = sizeOf(interval, chosenSize)
  const aligned = intervalOf(period, size, Date.now())
  const asked = { customer: customer ?? undefined, value_grouping_window: size }
  const grouped = groupBy === '' ? {} : { 'dimension_group_by_keys[]': groupBy }
  const usage = useQuery({
    queryKey: ['usage', 'by window', meter.id, aligned, asOf, asked, groupBy],
    queryFn: ({ signal }) =>
      get<MeterUsage>(
        meterPath(meter.id, 'usage'),
        { ...intervalQuery(aligned as Interval, asOf), ...asked, ...grouped },
        signal,
      ),
    enabled: aligned !== null,
    placeholderData: keepPreviousData,
  })
  const isAwaited = usage.isPlaceholderData || !moment.isSettled
  const same = { ...(aligned ? periodQuery(period, aligned) : {}), ...asOfAddress(asOf) }
  const shownBar = usage.data?.windows.find((each) => each.start_time * 1000 === bar)
  return (
    <>
      <PeriodPicker period={period} interval={aligned} onPeriod={choosePeriod} />
      <div className="usage-choices overview-choices">
        <CustomerField customer={customer} onCustomer={setCustomer} />
        <label className="field">
          <span>{pageTexts.barFor}</span>
          <select value={size} onChange={({ target }) => changeQuery({ unit: target.value }, 'step')}>
            <option value="hour" disabled={interval !== null && !hoursFit(interval)}>
              {pageTexts.sizes.hour}
            </option>
            <option value="day">{pageTexts.sizes.day}</option>
          </select>
        </label>
        {dimensions.length > 0 && (
          <label className="field">
            <span>{pageTexts.groupBy}</span>
            <select
              value={groupBy}
              onChange={({ target }) => changeQuery({ group_by: target.value || undefined }, 'step')}
            >
              <option value="">{pageTexts.noGroups}</option>
              {dimensions.map((key) => (
                <option key={key} value={key}>
                  {key}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      <AsOfChoice moment={moment} from={knownFrom} />
      {usage.isError && <UsageFailure error={usage.error} onRetry={() => void usage.refetch()} />}
      {usage.isPending && !usage.isError && <Skeleton lines={8} />}
      {usage.data && aligned && (
        <AnswerOfQuestion isAwaited={isAwaited}>
          <dl className="figures">
            <div>
              <dt>{texts.total}</dt>
              <dd data-figure="total" style={lengthStyle(usage.data.aggregated_value_decimal)}>
                {usage.data.aggregated_value_decimal}
              </dd>
            </div>
            <div>
              <dt>{pageTexts.customers}</dt>
              <dd>{number(usage.data.customers)}</dd>
            </div>
            <div>
              <dt title={shared.recordsHint}>{shared.records}</dt>
              <dd>{number(usage.data.records)}</dd>
            </div>
            <div>
              <dt title={shared.positionHint}>{shared.position}</dt>
              <dd className="figure-small">{usage.data.position ?? '–'}</dd>
            </div>
          </dl>
          {meter.default_aggregation.formula === 'last' && (
            <p className="quiet">
              {customer === null && pageTexts.lastHint} {shared.recordsHint}
            </p>
          )}
          {usage.data.windows.length === 0 ? (
            <>
              <section className="empty">
                <h2>{pageTexts.empty}</h2>
                <p>{pageTexts.emptyHint}</p>
              </section>
              {customer !== null && (
                // All events of a customer may have been cancelled or refused: why there is nothing can be asked as well.
                <section className="panel" aria-labelledby="nothing-explained">
                  <h2 id="nothing-explained">{pageTexts.eventsOf(customer)}</h2>
                  <ExplainList meter={meter} customer={customer} interval={aligned} asOf={asOf} same={same} />
                </section>
              )}
            </>
          ) : (
            <>
              <section className="panel" aria-label={pageTexts.chart}>
                <UsageChart
                  usage={usage.data}
                  interval={shownInterval(usage.data, aligned, period.preset === 'all')}
                  size={size}
                  bar={bar}
                  onBar={setBar}
                />
                <UsageTable usage={usage.data} size={size} onBar={setBar} />
              </section>
              {shownBar && (
                <BarExplanation
                  key={shownBar.start_time}
                  meter={meter}
                  bar={shownBar}
                  size={size}
                  customer={customer}
                  asOf={asOf}
                  same={same}
                  onClose={() => setBar(null)}
                />
              )}
            </>
          )}
        </AnswerOfQuestion>
      )}
      {/* Not before the figures: it is as much work again for the service. */}
      {aligned && usage.data && !isAwaited && customer === null && (
        <TopCustomers meter={meter} period={period} interval={aligned} asOf={asOf} onCustomer={setCustomer} />
      )}
    </>
  )
}

/** As usage.css counts with it. */
function lengthStyle(figure: string): CSSProperties {
  return { '--characters': figure.length } as CSSProperties
}

function hoursFit({ start, end }: Interval): boolean {
  return end - start <= HOURS_DAYS_MAX * DAY_MS
}

function sizeOf(interval: Interval | null, chosen: 'hour' | 'day' | null): Extract<BucketSize, 'hour' | 'day'> {
  if (interval === null) return chosen ?? 'day'
  if (!hoursFit(interval)) return 'day'
  return chosen ?? (interval.end - interval.start <= HOURS_DAYS_DEFAULT * DAY_MS ? 'hour' : 'day')
}

/** Of all time only from the first usage on. */
function shownInterval({ windows }: MeterUsage, interval: Interval, isAllTime: boolean): Interval {
  const [first] = windows
  return isAllTime && first ? { ...interval, start: first.start_time * 1000 } : interval
}
