/** A choice of one from a list, with its label above. */
import { useId, type ReactNode } from 'react'
import { useMeters } from './meters.js'

interface Props {
  readonly label: string
  readonly value: string
  readonly onChange: (value: string) => void
  /** `<option>` elements. */
  readonly children: ReactNode
}

export function ChoiceField({ label, value, onChange, children }: Props) {
  const id = useId()
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={({ target }) => onChange(target.value)}>
        {children}
      </select>
    </div>
  )
}

/** One of the ledger's meters by its id; empty: every meter. */
export function MeterChoice({ everyMeter, ...field }: Omit<Props, 'children'> & { readonly everyMeter: string }) {
  const meters = useMeters()
  const isListed = field.value === '' || meters.data?.meters.some(({ id }) => id === field.value)
  return (
    <ChoiceField {...field}>
      <option value="">{everyMeter}</option>
      {!isListed && <option value={field.value}>{field.value}</option>}
      {meters.data?.meters.map(({ id, display_name, event_name }) => (
        <option key={id} value={id}>
          {display_name} ({event_name})
        </option>
      ))}
    </ChoiceField>
  )
}
