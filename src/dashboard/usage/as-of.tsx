/** Chooses the moment whose knowledge is shown: what had been received by then, or up to a place in the log. */
import { useId, useRef, useState } from 'react'
import { Button } from 'react-aria-components'
import { usePageTexts } from '../language.js'
import { fromUtcField, utcField, utcSecond } from '../utc.js'
import { asOfTexts } from './as-of-texts.js'
import type { Moment } from './moment.js'
import type { AsOf } from './usage-answers.js'
import './usage.css'

interface Props {
  readonly moment: Moment
  /** Milliseconds since the epoch: before it there was nothing to know. A slider begins there; without it there is none. */
  readonly from?: number
}

/** Moments the slider knows, if that is no less than a second each. */
const STEPS = 1_000

export function AsOfChoice({ moment, from }: Props) {
  const texts = usePageTexts(asOfTexts)
  const { chosen, choose, chooseAtOnce } = moment
  const shown = asOfText(texts, chosen)
  const fields = useRef<HTMLDivElement>(null)
  const backToNow = (): void => {
    // The button goes.
    fields.current?.querySelector('input')?.focus()
    chooseAtOnce(null)
  }
  return (
    <fieldset className="as-of">
      <legend>{texts.asOf}</legend>
      {from !== undefined && <Slider from={from} asOf={chosen} shown={shown} onAsOf={choose} />}
      <div className="as-of-fields" ref={fields}>
        <InstantField from={from ?? 0} asOf={chosen} onAsOf={choose} />
        <PositionField asOf={chosen} onAsOf={chooseAtOnce} />
        {chosen !== null && (
          <Button className="button button-quiet" onPress={backToNow}>
            {texts.backToNow}
          </Button>
        )}
      </div>
      <p className={chosen === null ? 'quiet as-of-text' : 'as-of-text as-of-then'} role="status">
        {shown}
      </p>
    </fieldset>
  )
}

interface FieldProps {
  readonly asOf: AsOf
  readonly onAsOf: (asOf: AsOf) => void
}

function Slider({ from, asOf, shown, onAsOf }: FieldProps & { readonly from: number; readonly shown: string }) {
  const texts = usePageTexts(asOfTexts)
  const [now] = useState(() => seconds(Date.now()))
  const first = Math.min(seconds(from), now)
  return (
    <input
      type="range"
      aria-label={texts.slider}
      min={first}
      max={now}
      step={Math.max(1, Math.floor((now - first) / STEPS))}
      value={asOf !== null && 'instant' in asOf ? seconds(asOf.instant) : now}
      aria-valuetext={shown}
      onChange={({ target }) => {
        const place = Number(target.value)
        // A step before the end there may be no further one.
        onAsOf(place + Number(target.step) > now ? null : { instant: place * 1000 })
      }}
    />
  )
}

interface Typed {
  readonly text: string
  readonly instant: number | null
}

function InstantField({ from, asOf, onAsOf }: FieldProps & { readonly from: number }) {
  const texts = usePageTexts(asOfTexts)
  const id = useId()
  const [typed, setTyped] = useState<Typed | null>(null)
  const instant = asOf !== null && 'instant' in asOf ? asOf.instant : null
  const isTyped = typed !== null && (isKnown(typed.instant, from) ? typed.instant : null) === instant
  const wrong = !isTyped || typed.instant === null || isKnown(typed.instant, from) ? null : typed.instant
  return (
    <div className="field">
      <label htmlFor={id}>{texts.exact}</label>
      <input
        id={id}
        type="datetime-local"
        step={1}
        // What is not yet a moment stays as it is typed.
        value={isTyped ? typed.text : instant === null ? '' : utcField(instant)}
        aria-describedby={wrong === null ? undefined : `${id}-wrong`}
        onChange={({ target }) => {
          const written = { text: target.value, instant: fromUtcField(target.value) }
          setTyped(written)
          onAsOf(written.instant !== null && isKnown(written.instant, from) ? { instant: written.instant } : null)
        }}
      />
      {wrong !== null && (
        <span className="field-error" id={`${id}-wrong`} role="alert">
          {wrong < from ? texts.tooEarly(utcSecond(from)) : texts.notYet}
        </span>
      )}
    </div>
  )
}

function isKnown(instant: number | null, from: number): boolean {
  return instant !== null && instant >= from && instant <= Date.now()
}

function PositionField({ asOf, onAsOf }: FieldProps) {
  const texts = usePageTexts(asOfTexts)
  const id = useId()
  const shown = positionOf(asOf)
  const [typed, setTyped] = useState({ text: shown, over: shown })
  const text = typed.over === shown ? typed.text : shown
  const take = (): void => {
    const position = text.trim()
    setTyped({ text: position, over: position })
    if (position !== shown) onAsOf(position === '' ? null : { position })
  }
  return (
    <div className="field">
      <label htmlFor={id}>{texts.position}</label>
      <input
        id={id}
        type="text"
        value={text}
        autoComplete="off"
        spellCheck={false}
        title={texts.positionHint}
        onChange={({ target }) => setTyped({ text: target.value, over: shown })}
        onBlur={take}
        onKeyDown={({ key }) => {
          if (key === 'Enter') take()
        }}
      />
    </div>
  )
}

function positionOf(asOf: AsOf): string {
  return asOf !== null && 'position' in asOf ? asOf.position : ''
}

function asOfText(texts: (typeof asOfTexts)['en'], asOf: AsOf): string {
  if (asOf === null) return texts.now
  return 'instant' in asOf ? texts.at(utcSecond(asOf.instant)) : texts.atPosition(asOf.position)
}

function seconds(instant: number): number {
  return Math.floor(instant / 1000)
}
