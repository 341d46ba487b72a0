import { describe, expect, it } from '@jest/globals'
import { fold } from '../../src/domain/decider.js'
import * as UsageRecord from '../../src/domain/usage-record.js'
import { CANCELLATION_WINDOW_MS, type Event } from '../../src/domain/usage-record.js'
import { NOW } from '../controls.js'
import { refusalOf, specify } from './decider-specification.js'
import { usage } from './examples.js'

const given = specify(UsageRecord)
const recorded: Event = { type: 'UsageRecorded', data: usage }
const cancelledAt = NOW + 5000
const cancelled: Event = { type: 'UsageCancelled', data: { ...usage, cancelledAt } }
const earliest = usage.occurredAt
const record = { type: 'RecordUsage', record: usage, hasTimestamp: true, earliest } as const
const cancel = { type: 'CancelUsage', identifier: 'req-1', eventName: 'tokens', at: cancelledAt } as const

describe('Recording usage', () => {
  it('records it once', () => {
    given().when(record).then(recorded)
  })

  it('adds nothing for the same body, whenever it is received', () => {
    given(recorded).when(record).then()
    given(recorded)
      .when({ ...record, record: { ...usage, recordedAt: NOW + 365 * 24 * 3_600_000 } })
      .then()
  })

  it('refuses what happened too long ago, and not what was recorded in time', () => {
    const late = { ...record, earliest: earliest + 1 }
    given().when(late).thenRefused('timestamp_too_far_in_past', 'timestamp')
    given(recorded).when(late).then()
    given(recorded, cancelled).when(late).then()
  })

  it('adds nothing for the same body once cancelled: the identifier stays taken', () => {
    given(recorded, cancelled).when(record).then()
  })

  describe.each([
    ['customer', { customer: 'cus_B' }],
    ['value', { value: '26' }],
    ['value', { value: null }],
    ['timestamp', { occurredAt: usage.occurredAt + 1 }],
    ['payload', { payload: { region: 'eu' } }],
  ] as const)('refuses another %s under the same identifier', (part, change) => {
    it.each([
      ['recorded', [recorded]],
      ['cancelled', [recorded, cancelled]],
    ] as const)('while %s', (_status, history) => {
      const changed = { ...record, record: { ...usage, ...change } }
      given(...history)
        .when(changed)
        .thenRefused('duplicate_meter_event', 'identifier')
      expect(refusalOf(() => UsageRecord.decide(fold(UsageRecord, history), changed)).message).toContain(
        `An event already exists with identifier req-1, and its ${part} differs.`,
      )
    })
  })

  it('compares every payload key and value, in any order', () => {
    const known: Event = { type: 'UsageRecorded', data: { ...usage, payload: { a: '1', b: '2' } } }
    const sent = (payload: Record<string, string>) => ({ ...record, record: { ...usage, payload } })
    given(known)
      .when(sent({ b: '2', a: '1' }))
      .then()
    const others: Record<string, string>[] = [
      { a: '1' },
      { a: '1', b: '3' },
      { a: '1', c: '2' },
      { a: '1', b: '2', c: '3' },
    ]
    for (const other of others) {
      given(known).when(sent(other)).thenRefused('duplicate_meter_event')
    }
  })

  it('takes a key that every object inherits for a key like any other', () => {
    const own = (text: string) => JSON.parse(text) as Record<string, string>
    const known: Event = { type: 'UsageRecorded', data: { ...usage, payload: own('{"__proto__":"x"}') } }
    given(known)
      .when({ ...record, record: { ...usage, payload: own('{"__proto__":"x"}') } })
      .then()
    given(known)
      .when({ ...record, record: { ...usage, payload: own('{"__proto__":"y"}') } })
      .thenRefused('duplicate_meter_event')
    given({ type: 'UsageRecorded', data: { ...usage, payload: { toString: 'x' } } })
      .when({ ...record, record: { ...usage, payload: { other: 'x' } } })
      .thenRefused('duplicate_meter_event')
  })

  it('takes any recorded time for the same where the caller gave none', () => {
    given(recorded)
      .when({
        ...record,
        record: { ...usage, occurredAt: NOW + 60_000, recordedAt: NOW + 60_000 },
        hasTimestamp: false,
      })
      .then()
    given(recorded)
      .when({ ...record, record: { ...usage, value: '26' }, hasTimestamp: false })
      .thenRefused('duplicate_meter_event')
  })

  it('takes the second that was answered for the same where the caller had given no timestamp, and no other', () => {
    const receipt = NOW + 179
    const known: Event = { type: 'UsageRecorded', data: { ...usage, occurredAt: receipt, recordedAt: receipt } }
    const sentAgain = (occurredAt: number) => ({
      ...record,
      record: { ...usage, occurredAt, recordedAt: NOW + 60_000 },
    })
    for (const same of [NOW, receipt]) given(known).when(sentAgain(same)).then()
    for (const other of [NOW + 1, NOW - 1000, NOW + 1000]) {
      given(known).when(sentAgain(other)).thenRefused('duplicate_meter_event')
    }
    const told: Event = { type: 'UsageRecorded', data: { ...usage, occurredAt: receipt, recordedAt: NOW + 500 } }
    given(told).when(sentAgain(NOW)).thenRefused('duplicate_meter_event')
  })
})

describe('Cancelling usage', () => {
  it('cancels it, and says all of what was cancelled', () => {
    given(recorded).when(cancel).then(cancelled)
  })

  it('is done up to 24 hours after the receipt, inclusive', () => {
    expect(CANCELLATION_WINDOW_MS).toBe(86_400_000)
    const at = NOW + CANCELLATION_WINDOW_MS
    given(recorded)
      .when({ ...cancel, at })
      .then({ type: 'UsageCancelled', data: { ...usage, cancelledAt: at } })
    given(recorded)
      .when({ ...cancel, at: at + 1 })
      .thenRefused('cancellation_window_passed', 'cancel[identifier]')
  })

  it('counts from the receipt, however old the usage is', () => {
    const old = { ...usage, occurredAt: NOW - 35 * 86_400_000 }
    given({ type: 'UsageRecorded', data: old })
      .when(cancel)
      .then({ type: 'UsageCancelled', data: { ...old, cancelledAt } })
  })

  it('is done where the clock of the receipt was ahead', () => {
    given(recorded)
      .when({ ...cancel, at: NOW - 1 })
      .then({ type: 'UsageCancelled', data: { ...usage, cancelledAt: NOW - 1 } })
  })

  it('adds nothing where it is cancelled, however late', () => {
    given(recorded, cancelled).when(cancel).then()
    given(recorded, cancelled)
      .when({ ...cancel, at: NOW + 10 * CANCELLATION_WINDOW_MS })
      .then()
  })

  it('is refused where nothing was recorded', () => {
    given().when(cancel).thenRefused('resource_missing', 'cancel[identifier]')
  })

  it('leaves the record as it was', () => {
    expect(fold(UsageRecord, [recorded, cancelled])).toEqual({ status: 'cancelled', record: usage, cancelledAt })
  })
})
