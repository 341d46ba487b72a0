import { expect, it } from '@jest/globals'
import { auditObject } from '../../src/api/audit-object.js'
import { failureFor, OTHER_LEDGER } from '../../src/api/other-ledger.js'
import type { AuditVerdict } from '../../src/replay/audit.js'

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

it.each([
  ['Event 6 of stream usage-mine~test.0 stands where 5 must be.', true],
  ['Event 6 of stream usage-other~test.0 stands where 5 must be.', false],
  // It may be of anyone's.
  ['Two events have the same id.', false],
])('What an audit finds wrong in the log is told where it is of the ledger: %s', (message, isTold) => {
  const selection = {
    ledger: 'mine~test',
    meterId: null,
    customer: null,
    from: null,
    to: null,
    sequence: null,
  } as const
  const verdict: AuditVerdict = {
    verdict: 'damaged',
    events: 6,
    rows: 0,
    checkpoint: { position: null, sequence: 0, event: null },
    logGoesOn: false,
    findingCount: 1,
    findings: [{ kind: 'log', message }],
    outsideCount: 0,
    otherLedgersCount: 0,
    effectCount: null,
    digests: [],
  }
  const { findings } = auditObject({
    id: 'audit_1',
    ledger: 'mine~test',
    selection,
    startedAt: 0,
    endedAt: 1,
    status: 'completed',
    progress: { phase: 'folding', done: 6, fraction: 1 },
    verdict,
    failure: null,
  })
  expect(findings).toEqual([{ kind: 'log', message: isTold ? message : OTHER_LEDGER }])
})
