/** One event of a meter: when, what, whose, and in one sentence what became of it. */
import { useState, type ReactNode } from 'react'
import type { Meter } from '../answers.js'
import type { Texts } from '../english.js'
import { eventRefusalText } from '../failure-notice.js'
import { usePageTexts, useTexts } from '../language.js'
import { paths, useAddressQuery } from '../route.js'
import { useMayChange } from '../session.js'
import { utcDay, utcMinute, utcSecond } from '../utc.js'
import { bucketStart } from '../../domain/time-bucket.js'
import { carriedQuery } from '../usage/address.js'
import { CancelEvent, isCancellable } from './cancel-event.js'
import { RecordDetails, RejectionDetails } from './event-details.js'
import { eventsTexts } from './events-texts.js'
import { payloadOf, type ListedRecord, type MeterEvent, type RejectedEvent } from './event-list.js'

type EventsTexts = (typeof eventsTexts)['en']

interface Props {
  readonly meter: Meter
  readonly event: MeterEvent
  /** As it was at an earlier moment: nothing can be done with it. */
  readonly isOfPast: boolean
}

export function EventRow({ meter, event, isOfPast }: Props) {
  const texts = useTexts()
  const pageTexts = usePageTexts(eventsTexts)
  const mayChange = useMayChange() && !isOfPast
  const same = { ...carriedQuery(useAddressQuery()), customer: undefined }
  const isRecord = event.kind === 'record'
  const { identifier } = isRecord ? event.record : event.rejection
  const payload = isRecord ? event.record.payload : payloadOf(event.rejection)
  const customer = payload[meter.customer_mapping.event_payload_key]
  const value = isRecord ? event.record.value : (payload[meter.value_settings.event_payload_key] ?? null)
  return (
    <li className="event">
      <div className="event-head">
        <time className="instant" dateTime={new Date(event.at).toISOString()}>
          {utcSecond(event.at)}
        </time>
        <Status event={event} />
        <code>{identifier}</code>
        {customer !== undefined && <a href={paths.customer(customer, same)}>{customer}</a>}
        {value !== null && <strong className="event-value">{value}</strong>}
        {(meter.dimension_payload_keys ?? [])
          .filter((key) => Object.hasOwn(payload, key))
          .map((key) => (
            <span key={key} className="quiet">
              {key}: {payload[key]}
            </span>
          ))}
      </div>
      <div className="event-foot">
        <p className="event-sentence">
          {isRecord
            ? recordSentence(pageTexts, meter, event.record)
            : rejectionSentence(texts, pageTexts, event.rejection)}
        </p>
        {isRecord && mayChange && isCancellable(event.record) && <CancelEvent meter={meter} record={event.record} />}
        <Details label={pageTexts.details} description={pageTexts.detailsOf(identifier)}>
          {() =>
            isRecord ? <RecordDetails record={event.record} /> : <RejectionDetails rejection={event.rejection} />
          }
        </Details>
      </div>
    </li>
  )
}

interface DetailsProps {
  readonly label: string
  readonly description: string
  readonly children: () => ReactNode
}

/** What is inside is made only once it is opened. */
function Details({ label, description, children }: DetailsProps) {
  const [isOpen, setOpen] = useState(false)
  return (
    <details className="event-details" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary aria-label={description}>{label}</summary>
      {isOpen && children()}
    </details>
  )
}

function Status({ event }: { readonly event: MeterEvent }) {
  const texts = useTexts()
  const pageTexts = usePageTexts(eventsTexts)
  if (event.kind === 'record') {
    const { code } = event.record.fate
    return <span className={`tag tag-${code}`}>{texts.fates[code]}</span>
  }
  if (event.rejection.resolved_at !== null) return <span className="tag tag-counted">{pageTexts.countedLater}</span>
  if (event.rejection.code === 'duplicate_meter_event') {
    return <span className="tag tag-duplicate">{texts.fates.duplicate}</span>
  }
  return <span className="tag tag-refused">{pageTexts.rejected}</span>
}

function recordSentence(pageTexts: EventsTexts, meter: Meter, record: ListedRecord): string {
  const { fate, customer } = record
  const formula = meter.default_aggregation.formula
  const window = meter.event_time_window
  const occurredAt = Date.parse(record.occurred_at)
  const by = fate.by?.slice(record.meter.length + 1) ?? ''
  const hasDimensions = meter.dimension_payload_keys !== null
  switch (fate.code) {
    case 'counted': {
      const isOfDay = formula === 'last' || window === 'day'
      const when = isOfDay ? utcDay(occurredAt) : utcMinute(bucketStart('hour', occurredAt))
      return pageTexts.counted({ customer, contribution: fate.contribution, formula, window, when, hasDimensions })
    }
    case 'overwritten':
      return pageTexts.overwritten(by, window ?? 'day', hasDimensions)
    case 'not_last':
      return pageTexts.notLast(by, utcDay(occurredAt), hasDimensions)
    case 'cancelled':
      return pageTexts.cancelled(utcSecond(Date.parse(record.cancelled_at ?? record.recorded_at)))
  }
}

function rejectionSentence(texts: Texts, pageTexts: EventsTexts, rejection: RejectedEvent): string {
  const { code, identifier, message, resolved_at } = rejection
  const reason = eventRefusalText(texts, code, message)
  if (resolved_at !== null) return pageTexts.resolved(utcSecond(Date.parse(resolved_at)), reason)
  if (code === 'duplicate_meter_event') return pageTexts.duplicate(identifier, reason)
  return pageTexts.refused(reason)
}
