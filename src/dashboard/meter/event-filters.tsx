/** What narrows the list of events. */
import { useRef } from 'react'
import { Button } from 'react-aria-components'
import { usePageTexts, useTexts } from '../language.js'
import { TypedField } from '../typed-field.js'
import { fromUtcField, utcField } from '../utc.js'
import { eventStatuses, type EventFilter, type EventStatus } from './event-list.js'
import { eventsTexts } from './events-texts.js'

export const noFilter: EventFilter = { status: 'all', customer: '', identifier: '', from: null, to: null }

interface Props {
  readonly filter: EventFilter
  readonly isFiltered: boolean
  readonly onChange: (filter: EventFilter) => void
}

export function EventFilters({ filter, isFiltered, onChange }: Props) {
  const texts = useTexts()
  const pageTexts = usePageTexts(eventsTexts)
  const fields = useRef<HTMLFieldSetElement>(null)
  const clear = (): void => {
    // The button goes.
    fields.current?.querySelector('select')?.focus()
    onChange(noFilter)
  }
  return (
    <fieldset className="event-filters" aria-label={pageTexts.filters} ref={fields}>
      <label className="field field-small">
        <span>{pageTexts.status}</span>
        <select
          value={filter.status}
          onChange={({ target }) => onChange({ ...filter, status: target.value as EventStatus })}
        >
          {eventStatuses.map((status) => (
            <option key={status} value={status}>
              {pageTexts.statuses[status]}
            </option>
          ))}
        </select>
      </label>
      <TypedField
        isSmall
        label={texts.customer}
        value={filter.customer}
        onChange={(customer) => onChange({ ...filter, customer })}
      />
      <TypedField
        isSmall
        label={texts.identifier}
        value={filter.identifier}
        onChange={(identifier) => onChange({ ...filter, identifier })}
      />
      <TimeField label={pageTexts.from} value={filter.from} onChange={(from) => onChange({ ...filter, from })} />
      <TimeField label={pageTexts.to} value={filter.to} onChange={(to) => onChange({ ...filter, to })} />
      {isFiltered && (
        <Button className="button button-quiet" onPress={clear}>
          {pageTexts.clear}
        </Button>
      )}
    </fieldset>
  )
}

interface TimeProps {
  readonly label: string
  readonly value: number | null
  readonly onChange: (value: number | null) => void
}

function TimeField({ label, value, onChange }: TimeProps) {
  return (
    <label className="field field-small">
      <span>{label}</span>
      <input
        type="datetime-local"
        step={1}
        value={value === null ? '' : utcField(value)}
        onChange={({ target }) => onChange(fromUtcField(target.value))}
      />
    </label>
  )
}
