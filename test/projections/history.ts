/**
 * Random histories of an installation with two ledgers and meters of every kind: late and future usage, equal timestamps,
 * negative and decimal values, cancellations of what counts and of what does not, and what cannot happen but must not be
 * folded (an identifier recorded or cancelled twice).
 */
import fc from 'fast-check'
import { formulaNames, type FormulaName } from '../../src/domain/aggregation.js'
import type { DomainEvent } from '../../src/domain/events.js'
import type { LedgerName } from '../../src/domain/ledger.js'
import type { EventTimeWindow, MeterCreated } from '../../src/domain/meter-catalogue.js'
import { usagePartition } from '../../src/domain/usage-partition.js'
import type { UsageRecord } from '../../src/domain/usage-record.js'
import { encodeEvent } from '../../src/event-store/codec.js'
import type { EventStore, NewEvent, StreamAppend } from '../../src/event-store/event-store.js'
import { metersStream, usageStream } from '../../src/event-store/streams.js'
import { NOW } from '../controls.js'
import { randomUUID } from 'node:crypto'

/** An event in its stream, as a history has it before it is stored. */
export interface Entry {
  readonly stream: string
  readonly event: DomainEvent
  readonly idempotency: { readonly key: string; readonly requestHash: string } | null
}

export const LEDGERS: readonly LedgerName[] = ['default~test', 'default~live']
export const PARTITIONS = 3
const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

export interface HistoryMeter extends MeterCreated {
  readonly ledger: LedgerName
}

const windows: readonly (EventTimeWindow | null)[] = [null, 'hour', 'day']

function historyMeter(
  formula: FormulaName,
  eventTimeWindow: EventTimeWindow | null,
  dimensionKeys: readonly string[],
  ledger: LedgerName,
): HistoryMeter {
  const name = `${formula}_${eventTimeWindow ?? 'raw'}${dimensionKeys.length > 0 ? '_by' : ''}`
  return {
    ledger,
    meterId: `mtr_${ledger === 'default~live' ? '' : 'test_'}${name}`,
    displayName: name,
    eventName: name,
    formula,
    eventTimeWindow,
    valueKey: 'value',
    customerKey: 'stripe_customer_id',
    dimensionKeys,
    createdAt: NOW - 40 * DAY,
  }
}

/** Every formula with every window, with and without dimensions, and one meter of another ledger. */
export const historyMeters: readonly HistoryMeter[] = [
  ...formulaNames.flatMap((formula) =>
    windows.flatMap((window) => [
      historyMeter(formula, window, [], 'default~test'),
      historyMeter(formula, window, ['region', '__proto__'], 'default~test'),
    ]),
  ),
  historyMeter('sum', null, [], 'default~live'),
]

const customers = ['cus_A', 'cus B', '顧客']
const regions = ['eu', '', 'us "west"']
const values = ['1', '25', '-4', '0', '2.5', '-0.000000000000001', '999999999999999', '0.1', '0.2', '-2.5']

/** Few instants, so that buckets fill up and timestamps collide; some before 1970. */
const instants = fc
  .tuple(
    fc.constantFrom(NOW, NOW, NOW, 0),
    fc.integer({ min: -1, max: 1 }),
    fc.constantFrom(0, 1, 13),
    fc.constantFrom(0, 1, 59),
    fc.constantFrom(0, 0, 1, 59_999),
  )
  .map(([base, days, hours, minutes, ms]) => base + days * DAY + hours * HOUR + minutes * MINUTE + ms)

const usageSteps = fc.record({
  type: fc.constantFrom('record', 'record', 'record', 'record', 'cancel', 'cancel', 'again', 'cancel again'),
  meter: fc.nat(),
  customer: fc.nat(),
  region: fc.nat(),
  value: fc.nat(),
  occurredAt: instants,
  pick: fc.nat(),
  pause: fc.constantFrom(0, 0, 1, 1000, HOUR, 26 * HOUR, -2 * HOUR),
  idempotencyKey: fc.option(fc.nat({ max: 5 })),
})
type UsageStep = typeof usageSteps extends fc.Arbitrary<infer Step> ? Step : never

const meterSteps = fc.record({
  type: fc.constantFrom('rename', 'deactivate', 'reactivate'),
  meter: fc.nat(),
  pause: fc.constantFrom(0, 1000),
})
type MeterStep = typeof meterSteps extends fc.Arbitrary<infer Step> ? Step : never

/**
 * Half of the histories are spread over up to `meterCount` meters and all customers; the other half is about one customer
 * of one meter, so that many records fall into the same few cells. `among`: the meters there may be.
 */
export function histories(maxSteps: number, meterCount = 4, among = historyMeters): fc.Arbitrary<Entry[]> {
  const steps = fc.array(fc.oneof({ weight: 9, arbitrary: usageSteps }, { weight: 1, arbitrary: meterSteps }), {
    maxLength: maxSteps,
    size: 'max',
  })
  const spread = fc
    .tuple(fc.shuffledSubarray([...among], { minLength: 1, maxLength: meterCount }), steps)
    .map(([used, all]) => play(used, all))
  const dense = fc.tuple(fc.constantFrom(...among), steps).map(([meter, all]) =>
    play(
      [meter],
      all.map((step) => ({ ...step, customer: 0 })),
    ),
  )
  return fc.oneof(spread, dense)
}

