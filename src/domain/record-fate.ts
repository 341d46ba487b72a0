/**
 * What became of a usage record in one number, as a code for programs and a sentence for people. An explanation of real
 * usage and a preview of a meter use the same words.
 */
import type { EventTimeWindow } from './meter-catalogue.js'

/** `by` is the identifier of the record that counts in its place. */
export type RecordFate =
  | { readonly code: 'counted' }
  | {
      readonly code: 'overwritten'
      readonly by: string
      readonly window: EventTimeWindow
      readonly hasDimensions: boolean
    }
  /** Without a day: of the interval that was asked for, whatever the dimensions. */
  | { readonly code: 'not_last'; readonly by: string; readonly day: JudgedDay | null }
  | { readonly code: 'cancelled'; readonly at: number }
  /** Of a window that the interval cuts: looked at to tell which record of it counts. Without a window: not needed. */
  | { readonly code: 'outside'; readonly window: EventTimeWindow | null }

/** A UTC day in which a record was judged by itself, among those of its customer and dimensions. */
export interface JudgedDay {
  /** Milliseconds since the epoch. */
  readonly start: number
  readonly hasDimensions: boolean
}

/** `contribution` is exact decimal text; `showInstant` writes milliseconds since the epoch for people. */
export function describeFate(fate: RecordFate, contribution: string, showInstant: (instant: number) => string): string {
  switch (fate.code) {
    case 'counted':
      return `It counts, and gives ${contribution} to the total.`
    case 'overwritten':
      return fate.hasDimensions
        ? `${fate.by} was recorded later in the same ${fate.window} with the same dimensions, and of those only the event recorded last counts.`
        : `${fate.by} was recorded later in the same ${fate.window}, and of each ${fate.window} only the event recorded last counts.`
    case 'not_last':
      return `${fate.by} is later, and only the latest value of ${nameOf(fate.day, showInstant)} counts.`
    case 'cancelled':
      return `It was cancelled at ${showInstant(fate.at)}.`
    case 'outside':
      return fate.window === null
        ? 'It happened outside the interval.'
        : `It happened outside the interval. It was looked at because its ${fate.window} is partly inside.`
  }
}

function nameOf(day: JudgedDay | null, showInstant: (instant: number) => string): string {
  if (day === null) return 'the interval'
  return `the UTC day that begins at ${showInstant(day.start)}${day.hasDimensions ? ', with the same dimensions,' : ''}`
}
