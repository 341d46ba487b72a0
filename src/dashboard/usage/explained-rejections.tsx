/** Events of the customer and the period that are not in the number, because the event stream refused them. */
import type { List } from '../answers.js'
import { usePageTexts, useTexts } from '../language.js'
import type { RejectedEvent } from '../meter/event-list.js'
import { eventsTexts } from '../meter/events-texts.js'
import { rejectionSentence, RejectionTag } from '../meter/rejected-event.js'
import { paths } from '../route.js'
import { utcSecond } from '../utc.js'
import { usageTexts } from './texts.js'

interface Props {
  readonly customer: string
  /** Newest first. */
  readonly rejections: List<RejectedEvent>
}

export function ExplainedRejections({ customer, rejections: { data, has_more } }: Props) {
  const texts = useTexts()
  const eventTexts = usePageTexts(eventsTexts)
  const pageTexts = usePageTexts(usageTexts)
  return (
    <section className="explained-rejections" aria-label={pageTexts.refused}>
      <h3>{pageTexts.refused}</h3>
      {data.length === 0 && !has_more && <p className="quiet">{pageTexts.noneRefused(customer)}</p>}
      {data.length > 0 && (
        <ul>
          {data.map((rejection) => (
            <li key={rejection.id}>
              <RejectionTag rejection={rejection} />{' '}
              <a href={paths.rejectionsOf(rejection.identifier)}>
                <code>{rejection.identifier}</code>
              </a>{' '}
              <span className="quiet">{pageTexts.receivedAt(utcSecond(Date.parse(rejection.received_at)))}</span>
              <br />
              {rejectionSentence(texts, eventTexts, rejection)}
            </li>
          ))}
        </ul>
      )}
      {has_more && (
        <p>
          {pageTexts.mayBeMoreRefused} <a href={paths.rejectionsOfCustomer(customer)}>{texts.rejections}</a>
        </p>
      )}
    </section>
  )
}
