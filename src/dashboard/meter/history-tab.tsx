/** Who did what to a meter, and when. */
import { useInfiniteQuery } from '@tanstack/react-query'
import { Button } from 'react-aria-components'
import type { List, Meter } from '../answers.js'
import { FailureNotice } from '../failure-notice.js'
import { usePageTexts } from '../language.js'
import { ScrolledTable } from '../scrolled-table.js'
import { get } from '../service-client.js'
import { Skeleton } from '../skeleton.js'
import { utcSecond } from '../utc.js'
import { historyTexts } from './history-texts.js'
import { meterKey } from './meter-page.js'

export interface MeterChange {
  readonly id: string
  readonly type: 'created' | 'renamed' | 'deactivated' | 'reactivated'
  readonly display_name: string
  /** null before the meter was created. */
  readonly previous_display_name: string | null
  /** RFC 3339. */
  readonly at: string
  readonly request_id: string
  /** No last characters: the service itself. */
  readonly actor: { readonly id: string; readonly last4: string | null; readonly name: string | null }
}

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
        <ScrolledTable label={pageTexts.caption} columns={[pageTexts.when, pageTexts.what, pageTexts.request]}>
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
