/** Chooses the moment whose knowledge is shown: what had been received by then. */
import { useState } from 'react'
import { Button } from 'react-aria-components'
import { usePageTexts } from '../language.js'
import { utcSecond } from '../utc.js'
import { usageTexts } from './texts.js'
import './usage.css'

interface Props {
  /** Milliseconds since the epoch: before it there was nothing to know. */
  readonly from: number
  /** null: now. */
  readonly asOf: number | null
  readonly onAsOf: (asOf: number | null) => void
}

/** Moments the slider knows, if that is no less than a second each. */
const STEPS = 1_000

export function AsOfSlider({ from, asOf, onAsOf }: Props) {
  const texts = usePageTexts(usageTexts)
  const [now, setNow] = useState(() => seconds(Date.now()))
  const first = Math.min(seconds(from) + 1, now)
  const place = asOf === null ? null : seconds(asOf)
  const shown = place === null ? texts.knownNow : texts.knownAt(utcSecond(place * 1000))
  return (
    <div className="as-of">
      <label htmlFor="as-of">{texts.asOf}</label>
      <input
        id="as-of"
        type="range"
        min={first}
        max={now}
        step={Math.max(1, Math.floor((now - first) / STEPS))}
        value={place ?? now}
        aria-valuetext={shown}
        onChange={({ target }) => {
          const moment = Number(target.value)
          // A step before the end there may be no further one.
          onAsOf(moment + Number(target.step) > now ? null : moment * 1000)
        }}
      />
      <p className={place === null ? 'quiet as-of-text' : 'as-of-text as-of-then'} role="status">
        {shown}
      </p>
      {place !== null && (
        <Button
          className="button button-quiet"
          onPress={() => {
            setNow(seconds(Date.now()))
            onAsOf(null)
          }}
        >
          {texts.backToNow}
        </Button>
      )}
    </div>
  )
}

function seconds(instant: number): number {
  return Math.floor(instant / 1000)
}
