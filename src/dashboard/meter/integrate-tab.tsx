/** How a program reports usage on this meter: to copy and run, with a line that says when the first event has arrived. */
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Input, Label, Tab, TabList, TabPanel, Tabs, TextField } from 'react-aria-components'
import type { List, Meter, UsageRecord } from '../answers.js'
import { FailureNotice } from '../failure-notice.js'
import { usePageTexts, useTexts } from '../language.js'
import { paths } from '../route.js'
import { serviceAddress } from '../service-address.js'
import { get } from '../service-client.js'
import { Snippet } from '../snippet.js'
import { utcSecond } from '../utc.js'
import { integrateTexts } from './integrate-texts.js'
import { clients, hasPath, keySnippet, needsJson, snippetsFor, type Example, type SnippetClient } from './snippets.js'

export function IntegrateTab({ meter }: { readonly meter: Meter }) {
  const pageTexts = usePageTexts(integrateTexts)
  const [example, setExample] = useState<Example>(() => firstExample(meter))
  return (
    <>
      {meter.status === 'inactive' && <p className="notice">{pageTexts.inactive}</p>}
      <p>{pageTexts.intro}</p>
      <div className="integrate">
        <ExampleFields meter={meter} example={example} onChange={setExample} />
        <Tabs className="panel integrate-steps">
          <TabList className="tabs" aria-label={pageTexts.clientList}>
            {clients.map((client) => (
              <Tab key={client} id={client} className="tab">
                {pageTexts.clients[client]}
              </Tab>
            ))}
          </TabList>
          {clients.map((client) => (
            <TabPanel key={client} id={client} className="stack">
              <Steps client={client} meter={meter} example={example} />
            </TabPanel>
          ))}
        </Tabs>
        <Arrivals meter={meter} />
      </div>
    </>
  )
}

interface StepsProps {
  readonly client: SnippetClient
  readonly meter: Meter
  readonly example: Example
}

function Steps({ client, meter, example }: StepsProps) {
  const pageTexts = usePageTexts(integrateTexts)
  const address = serviceAddress()
  const snippets = snippetsFor(client, meter, example, address)
  if (snippets === null) return <p>{hasPath(address) ? pageTexts.noPath : pageTexts.cliCannot}</p>
  const sendHint = `${needsJson(meter) ? `${pageTexts.json} ` : ''}${pageTexts.sendHints[client]}`
  const steps = [
    { title: pageTexts.keyStep, hint: pageTexts.keyHint, text: keySnippet(meter) },
    { title: pageTexts.sendStep, hint: sendHint, text: snippets.send },
    { title: pageTexts.readStep, hint: pageTexts.readHints[client], text: snippets.read },
  ]
  return steps.map(({ title, hint, text }) => (
    <section key={title}>
      <h2>{title}</h2>
      <p className="hint">{hint}</p>
      <Snippet label={title} text={text} />
    </section>
  ))
}

interface FieldsProps {
  readonly meter: Meter
  readonly example: Example
  readonly onChange: (example: Example) => void
}

function ExampleFields({ meter, example, onChange }: FieldsProps) {
  const texts = useTexts()
  const pageTexts = usePageTexts(integrateTexts)
  const { customer, value, dimensions } = example
  return (
    <section className="panel integrate-example">
      <h2>{pageTexts.example}</h2>
      <p className="hint">{pageTexts.exampleHint}</p>
      <div className="sample-fields">
        <Field label={texts.customer} value={customer} onChange={(text) => onChange({ ...example, customer: text })} />
        {meter.default_aggregation.formula !== 'count' && (
          <Field label={texts.value} value={value} onChange={(text) => onChange({ ...example, value: text })} />
        )}
        {(meter.dimension_payload_keys ?? []).map((key) => (
          <Field
            key={key}
            label={key}
            value={dimensions[key] ?? ''}
            onChange={(text) => onChange({ ...example, dimensions: { ...dimensions, [key]: text } })}
          />
        ))}
      </div>
    </section>
  )
}

interface FieldProps {
  readonly label: string
  readonly value: string
  readonly onChange: (text: string) => void
}

function Field({ label, value, onChange }: FieldProps) {
  return (
    <TextField className="field field-small" value={value} onChange={onChange}>
      <Label>{label}</Label>
      <Input spellCheck="false" autoComplete="off" />
    </TextField>
  )
}

function Arrivals({ meter }: { readonly meter: Meter }) {
  const pageTexts = usePageTexts(integrateTexts)
  const latest = useQuery({
    queryKey: ['usage', 'latest', meter.id],
    queryFn: ({ signal }) =>
      get<List<UsageRecord>>('/meterbook/v1/meter_events', { meter: meter.id, limit: 1 }, signal),
  })
  const record = latest.data?.data[0]
  return (
    <section className="panel integrate-arrivals" aria-live="polite">
      <h2>{pageTexts.arrivals}</h2>
      {latest.isError && <FailureNotice error={latest.error} onRetry={() => void latest.refetch()} />}
      {latest.isSuccess && !record && <p>{pageTexts.waiting}</p>}
      {record && (
        <>
          <p>
            {pageTexts.arrived(
              record.identifier,
              record.customer,
              record.value,
              utcSecond(Date.parse(record.recorded_at)),
            )}
          </p>
          <a href={paths.meter(meter.id, 'events')}>{pageTexts.seeEvents}</a>
        </>
      )}
    </section>
  )
}

function firstExample(meter: Meter): Example {
  const keys = meter.dimension_payload_keys ?? []
  return { customer: 'cus_alpaca', value: '25', dimensions: Object.fromEntries(keys.map((key) => [key, 'example'])) }
}
