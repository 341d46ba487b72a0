/** How far a long piece of work is: a bar, how fast it goes, and how long it will take where that can be told. */
import { useNumberFormat, usePageTexts } from '../language.js'
import { systemTexts } from './texts.js'

interface Props {
  readonly label: string
  readonly done: number
  /** Of the whole, from 0 to 1; null where the whole is not known. */
  readonly fraction: number | null
  readonly elapsedSeconds: number
}

export function ProgressLine({ label, done, fraction, elapsedSeconds }: Props) {
  const pageTexts = usePageTexts(systemTexts)
  const format = useNumberFormat()
  const perSecond = elapsedSeconds > 0 ? Math.round(done / elapsedSeconds) : 0
  const secondsLeft = fraction !== null && fraction > 0 ? (elapsedSeconds * (1 - fraction)) / fraction : null
  return (
    <div className="progress">
      <progress aria-label={label} max={1} {...(fraction === null ? {} : { value: fraction })} />
      <p>
        {label}: {pageTexts.done(format(done), format(perSecond))}
        {fraction !== null && ` · ${Math.floor(fraction * 100)} %`}
        {secondsLeft !== null && ` · ${pageTexts.left(format(Math.ceil(secondsLeft)))}`}
      </p>
    </div>
  )
}
