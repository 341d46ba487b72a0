/** What the meter of the form would have made of the events recorded under its event name; the service counts. */
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { Button } from 'react-aria-components'
import { bucketStart, DAY_MS } from '../domain/time-bucket.js'
import type { PreviewOfHistory } from './answers.js'
import { FailureNotice, eventRefusalText } from './failure-notice.js'
import { useTexts } from './language.js'
import { parametersOf, type MeterForm } from './meter-form.js'
import { postJson } from './service-client.js'
import { Totals } from './totals.js'

const HISTORY_DAYS = 30

export function RecordedPreview({ form, now }: { readonly form: MeterForm; readonly now: number }) {
  const texts = useTexts()
  const [chosenWindow, setWindow] = useState<'hour' | 'day' | null>(null)
  const window = chosenWindow ?? form.window ?? 'day'
  const asked = { form, window }
  const trial = useMutation({
    mutationFn: ({ form: tried, window: by }: typeof asked) => {
      const end = bucketStart('day', now) + DAY_MS
      return postJson<PreviewOfHistory>('/meterbook/v1/meters/preview', {
        ...parametersOf({ ...tried, displayName: tried.displayName || tried.eventName }),
        history: { start_time: (end - HISTORY_DAYS * DAY_MS) / 1000, end_time: end / 1000 },
        value_grouping_window: by,
      })
    },
  })
  const hasName = form.eventName.trim() !== ''
  const isStale = trial.variables !== undefined && trial.variables.form !== form
  return (
    <>
      <p className="quiet">{texts.recordedIntro}</p>
      {!hasName && <p>{texts.recordedNeedsName}</p>}
      <Button className="button" isDisabled={!hasName || trial.isPending} onPress={() => trial.mutate(asked)}>
        {texts.tryOnRecorded}
      </Button>
      {trial.isError && <FailureNotice error={trial.error} onRetry={() => trial.mutate(asked)} />}
      {trial.data && (
        <>
          {isStale && <p className="notice">{texts.changedSince}</p>}
          {trial.data.reached && <p className="notice">{texts.incomplete(trial.data.reached.recorded_at)}</p>}
          <Totals
            customers={trial.data.customers.map(({ customer, aggregated_value_decimal: value, windows }) => ({
              customer,
              value,
              windows: windows.map((each) => ({
                start: each.start_time * 1000,
                value: each.aggregated_value_decimal,
              })),
            }))}
            window={trial.variables.window}
            onWindow={(chosen) => {
              setWindow(chosen)
              trial.mutate({ form, window: chosen })
            }}
          />
          {trial.data.has_more_customers && <p className="quiet">{texts.moreCustomers}</p>}
          {trial.data.refusals.length > 0 && (
            <section>
              <h3>{texts.refusalsOfRecorded}</h3>
              <ul>
                {trial.data.refusals.map(({ code, count, identifier, message }) => (
                  <li key={code}>
                    {eventRefusalText(texts, code, message)} ({texts.refusalCount(count, identifier)})
                  </li>
                ))}
              </ul>
            </section>
          )}
        </>
      )}
    </>
  )
}
