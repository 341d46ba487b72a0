/** What an audit is about: everything, or a meter, a customer, an interval. */
import { useState } from 'react'
import { Button, FieldError, Form, Input, Label, TextField } from 'react-aria-components'
import { busyClass } from '../busy-class.js'
import { MeterChoice } from '../choice-field.js'
import { usePageTexts } from '../language.js'
import type { Parameters } from '../service-client.js'
import { fromUtcField } from '../utc.js'
import { systemTexts } from './texts.js'

interface Props {
  readonly isBusy: boolean
  readonly onBegin: (selection: Parameters) => void
}

export function AuditForm({ isBusy, onBegin }: Props) {
  const pageTexts = usePageTexts(systemTexts)
  const [meter, setMeter] = useState('')
  const [customer, setCustomer] = useState('')
  const [from, setFrom] = useState('')
  const [to, setTo] = useState('')
  const isBackwards = from !== '' && to !== '' && from >= to
  const begin = (): void =>
    onBegin({
      ...(meter === '' ? {} : { meter }),
      ...(customer.trim() === '' ? {} : { customer: customer.trim() }),
      timestamp: { gte: secondsOf(from), lt: secondsOf(to) },
    })
  return (
    <Form
      className="filters"
      validationBehavior="aria"
      onSubmit={(event) => {
        event.preventDefault()
        if (!isBackwards && !isBusy) begin()
      }}
    >
      <MeterChoice label={pageTexts.meter} everyMeter={pageTexts.everyMeter} value={meter} onChange={setMeter} />
      <TextField className="field" value={customer} onChange={setCustomer}>
        <Label>{pageTexts.customer}</Label>
        <Input placeholder={pageTexts.everyCustomer} spellCheck="false" autoComplete="off" />
      </TextField>
      <TextField className="field" type="datetime-local" value={from} onChange={setFrom}>
        <Label>{pageTexts.from}</Label>
        <Input />
      </TextField>
      <TextField className="field" type="datetime-local" value={to} onChange={setTo} isInvalid={isBackwards}>
        <Label>{pageTexts.to}</Label>
        <Input />
        <FieldError className="field-error">{pageTexts.toAfterFrom}</FieldError>
      </TextField>
      <Button type="submit" className={`button button-main ${busyClass(isBusy)}`}>
        {isBusy ? pageTexts.auditing : pageTexts.beginAudit}
      </Button>
    </Form>
  )
}

/** Unix seconds of what was typed; an empty field is no bound. */
function secondsOf(field: string): number | undefined {
  const instant = fromUtcField(field)
  return instant === null ? undefined : Math.floor(instant / 1000)
}
