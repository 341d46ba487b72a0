/** Takes one event out of the count, after asking; within 24 hours of its receipt. */
import { useEffect, useRef, useState } from 'react'
import { ActionDialog } from '../action-dialog.js'
import { CANCELLATION_WINDOW_MS } from '../../domain/usage-record.js'
import type { Meter } from '../answers.js'
import { usePageTexts } from '../language.js'
import { newIdempotencyKey, postForm } from '../service-client.js'
import { eventsTexts } from './events-texts.js'
import type { ListedRecord } from './event-list.js'

/** By this browser's clock: the service decides. */
export function isCancellable(record: ListedRecord): boolean {
  return record.status === 'recorded' && Date.now() - Date.parse(record.recorded_at) <= CANCELLATION_WINDOW_MS
}

interface Props {
  readonly meter: Meter
  readonly record: ListedRecord
  /** The button has gone, and the focus with it. */
  readonly onFocusLost: () => void
}

/** There while the event can be cancelled, and until a dialog that is open about it is closed. */
export function CancelEvent({ meter, record, onFocusLost }: Props) {
  const pageTexts = usePageTexts(eventsTexts)
  const [isOpen, setOpen] = useState(false)
  const isShown = isOpen || isCancellable(record)
  const wasShown = useRef(isShown)
  useEffect(() => {
    const isGone = wasShown.current && !isShown
    wasShown.current = isShown
    if (!isGone) return
    // A dialog that closes has the rest of the page out of reach until all effects have run.
    requestAnimationFrame(() => {
      if (document.activeElement === document.body) onFocusLost()
    })
  })
  if (!isShown) return null
  const { identifier, customer, fate } = record
  const window = meter.event_time_window
  const means = [...pageTexts.cancelMeans(identifier, customer, fate.contribution)]
  if (fate.code === 'overwritten') means.push(pageTexts.cancelOverwritten)
  else if (window !== null) means.push(pageTexts.cancelWindowed(window))
  else if (meter.default_aggregation.formula === 'last') means.push(pageTexts.cancelLast)
  const run = (): Promise<unknown> =>
    postForm(
      '/v1/billing/meter_event_adjustments',
      { event_name: record.event_name, type: 'cancel', cancel: { identifier } },
      newIdempotencyKey(),
    )
  return (
    <ActionDialog
      label={pageTexts.cancel}
      description={pageTexts.cancelOf(identifier)}
      title={pageTexts.cancelTitle}
      action={pageTexts.cancelAction}
      isDangerous
      isSmall
      run={run}
      changes={['usage']}
      onOpenChange={setOpen}
      isOver={record.status === 'cancelled' ? pageTexts.cancelledMeanwhile : null}
    >
      <ul>
        {means.map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
    </ActionDialog>
  )
}
