/** Every event that was received for a meter, live, each with a sentence that says what became of it. */
import type { Meter } from '../answers.js'
import { useNumberFormat, usePageTexts } from '../language.js'
import { MoreButton } from '../more-button.js'
import { paths } from '../route.js'
import { AsOfChoice } from '../usage/as-of.js'
import { firstMomentOf, useMoment } from '../usage/moment.js'
import { UsageFailure } from '../usage/usage-failure.js'
import { changeFilter, useFilter } from './event-address.js'
import { EventFilters, noFilter } from './event-filters.js'
import { SHOWN_EVENTS_MAX, useEventList } from './event-list.js'
import { EventRow } from './event-row.js'
import './events-tab.css'
import { eventsTexts } from './events-texts.js'
import { Skeleton } from '../skeleton.js'
import { AnswerOfQuestion } from '../usage/answer-of-question.js'

export function EventsTab({ meter }: { readonly meter: Meter }) {
  const pageTexts = usePageTexts(eventsTexts)
  const number = useNumberFormat()
  const filter = useFilter()
  const isFiltered = JSON.stringify(filter) !== JSON.stringify(noFilter)
  const knownFrom = firstMomentOf(meter)
  const moment = useMoment()
  const { asOf } = moment
  const { events, isPending, isAwaited, error, hasOlder, isLoadingOlder, loadOlder, retry } = useEventList(
    meter,
    filter,
    asOf,
  )
  const isEmpty = !isPending && !isAwaited && error === null && events.length === 0 && !hasOlder
  return (
    <>
      <p className="quiet">{pageTexts.intro}</p>
      {isEmpty && !isFiltered && moment.chosen === null ? (
        <NoEvents meter={meter} />
      ) : (
        <>
          <EventFilters filter={filter} isFiltered={isFiltered} onChange={(changed) => changeFilter(filter, changed)} />
          <AsOfChoice moment={moment} from={knownFrom} />
          {asOf !== null && 'position' in asOf && <p className="hint">{pageTexts.noRejectionsAtPosition}</p>}
        </>
      )}
      {error !== null && <UsageFailure error={error} onRetry={retry} />}
      {isPending && <Skeleton lines={8} />}
      {isEmpty && (isFiltered || moment.chosen !== null) && <p>{pageTexts.noMatch}</p>}
      {events.length > 0 && (
        <AnswerOfQuestion isAwaited={isAwaited || !moment.isSettled}>
          <ol className="events" aria-label={pageTexts.list}>
            {events.map((event) => (
              <EventRow
                key={event.kind === 'record' ? event.record.id : event.rejection.id}
                meter={meter}
                event={event}
                // Of the one that is asked for there is nothing else to see.
                isOpen={filter.identifier !== '' && events.length === 1}
                isOfPast={asOf !== null}
              />
            ))}
          </ol>
        </AnswerOfQuestion>
      )}
      <MoreButton
        label={pageTexts.older}
        className="load-older"
        isThere={hasOlder && events.length < SHOWN_EVENTS_MAX}
        isBusy={isLoadingOlder}
        onPress={loadOlder}
      />
      {hasOlder && events.length >= SHOWN_EVENTS_MAX && (
        <p className="quiet">{pageTexts.tooMany(number(events.length))}</p>
      )}
    </>
  )
}

function NoEvents({ meter }: { readonly meter: Meter }) {
  const pageTexts = usePageTexts(eventsTexts)
  return (
    <section className="empty">
      <h2>{pageTexts.none}</h2>
      <p>{pageTexts.noneHint}</p>
      <a className="button button-main" href={paths.meter(meter.id, 'integrate')}>
        {pageTexts.toIntegrate}
      </a>
    </section>
  )
}
