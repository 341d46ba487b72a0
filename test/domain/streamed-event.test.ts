import { describe, expect, it } from '@jest/globals'
import type { JsonValue } from '../../src/domain/json.js'
import { identityOf, readRejectedEvent, readStreamedEvent } from '../../src/domain/streamed-event.js'
import { refusalOf } from './decider-specification.js'
import { WIDE } from './examples.js'

const payload = { stripe_customer_id: 'cus_A', value: '25' }
const event = { event_name: 'tokens', payload }

describe('An event of a batch', () => {
  it('needs a name and a payload, and no more', () => {
    const read = { eventName: 'tokens', identifier: null, payload, timestamp: null }
    expect(readStreamedEvent(event)).toEqual(read)
    expect(readStreamedEvent({ ...event, identifier: null, timestamp: null })).toEqual(read)
    expect(readStreamedEvent({ ...event, identifier: 'i', timestamp: 'then' })).toEqual({
      ...read,
      identifier: 'i',
      timestamp: 'then',
    })
  })

  it.each<[what: string, raw: JsonValue, code: string, param: string]>([
    ['a list', [], 'parameter_invalid', 'events'],
    ['null', null, 'parameter_invalid', 'events'],
    ['a text', 'event', 'parameter_invalid', 'events'],
    ['a field too many', { ...event, meter: 'm' }, 'parameter_unknown', 'meter'],
    ['a long field too many', { ...event, ['m'.repeat(101)]: 'm' }, 'parameter_unknown', 'm'.repeat(100)],
    ['no name', { payload }, 'parameter_missing', 'event_name'],
    ['null for a name', { payload, event_name: null }, 'parameter_missing', 'event_name'],
    ['a number for a name', { payload, event_name: 1 }, 'parameter_invalid', 'event_name'],
    ['a blank name', { payload, event_name: ' \t' }, 'parameter_invalid_empty', 'event_name'],
    ['too long a name', { payload, event_name: WIDE.repeat(101) }, 'parameter_too_long', 'event_name'],
    ['a number for an identifier', { ...event, identifier: 1 }, 'parameter_invalid', 'identifier'],
    ['an empty identifier', { ...event, identifier: '' }, 'parameter_invalid_empty', 'identifier'],
    ['too long an identifier', { ...event, identifier: WIDE.repeat(101) }, 'parameter_too_long', 'identifier'],
    ['no payload', { event_name: 'tokens' }, 'parameter_missing', 'payload'],
    ['null for a payload', { event_name: 'tokens', payload: null }, 'parameter_missing', 'payload'],
    ['a list for a payload', { event_name: 'tokens', payload: [] }, 'parameter_invalid', 'payload'],
    ['a text for a payload', { event_name: 'tokens', payload: 'p' }, 'parameter_invalid', 'payload'],
    ['a number in its payload', { ...event, payload: { value: 25 } }, 'parameter_invalid', 'payload[value]'],
    ['null in its payload', { ...event, payload: { value: null } }, 'parameter_invalid', 'payload[value]'],
    ['a number for a time', { ...event, timestamp: 1768471200 }, 'parameter_invalid', 'timestamp'],
  ])('is refused with %s', (_what, raw, code, param) => {
    const refusal = refusalOf(() => readStreamedEvent(raw))
    expect(refusal).toMatchObject({ code, param })
    expect(refusal.message).toMatch(/\.$/)
  })

  it('may have a name and an identifier of a hundred characters', () => {
    const long = WIDE.repeat(100)
    expect(readStreamedEvent({ ...event, event_name: long, identifier: long })).toMatchObject({
      eventName: long,
      identifier: long,
    })
  })
})

describe('What can be told of an event of the wrong shape', () => {
  it.each<[raw: JsonValue, eventName: string | null, identifier: string | null]>([
    [{ event_name: 'tokens', identifier: 'i', timestamp: 1 }, 'tokens', 'i'],
    [{ event_name: 'tokens', identifier: 1 }, 'tokens', null],
    [{ event_name: ' ', identifier: 'i' }, null, 'i'],
    [{ event_name: WIDE.repeat(100), identifier: WIDE.repeat(101) }, WIDE.repeat(100), null],
    [{ event_name: 'x'.repeat(101), identifier: 'x'.repeat(100) }, null, 'x'.repeat(100)],
    [['tokens', 'i'], null, null],
    ['tokens', null, null],
    [null, null, null],
  ])('of %j is what is right of its name and identifier', (raw, eventName, identifier) => {
    expect(identityOf(raw)).toEqual({ eventName, identifier })
  })
})

describe('The event of a rejection', () => {
  it('has no time and no identifier where it was sent without and refused for something else', () => {
    expect(readRejectedEvent(event, 'No active meter found.')).toMatchObject({ identifier: null, timestamp: null })
  })

  it.each(['timestamp', 'identifier'])('is refused again where its %s was a number that was lost', (param) => {
    const { code, message } = refusalOf(() => readStreamedEvent({ ...event, [param]: 1 }))
    expect(refusalOf(() => readRejectedEvent(event, message))).toMatchObject({ code, message, param })
  })

  it('has the time and the identifier it was sent with, whatever it was refused for', () => {
    for (const param of ['timestamp', 'identifier']) {
      const { message } = refusalOf(() => readStreamedEvent({ ...event, [param]: 1 }))
      expect(readRejectedEvent({ ...event, [param]: 'text' }, message)).toMatchObject({ [param]: 'text' })
    }
  })
})
