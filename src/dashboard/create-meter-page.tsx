/** The form of a new meter, with a preview beside it. */
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import {
  Button,
  FieldError,
  Form,
  Input,
  Label,
  Radio,
  RadioGroup,
  Text,
  TextField,
  type TextFieldProps,
} from 'react-aria-components'
import { formulaNames, isFormulaName } from '../domain/aggregation.js'
import type { Meter } from './answers.js'
import { busyClass } from './busy-class.js'
import { FailureNotice, problemText } from './failure-notice.js'
import { useTexts } from './language.js'
import { emptyForm, meterOf, parametersOf, problemOf, type MeterForm, type Problem } from './meter-form.js'
import { metersKey } from './meters.js'
import { PageHeading } from './page-heading.js'
import { PreviewPane } from './preview-pane.js'
import { goTo, paths } from './route.js'
import { Failure, newIdempotencyKey, postForm } from './service-client.js'
import { useMayChange } from './session.js'

const ingestions = ['raw', 'hour', 'day'] as const

export function CreateMeterPage() {
  const texts = useTexts()
  const client = useQueryClient()
  const mayChange = useMayChange()
  const [now] = useState(() => Date.now())
  const [form, setForm] = useState(emptyForm)
  const [problem, setProblem] = useState<Problem | null>(null)
  // One for each form that is sent: sent again after a lost answer it makes one meter, changed it is another request.
  const [idempotencyKey, setIdempotencyKey] = useState(newIdempotencyKey)
  const creation = useMutation({
    mutationFn: () => postForm<Meter>('/v1/billing/meters', parametersOf(form), idempotencyKey),
    onSuccess: async (meter) => {
      await client.invalidateQueries({ queryKey: metersKey })
      // What comes next is the first event.
      goTo(paths.meter(meter.id, 'integrate'))
    },
    onError: (error) => {
      const found = error instanceof Failure ? problemOf(error) : null
      setProblem(found?.field ? found : null)
    },
  })
  const fields = useRef<HTMLFormElement>(null)
  useEffect(() => {
    if (problem !== null) fields.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus()
  }, [problem])
  const change = (changed: Partial<MeterForm>): void => {
    setForm({ ...form, ...changed })
    setIdempotencyKey(newIdempotencyKey())
    setProblem(null)
    creation.reset()
  }
  const submit = (): void => {
    if (creation.isPending) return
    const configured = meterOf(form, now)
    if ('problem' in configured) return setProblem(configured.problem)
    creation.mutate()
  }
  const problemAt = (field: keyof MeterForm): string | null =>
    problem?.field === field ? problemText(texts, problem) : null
  const textField = (field: 'displayName' | 'eventName' | 'valueKey' | 'customerKey' | 'dimensions') => ({
    value: form[field],
    onChange: (text: string) => change({ [field]: text }),
    problem: problemAt(field),
  })
  return (
    <>
      <PageHeading title={texts.createMeter} />
      {!mayChange && <p className="notice">{texts.readOnlyHint}</p>}
      <div className="columns">
        <Form
          ref={fields}
          className="panel stack"
          validationBehavior="aria"
          onSubmit={(event) => {
            event.preventDefault()
            submit()
          }}
        >
          <FormField label={texts.meterName} hint={texts.meterNameHint} {...textField('displayName')} autoFocus />
          <FormField label={texts.eventName} hint={texts.eventNameHint} {...textField('eventName')} />
          <Choices
            label={texts.aggregation}
            value={form.formula}
            options={formulaNames}
            names={texts.formulas}
            hints={texts.formulaHints}
            onChange={(formula) => isFormulaName(formula) && change({ formula })}
          />
          <details className="advanced" open={isAdvanced(problem)}>
            <summary>{texts.advanced}</summary>
            <div className="stack">
              <Choices
                label={texts.ingestion}
                value={form.window ?? 'raw'}
                options={ingestions}
                names={texts.ingestions}
                hints={texts.ingestionHints}
                onChange={(window) => change({ window: window === 'hour' || window === 'day' ? window : null })}
              />
              <FormField label={texts.valueKey} hint={texts.valueKeyHint} {...textField('valueKey')} />
              <FormField label={texts.customerKey} hint={texts.customerKeyHint} {...textField('customerKey')} />
              <FormField label={texts.dimensions} hint={texts.dimensionsHint} {...textField('dimensions')} />
            </div>
          </details>
          <p className="notice">{texts.permanent}</p>
          {creation.isError && problem === null && <FailureNotice error={creation.error} onRetry={submit} />}
          {mayChange && (
            <div className="buttons">
              <Button type="submit" className={`button button-main ${busyClass(creation.isPending)}`}>
                {creation.isPending ? texts.creating : texts.createMeter}
              </Button>
              <a className="button" href={paths.meters}>
                {texts.cancel}
              </a>
            </div>
          )}
        </Form>
        <PreviewPane form={form} now={now} />
      </div>
    </>
  )
}

function isAdvanced(problem: Problem | null): boolean | undefined {
  return problem !== null && ['window', 'valueKey', 'customerKey', 'dimensions'].includes(problem.field ?? '')
    ? true
    : undefined
}

interface FormFieldProps extends TextFieldProps {
  readonly label: string
  readonly hint: string
  readonly problem: string | null
}

function FormField({ label, hint, problem, ...field }: FormFieldProps) {
  return (
    <TextField className="field" isInvalid={problem !== null} {...field}>
      <Label>{label}</Label>
      <Input spellCheck="false" autoComplete="off" />
      <Text slot="description" className="hint">
        {hint}
      </Text>
      <FieldError className="field-error">{problem}</FieldError>
    </TextField>
  )
}

interface ChoicesProps<Option extends string> {
  readonly label: string
  readonly value: Option
  readonly options: readonly Option[]
  readonly names: Readonly<Record<Option, string>>
  readonly hints: Readonly<Record<Option, string>>
  readonly onChange: (option: string) => void
}

function Choices<Option extends string>({ label, value, options, names, hints, onChange }: ChoicesProps<Option>) {
  return (
    <RadioGroup className="choices" value={value} onChange={onChange}>
      <Label>{label}</Label>
      {options.map((option) => (
        <Radio key={option} value={option} className="choice">
          <span className="choice-mark" aria-hidden="true" />
          <span>
            <strong>{names[option]}</strong>
            <span className="hint">{hints[option]}</span>
          </span>
        </Radio>
      ))}
    </RadioGroup>
  )
}
