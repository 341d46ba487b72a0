/** One event of a meter: when, what, whose, and in one sentence what became of it. */
import { useRef, useState, type ReactNode } from 'react'
import type { Meter } from '../answers.js'
import { usePageTexts, useTexts } from '../language.js'
import { paths, useAddressQuery } from '../route.js'
import { useMayChange } from '../session.js'
import { utcDay, utcMinute, utcSecond } from '../utc.js'
import { bucketStart } from '../../domain/time-bucket.js'
import { carriedQuery } from '../usage/address.js'
import { CancelEvent } from './cancel-event.js'
import { RecordDetails, RejectionDetails } from './event-details.js'
import { eventsTexts } from './events-texts.js'
import { payloadOf, type ListedRecord, type MeterEvent } from './event-list.js'
import { rejectionSentence, RejectionTag } from './rejected-event.js'

type EventsTexts = (typeof eventsTexts)['en']

interface Props {
  readonly meter: Meter
  readonly event: MeterEvent
  /** Whether its details are shown from the beginning. */
  readonly isOpen: boolean
  /** As it was at an earlier moment: nothing can be done with it. */
  readonly isOfPast: boolean
}

export function EventRow({ meter, event, isOpen, isOfPast }: Props) {
  const texts = useTexts()
  const pageTexts = usePageTexts(eventsTexts)
  const mayChange = useMayChange() && !isOfPast
  const row = useRef<HTMLLIElement>(null)
  const same = { ...carriedQuery(useAddressQuery()), customer: undefined }
  const isRecord = event.kind === 'record'
  const { identifier } = isRecord ? event.record : event.rejection
  const payload = isRecord ? event.record.payload : payloadOf(event.rejection)
  const customer = payload[meter.customer_mapping.event_payload_key]
  const value = isRecord ? event.record.value : (payload[meter.value_settings.event_payload_key] ?? null)
  return (
    <li ref={row} className="event" tabIndex={-1}>
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
        {isRecord && mayChange && (
          <CancelEvent meter={meter} record={event.record} onFocusLost={() => row.current?.focus()} />
        )}
        <Details label={pageTexts.details} description={pageTexts.detailsOf(identifier)} isOpenFirst={isOpen}>
          {() =>
            isRecord ? (
              <RecordDetails record={event.record} isOfPast={isOfPast} />
            ) : (
              <RejectionDetails rejection={event.rejection} />
            )
          }
        </Details>
      </div>
    </li>
  )
}

interface DetailsProps {
  readonly label: string
  readonly description: string
  readonly isOpenFirst: boolean
  readonly children: () => ReactNode
}

/** What is inside is made only once it is opened. */
function Details({ label, description, isOpenFirst, children }: DetailsProps) {
  const [isOpen, setOpen] = useState(isOpenFirst)
  return (
    <details className="event-details" open={isOpenFirst} onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary aria-label={description}>{label}</summary>
      {isOpen && children()}
    </details>
  )
}

function Status({ event }: { readonly event: MeterEvent }) {
  const texts = useTexts()
  if (event.kind === 'record') {
    const { code } = event.record.fate
    return <span className={`tag tag-${code}`}>{texts.fates[code]}</span>
  }
  return <RejectionTag rejection={event.rejection} />
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
