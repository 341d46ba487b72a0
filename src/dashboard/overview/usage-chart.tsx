/**
 * A bar for each hour or day, stacked by group. What is drawn is rounded; what is said is the exact text. By keyboard the
 * chart is one control: arrows go from bar to bar, Enter explains the one that is reached.
 */
import { useState, type KeyboardEvent } from 'react'
import { Bar, BarChart, CartesianGrid, Rectangle, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts'
import { bucketMs } from '../../domain/time-bucket.js'
import { usePageTexts, useTexts } from '../language.js'
import { groupName } from '../usage/group-name.js'
import type { Interval } from '../usage/period.js'
import { usageTexts } from '../usage/texts.js'
import type { GroupSum, MeterUsage, WindowUsage } from '../usage/usage-answers.js'
import { overviewTexts } from './texts.js'
import { barName, groupOf } from './usage-table.js'

interface Props {
  readonly usage: MeterUsage
  readonly interval: Interval
  readonly size: 'hour' | 'day'
  /** Start of the bar that is explained, in milliseconds. */
  readonly bar: number | null
  readonly onBar: (start: number) => void
}

interface Place {
  readonly start: number
  readonly name: string
  readonly window: WindowUsage | undefined
  /** One for each part, or one in all. */
  readonly heights: readonly number[]
}

/** Groups with a colour of their own; the table has the others one by one. */
const COLOURED_GROUPS = 5
const HEIGHT_PX = 280
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 2 })
/** Below 1, where two decimals would say too little, and far below, where there is no room for all the zeros. */
const small = new Intl.NumberFormat('en', { maximumSignificantDigits: 2 })
const tiny = new Intl.NumberFormat('en', { notation: 'scientific', maximumSignificantDigits: 2 })
const SMALL_BELOW = 1
const TINY_BELOW = 0.001

