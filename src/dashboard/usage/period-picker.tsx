/** Chooses the period: a preset, or from and to in UTC. */
import { usePageTexts } from '../language.js'
import { utcMinute } from '../utc.js'
import { periodOf, presets, type Interval, type Period, type Preset } from './period.js'
import { usageTexts } from './texts.js'
import './usage.css'

interface Props {
  readonly period: Period
  /** What the period comes to; null where it is none. */
  readonly interval: Interval | null
  readonly onPeriod: (period: Period) => void
}

export function PeriodPicker({ period, interval, onPeriod }: Props) {
  const texts = usePageTexts(usageTexts)
  const choose = (preset: Preset): void =>
    // What was shown is where a custom period begins.
    onPeriod(preset === 'custom' ? { ...period, preset } : periodOf(preset, Date.now()))
  return (
    <div className="usage-period">
      <fieldset className="segments">
        <legend>{texts.period}</legend>
        {presets.map((preset) => (
          <label key={preset} className="segment">
            <input type="radio" name="period" checked={period.preset === preset} onChange={() => choose(preset)} />
            <span>{texts.presets[preset]}</span>
          </label>
        ))}
      </fieldset>
      {period.preset === 'custom' && (
        <div className="usage-dates">
          <label className="field">
            <span>{texts.from}</span>
            <input
              type="datetime-local"
              value={period.from}
              onChange={({ target }) => onPeriod({ ...period, from: target.value })}
            />
          </label>
          <label className="field">
            <span>{texts.to}</span>
            <input
              type="datetime-local"
              value={period.to}
              onChange={({ target }) => onPeriod({ ...period, to: target.value })}
            />
          </label>
        </div>
      )}
      {interval === null ? (
        <p className="field-error" role="alert">
          {texts.noPeriod}
        </p>
      ) : (
        period.preset !== 'all' && <p className="quiet usage-interval">{intervalText(interval)}</p>
      )}
    </div>
  )
}

export function intervalText({ start, end }: Interval): string {
  return `${utcMinute(start)} – ${utcMinute(end)} UTC`
}
