/** Leads to the page of a customer whose name one knows. */
import { useState } from 'react'
import { Button } from 'react-aria-components'
import { usePageTexts } from '../language.js'
import { goTo, paths } from '../route.js'
import { customerTexts } from './texts.js'
import './find-customer.css'

export function FindCustomer() {
  const texts = usePageTexts(customerTexts)
  const [customer, setCustomer] = useState('')
  return (
    <form
      className="find-customer"
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        const name = customer.trim()
        if (name !== '') goTo(paths.customer(name))
      }}
    >
      <label className="field">
        <span>{texts.find}</span>
        <input
          type="text"
          value={customer}
          placeholder={texts.findHint}
          autoComplete="off"
          spellCheck={false}
          onChange={({ target }) => setCustomer(target.value)}
        />
      </label>
      <Button className="button" type="submit">
        {texts.open}
      </Button>
    </form>
  )
}
