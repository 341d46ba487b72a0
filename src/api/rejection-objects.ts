/** Rejections as the API shows them; reports have the shape of Stripe's error reports. stripe-metering §7.1. */
import { isLive, type LedgerName } from '../domain/ledger.js'
import type { RejectionCount } from '../queries/count-rejections.js'
import type { RejectionReport as Report } from '../queries/list-rejection-reports.js'
import type { RejectionView } from '../queries/rejection-rows.js'
import { recordId } from '../queries/usage-record-view.js'
import { livemode } from './answer-fields.js'
import {
  choice,
  instant,
  integer,
  listOf,
  namedObject,
  nullable,
  object,
  only,
  text,
  unixSeconds,
  writtenJson,
  type TypeOf,
  type TypeOfFields,
} from './stripe/answer-schemas.js'
import { WrittenJson } from './stripe/exact-json.js'
import { namedList } from './stripe/list.js'
import { formatTimestamp } from './stripe/timestamp.js'
import { toUnixSeconds } from './stripe/unix-time.js'

const meterId = nullable(text('Id of the meter that refused; null where none was found.'))

export const Rejection = namedObject('Rejection', {
  id: text(),
  object: only('meterbook.rejection'),
  code: text('Why it was refused: a code of v1, or `duplicate_meter_event`.'),
  created: unixSeconds('when it was received.'),
  event: writtenJson(
    'The event exactly as it was sent: numbers may have more digits than a double holds. null for a key of role ingest.',
  ),
  event_name: nullable(text('null where it had none that could be read.')),
  identifier: text(),
  index: integer('Its place in its request, from 0.'),
  livemode,
  message: text(),
  meter: meterId,
  received_at: instant(),
  resolved_at: nullable(instant('When a retry counted it; null: it is open.')),
  status: choice(['open', 'resolved']),
  usage_record: nullable(text('Id of the usage record it counts as since; null: it is open.')),
})
export type Rejection = TypeOf<typeof Rejection>

export const RejectionList = namedList('RejectionList', Rejection)
export type RejectionList = TypeOf<typeof RejectionList>

const counts = { error_count: integer(), open_count: integer(), resolved_count: integer() }

export const RejectionCounts = namedObject('RejectionCounts', {
  object: only('meterbook.rejection_counts'),
  codes: listOf(object({ code: text(), ...counts }), 'The most frequent first.'),
  livemode,
  meter: nullable(text('Id of the meter asked for; null: of all.')),
  ...counts,
})
export type RejectionCounts = TypeOf<typeof RejectionCounts>

/** `meter`, and the `data` of Stripe's error report events. */
const errorReportFields = {
  meter: meterId,
  developer_message_summary: text(),
  reason: object({
    error_count: integer(),
    error_types: listOf(
      object({
        code: text(),
        error_count: integer(),
        sample_errors: listOf(
          object({ error_message: text(), request: object({ identifier: text() }) }),
          'The first of them.',
        ),
      }),
      'The most frequent first.',
    ),
  }),
  validation_start: instant('Of the window in which they were received, inclusive.'),
  validation_end: instant('Of the window in which they were received, exclusive.'),
}

export const RejectionReport = namedObject('RejectionReport', {
  id: text(),
  object: only('meterbook.rejection_report'),
  livemode,
  ...errorReportFields,
})
export type RejectionReport = TypeOf<typeof RejectionReport>

export const RejectionReportList = namedList('RejectionReportList', RejectionReport)
export type RejectionReportList = TypeOf<typeof RejectionReportList>

/** `mayRead`: whether who is answered may see what others sent. */
export function rejectionObject(ledger: LedgerName, rejection: RejectionView, mayRead = true): Rejection {
  const { identifier, receivedAt, resolvedAt, resolvedMeterId } = rejection
  return {
    id: rejection.id,
    object: 'meterbook.rejection',
    code: rejection.code,
    created: toUnixSeconds(receivedAt),
    event: mayRead ? new WrittenJson(rejection.event) : null,
    event_name: rejection.eventName,
    identifier,
    index: rejection.index,
    livemode: isLive(ledger),
    message: rejection.message,
    meter: rejection.meterId,
    received_at: formatTimestamp(receivedAt),
    resolved_at: resolvedAt === null ? null : formatTimestamp(resolvedAt),
    status: rejection.status,
    usage_record: resolvedMeterId === null ? null : recordId(resolvedMeterId, identifier),
  }
}

export function rejectionCountsObject(
  ledger: LedgerName,
  meterId: string | null,
  counted: readonly RejectionCount[],
): RejectionCounts {
  const errors = counted.reduce((sum, count) => sum + count.errors, 0)
  const resolved = counted.reduce((sum, count) => sum + count.resolved, 0)
  return {
    object: 'meterbook.rejection_counts',
    codes: counted.map(({ code, ...count }) => ({ code, ...countsOf(count) })),
    livemode: isLive(ledger),
    meter: meterId,
    ...countsOf({ errors, resolved }),
  }
}

function countsOf({ errors, resolved }: Omit<RejectionCount, 'code'>): TypeOfFields<typeof counts> {
  return { error_count: errors, open_count: errors - resolved, resolved_count: resolved }
}

export function rejectionReportObject(ledger: LedgerName, report: Report): RejectionReport {
  return { id: report.id, object: 'meterbook.rejection_report', livemode: isLive(ledger), ...errorReportData(report) }
}

function errorReportData({ meterId, start, end, errors, types }: Report): TypeOfFields<typeof errorReportFields> {
  return {
    meter: meterId,
    developer_message_summary: `There ${errors === 1 ? 'is 1 invalid event' : `are ${errors} invalid events`}${meterId === null ? ' without a meter' : ''}.`,
    reason: {
      error_count: errors,
      error_types: types.map(({ code, errors: count, samples }) => ({
        code,
        error_count: count,
        sample_errors: samples.map(({ error_message, identifier }) => ({ error_message, request: { identifier } })),
      })),
    },
    validation_start: formatTimestamp(start),
    validation_end: formatTimestamp(end),
  }
}
