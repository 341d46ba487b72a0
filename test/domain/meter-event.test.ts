import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  BACKFILL_EARLIEST,
  CUSTOMER_LENGTH_MAX,
  IDENTIFIER_LENGTH_MAX,
  PAYLOAD_KEYS_MAX,
  PAYLOAD_VALUE_LENGTH_MAX,
  TIMESTAMP_FUTURE_MAX_MS,
  TIMESTAMP_PAST_MAX_MS,
  dimensionValues,
  earliestTimestamp,
  readMeterEvent,
  requireNotTooOld,
  restorePayload,
  type MeterEvent,
} from '../../src/domain/meter-event.js'
import { PAYLOAD_KEY_LENGTH_MAX, type Meter } from '../../src/domain/meter-catalogue.js'
import type { UsageRecord } from '../../src/domain/usage-record.js'
import { NOW } from '../controls.js'
import { refusalOf } from './decider-specification.js'
import { WIDE, meter } from './examples.js'

const event: MeterEvent = {
  eventName: 'tokens',
  identifier: 'req-1',
  payload: { stripe_customer_id: 'cus_A', value: '25' },
  timestamp: null,
}
const counter: Meter = { ...meter, formula: 'count' }
const regional: Meter = { ...meter, dimensionKeys: ['region', 'model'] }

function read(changes: Partial<MeterEvent> = {}, of: Meter = meter): UsageRecord {
  return readMeterEvent(of, { ...event, ...changes }, NOW)
}

function withPayload(payload: Record<string, string>, of: Meter = meter): UsageRecord {
  return read({ payload: { ...event.payload, ...payload } }, of)
}

function refused(act: () => unknown, code: string, param: string): void {
  expect(refusalOf(act)).toMatchObject({ code, param })
}

/** Plain JSON keys as own keys, `__proto__` included. */
function own(text: string): Record<string, string> {
  return JSON.parse(text) as Record<string, string>
}

describe('A meter event', () => {
  it('makes a record of its meter', () => {
    expect(read()).toEqual({
      meterId: 'mtr_tokens',
      identifier: 'req-1',
      customer: 'cus_A',
      value: '25',
      occurredAt: NOW,
      recordedAt: NOW,
      payload: {},
    })
  })

  it('is read by the keys of its meter', () => {
    const record = read(
      { payload: { team: 'red', seconds: '1.50', value: 'x', stripe_customer_id: 'y' } },
      { ...meter, customerKey: 'team', valueKey: 'seconds' },
    )
    expect(record).toMatchObject({ customer: 'red', value: '1.5' })
    expect({ ...record.payload }).toEqual({ seconds: '1.50', value: 'x', stripe_customer_id: 'y' })
  })

  it('has the limits that are documented', () => {
    expect([IDENTIFIER_LENGTH_MAX, CUSTOMER_LENGTH_MAX, PAYLOAD_KEYS_MAX, PAYLOAD_KEY_LENGTH_MAX]).toEqual([
      100, 255, 50, 100,
    ])
    expect([PAYLOAD_VALUE_LENGTH_MAX, TIMESTAMP_PAST_MAX_MS, TIMESTAMP_FUTURE_MAX_MS]).toEqual([
      500,
      35 * 86_400_000,
      300_000,
    ])
  })
})

describe('The identifier', () => {
  it.each(['x', 'x'.repeat(100), WIDE.repeat(100)])('may be %s', (identifier) => {
    expect(read({ identifier }).identifier).toBe(identifier)
  })

  it.each(['x'.repeat(101), WIDE.repeat(100) + 'x'])('is refused one character over the limit', (identifier) => {
    refused(() => read({ identifier }), 'parameter_too_long', 'identifier')
  })

  it.each(['', ' ', '\n\t'])('is refused when blank: %j', (identifier) => {
    refused(() => read({ identifier }), 'parameter_invalid_empty', 'identifier')
  })
})

