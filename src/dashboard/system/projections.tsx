/** Every projection with how far behind the log it is, and the rebuild that runs or ran last. */
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { ActionDialog } from '../action-dialog.js'
import type { List } from '../answers.js'
import { FailureNotice } from '../failure-notice.js'
import { useNumberFormat, usePageTexts } from '../language.js'
import { ofNumbers, ScrolledTable } from '../scrolled-table.js'
import { get, postJson } from '../service-client.js'
import { useMayChange } from '../session.js'
import type { Projection, Rebuild } from './answers.js'
import { Differences } from './differences.js'
import { ProgressLine } from './progress-line.js'
import { systemTexts } from './texts.js'
import { Skeleton } from '../skeleton.js'

const PATH = '/meterbook/v1/projections'
/** A rebuild moves without anything happening in the ledger; other ledgers move the positions. */
const REBUILDING_INTERVAL_MS = 1_000
const QUIET_INTERVAL_MS = 5_000

export function Projections() {
  const pageTexts = usePageTexts(systemTexts)
  const mayChange = useMayChange()
  const projections = useQuery({
    queryKey: ['projections'],
    queryFn: ({ signal }) => get<List<Projection>>(PATH, {}, signal),
    refetchInterval: ({ state }) => (isRunning(state.data) ? REBUILDING_INTERVAL_MS : QUIET_INTERVAL_MS),
  })
  const all = projections.data?.data ?? []
  const rebuilds = rebuildsIn(projections.data)
  const isBusy = isRunning(projections.data)
  useAllAgainAfter(isBusy)
  return (
    <section>
      <div className="page-head">
        <h2>{pageTexts.projections}</h2>
        {mayChange && all.length > 0 && !isBusy && (
          <RebuildButton label={pageTexts.rebuildAll} title={pageTexts.rebuildAllTitle} path={`${PATH}/rebuild`} />
        )}
      </div>
      <p className="quiet">{pageTexts.projectionsIntro}</p>
      {projections.isError && <FailureNotice error={projections.error} onRetry={() => void projections.refetch()} />}
      {projections.isPending && <Skeleton lines={8} />}
      {rebuilds.map((rebuild) => (
        <RebuildReport key={whichOf(rebuild)} rebuild={rebuild} isOfAll={rebuild.projections.length === all.length} />
      ))}
      {all.length > 0 && <ProjectionTable projections={all} mayRebuild={mayChange && !isBusy} />}
    </section>
  )
}

interface TableProps {
  readonly projections: readonly Projection[]
  readonly mayRebuild: boolean
}

function ProjectionTable({ projections, mayRebuild }: TableProps) {
  const pageTexts = usePageTexts(systemTexts)
  const format = useNumberFormat()
  return (
    <ScrolledTable
      label={pageTexts.projections}
      columns={[
        pageTexts.projection,
        ofNumbers(pageTexts.lagEvents),
        ofNumbers(pageTexts.lagSeconds),
        ofNumbers(pageTexts.sequence),
        pageTexts.position,
        ofNumbers(pageTexts.schema),
        ...(mayRebuild ? [pageTexts.rebuild] : []),
      ]}
    >
      <tbody>
        {projections.map(({ id, lag_events, lag_seconds, sequence, position, schema }) => (
          <tr key={id}>
            <th scope="row">
              <code>{id}</code>
            </th>
            <td className="number">{format(lag_events)}</td>
            <td className="number">{format(lag_seconds)}</td>
            <td className="number">{format(sequence)}</td>
            <td>
              <code>{position ?? '–'}</code>
            </td>
            <td className="number">{schema}</td>
            {mayRebuild && (
              <td>
                <RebuildButton
                  isSmall
                  label={pageTexts.rebuild}
                  description={pageTexts.rebuildOf(id)}
                  title={pageTexts.rebuildTitle(id)}
                  path={`${PATH}/${encodeURIComponent(id)}/rebuild`}
                />
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </ScrolledTable>
  )
}

interface ButtonProps {
  readonly label: string
  readonly description?: string
  readonly title: string
  readonly path: string
  readonly isSmall?: boolean
}

function RebuildButton({ path, ...dialog }: ButtonProps) {
  const pageTexts = usePageTexts(systemTexts)
  return (
    <ActionDialog {...dialog} action={pageTexts.rebuild} run={() => postJson(path, {})} changes={['projections']}>
      <ul>
        {pageTexts.rebuildMeans.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
    </ActionDialog>
  )
}

function RebuildReport({ rebuild, isOfAll }: { readonly rebuild: Rebuild; readonly isOfAll: boolean }) {
  const pageTexts = usePageTexts(systemTexts)
  const format = useNumberFormat()
  const { status, sequence, wanted_sequence: wanted, rows, elapsed_seconds: elapsedSeconds } = rebuild
  return (
    <div className="panel report" aria-live={isOver(status) ? 'polite' : 'off'}>
      <h3>{isOfAll ? pageTexts.rebuildOfAll : pageTexts.rebuildReport(rebuild.projections.join(', '))}</h3>
      {status === 'building' && (
        <ProgressLine key={status} label={pageTexts.building} done={sequence} fraction={fractionOf(sequence, wanted)} />
      )}
      {status === 'comparing' && (
        <ProgressLine
          key={status}
          label={pageTexts.comparing}
          done={rows}
          fraction={fractionOf(rows, rebuild.wanted_rows)}
        />
      )}
      {rebuild.waiting_reason !== null && (
        <p className="notice notice-bad">{pageTexts.rebuildWaits(rebuild.waiting_reason)}</p>
      )}
      {status === 'failed' && <p className="notice notice-bad">{pageTexts.rebuildFailed(rebuild.failure ?? '')}</p>}
      {status === 'completed' && (
        <p>
          {pageTexts.rebuildCompleted(format(rows), format(Math.ceil(elapsedSeconds)))}{' '}
          {rebuild.difference_count === 0
            ? pageTexts.noDifferences
            : pageTexts.mended(format(rebuild.difference_count))}
        </p>
      )}
      <Differences differences={rebuild.differences} />
    </div>
  )
}

/** What a rebuild mended is not told by any event: once it is over everything is asked for again. */
function useAllAgainAfter(isBusy: boolean): void {
  const client = useQueryClient()
  const wasBusy = useRef(false)
  useEffect(() => {
    if (wasBusy.current && !isBusy) void client.invalidateQueries()
    wasBusy.current = isBusy
  }, [client, isBusy])
}

/**
 * Of the rebuild that runs, or of the last one, and of one that was refused because of it: every projection that one is about
 * says the same.
 */
function rebuildsIn(list: List<Projection> | undefined): Rebuild[] {
  const rebuilds = (list?.data ?? []).flatMap(({ rebuild }) => rebuild ?? [])
  return [...new Map(rebuilds.map((rebuild) => [whichOf(rebuild), rebuild])).values()]
}

/** A service of an earlier version that does it does not say whose it is. */
function whichOf({ id, projections }: Rebuild): string {
  return id ?? projections.join()
}

function isRunning(list: List<Projection> | undefined): boolean {
  return rebuildsIn(list).some(({ status }) => !isOver(status))
}

function isOver(status: Rebuild['status']): boolean {
  return status === 'completed' || status === 'failed'
}

/** null where the whole is not known. */
function fractionOf(done: number, wanted: number): number | null {
  return wanted === 0 ? null : Math.min(done / wanted, 1)
}
