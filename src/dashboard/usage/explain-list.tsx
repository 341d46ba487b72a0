/** Why one customer's usage is what it is: every record that was looked at, with what it gives, page by page. */
import { useInfiniteQuery } from '@tanstack/react-query'
import type { PreviewedFate } from '../../domain/meter-preview.js'
import type { Meter } from '../answers.js'
import { FailureNotice } from '../failure-notice.js'
import { usePageTexts, useTexts } from '../language.js'
import { MoreButton } from '../more-button.js'
import { paths, type AddressQuery } from '../route.js'
import { ofNumbers, ofSentences, ScrolledTable } from '../scrolled-table.js'
import { get } from '../service-client.js'
import { Skeleton } from '../skeleton.js'
import { utcSecond } from '../utc.js'
import { ExplainedRejections } from './explained-rejections.js'
import type { Interval } from './period.js'
import { usageTexts } from './texts.js'
import {
  dimensionFilters,
  intervalQuery,
  meterPath,
  type AsOf,
  type ExplainedRecord,
  type Explanation,
} from './usage-answers.js'

interface Props {
  readonly meter: Meter
  readonly customer: string
  readonly interval: Interval
  readonly asOf: AsOf
  /** The period and the moment of the page, for the addresses of the events. */
  readonly same: AddressQuery
  readonly dimensions?: Readonly<Record<string, string>>
}

const PAGE_RECORDS = 50
const NO_DIMENSIONS = {}

export function ExplainList({ meter, customer, interval, asOf, same, dimensions = NO_DIMENSIONS }: Props) {
  const texts = useTexts()
  const pageTexts = usePageTexts(usageTexts)
  const asked = { ...intervalQuery(interval, asOf), ...dimensionFilters(dimensions), customer, limit: PAGE_RECORDS }
  const explanation = useInfiniteQuery({
    queryKey: ['usage', 'explain', meter.id, asked],
    queryFn: ({ pageParam, signal }) =>
      get<Explanation>(meterPath(meter.id, 'explain'), { ...asked, starting_after: pageParam }, signal),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ records }) => (records.has_more ? records.data.at(-1)?.id : undefined),
  })
  if (explanation.isError) {
    return <FailureNotice error={explanation.error} onRetry={() => void explanation.refetch()} />
  }
  if (explanation.isPending) return <Skeleton />
  const records = explanation.data.pages.flatMap((page) => page.records.data)
  const total = explanation.data.pages.at(-1)?.summary.aggregated_value_decimal ?? '0'
  const [first] = explanation.data.pages
  const refused = first && <ExplainedRejections customer={customer} rejections={first.rejections} />
  if (records.length === 0) {
    return (
      <>
        <p>{texts.noUsage}</p>
        {refused}
      </>
    )
  }
  return (
    <>
      <ScrolledTable
        label={pageTexts.explanationOf(customer)}
        columns={[
          texts.time,
          texts.identifier,
          ofSentences(pageTexts.fate),
          ofNumbers(pageTexts.contribution),
          ofNumbers(pageTexts.runningTotal),
        ]}
      >
        <tbody>
          {records.map((record) => (
            <tr key={record.id}>
              <td className="usage-time">
                {utcSecond(Date.parse(record.occurred_at))}
                <br />
                <span className="quiet">{pageTexts.receivedAt(utcSecond(Date.parse(record.recorded_at)))}</span>
              </td>
              <td>
                <a href={paths.event(meter.id, record.identifier, same)}>
                  <code>{record.identifier}</code>
                </a>
                {(meter.dimension_payload_keys ?? []).map((key) => (
                  <div key={key} className="quiet">
                    {key}: {record.payload[key]}
                  </div>
                ))}
              </td>
              <td>
                <span className={`tag tag-${record.code}`}>{texts.fates[record.code]}</span>{' '}
                {record.code !== 'counted' && texts.fateReason(fateOf(meter, record), record.contribution)}
              </td>
              <td className="number">{record.contribution}</td>
              <td className="number">{record.running_total}</td>
            </tr>
          ))}
        </tbody>
      </ScrolledTable>
      <MoreButton
        label={pageTexts.moreRecords}
        className="usage-more"
        isThere={explanation.hasNextPage}
        isBusy={explanation.isFetchingNextPage}
        onPress={() => void explanation.fetchNextPage()}
      >
        <span className="quiet">{pageTexts.totalToReach(total)}</span>
      </MoreButton>
      {!explanation.hasNextPage && (
        <p className="usage-adds-up" role="status">
          {records.at(-1)?.running_total === total ? pageTexts.addsUp(total) : pageTexts.movedOn}
        </p>
      )}
      {refused}
    </>
  )
}

function fateOf(meter: Meter, { code, by, cancelled_at, recorded_at }: ExplainedRecord): PreviewedFate {
  const window = meter.event_time_window ?? 'hour'
  // Ids of records are `<meter>.<identifier>`.
  const identifier = by?.slice(meter.id.length + 1) ?? ''
  switch (code) {
    case 'counted':
      return { code }
    case 'overwritten':
      return { code, by: identifier, window, hasDimensions: meter.dimension_payload_keys !== null }
    case 'not_last':
      return { code, by: identifier, day: null }
    case 'cancelled':
      return { code, at: Date.parse(cancelled_at ?? recorded_at) }
    case 'outside':
      return { code, window }
  }
}
