/** Who did what to a meter, and when. */
import { useInfiniteQuery } from '@tanstack/react-query'
import { Button } from 'react-aria-components'
import type { List, Meter, MeterChange } from '../answers.js'
import { FailureNotice } from '../failure-notice.js'
import { usePageTexts } from '../language.js'
import { meterKey } from '../meters.js'
import { ofSentences, ScrolledTable } from '../scrolled-table.js'
import { get } from '../service-client.js'
import { Skeleton } from '../skeleton.js'
import { utcSecond } from '../utc.js'
import { historyTexts } from './history-texts.js'

const PAGE_CHANGES = 50

export function HistoryTab({ meter }: { readonly meter: Meter }) {
  const pageTexts = usePageTexts(historyTexts)
  const history = useInfiniteQuery({
    queryKey: [...meterKey(meter.id), 'history'],
    queryFn: ({ pageParam, signal }) =>
      get<List<MeterChange>>(
        `/meterbook/v1/meters/${encodeURIComponent(meter.id)}/history`,
        { limit: PAGE_CHANGES, starting_after: pageParam },
        signal,
      ),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: ({ data, has_more }) => (has_more ? data.at(-1)?.id : undefined),
  })
  const changes = history.data?.pages.flatMap(({ data }) => data) ?? []
  return (
    <>
      <p className="quiet">{pageTexts.intro}</p>
      {history.isError && <FailureNotice error={history.error} onRetry={() => void history.refetch()} />}
      {history.isPending && <Skeleton />}
      {changes.length > 0 && (
        <ScrolledTable
          label={pageTexts.caption}
          columns={[pageTexts.when, ofSentences(pageTexts.what), pageTexts.request]}
        >
          <tbody>
            {changes.map((change) => (
              <tr key={change.id}>
                <td className="instant">{utcSecond(Date.parse(change.at))}</td>
                <td>{pageTexts.change(change)}</td>
                <td>
                  <code>{change.request_id}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </ScrolledTable>
      )}
      {history.hasNextPage && (
        <Button
          className="button load-older"
          isDisabled={history.isFetchingNextPage}
          onPress={() => void history.fetchNextPage()}
        >
          {pageTexts.older}
        </Button>
      )}
    </>
  )
}
