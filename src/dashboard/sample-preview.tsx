/** Sample events to edit, the fate of each, and the totals. */
import { useState } from 'react'
import { Button, Input, Label, TextField } from 'react-aria-components'
import type { EventPreview } from '../domain/meter-preview.js'
import { problemText } from './failure-notice.js'
import { useTexts } from './language.js'
import { previewedMeter, type MeterForm } from './meter-form.js'
import { moved, nextSample, preview, SAMPLES_MAX, valueOf, type Sample } from './sample-events.js'
import { Totals } from './totals.js'

interface Props {
  readonly form: MeterForm
  readonly now: number
  readonly samples: readonly Sample[]
  readonly onChange: (samples: Sample[]) => void
}

export function SamplePreview({ form, now, samples, onChange }: Props) {
  const texts = useTexts()
  const [chosenWindow, setWindow] = useState<'hour' | 'day' | null>(null)
  const window = chosenWindow ?? form.window ?? 'day'
  const configured = previewedMeter(form, now)
  const meter = 'meter' in configured ? configured.meter : null
  const result = meter && preview(meter, samples, now, window)
  const change = (index: number, sample: Sample): void => onChange(samples.with(index, sample))
  return (
    <>
      <p className="quiet">{texts.samplesIntro}</p>
      {'problem' in configured && (
        <p className="notice notice-bad">
          {texts.settingsWrong} {problemText(texts, configured.problem)}
        </p>
      )}
      <ol className="samples">
        {samples.map((sample, index) => (
          <li key={sample.key}>
            <SampleFields
              sample={sample}
              number={index + 1}
              usesValue={form.formula !== 'count'}
              dimensionKeys={meter?.dimensionKeys ?? []}
              onChange={(changed) => change(index, changed)}
            />
            <Fate event={result?.events[index]} />
            <div className="sample-buttons">
              <Button
                className="button button-small"
                aria-label={texts.receiveEarlier(index + 1)}
                isDisabled={index === 0}
                onPress={() => onChange([...moved(samples, index, index - 1)])}
              >
                ↑
              </Button>
              <Button
                className="button button-small"
                aria-label={texts.receiveLater(index + 1)}
                isDisabled={index === samples.length - 1}
                onPress={() => onChange([...moved(samples, index, index + 1)])}
              >
                ↓
              </Button>
              <Button
                className="button button-small"
                aria-label={texts.removeSample(index + 1)}
                onPress={() => onChange(samples.toSpliced(index, 1))}
              >
                ✕
              </Button>
            </div>
          </li>
        ))}
      </ol>
      <Button
        className="button"
        isDisabled={samples.length >= SAMPLES_MAX}
        onPress={() => onChange([...samples, nextSample(samples, now)])}
      >
        {texts.addSample}
      </Button>
      {result && <Totals customers={result.customers} window={window} onWindow={setWindow} />}
    </>
  )
}

interface FieldsProps {
  readonly sample: Sample
  readonly number: number
  readonly usesValue: boolean
  readonly dimensionKeys: readonly string[]
  readonly onChange: (sample: Sample) => void
}

function SampleFields({ sample, number, usesValue, dimensionKeys, onChange }: FieldsProps) {
  const texts = useTexts()
  return (
    <fieldset className="sample-fields">
      <legend>{texts.sample(number)}</legend>
      <Field
        label={texts.identifier}
        value={sample.identifier}
        onChange={(identifier) => onChange({ ...sample, identifier })}
      />
      <Field
        label={texts.customer}
        value={sample.customer}
        onChange={(customer) => onChange({ ...sample, customer })}
      />
      <Field
        label={texts.time}
        type="datetime-local"
        value={sample.time}
        onChange={(time) => onChange({ ...sample, time })}
      />
      {usesValue && (
        <Field label={texts.value} value={sample.value} onChange={(value) => onChange({ ...sample, value })} />
      )}
      {dimensionKeys.map((key) => (
        <Field
          key={key}
          label={key}
          value={valueOf(sample, key)}
          onChange={(text) =>
            onChange({ ...sample, dimensions: Object.fromEntries([...Object.entries(sample.dimensions), [key, text]]) })
          }
        />
      ))}
    </fieldset>
  )
}

interface FieldProps {
  readonly label: string
  readonly value: string
  readonly type?: 'text' | 'datetime-local'
  readonly onChange: (text: string) => void
}

function Field({ label, value, type = 'text', onChange }: FieldProps) {
  return (
    <TextField className="field field-small" value={value} onChange={onChange} type={type}>
      <Label>{label}</Label>
      <Input spellCheck="false" autoComplete="off" {...(type === 'text' ? {} : { step: 1 })} />
    </TextField>
  )
}

function Fate({ event }: { readonly event: EventPreview | undefined }) {
  const texts = useTexts()
  if (!event) return null
  return (
    <p className="fate">
      <span className={`tag tag-${event.fate.code}`}>{texts.fates[event.fate.code]}</span>{' '}
      {texts.fateReason(event.fate, event.contribution)}
    </p>
  )
}
