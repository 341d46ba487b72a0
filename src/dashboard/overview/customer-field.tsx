/** Whose usage is shown: everyone's, or that of the customer whose exact name is entered. */
import { useState } from 'react'
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
