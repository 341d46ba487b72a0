/**
 * How far a piece of work is: a bar, how fast it goes, and how long it will take where that can be told. To be keyed by the
 * work: speed is measured from when it was first seen, and is not told before it says something.
 */
import { useState } from 'react'
import { useNumberFormat, usePageTexts } from '../language.js'
import { systemTexts } from './texts.js'

interface Props {
  readonly label: string
  readonly done: number
  /** Of the whole, from 0 to 1; null where the whole is not known. */
  readonly fraction: number | null
}

const MEASURED_SECONDS_MIN = 2

export function ProgressLine({ label, done, fraction }: Props) {
  const pageTexts = usePageTexts(systemTexts)
  const format = useNumberFormat()
  const [first] = useState(() => ({ done, fraction: fraction ?? 0, at: performance.now() }))
  const seconds = (performance.now() - first.at) / 1000
  const isMeasured = seconds >= MEASURED_SECONDS_MIN && done > first.done
  const fractionPerSecond = fraction === null || !isMeasured ? 0 : (fraction - first.fraction) / seconds
  const parts = [
    format(done),
    isMeasured ? pageTexts.perSecond(format(Math.round((done - first.done) / seconds))) : null,
    fraction === null ? null : `${Math.floor(fraction * 100)} %`,
    fraction === null || fractionPerSecond <= 0
      ? null
      : pageTexts.left(format(Math.ceil((1 - fraction) / fractionPerSecond))),
  ]
  return (
    <div className="progress">
      <progress aria-label={label} max={1} {...(fraction === null ? {} : { value: fraction })} />
      <p>
        {label}: {parts.filter((part) => part !== null).join(' · ')}
      </p>
    </div>
  )
}