describe('The timestamp', () => {
  const oldest = NOW - TIMESTAMP_PAST_MAX_MS
  const newest = NOW + TIMESTAMP_FUTURE_MAX_MS

  it('is the receipt where it is left out', () => expect(read().occurredAt).toBe(NOW))

  it.each([oldest, NOW, newest])('may be %d, inclusive', (timestamp) => {
    expect(read({ timestamp })).toMatchObject({ occurredAt: timestamp, recordedAt: NOW })
  })

  it('is refused a millisecond beyond either end', () => {
    refused(() => requireNotTooOld(oldest - 1, oldest), 'timestamp_too_far_in_past', 'timestamp')
    expect(() => requireNotTooOld(oldest, oldest)).not.toThrow()
    refused(() => read({ timestamp: newest + 1 }), 'timestamp_in_future', 'timestamp')
  })

  it('may be as old in whole seconds, whatever the millisecond of the receipt', () => {
    expect([0, 1, 999, 1000].map((ms) => earliestTimestamp(NOW + ms) - oldest)).toEqual([0, 0, 0, 1000])
  })

  it('that is too old is told how old it may be: 35 days, or 1970 in an import of history', () => {
    expect(refusalOf(() => requireNotTooOld(oldest - 1, oldest)).message).toContain('35 calendar days')
    expect(refusalOf(() => requireNotTooOld(-1, BACKFILL_EARLIEST)).message).toContain('1970')
    expect(() => requireNotTooOld(0, BACKFILL_EARLIEST)).not.toThrow()
  })
})

describe('The payload', () => {
  const filler = (keys: number) => Object.fromEntries(Array.from({ length: keys }, (_, n) => [`k${n}`, '']))

  it('has up to fifty keys', () => {
    expect(Object.keys(withPayload(filler(48)).payload)).toHaveLength(48)
    refused(() => withPayload(filler(49)), 'parameter_invalid', 'payload')
  })

  it('has keys of up to a hundred characters', () => {
    expect({ ...withPayload({ [WIDE.repeat(100)]: 'x' }).payload }).toEqual({ [WIDE.repeat(100)]: 'x' })
    refused(() => withPayload({ ['x'.repeat(101)]: 'x' }), 'parameter_too_long', 'payload')
  })

  it('has values of up to five hundred characters', () => {
    expect({ ...withPayload({ k: WIDE.repeat(500) }).payload }).toEqual({ k: WIDE.repeat(500) })
    refused(() => withPayload({ k: 'x'.repeat(501) }), 'parameter_too_long', 'payload[k]')
  })
})

describe('The customer', () => {
  it.each(['x', 'x'.repeat(255), WIDE.repeat(255), ' cus A '])('may be %s', (customer) => {
    expect(withPayload({ stripe_customer_id: customer }).customer).toBe(customer)
  })

  it('is refused one character over the limit', () => {
    refused(
      () => withPayload({ stripe_customer_id: 'x'.repeat(256) }),
      'parameter_too_long',
      'payload[stripe_customer_id]',
    )
  })

  it('must be there and not blank', () => {
    const code = 'meter_event_no_customer_defined'
    refused(() => read({ payload: { value: '25' } }), code, 'payload[stripe_customer_id]')
    for (const blank of ['', ' ']) {
      refused(() => withPayload({ stripe_customer_id: blank }), code, 'payload[stripe_customer_id]')
    }
  })

  it('is not what every object inherits', () => {
    refused(
      () => read({}, { ...meter, customerKey: 'toString' }),
      'meter_event_no_customer_defined',
      'payload[toString]',
    )
    refused(
      () => read({}, { ...meter, customerKey: '__proto__' }),
      'meter_event_no_customer_defined',
      'payload[__proto__]',
    )
  })
})

describe('The value', () => {
  const param = 'payload[value]'

  it.each([
    ['25', '25'],
    ['25.0', '25'],
    ['-4', '-4'],
    ['1e3', '1000'],
    ['0.000000000000001', '0.000000000000001'],
    ['-0', '0'],
  ])('%s counts as %s', (text, value) => expect(withPayload({ value: text }).value).toBe(value))

  it('must be there', () => {
    refused(() => read({ payload: { stripe_customer_id: 'cus_A' } }), 'meter_event_invalid_value', param)
    refused(() => read({}, { ...meter, valueKey: 'constructor' }), 'meter_event_invalid_value', 'payload[constructor]')
  })

  it.each(['', ' ', 'abc', 'NaN', '1,5', '0x10', '1e15', '-1e15', '1e999'])('%j is refused', (value) => {
    refused(() => withPayload({ value }), 'meter_event_invalid_value', param)
  })

  it.each(['1234567890123456', '0.1234567890123456', '1e-16', '12e-16'])('%s has too many digits', (value) => {
    refused(() => withPayload({ value }), 'meter_event_value_too_many_digits', param)
  })

  it.each([
    ['1,5', 'a number'],
    ['1e15', 'between -1000000000000000 and 1000000000000000'],
    ['-1e15', 'between -1000000000000000 and 1000000000000000'],
    ['1234567890123456', '15 digits'],
    ['1e-16', '15 decimal places'],
  ])('%s is told what it must be: %s', (value, hint) => {
    expect(refusalOf(() => withPayload({ value })).message).toContain(hint)
  })

  it('is ignored by a meter that counts, and kept', () => {
    const record = withPayload({ value: 'anything' }, counter)
    expect(record.value).toBeNull()
    expect({ ...record.payload }).toEqual({ value: 'anything' })
    expect(read({ payload: { stripe_customer_id: 'cus_A' } }, counter).value).toBeNull()
  })
})

