/** What narrows the list of events. Texts take effect once someone stops typing. */
import { useEffect, useState } from 'react'
import { Button, Input, Label, TextField } from 'react-aria-components'
import { usePageTexts, useTexts } from '../language.js'
import { fromUtcField, utcField } from '../utc.js'
import { eventStatuses, type EventFilter, type EventStatus } from './event-list.js'
import { eventsTexts } from './events-texts.js'

const TYPING_MS = 300

export const noFilter: EventFilter = { status: 'all', customer: '', identifier: '', from: null, to: null }

interface Props {
  readonly filter: EventFilter
  readonly isFiltered: boolean
  readonly onChange: (filter: EventFilter) => void
}

export function EventFilters({ filter, isFiltered, onChange }: Props) {
  const texts = useTexts()
  const pageTexts = usePageTexts(eventsTexts)
  return (
    <fieldset className="event-filters" aria-label={pageTexts.filters}>
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
        label={texts.customer}
        value={filter.customer}
        onChange={(customer) => onChange({ ...filter, customer })}
      />
      <TypedField
        label={texts.identifier}
        value={filter.identifier}
        onChange={(identifier) => onChange({ ...filter, identifier })}
      />
      <TimeField label={pageTexts.from} value={filter.from} onChange={(from) => onChange({ ...filter, from })} />
      <TimeField label={pageTexts.to} value={filter.to} onChange={(to) => onChange({ ...filter, to })} />
      {isFiltered && (
        <Button className="button button-quiet" onPress={() => onChange(noFilter)}>
          {pageTexts.clear}
        </Button>
      )}
    </fieldset>
  )
}

interface FieldProps<Value> {
  readonly label: string
  readonly value: Value
  readonly onChange: (value: Value) => void
}

function TypedField({ label, value, onChange }: FieldProps<string>) {
  const [typed, setTyped] = useState(value)
  const [from, setFrom] = useState(value)
  if (from !== value) {
    // Set from outside: the filters were cleared.
    setFrom(value)
    setTyped(value)
  }
  useEffect(() => {
    if (typed.trim() === value) return
    const stopped = setTimeout(() => onChange(typed.trim()), TYPING_MS)
    return () => clearTimeout(stopped)
  })
  return (
    <TextField className="field field-small" value={typed} onChange={setTyped}>
      <Label>{label}</Label>
      <Input spellCheck="false" autoComplete="off" />
    </TextField>
  )
}

function TimeField({ label, value, onChange }: FieldProps<number | null>) {
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
