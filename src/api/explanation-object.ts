/** `meterbook.explanation`: a summary, and every record that was looked at for it. */
import { isLive, type LedgerName } from '../domain/ledger.js'
import { describeFate } from '../domain/record-fate.js'
import type {
  ExplainedRecord as Looked,
  Explanation as Explained,
  ExplanationRequest,
} from '../queries/explain-usage.js'
import { recordId } from '../queries/usage-record-view.js'
import { dimensionFilters, fate as fateFields, interval, livemode, position as positionField } from './answer-fields.js'
import { MeterEventSummary, summaryObject } from './meter-event-summary-object.js'
import { BillingMeter, meterObject } from './meter-object.js'
import { rejectionObject, RejectionList } from './rejection-objects.js'
import { namedObject, only, text, type TypeOf } from './stripe/answer-schemas.js'
import { list, namedList } from './stripe/list.js'
import { formatTimestamp } from './stripe/timestamp.js'
import { toUnixSeconds } from './stripe/unix-time.js'
import { recordFields, recordObject } from './usage-record-object.js'

const ExplainedRecord = namedObject('ExplainedRecord', {
  ...recordFields,
  object: only('meterbook.explained_record'),
  ...fateFields,
  running_total: text('The contributions up to and with this record.'),
})
type ExplainedRecord = TypeOf<typeof ExplainedRecord>

export const Explanation = namedObject('Explanation', {
  object: only('meterbook.explanation'),
  customer: text(),
  dimension_filters: dimensionFilters,
  livemode,
  meter: BillingMeter,
  position: positionField,
  records: namedList('ExplainedRecordList', ExplainedRecord),
  rejections: RejectionList,
  ...interval,
  summary: MeterEventSummary,
})
export type Explanation = TypeOf<typeof Explanation>

export function explanationObject(
  ledger: LedgerName,
  { customer, start, end, filters }: ExplanationRequest,
  { meter, summary, records, rejections }: Explained,
  position: string | null,
): Explanation {
  const rejected = rejections.items.map((rejection) => rejectionObject(ledger, rejection))
  const concerned = new URLSearchParams({ event_name: meter.eventName, customer }).toString()
  return {
    object: 'meterbook.explanation',
    customer,
    dimension_filters: filters,
    end_time: toUnixSeconds(end),
    livemode: isLive(ledger),
    meter: meterObject(ledger, meter),
    position,
    records: list(
      `/meterbook/v1/meters/${meter.id}/explain`,
      records.items.map((record) => explainedRecordObject(ledger, record)),
      records.hasMore,
    ),
    rejections: list(`/meterbook/v1/rejections?${concerned}`, rejected, rejections.hasMore),
    start_time: toUnixSeconds(start),
    summary: summaryObject(ledger, meter, summary, position),
  }
}

function explainedRecordObject(
  ledger: LedgerName,
  { record, fate, contribution, runningTotal }: Looked,
): ExplainedRecord {
  return {
    ...recordObject('meterbook.explained_record', ledger, record),
    by: 'by' in fate ? recordId(record.meterId, fate.by) : null,
    code: fate.code,
    contribution,
    reason: describeFate(fate, contribution, formatTimestamp),
    running_total: runningTotal,
  }
}
