/** The stretch of time that usage is shown for: some that are asked for often, or any other. Always UTC, end exclusive. */
import { bucketMs, bucketStart, DAY_MS, type BucketSize } from '../../domain/time-bucket.js'
import { fromUtcField, utcField } from '../utc.js'

export const presets = ['today', 'month', 'lastMonth', 'days30', 'all', 'custom'] as const
export type Preset = (typeof presets)[number]

/** Milliseconds since the epoch. */
export interface Interval {
  readonly start: number
  readonly end: number
}

export interface Period {
  readonly preset: Preset
  /** Of a custom one, as the fields have them. */
  readonly from: string
  readonly to: string
}

/** As many days as are answered at once: ten years. */
const ALL_DAYS = 3_660

/** From a preset one can go on to a custom period that is the same. */
export function periodOf(preset: Preset, now: number): Period {
  const { start, end } = presetInterval(preset === 'custom' ? 'days30' : preset, now)
  return { preset, from: field(start), to: field(end) }
}

/** On whole buckets of the size, those at the edges included; null where the fields say no time that ends after it begins. */
export function intervalOf({ preset, from, to }: Period, size: BucketSize, now: number): Interval | null {
  if (preset !== 'custom') return presetInterval(preset, now)
  const [start, end] = [fromUtcField(from), fromUtcField(to)]
  if (start === null || end === null || start < 0 || end <= start) return null
  const ms = bucketMs[size]
  return { start: bucketStart(size, start), end: Math.ceil(end / ms) * ms }
}

function presetInterval(preset: Exclude<Preset, 'custom'>, now: number): Interval {
  const today = bucketStart('day', now)
  const end = today + DAY_MS
  switch (preset) {
    case 'today':
      return { start: today, end }
    case 'month':
      return { start: monthStart(now, 0), end }
    case 'lastMonth':
      return { start: monthStart(now, -1), end: monthStart(now, 0) }
    case 'days30':
      return { start: end - 30 * DAY_MS, end }
    case 'all':
      return { start: end - ALL_DAYS * DAY_MS, end }
  }
}

function monthStart(now: number, monthsFromNow: number): number {
  const date = new Date(now)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + monthsFromNow)
}

/** As an input of type `datetime-local` holds it, to the minute. */
function field(instant: number): string {
  return utcField(instant).slice(0, 16)
}
