/** What became of an event that was refused, in a word and in a sentence. */
import type { Texts } from '../english.js'
import { eventRefusalText } from '../failure-notice.js'
import { usePageTexts, useTexts } from '../language.js'
import { utcSecond } from '../utc.js'
import type { RejectedEvent } from './event-list.js'
import { eventsTexts } from './events-texts.js'

type EventsTexts = (typeof eventsTexts)['en']

export function RejectionTag({ rejection }: { readonly rejection: RejectedEvent }) {
  const texts = useTexts()
  const pageTexts = usePageTexts(eventsTexts)
  if (rejection.resolved_at !== null) return <span className="tag tag-counted">{pageTexts.countedLater}</span>
  if (rejection.code === 'duplicate_meter_event') {
    return <span className="tag tag-duplicate">{texts.fates.duplicate}</span>
  }
  return <span className="tag tag-refused">{pageTexts.rejected}</span>
}

export function rejectionSentence(texts: Texts, pageTexts: EventsTexts, rejection: RejectedEvent): string {
  const { code, identifier, message, resolved_at } = rejection
  const reason = eventRefusalText(texts, code, message)
  if (resolved_at !== null) return pageTexts.resolved(utcSecond(Date.parse(resolved_at)), reason)
  if (code === 'duplicate_meter_event') return pageTexts.duplicate(identifier, reason)
  return pageTexts.refused(reason)
}
