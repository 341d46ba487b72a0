/** `meterbook.meter_preview`: totals, and of sample events what became of each. */
import { isLive, type LedgerName } from '../domain/ledger.js'
import type { EventPreview, PreviewedFate } from '../domain/meter-preview.js'
import { describeFate } from '../domain/record-fate.js'
import type { ComparedCustomer, PreviewAnswer, PreviewSource } from '../queries/preview-meter.js'
import { recordId } from '../queries/usage-record-view.js'
import { aggregatedValue, fateCodes, interval, livemode, position as positionField } from './answer-fields.js'
import { meterFields, meterObject } from './meter-object.js'
import {
  choice,
  flag,
  instant,
  integer,
  listOf,
  mapOf,
  namedObject,
  nullable,
  object,
  only,
  text,
  type TypeOf,
} from './stripe/answer-schemas.js'
import { ExactNumber } from './stripe/exact-json.js'
import { formatTimestamp } from './stripe/timestamp.js'
import { toUnixSeconds } from './stripe/unix-time.js'

const Note = namedObject('MeterPreviewNote', { code: only('event_name_taken'), message: text() })

const PreviewedCustomer = namedObject('PreviewedCustomer', {
  ...aggregatedValue,
  compared_value_decimal: nullable(text('Under the meter of `compare_to`; null where there is none.')),
  customer: text(),
  difference_decimal: nullable(text('What the previewed meter counts more than that one.')),
  windows: listOf(
    object({ aggregated_value_decimal: text(), ...interval }),
    'By `value_grouping_window`; those with usage, oldest first.',
  ),
})

const PreviewedEvent = namedObject('PreviewedEvent', {
  by: nullable(text('Identifier of the event that counts in its place; null where none does.')),
  code: choice([...fateCodes, 'duplicate', 'refused'], 'What becomes of it.'),
  contribution: text('Exact; 0 where it does not count.'),
  customer: nullable(text('null where none could be read.')),
  error_code: nullable(text('Why it is refused; null: it is not.')),
  identifier: text(),
  index: integer('Its place among the sample events, from 0.'),
  param: nullable(text('What of a refused event is wrong.')),
  reason: text(),
})

const Refusal = namedObject('MeterPreviewRefusal', {
  code: text(),
  count: integer(),
  identifier: text('Of the first event that was refused for this.'),
  message: text('The words for it.'),
})

export const MeterPreview = namedObject('MeterPreview', {
  object: only('meterbook.meter_preview'),
  codes: mapOf(integer(), 'Code → how many events it became of.'),
  compare_to: nullable(text('Id of the meter compared with.')),
  complete: flag('Whether all the history was looked at.'),
  customers: listOf(PreviewedCustomer),
  events: listOf(PreviewedEvent, 'Of sample events; none of history.'),
  has_more_customers: flag('There are more customers than these.'),
  livemode,
  meter: namedObject('PreviewedMeter', meterFields),
  notes: listOf(Note, 'What is in the way of making the meter.'),
  position: positionField,
  reached: nullable(
    object(
      { record: text('Id of the usage record.'), recorded_at: instant() },
      'The last record that was looked at; null where it is complete.',
    ),
  ),
  refusals: listOf(Refusal, 'The most frequent first.'),
  source: choice(['sample_events', 'history']),
})
export type MeterPreview = TypeOf<typeof MeterPreview>

export function meterPreviewObject(
  ledger: LedgerName,
  source: PreviewSource,
  compareTo: string | null,
  { meter, takenBy, customers, hasMoreCustomers, events, reached }: PreviewAnswer,
  position: string | null,
): MeterPreview {
  const { id: _id, ...shown } = meterObject(ledger, meter)
  const isSamples = source.type === 'samples'
  return {
    object: 'meterbook.meter_preview',
    codes: countsOf(events.map(({ fate }) => fate.code)),
    compare_to: compareTo,
    complete: reached === null,
    customers: customers.map(customerObject),
    events: isSamples ? events.map(eventObject) : [],
    has_more_customers: hasMoreCustomers,
    livemode: isLive(ledger),
    meter: shown,
    notes: notesOf(meter.eventName, takenBy),
    position,
    reached:
      reached === null
        ? null
        : { record: recordId(reached.meterId, reached.identifier), recorded_at: formatTimestamp(reached.recordedAt) },
    refusals: refusalsOf(events),
    source: isSamples ? 'sample_events' : 'history',
  }
}

function notesOf(eventName: string, takenBy: string | null): TypeOf<typeof Note>[] {
  if (takenBy === null) return []
  return [
    {
      code: 'event_name_taken',
      message: `An active meter already exists for event name ${eventName} (${takenBy}). Deactivate it before creating this one, or choose another event name.`,
    },
  ]
}

function customerObject({ customer, value, windows, compared }: ComparedCustomer): TypeOf<typeof PreviewedCustomer> {
  return {
    aggregated_value: new ExactNumber(value),
    aggregated_value_decimal: value,
    compared_value_decimal: compared?.value ?? null,
    customer,
    difference_decimal: compared?.difference ?? null,
    windows: windows.map((window) => ({
      aggregated_value_decimal: window.value,
      end_time: toUnixSeconds(window.end),
      start_time: toUnixSeconds(window.start),
    })),
  }
}

function eventObject(
  { identifier, customer, fate, contribution }: EventPreview,
  index: number,
): TypeOf<typeof PreviewedEvent> {
  return {
    by: 'by' in fate ? fate.by : null,
    code: fate.code,
    contribution,
    customer,
    error_code: fate.code === 'refused' ? fate.error : null,
    identifier,
    index,
    param: fate.code === 'refused' ? fate.param : null,
    reason: reasonOf(fate, contribution),
  }
}

function reasonOf(fate: PreviewedFate, contribution: string): string {
  switch (fate.code) {
    case 'refused':
      return fate.message
    case 'duplicate':
      return `${fate.by} is the identifier of an earlier event that is the same: it counts once.`
    case 'counted':
    case 'overwritten':
    case 'not_last':
    case 'cancelled':
    case 'outside':
      return describeFate(fate, contribution, formatTimestamp)
  }
}

/** Each reason for which events were refused, the most frequent first, with the words for the first of them. */
function refusalsOf(events: readonly EventPreview[]): TypeOf<typeof Refusal>[] {
  const refusals = new Map<string, { code: string; count: number; identifier: string; message: string }>()
  for (const { identifier, fate } of events) {
    if (fate.code !== 'refused') continue
    const refusal = refusals.get(fate.error) ?? { code: fate.error, count: 0, identifier, message: fate.message }
    refusal.count++
    refusals.set(fate.error, refusal)
  }
  return [...refusals.values()].sort((left, right) => right.count - left.count)
}

function countsOf(codes: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const code of codes) counts[code] = (counts[code] ?? 0) + 1
  return counts
}
