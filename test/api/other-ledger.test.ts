import { expect, it } from '@jest/globals'
import { failureFor, OTHER_LEDGER } from '../../src/api/other-ledger.js'

it.each([
  'Event 6 of stream usage-other~test.0 stands where 5 must be.',
  'Event 6 of stream usage-mine~live.0 stands where 5 must be.',
  'Event 6 of stream usage-not_mine~test.0 stands where 5 must be.',
  'Event 2 of stream meters-mine_too~test (MeterRenamed) is about a meter that was never created.',
  'Event 3 of stream keys (ApiKeyIssued) has the unknown schema 2.',
])('Why something failed is not told with what is of another ledger: %s', (failure) => {
  expect(failureFor('mine~test', failure)).toBe(OTHER_LEDGER)
})

it.each([
  null,
  'Event 6 of stream usage-mine~test.0 stands where 5 must be.',
  'A stream of ours was deleted for good',
  'The event store cannot be reached.',
])('Why something failed is told as it is where no other ledger is named: %s', (failure) => {
  expect(failureFor('mine~test', failure)).toBe(failure)
})
