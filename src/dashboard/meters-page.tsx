/** Every meter of the ledger, newest first. */
import { useQuery } from '@tanstack/react-query'
import { Input, Label, SearchField } from 'react-aria-components'
import type { Meter, MeterActivity } from './answers.js'
import { FindCustomer } from './customer/find-customer.js'
import { FailureNotice } from './failure-notice.js'
import { useNumberFormat, useTexts } from './language.js'
import { useMeters } from './meters.js'
import { PageHeading } from './page-heading.js'
import { changeQuery, paths, useAddressQuery } from './route.js'
import { ofNumbers, ScrolledTable } from './scrolled-table.js'
import { serviceAddress } from './service-address.js'
import { get } from './service-client.js'
import { useMayChange } from './session.js'
import { Skeleton } from './skeleton.js'
import { Sparkline } from './sparkline.js'
import { utcMinute } from './utc.js'

/** The last hour goes on also while nothing arrives. */
const ACTIVITY_INTERVAL_MS = 60_000
const NO_ACTIVITY = {
  hours: new Array<number>(24).fill(0),
  last_hour: { recorded_count: 0 },
  last_day: { recorded_count: 0 },
}

const activityKey = ['usage', 'activity']

export function MetersPage() {
  const texts = useTexts()
  const mayChange = useMayChange()
  const number = useNumberFormat()
  const search = useAddressQuery().get('search') ?? ''
  const setSearch = (typed: string): void =>
    changeQuery({ search: typed || undefined }, search === '' ? 'step' : 'small change')
  const meters = useMeters()
  const all = meters.data?.meters ?? []
  const shown = all.filter(({ display_name, event_name }) =>
    `${display_name}\n${event_name}`.toLowerCase().includes(search.trim().toLowerCase()),
  )
  return (
    <>
      <div className="page-head">
        <PageHeading title={texts.meters} />
        {mayChange && (
          <a className="button button-main" href={paths.create}>
            {texts.createMeter}
          </a>
        )}
      </div>
      {meters.isError && <FailureNotice error={meters.error} onRetry={() => void meters.refetch()} />}
      {meters.isPending && <Skeleton lines={6} />}
      {meters.isSuccess && all.length === 0 && <NoMeters />}
      {all.length > 0 && (
        <>
          <div className="searches">
            <SearchField className="field search" value={search} onChange={setSearch}>
              <Label>{texts.search}</Label>
              <Input placeholder={texts.searchHint} />
            </SearchField>
            <FindCustomer />
          </div>
          {shown.length === 0 ? <p>{texts.noMatch(search)}</p> : <MetersTable meters={shown} />}
          {meters.data?.hasMore && <p className="quiet">{texts.searchedFirst(number(all.length))}</p>}
        </>
      )}
    </>
  )
}

function MetersTable({ meters }: { readonly meters: readonly Meter[] }) {
  const texts = useTexts()
  const activity = useQuery({
    queryKey: activityKey,
    queryFn: ({ signal }) => get<MeterActivity>('/meterbook/v1/meter_activity', {}, signal),
    refetchInterval: ACTIVITY_INTERVAL_MS,
  })
  const byMeter = new Map(activity.data?.meters.map((each) => [each.meter, each]))
  return (
    <ScrolledTable
      label={texts.meters}
      columns={[
        texts.columnName,
        texts.columnEventName,
        texts.columnFormula,
        texts.columnIngestion,
        texts.columnStatus,
        texts.columnActivity,
        ofNumbers(texts.columnLastHour),
        ofNumbers(texts.columnLastDay),
        texts.columnCreated,
      ]}
    >
      <tbody>
        {meters.map((meter) => (
          <tr key={meter.id}>
            <th scope="row">
              <a href={paths.meter(meter.id)}>{meter.display_name}</a>
            </th>
            <td>
              <code>{meter.event_name}</code>
            </td>
            <td>{texts.formulas[meter.default_aggregation.formula]}</td>
            <td>{texts.ingestions[meter.event_time_window ?? 'raw']}</td>
            <td>
              <span className={`tag tag-${meter.status}`}>{texts[meter.status]}</span>
            </td>
            <ActivityCells activity={activity.isSuccess ? (byMeter.get(meter.id) ?? NO_ACTIVITY) : null} />
            <td className="instant">{utcMinute(meter.created * 1000)}</td>
          </tr>
        ))}
      </tbody>
    </ScrolledTable>
  )
}

function ActivityCells({ activity }: { readonly activity: Omit<MeterActivity['meters'][number], 'meter'> | null }) {
  const texts = useTexts()
  const format = useNumberFormat()
  const ofDay = activity === null ? '…' : format(activity.last_day.recorded_count)
  return (
    <>
      <td>
        {activity && (
          <Sparkline counts={activity.hours} label={texts.activityLabel(ofDay, format(Math.max(...activity.hours)))} />
        )}
      </td>
      <td className="number">{activity === null ? '…' : format(activity.last_hour.recorded_count)}</td>
      <td className="number">{ofDay}</td>
    </>
  )
}

function NoMeters() {
  const texts = useTexts()
  const mayChange = useMayChange()
  return (
    <section className="empty">
      <h2>{texts.noMeters}</h2>
      <p>{mayChange ? texts.noMetersHint : texts.noMetersReadOnly}</p>
      {mayChange && <pre tabIndex={0}>{reportSnippet('api_calls')}</pre>}
    </section>
  )
}

function reportSnippet(eventName: string): string {
  return [
    `curl ${serviceAddress()}/v1/billing/meter_events \\`,
    '  -u sk_test_YOUR_KEY: \\',
    `  -d event_name=${eventName} \\`,
    "  -d 'payload[stripe_customer_id]=cus_alpaca' \\",
    "  -d 'payload[value]=25'",
  ].join('\n')
}