export function UsageChart({ usage, interval, size, bar, onBar }: Props) {
  const texts = useTexts()
  const pageTexts = usePageTexts(overviewTexts)
  const shared = usePageTexts(usageTexts)
  const [reached, setReached] = useState<number | null>(null)
  const parts = usage.groups.length === 0 ? null : usage.groups.slice(0, COLOURED_GROUPS)
  const hasOthers = parts !== null && usage.groups.length > parts.length
  const names =
    parts === null
      ? [texts.value]
      : [...parts.map((part) => groupName(part, shared)), ...(hasOthers ? [shared.others] : [])]
  const places = placesOf(usage, interval, size, parts)
  const at = Math.max(
    0,
    places.findIndex(({ start }) => start === (reached ?? bar)),
  )
  const valueText = ({ name, window }: Place): string => `${name}: ${window?.aggregated_value_decimal ?? '0'}`
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = steps[event.key]
    if (event.key === 'Enter' || event.key === ' ') {
      const place = places[at]
      if (place?.window) onBar(place.start)
    } else if (step)
      setReached(places[Math.min(places.length - 1, Math.max(0, step(at, places.length)))]?.start ?? null)
    else return
    event.preventDefault()
  }
  const marked = reached ?? bar
  const axis = axisFormat(places)
  const current = places[at]
  return (
    <>
      <div
        className="chart"
        role="slider"
        tabIndex={0}
        aria-label={pageTexts.chartControl}
        aria-orientation="horizontal"
        aria-valuemin={0}
        aria-valuemax={places.length - 1}
        aria-valuenow={at}
        aria-valuetext={current && valueText(current)}
        onKeyDown={onKeyDown}
        // Focus is for the keyboard: taken by a mouse, it would draw the bars anew between the press and its release.
        onMouseDown={(event) => event.preventDefault()}
        onFocus={() => setReached((start) => start ?? bar ?? usage.windows.at(-1)!.start_time * 1000)}
        onBlur={() => setReached(null)}
      >
        <ResponsiveContainer width="100%" height={HEIGHT_PX}>
          <BarChart
            data={places}
            stackOffset="sign"
            accessibilityLayer={false}
            margin={{ top: 8, right: 8, bottom: 0, left: 0 }}
          >
            <CartesianGrid vertical={false} stroke="var(--line)" />
            <XAxis dataKey="name" stroke="var(--quiet)" tickLine={false} minTickGap={24} tick={{ fontSize: 12 }} />
            <YAxis
              stroke="var(--quiet)"
              width={56}
              tickLine={false}
              axisLine={false}
              tick={{ fontSize: 12 }}
              tickFormatter={(value: number) => (value === 0 ? '0' : axis.format(value))}
            />
            <Tooltip
              isAnimationActive={false}
              cursor={{ fill: 'var(--accent-soft)' }}
              content={({ active, payload }) => {
                const place = payload[0]?.payload as Place | undefined
                return active && place ? <Hint place={place} parts={parts} /> : null
              }}
            />
            {names.map((name, index) => (
              <Bar
                key={`${index} ${name}`}
                name={name}
                stackId="usage"
                dataKey={({ heights }: Place) => heights[index]}
                fill={`var(--chart-${index + 1})`}
                isAnimationActive={false}
                // The whole height can be clicked, however low the bar.
                background={index === 0 ? { fill: 'transparent' } : false}
                onClick={({ payload }: { readonly payload?: Place }) => {
                  if (payload?.window) onBar(payload.start)
                }}
                shape={({ payload, ...shape }: { readonly payload?: Place }) => (
                  <Rectangle
                    {...shape}
                    className={payload?.start === marked ? 'chart-bar chart-bar-marked' : 'chart-bar'}
                  />
                )}
              />
            ))}
          </BarChart>
        </ResponsiveContainer>
      </div>
      <p className="chart-reached" aria-hidden="true">
        {marked !== null && current ? valueText(current) : pageTexts.chartHint}
      </p>
      {parts !== null && (
        <ul className="chart-legend">
          {names.map((name, index) => (
            <li key={`${index} ${name}`} className={`chart-key chart-key-${index + 1}`}>
              {name}
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

const steps: Readonly<Record<string, (at: number, count: number) => number>> = {
  ArrowLeft: (at) => at - 1,
  ArrowDown: (at) => at - 1,
  ArrowRight: (at) => at + 1,
  ArrowUp: (at) => at + 1,
  PageDown: (at) => at - 7,
  PageUp: (at) => at + 7,
  Home: () => 0,
  End: (_, count) => count - 1,
}

function Hint({ place, parts }: { readonly place: Place; readonly parts: readonly GroupSum[] | null }) {
  const pageTexts = usePageTexts(overviewTexts)
  const shared = usePageTexts(usageTexts)
  const shown = place.window && parts ? place.window.groups.slice(0, COLOURED_GROUPS) : []
  return (
    <div className="chart-hint">
      <strong>{place.name} UTC</strong>
      <span>{place.window?.aggregated_value_decimal ?? '0'}</span>
      {shown.map((group) => (
        <span key={JSON.stringify(group.dimensions)}>
          {groupName(group, shared)}: {group.aggregated_value_decimal}
        </span>
      ))}
      {place.window && <span className="quiet">{pageTexts.clickToExplain}</span>}
    </div>
  )
}

/** Every hour or day of the interval, with usage or without. */
function placesOf(
  { windows }: MeterUsage,
  { start, end }: Interval,
  size: 'hour' | 'day',
  parts: readonly GroupSum[] | null,
): readonly Place[] {
  const known = new Map(windows.map((window) => [window.start_time * 1000, window]))
  const places: Place[] = []
  for (let at = start; at < end; at += bucketMs[size]) {
    const window = known.get(at)
    places.push({ start: at, name: barName(at, size), window, heights: heightsOf(window, parts) })
  }
  return places
}

/** One for all marks of the axis, by the highest bar. */
function axisFormat(places: readonly Place[]): Intl.NumberFormat {
  const most = Math.max(0, ...places.flatMap(({ heights }) => heights.map(Math.abs)))
  if (most === 0 || most >= SMALL_BELOW) return compact
  return most >= TINY_BELOW ? small : tiny
}

/** Rounded to be drawn, and for nothing else. */
function heightsOf(window: WindowUsage | undefined, parts: readonly GroupSum[] | null): readonly number[] {
  if (!window) return []
  if (parts === null) return [Number(window.aggregated_value_decimal)]
  const named = parts.map((part) => groupOf(window.groups, part))
  const height = (group: GroupSum | undefined): number => Number(group?.aggregated_value_decimal ?? 0)
  const others = window.groups.filter((group) => !named.includes(group))
  return [...named.map(height), others.reduce((sum, group) => sum + height(group), 0)]
}