describe('Dimensions', () => {
  it('must all be in the payload, and may be empty', () => {
    refused(() => withPayload({ region: 'eu' }, regional), 'missing_dimension_payload_keys', 'payload[model]')
    refused(() => withPayload({ model: 'm' }, regional), 'missing_dimension_payload_keys', 'payload[region]')
    const record = withPayload({ region: '', model: 'm' }, regional)
    expect(dimensionValues(regional, record)).toEqual(['', 'm'])
  })

  it('come in the order of the meter', () => {
    const record = withPayload({ model: 'm', region: 'eu' }, regional)
    expect(dimensionValues(regional, record)).toEqual(['eu', 'm'])
  })

  it('are not what every object inherits', () => {
    const odd = { ...meter, dimensionKeys: ['__proto__'] }
    refused(() => read({}, odd), 'missing_dimension_payload_keys', 'payload[__proto__]')
    const record = readMeterEvent(
      odd,
      { ...event, payload: own('{"__proto__":"x","value":"1","stripe_customer_id":"c"}') },
      NOW,
    )
    expect(dimensionValues(odd, JSON.parse(JSON.stringify(record)) as UsageRecord)).toEqual(['x'])
  })
})

describe('The payload of a record', () => {
  function restored(of: Meter, payload: Record<string, string>): string {
    const record = readMeterEvent(of, { ...event, payload }, NOW)
    const stored = JSON.parse(JSON.stringify(record)) as UsageRecord
    return JSON.stringify(Object.entries(restorePayload(of, stored)).sort())
  }

  it.each([
    ['a canonical value', meter, '{"stripe_customer_id":"c","value":"25"}'],
    ['a value in other words', meter, '{"stripe_customer_id":"c","value":"25.0"}'],
    ['a counting meter without a value', counter, '{"stripe_customer_id":"c"}'],
    ['a counting meter with a value', counter, '{"stripe_customer_id":"c","value":"-"}'],
    ['dimensions', regional, '{"stripe_customer_id":"c","value":"1","region":"eu","model":"m"}'],
    ['keys every object inherits', meter, '{"__proto__":"p","constructor":"q","stripe_customer_id":"c","value":"1"}'],
    ['a customer under __proto__', { ...meter, customerKey: '__proto__' }, '{"__proto__":"c","value":"1"}'],
    ['a value under __proto__', { ...meter, valueKey: '__proto__' }, '{"__proto__":"1.0","stripe_customer_id":"c"}'],
  ])('is restored as it was sent: %s', (_what, of, text) => {
    expect(restored(of, own(text))).toBe(JSON.stringify(Object.entries(own(text)).sort()))
  })

  it('of a record that keeps a text under the key of its customer or value has that text', () => {
    const payload = { region: 'eu', stripe_customer_id: 'c', value: '25.0' }
    const record = {
      meterId: meter.id,
      identifier: 'i',
      customer: 'read',
      value: '25',
      occurredAt: NOW,
      recordedAt: NOW,
    }
    const entries = Object.entries(restorePayload(meter, { ...record, payload }))
    expect(entries).toEqual([
      ['stripe_customer_id', 'c'],
      ['value', '25.0'],
      ['region', 'eu'],
    ])
  })

  it('is restored as it was sent, whatever was sent', () => {
    const key = fc.oneof(fc.constantFrom('__proto__', 'value', 'region', 'toString', ''), fc.string({ maxLength: 20 }))
    const text = fc.string({ maxLength: 20, unit: 'grapheme' })
    const payloads = fc.array(fc.tuple(key, text), { maxLength: 8 }).map((entries) => {
      const required = [
        ['region', 'eu'],
        ['model', 'm'],
        ['stripe_customer_id', 'cus_A'],
      ]
      return Object.fromEntries([...entries, ...required, ['value', '25.00']]) as Record<string, string>
    })
    fc.assert(
      fc.property(payloads, fc.constantFrom(meter, counter, regional), (payload, of) => {
        expect(restored(of, payload)).toBe(JSON.stringify(Object.entries(payload).sort()))
      }),
      { numRuns: 200 },
    )
  })
})
