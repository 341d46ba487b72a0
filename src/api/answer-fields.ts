/** Fields that several answers share. */
import { choice, exactNumber, flag, mapOf, nullable, text, unixSeconds } from './stripe/answer-schemas.js'

export const livemode = flag('Of a live key; false: of a test key.')

export const position = nullable(
  text('Place in the log up to which this holds, comparable only through the service; null before the first event.'),
)

/** Half-open. */
export const interval = {
  start_time: unixSeconds('on a full minute, inclusive.'),
  end_time: unixSeconds('on a full minute, exclusive.'),
}

/** Both are exact; a client that reads a number into a double rounds it. */
export const aggregatedValue = {
  aggregated_value: exactNumber('Exact, with any number of digits: more than a double holds.'),
  aggregated_value_decimal: text('The same as text.'),
}

export const payload = mapOf(text(), 'As it was sent.')

export const dimensionFilters = mapOf(text(), 'Dimension → the value a record must have.')

/** What became of a usage record in a number. */
export const fateCodes = ['counted', 'overwritten', 'not_last', 'cancelled', 'outside'] as const

export const fate = {
  by: nullable(text('Id of the usage record that counts in its place; null where none does.')),
  code: choice(fateCodes, 'What became of it.'),
  contribution: text('Exact; 0 where it does not count.'),
  reason: text(),
}