/** The first entries of a history: its ledgers and meters. */
export function opening(used: readonly HistoryMeter[]): Entry[] {
  const entries: Entry[] = []
  for (const ledger of LEDGERS) {
    const opened = used.filter((meter) => meter.ledger === ledger)
    if (opened.length === 0) continue
    const stream = metersStream(ledger)
    const at = NOW - 40 * DAY
    entries.push({
      stream,
      idempotency: null,
      event: { type: 'LedgerOpened', data: { usagePartitions: PARTITIONS, at } },
    })
    for (const { ledger: _ledger, ...data } of opened) {
      entries.push({ stream, idempotency: null, event: { type: 'MeterCreated', data } })
    }
  }
  return entries
}

/** A usage event in the stream where it belongs. */
export function usageEntry(
  meter: HistoryMeter,
  event: DomainEvent & { type: 'UsageRecorded' | 'UsageCancelled' },
  idempotency: Entry['idempotency'] = null,
): Entry {
  const partition = usagePartition(meter.meterId, event.data.identifier, PARTITIONS)
  return { stream: usageStream(meter.ledger, partition), event, idempotency }
}

/** A record of `cus_A` with the value 1 at `NOW`, but for what is given. */
export function recordedEntry(meter: HistoryMeter, identifier: string, given: Partial<UsageRecord> = {}): Entry {
  const { meterId } = meter
  const data = {
    meterId,
    identifier,
    customer: 'cus_A',
    value: '1',
    occurredAt: NOW,
    recordedAt: NOW,
    payload: {},
    ...given,
  }
  return usageEntry(meter, { type: 'UsageRecorded', data })
}

function play(used: readonly HistoryMeter[], steps: readonly (UsageStep | MeterStep)[]): Entry[] {
  const entries = opening(used)
  const recorded: { meter: HistoryMeter; record: UsageRecord; isCancelled: boolean }[] = []
  let now = NOW
  for (const step of steps) {
    now += step.pause
    const meter = at(used, step.meter)
    if (step.type === 'rename' || step.type === 'deactivate' || step.type === 'reactivate') {
      entries.push({ stream: metersStream(meter.ledger), event: meterEvent(step.type, meter, now), idempotency: null })
      continue
    }
    const { idempotencyKey: key } = step as UsageStep
    const idempotency = key === null ? null : { key: `key-${key}`, requestHash: `hash-${entries.length}` }
    const picked = recorded.length > 0 ? at(recorded, (step as UsageStep).pick) : null
    if (step.type === 'record') {
      const record = usageRecord(step, meter, `id-${recorded.length}`, now)
      recorded.push({ meter, record, isCancelled: false })
      entries.push(usageEntry(meter, { type: 'UsageRecorded', data: record }, idempotency))
    } else if (picked && step.type === 'again') {
      const record = usageRecord(step, picked.meter, picked.record.identifier, now)
      entries.push(usageEntry(picked.meter, { type: 'UsageRecorded', data: record }, idempotency))
    } else if (picked && (step.type === 'cancel') !== picked.isCancelled) {
      picked.isCancelled = true
      const data = { ...picked.record, cancelledAt: now }
      entries.push(usageEntry(picked.meter, { type: 'UsageCancelled', data }, idempotency))
    }
  }
  return entries
}

/** What an audit can agree with: an identifier that was recorded or cancelled twice cannot be in a log. */
export function withoutRepeats(entries: readonly Entry[]): Entry[] {
  const seen = new Set<string>()
  return entries.filter(({ event }) => {
    if (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled') return true
    const key = `${event.type} ${event.data.meterId} ${event.data.identifier}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

function meterEvent(type: MeterStep['type'], { meterId }: HistoryMeter, now: number): DomainEvent {
  if (type === 'rename') return { type: 'MeterRenamed', data: { meterId, displayName: `renamed at ${now}`, at: now } }
  return { type: type === 'deactivate' ? 'MeterDeactivated' : 'MeterReactivated', data: { meterId, at: now } }
}

function usageRecord(step: UsageStep, meter: HistoryMeter, identifier: string, recordedAt: number): UsageRecord {
  const dimensions = meter.dimensionKeys.map((key, index) => [key, at(regions, step.region + index)] as const)
  return {
    meterId: meter.meterId,
    identifier,
    customer: at(customers, step.customer),
    value: meter.formula === 'count' ? null : at(values, step.value),
    occurredAt: step.occurredAt,
    recordedAt,
    payload: Object.fromEntries(step.value % 3 === 0 ? [...dimensions, ['note', 'x']] : dimensions),
  }
}

function at<T>(list: readonly T[], index: number): T {
  return list[index % list.length] as T
}

export { customers as historyCustomers, regions as historyRegions }

/** Appends entries to what a store already has of their streams, in their order. */
export async function writeLog(
  store: EventStore,
  entries: readonly Entry[],
  revisions = new Map<string, number>(),
): Promise<void> {
  const appends = entries.map(({ stream, event, idempotency }): StreamAppend => {
    const expectedRevision = revisions.get(stream) ?? 0
    revisions.set(stream, expectedRevision + 1)
    return { stream, expectedRevision, events: [stored(event, idempotency)] }
  })
  const outcomes = await store.append(appends)
  for (const outcome of outcomes) if (outcome.status !== 'appended') throw new Error(`Not written: ${outcome.status}.`)
}

function stored(event: DomainEvent, idempotency: Entry['idempotency']): NewEvent {
  return encodeEvent(event, randomUUID(), {
    correlationId: 'req_history',
    causationId: 'req_history',
    actor: 'key_history',
    ...(idempotency ? { idempotencyKey: idempotency.key, requestHash: idempotency.requestHash } : {}),
  })
}
