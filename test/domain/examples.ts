/** One place for the meters, records and keys that tests of the rules talk about. */
import type { ApiKey } from '../../src/domain/api-keys.js'
import type { CreateMeter, Event, Meter, MeterCreated } from '../../src/domain/meter-catalogue.js'
import type { UsageRecord } from '../../src/domain/usage-record.js'
import { NOW } from '../controls.js'

/** A character outside the basic plane: one character, two UTF-16 units. */
export const WIDE = '𝄞'

export const createMeter: CreateMeter = {
  type: 'CreateMeter',
  meterId: 'mtr_tokens',
  displayName: 'Tokens',
  eventName: 'tokens',
  formula: 'sum',
  eventTimeWindow: null,
  valueKey: 'value',
  customerKey: 'stripe_customer_id',
  dimensionKeys: [],
  usagePartitions: 8,
  at: NOW,
}

export const ledgerOpened: Event = { type: 'LedgerOpened', data: { usagePartitions: 8, at: NOW } }

/** The event of a meter like the one `createMeter` makes, but for these parts. */
export function meterCreated(changes: Partial<MeterCreated> = {}): Event & { type: 'MeterCreated' } {
  const { type: _type, usagePartitions: _partitions, at, ...configuration } = createMeter
  return { type: 'MeterCreated', data: { ...configuration, createdAt: at, ...changes } }
}

export const meter: Meter = {
  id: 'mtr_tokens',
  displayName: 'Tokens',
  eventName: 'tokens',
  formula: 'sum',
  eventTimeWindow: null,
  valueKey: 'value',
  customerKey: 'stripe_customer_id',
  dimensionKeys: [],
  status: 'active',
  createdAt: NOW,
  updatedAt: NOW,
  deactivatedAt: null,
}

export const usage: UsageRecord = {
  meterId: 'mtr_tokens',
  identifier: 'req-1',
  customer: 'cus_A',
  value: '25',
  occurredAt: NOW - 1000,
  recordedAt: NOW,
  payload: {},
}

export const apiKey: ApiKey = {
  keyId: 'key_1',
  hash: '00'.repeat(32),
  lastFour: 'cdef',
  ledger: 'default~test',
  role: 'secret',
  name: 'first',
  issuedAt: NOW,
}
