import { expect, it } from '@jest/globals'
import { describeFate, type RecordFate } from '../../src/domain/record-fate.js'
import { NOW } from '../controls.js'

it.each<[fate: RecordFate, sentence: string]>([
  [{ code: 'counted' }, 'It counts, and gives 2.5 to the total.'],
  [
    { code: 'overwritten', by: 'req-2', window: 'hour', hasDimensions: false },
    'req-2 was recorded later in the same hour, and of each hour only the event recorded last counts.',
  ],
  [
    { code: 'overwritten', by: 'req-2', window: 'day', hasDimensions: true },
    'req-2 was recorded later in the same day with the same dimensions, and of those only the event recorded last counts.',
  ],
  [{ code: 'not_last', by: 'req-2', day: null }, 'req-2 is later, and only the latest value of the interval counts.'],
  [
    { code: 'not_last', by: 'req-2', day: { start: NOW, hasDimensions: false } },
    'req-2 is later, and only the latest value of the UTC day that begins at 2026-01-15T10:00:00.000Z counts.',
  ],
  [
    { code: 'not_last', by: 'req-2', day: { start: NOW, hasDimensions: true } },
    'req-2 is later, and only the latest value of the UTC day that begins at 2026-01-15T10:00:00.000Z, with the same dimensions, counts.',
  ],
  [{ code: 'cancelled', at: NOW }, 'It was cancelled at 2026-01-15T10:00:00.000Z.'],
  [{ code: 'outside', window: null }, 'It happened outside the interval.'],
  [
    { code: 'outside', window: 'day' },
    'It happened outside the interval. It was looked at because its day is partly inside.',
  ],
])('What became of a record that is %j is said in a sentence', (fate, sentence) => {
  expect(describeFate(fate, '2.5', (instant) => new Date(instant).toISOString())).toBe(sentence)
})
