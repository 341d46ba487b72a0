/**
 * What became of a usage record in one number, as a code for programs and a sentence for people. An explanation of real
 * usage and a preview of a meter use the same words.
 */
import type { EventTimeWindow } from './meter-catalogue.js'

/** `by` is the identifier of the record that counts in its place. */
export type RecordFate =
  | { readonly code: 'counted' }
  | { readonly code: 'overwritten'; readonly by: string; readonly window: EventTimeWindow }
  | { readonly code: 'not_last'; readonly by: string }
  | { readonly code: 'cancelled'; readonly at: number }
  /** Of a window that the interval cuts: looked at to tell which record of it counts. Without a window: not needed. */
  | { readonly code: 'outside'; readonly window: EventTimeWindow | null }

/** `contribution` is exact decimal text; `showInstant` writes milliseconds since the epoch for people. */
export function describeFate(fate: RecordFate, contribution: string, showInstant: (instant: number) => string): string {
  switch (fate.code) {
    case 'counted':
      return `It counts, and gives ${contribution} to the total.`
    case 'overwritten':
      return `${fate.by} was recorded later in the same ${fate.window}, and of each ${fate.window} only the event recorded last counts.`
    case 'not_last':
      return `${fate.by} is later, and only the latest value of the interval counts.`
    case 'cancelled':
      return `It was cancelled at ${showInstant(fate.at)}.`
    case 'outside':
      return fate.window === null
        ? 'It happened outside the interval.'
        : `It happened outside the interval. It was looked at because its ${fate.window} is partly inside.`
  }
}
