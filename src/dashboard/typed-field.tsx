/**
 * A text that narrows a list: it takes effect once someone stops typing, without blanks around it. What nobody typed, an
 * address for example, keeps its blanks: they are part of the name.
 */
import { useEffect, useState } from 'react'
import { Input, Label, TextField } from 'react-aria-components'

const TYPING_MS = 300

interface Props {
  readonly label: string
  readonly value: string
  readonly onChange: (value: string) => void
  readonly isSmall?: boolean
}

export function TypedField({ label, value, onChange, isSmall = false }: Props) {
  const [typed, setTyped] = useState(value)
  const [from, setFrom] = useState(value)
  if (from !== value) {
    // Set from outside: the filters were cleared.
    setFrom(value)
    setTyped(value)
  }
  useEffect(() => {
    if (typed === value || typed.trim() === value) return
    const stopped = setTimeout(() => onChange(typed.trim()), TYPING_MS)
    return () => clearTimeout(stopped)
  })
  return (
    <TextField className={isSmall ? 'field field-small' : 'field'} value={typed} onChange={setTyped}>
      <Label>{label}</Label>
      <Input spellCheck="false" autoComplete="off" />
    </TextField>
  )
}
