/**
 * One usage record: a meter event that was counted, identified by (meter, identifier).
 *
 * It is recorded once, for ever: the same body again is a duplicate and adds nothing, another body under the same
 * identifier is refused. It can be cancelled once, within 24 hours of its receipt, and stays taken afterwards.
 * Rules: design §4; stripe-metering §4.3.
 */
import { HOUR_MS, SECOND_MS } from './time-bucket.js'
import { DomainError } from './errors.js'
import { requireNotTooOld } from './meter-event.js'

/** What was reported, complete enough to restore the request and to be read alone. Also the data of `UsageRecorded`. */
export interface UsageRecord {
  readonly meterId: string
  readonly identifier: string
  readonly customer: string
  /** Canonical decimal text; null where the meter's formula ignores values. */
  readonly value: string | null
  /** When it happened: the caller's timestamp, else the receipt. Milliseconds since the epoch. */
  readonly occurredAt: number
  /** When it was received. */
  readonly recordedAt: number
  /** Payload keys beyond customer and value (and the value's own text where it is not canonical). */
  readonly payload: Readonly<Record<string, string>>
}

export interface UsageCancelled extends UsageRecord {
  readonly cancelledAt: number
}

export type State =
  | { readonly status: 'absent' }
  | { readonly status: 'recorded'; readonly record: UsageRecord }
  | { readonly status: 'cancelled'; readonly record: UsageRecord; readonly cancelledAt: number }

export type Command =
  | {
      readonly type: 'RecordUsage'
      readonly record: UsageRecord
      /** False where the caller gave no timestamp: then any recorded time is the same body. */
      readonly hasTimestamp: boolean
      /** The oldest time of a new record. One that is recorded already may have become older since. */
      readonly earliest: number
    }
  | { readonly type: 'CancelUsage'; readonly identifier: string; readonly eventName: string; readonly at: number }

export type Event =
  | { readonly type: 'UsageRecorded'; readonly data: UsageRecord }
  | { readonly type: 'UsageCancelled'; readonly data: UsageCancelled }

/** How long after its receipt a record can be cancelled, inclusive (Stripe: "the last 24 hours"). */
export const CANCELLATION_WINDOW_MS = 24 * HOUR_MS

export const initial: State = { status: 'absent' }

export function decide(state: State, command: Command): Event[] {
  switch (command.type) {
    case 'RecordUsage': {
      const { record, hasTimestamp, earliest } = command
      if (state.status === 'absent') {
        requireNotTooOld(record.occurredAt, earliest)
        return [{ type: 'UsageRecorded', data: record }]
      }
      const difference = firstDifference(state.record, record, hasTimestamp)
      if (difference === null) return [] // Already so, also when cancelled since: the identifier stays taken.
      throw new DomainError(
        'duplicate_meter_event',
        `An event already exists with identifier ${record.identifier}, and its ${difference} differs. Nothing was counted; send new usage under a new identifier.`,
        'identifier',
      )
    }
    case 'CancelUsage': {
      const { at, identifier, eventName } = command
      if (state.status === 'cancelled') return []
      if (state.status === 'absent') {
        throw new DomainError(
          'resource_missing',
          `No meter event with identifier ${identifier} was recorded for event name ${eventName}.`,
          'cancel[identifier]',
        )
      }
      if (at - state.record.recordedAt > CANCELLATION_WINDOW_MS) {
        throw new DomainError(
          'cancellation_window_passed',
          `The meter event with identifier ${identifier} was received more than 24 hours ago and can no longer be cancelled. Record a negative value instead.`,
          'cancel[identifier]',
        )
      }
      return [{ type: 'UsageCancelled', data: { ...state.record, cancelledAt: at } }]
    }
  }
}

export function evolve(_state: State, event: Event): State {
  switch (event.type) {
    case 'UsageRecorded':
      return { status: 'recorded', record: event.data }
    case 'UsageCancelled': {
      const { cancelledAt, ...record } = event.data
      return { status: 'cancelled', record, cancelledAt }
    }
  }
}

/** The first part of the body in which two reports differ; null for the same body. */
function firstDifference(known: UsageRecord, sent: UsageRecord, hasTimestamp: boolean): string | null {
  if (known.customer !== sent.customer) return 'customer'
  if (known.value !== sent.value) return 'value'
  if (hasTimestamp && !isSameTime(known, sent.occurredAt)) return 'timestamp'
  const keys = Object.keys(known.payload)
  if (keys.length !== Object.keys(sent.payload).length) return 'payload'
  // What an object inherits is no text, so a key that was not sent never has the text of one that was.
  return keys.every((key) => known.payload[key] === sent.payload[key]) ? null : 'payload'
}

/**
 * Where the caller gave no timestamp, v1 answered the second of the receipt: sent again with that, it is the event that was
 * answered, and not another one.
 */
function isSameTime({ occurredAt, recordedAt }: UsageRecord, sentAt: number): boolean {
  if (sentAt === occurredAt) return true
  return occurredAt === recordedAt && sentAt === occurredAt - (occurredAt % SECOND_MS)
}
