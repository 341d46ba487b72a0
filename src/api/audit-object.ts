/** `meterbook.audit`, and its findings. Nothing of one ledger is told to the keys of another. */
import { isLive, type LedgerName } from '../domain/ledger.js'
import type { Finding } from '../replay/audit.js'
import type { AuditJob } from '../replay/audits.js'
import { livemode } from './answer-fields.js'
import { failureFor, ledgerStreamIn, OTHER_LEDGER } from './other-ledger.js'
import { differenceFields } from './row-difference.js'
import {
  choice,
  decimal,
  flag,
  instant,
  integer,
  listOf,
  namedObject,
  nullable,
  object,
  oneOf,
  only,
  text,
  type TypeOf,
} from './stripe/answer-schemas.js'
import { namedList } from './stripe/list.js'
import { formatTimestamp } from './stripe/timestamp.js'

/** Findings in one answer. */
const FINDINGS_SHOWN_MAX = 100

const checkpoint = object({
  event: nullable(text('The last event handled; null before the first.')),
  position: nullable(text('Of it in the log.')),
  sequence: integer('Usage events up to there.'),
})

const AuditFinding = oneOf([
  namedObject('LogFinding', { kind: only('log'), message: text('How the log contradicts itself.') }),
  namedObject('StorageFinding', {
    kind: only('storage'),
    message: text('What is wrong with how they are kept.'),
    of: choice(['rows', 'log'], 'What is kept.'),
  }),
  namedObject('CheckpointFinding', {
    kind: only('checkpoint'),
    expected: checkpoint,
    found: checkpoint,
    projection: text(),
  }),
  namedObject('RowFinding', {
    kind: only('row'),
    ...differenceFields,
  }),
])
type AuditFinding = TypeOf<typeof AuditFinding>

export const Audit = namedObject('Audit', {
  id: text(),
  object: only('meterbook.audit'),
  customer: nullable(text('Asked for; null: all.')),
  digest: nullable(text('SHA-256 of the records; null while there is none.')),
  ended_at: nullable(instant()),
  events: nullable(integer('Events that were folded.')),
  failure: nullable(text('Why there is no verdict.')),
  finding_count: nullable(integer()),
  findings: nullable(listOf(AuditFinding, 'The first of them; null while there is no verdict.')),
  from: nullable(instant('When the records happened, inclusive; null: no bound.')),
  livemode,
  log_goes_on: nullable(flag('The log has more, which was not audited because the rows do not have it yet.')),
  meter: nullable(text('Id of the meter asked for; null: of all.')),
  outside_count: nullable(integer('Differences outside of what was asked for: an audit of everything names them.')),
  position: nullable(text('How far the log was folded.')),
  progress: nullable(
    object(
      {
        phase: choice(['folding', 'comparing', 'digesting']),
        done: integer('Events folded, or rows read.'),
        fraction: nullable(decimal('Of the phase, from 0 to 1; null where the whole is not known.')),
      },
      'null once it ended.',
    ),
  ),
  records: nullable(integer('That were digested.')),
  rows: nullable(integer('That were compared.')),
  sequence: nullable(integer('Usage events up to there.')),
  started_at: instant(),
  status: choice(['running', 'completed', 'failed']),
  to: nullable(instant('When the records happened, exclusive; null: no bound.')),
  verdict: nullable(
    choice(['agrees', 'differs', 'damaged'], 'Of what was asked for. `damaged`: the log itself is wrong.'),
  ),
})
export type Audit = TypeOf<typeof Audit>

export const AuditList = namedList('AuditList', Audit)
export type AuditList = TypeOf<typeof AuditList>

export function auditObject({
  id,
  ledger,
  selection,
  startedAt,
  endedAt,
  status,
  progress,
  verdict,
  failure,
}: AuditJob): Audit {
  const { meterId, customer, from, to, sequence } = selection
  const [digest] = verdict?.digests ?? []
  return {
    id,
    object: 'meterbook.audit',
    customer,
    digest: digest?.sha256 ?? null,
    ended_at: endedAt === null ? null : formatTimestamp(endedAt),
    events: verdict?.events ?? null,
    failure: failureFor(ledger, failure),
    finding_count: verdict?.findingCount ?? null,
    findings: verdict
      ? verdict.findings.slice(0, FINDINGS_SHOWN_MAX).map((finding) => findingObject(finding, ledger))
      : null,
    from: from === null ? null : formatTimestamp(from),
    livemode: isLive(ledger),
    log_goes_on: verdict?.logGoesOn ?? null,
    meter: meterId,
    outside_count: verdict?.outsideCount ?? null,
    position: verdict?.checkpoint.position ?? null,
    progress: status === 'running' ? progress : null,
    records: digest?.records ?? null,
    rows: verdict?.rows ?? null,
    sequence: verdict?.checkpoint.sequence ?? sequence,
    started_at: formatTimestamp(startedAt),
    status,
    to: to === null ? null : formatTimestamp(to),
    verdict: verdict?.verdict ?? null,
  }
}

function findingObject(finding: Finding, ledger: LedgerName): AuditFinding {
  switch (finding.kind) {
    case 'log':
      return { kind: 'log', message: isOfAnother(finding.message, ledger) ? OTHER_LEDGER : finding.message }
    case 'storage':
      return { kind: 'storage', message: finding.message, of: finding.of }
    case 'checkpoint': {
      const { projection, expected, found } = finding
      return { kind: 'checkpoint', expected, found, projection }
    }
    case 'row': {
      const { table, key, expected, found, meterId, customer } = finding
      return { kind: 'row', customer, expected, found, key, meter: meterId, table }
    }
  }
}

/** Nothing of one ledger is told to the keys of another. */
function isOfAnother(message: string, ledger: LedgerName): boolean {
  return !(ledgerStreamIn(message) ?? '').includes(`-${ledger}`)
}
