/** Whose usage is shown: everyone's, or that of the customer whose exact name is entered. */
import { useEffect, useRef, useState } from 'react'
import { Button } from 'react-aria-components'
import { usePageTexts } from '../language.js'
import { overviewTexts } from './texts.js'

interface Props {
  /** null: all of them. */
  readonly customer: string | null
  readonly onCustomer: (customer: string | null) => void
}

export function CustomerField({ customer, onCustomer }: Props) {
  const texts = usePageTexts(overviewTexts)
  const [text, setText] = useState(customer ?? '')
  const [from, setFrom] = useState(customer)
  if (from !== customer) {
    setFrom(customer)
    setText(customer ?? '')
  }
  const field = useRef<HTMLInputElement>(null)
  const last = useRef(customer)
  useEffect(() => {
    // The button that chose may have gone.
    if (last.current !== customer && document.activeElement === document.body)
      field.current?.focus({ preventScroll: true })
    last.current = customer
  }, [customer])
  return (
    <form
      className="usage-choices"
      onSubmit={(event) => {
        event.preventDefault()
        // The blanks of a name that nobody typed are part of it.
        const name = text === customer ? text : text.trim()
        onCustomer(name === '' ? null : name)
      }}
    >
      <label className="field">
        <span>{texts.customer}</span>
        <input
          ref={field}
          type="text"
          value={text}
          placeholder={texts.allCustomers}
          autoComplete="off"
          spellCheck={false}
          onChange={({ target }) => setText(target.value)}
        />
      </label>
      <Button className="button" type="submit">
        {texts.show}
      </Button>
      {customer !== null && (
        <Button className="button button-quiet" onPress={() => onCustomer(null)}>
          {texts.allCustomers}
        </Button>
      )}
    </form>
  )
}
