/** Any event of every type: plain data of the right kind, whether or not a history could hold it. */
import fc from 'fast-check'
import { keyRoles } from '../../src/domain/api-keys.js'
import { formulaNames } from '../../src/domain/aggregation.js'
import { usageRefusalCodes } from '../../src/domain/errors.js'
import type { DomainEvent, EventType } from '../../src/domain/events.js'

/** Few ids, so that events are often about the same thing. */
const meterIds = fc.constantFrom('mtr_a', 'mtr_b', 'mtr_c')
const eventNames = fc.constantFrom('tokens', 'calls')
const keyIds = fc.constantFrom('key_a', 'key_b')
const instants = fc.integer({ min: -(2 ** 43), max: 2 ** 43 })
const texts = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 30 }), fc.constantFrom('__proto__', '', '\u0000', '"'))
const payloads = fc
  .array(fc.tuple(texts, texts), { maxLength: 6 })
  .map((entries) => Object.fromEntries(entries) as Record<string, string>)
const values = fc.option(fc.constantFrom('0', '-1', '0.1', '999999999999999', '-0.000000000000001'))
const changes = fc.record({ meterId: meterIds, at: instants })
const usage = {
  meterId: meterIds,
  identifier: texts,
  customer: texts,
  value: values,
  occurredAt: instants,
  recordedAt: instants,
  payload: payloads,
}

const dataOf: { readonly [T in EventType]: fc.Arbitrary<Extract<DomainEvent, { type: T }>['data']> } = {
  LedgerOpened: fc.record({ usagePartitions: fc.integer({ min: 1, max: 256 }), at: instants }),
  MeterCreated: fc.record({
    meterId: meterIds,
    displayName: texts,
    eventName: eventNames,
    formula: fc.constantFrom(...formulaNames),
    eventTimeWindow: fc.constantFrom(null, 'hour' as const, 'day' as const),
    valueKey: texts,
    customerKey: texts,
    dimensionKeys: fc.array(texts, { maxLength: 3 }),
    createdAt: instants,
  }),
  MeterRenamed: fc.record({ meterId: meterIds, displayName: texts, at: instants }),
  MeterDeactivated: changes,
  MeterReactivated: changes,
  UsageRecorded: fc.record(usage),
  UsageCancelled: fc.record({ ...usage, cancelledAt: instants }),
  UsageRejected: fc.record({
    eventName: fc.option(texts),
    meterId: fc.option(meterIds),
    identifier: texts,
    code: fc.constantFrom(...usageRefusalCodes),
    message: texts,
    // Stored as it was sent, whatever that is.
    event: fc.json(),
    index: fc.nat({ max: 99 }),
    receivedAt: instants,
  }),
  UsageRejectionResolved: fc.record({
    rejection: fc.integer({ min: 1, max: 9 }),
    meterId: meterIds,
    identifier: texts,
    at: instants,
  }),
  ApiKeyIssued: fc.record({
    keyId: keyIds,
    hash: fc.constantFrom('00'.repeat(32), '11'.repeat(32)),
    lastFour: fc.constantFrom('abcd', '0000'),
    ledger: fc.constantFrom('default~test' as const, 'default~live' as const),
    role: fc.constantFrom(...keyRoles),
    name: texts,
    issuedAt: instants,
  }),
  ApiKeyRevoked: fc.record({ keyId: keyIds, at: instants }),
}

export const eventTypes = Object.keys(dataOf) as EventType[]

export function eventsOf<T extends EventType>(...types: readonly T[]): fc.Arbitrary<Extract<DomainEvent, { type: T }>> {
  return fc.oneof(
    ...types.map((type) =>
      (dataOf[type] as fc.Arbitrary<object>).map((data) => ({ type, data }) as Extract<DomainEvent, { type: T }>),
    ),
  )
}
