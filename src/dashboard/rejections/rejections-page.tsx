/** What asynchronous ingestion refused: how much of it and why, each event as it was sent, and another try. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { ActionDialog } from '../action-dialog.js'
import { ChoiceField, MeterChoice } from '../choice-field.js'
import { FailureNotice } from '../failure-notice.js'
import { useNumberFormat, usePageTexts, useTexts } from '../language.js'
import { PageHeading } from '../page-heading.js'
import { changeAddress, useAddressQuery } from '../route.js'
import { get } from '../service-client.js'
import { useMayChange } from '../session.js'
import { TypedField } from '../typed-field.js'
import { AnswerOfQuestion } from '../usage/answer-of-question.js'
import type { RejectionCounts, RetryOutcome } from './answers.js'
import { CodeCounts } from './code-counts.js'
import {
  addressOfFilters,
  changeOfFilters,
  countQuery,
  PATH,
  readFilters,
  retryAll,
  spanNames,
  type Filters,
  type Span,
} from './filters.js'
import { RejectionList } from './rejection-list.js'
import './rejections.css'
import { rejectionTexts } from './texts.js'
import { Skeleton } from '../skeleton.js'

/** `identifier`: of those that the address names; empty: it names none. */
export function RejectionsPage({ identifier }: { readonly identifier: string }) {
  const query = useAddressQuery()
  const texts = useTexts()
  const pageTexts = usePageTexts(rejectionTexts)
  const filters = readFilters(identifier, query)
  const setFilters = (changed: Filters): void =>
    changeAddress(addressOfFilters(changed), changeOfFilters(filters, changed))
  const counts = useQuery({
    queryKey: ['rejections', 'counts', filters.span, filters.meter],
    queryFn: ({ signal }) => get<RejectionCounts>(`${PATH}/counts`, countQuery(filters), signal),
    placeholderData: keepPreviousData,
  })
  return (
    <>
      <PageHeading title={texts.rejections} />
      <p className="quiet">{pageTexts.intro}</p>
      <FilterFields filters={filters} codes={counts.data?.codes.map(({ code }) => code) ?? []} onChange={setFilters} />
      {counts.isError && <FailureNotice error={counts.error} onRetry={() => void counts.refetch()} />}
      {counts.isPending && <Skeleton />}
      {/* They are not counted by identifier, nor by customer. */}
      {counts.data && filters.identifier === '' && filters.customer === '' && (
        <AnswerOfQuestion isAwaited={counts.isPlaceholderData}>
          {counts.data.error_count > 0 && (
            <CodeCounts
              counts={counts.data}
              chosen={filters.code}
              onChoose={(code) => setFilters({ ...filters, code })}
            />
          )}
          <RetryAll filters={filters} counts={counts.data} />
        </AnswerOfQuestion>
      )}
      <RejectionList filters={filters} isNothing={!counts.isPlaceholderData && counts.data?.error_count === 0} />
    </>
  )
}

interface FieldsProps {
  readonly filters: Filters
  readonly codes: readonly string[]
  readonly onChange: (filters: Filters) => void
}

function FilterFields({ filters, codes, onChange }: FieldsProps) {
  const texts = useTexts()
  const pageTexts = usePageTexts(rejectionTexts)
  const { span, meter, code, status } = filters
  const shownCodes = code === '' || codes.includes(code) ? codes : [...codes, code]
  return (
    <div className="filters">
      <ChoiceField
        label={pageTexts.received}
        value={span}
        onChange={(chosen) => onChange({ ...filters, span: chosen as Span })}
      >
        {spanNames.map((name) => (
          <option key={name} value={name}>
            {pageTexts.spans[name]}
          </option>
        ))}
      </ChoiceField>
      <MeterChoice
        label={pageTexts.meter}
        everyMeter={pageTexts.everyMeter}
        value={meter}
        onChange={(chosen) => onChange({ ...filters, meter: chosen })}
      />
      <ChoiceField label={pageTexts.code} value={code} onChange={(chosen) => onChange({ ...filters, code: chosen })}>
        <option value="">{pageTexts.everyCode}</option>
        {shownCodes.map((each) => (
          <option key={each} value={each}>
            {each}
          </option>
        ))}
      </ChoiceField>
      <ChoiceField
        label={pageTexts.status}
        value={status}
        onChange={(chosen) => onChange({ ...filters, status: chosen as Filters['status'] })}
      >
        <option value="open">{pageTexts.statuses.open}</option>
        <option value="resolved">{pageTexts.statuses.resolved}</option>
        <option value="">{pageTexts.everyStatus}</option>
      </ChoiceField>
      <TypedField
        label={pageTexts.identifier}
        value={filters.identifier}
        onChange={(identifier) => onChange({ ...filters, identifier })}
      />
      <TypedField
        label={texts.customer}
        value={filters.customer}
        onChange={(customer) => onChange({ ...filters, customer })}
      />
    </div>
  )
}

function RetryAll({ filters, counts }: { readonly filters: Filters; readonly counts: RejectionCounts }) {
  const pageTexts = usePageTexts(rejectionTexts)
  const mayChange = useMayChange()
  const format = useNumberFormat()
  const [outcome, setOutcome] = useState<RetryOutcome | null>(null)
  const ofCode = counts.codes.find(({ code }) => code === filters.code)?.open_count ?? 0
  const open = filters.code === '' ? counts.open_count : ofCode
  return (
    <div className="retry-all">
      {mayChange && open > 0 && filters.status !== 'resolved' && (
        <ActionDialog
          label={pageTexts.retryAll(format(open))}
          title={pageTexts.retryAllTitle(format(open))}
          action={pageTexts.retryThem}
          onOpen={() => setOutcome(null)}
          run={async () => setOutcome(await retryAll(filters))}
          changes={['rejections', 'usage']}
        >
          <ul>
            {pageTexts.retryMeans.map((sentence) => (
              <li key={sentence}>{sentence}</li>
            ))}
          </ul>
        </ActionDialog>
      )}
      <div aria-live="polite">
        {outcome && (
          <p className="notice">
            {pageTexts.outcome(format(outcome.counted), format(outcome.duplicates), format(outcome.still_rejected))}
          </p>
        )}
      </div>
    </div>
  )
}
