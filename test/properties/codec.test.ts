import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { EventType } from '../../src/domain/events.js'
import type { JsonValue } from '../../src/domain/json.js'
import { decodeEvent, encodeEvent } from '../../src/event-store/codec.js'
import type { NewEvent, Position, RecordedEvent } from '../../src/event-store/event-store.js'
import { eventTypes, eventsOf } from './events.js'

const context = { correlationId: 'req_1', causationId: 'req_1', actor: 'key_1' }

/** As it comes back from a store, which keeps text. */
function stored(event: NewEvent): RecordedEvent {
  const kept = JSON.parse(JSON.stringify(event)) as NewEvent
  return { ...kept, stream: 'usage-default~test.0', revision: 7, position: '7' as Position }
}

function newestShape(type: EventType): number {
  return type === 'UsageRejected' ? 2 : 1
}

describe.each(eventTypes)('%s', (type) => {
  it('is read back as it was written', () => {
    fc.assert(
      fc.property(eventsOf(type), (event) => {
        expect(decodeEvent(stored(encodeEvent(event, 'id', context)))).toEqual(event)
      }),
      { numRuns: 100 },
    )
  })

  it('is plain JSON, own keys with odd names included', () => {
    fc.assert(
      fc.property(eventsOf(type), ({ data }) => {
        const text = JSON.stringify(data)
        expect(JSON.stringify(JSON.parse(text))).toBe(text)
      }),
      { numRuns: 100 },
    )
  })

  it('says the shape it is written in', () => {
    const [event] = fc.sample(eventsOf(type), 1)
    const metadata = { schema: newestShape(type), ...context }
    expect(encodeEvent(event!, 'id', context)).toMatchObject({ id: 'id', type, metadata })
  })

  it.each([0, newestShape(type) + 1, 1.5, -1, Number.NaN, '1' as unknown as number, undefined as unknown as number])(
    'in the unknown shape %p stops the reader',
    (schema) => {
      const [event] = fc.sample(eventsOf(type), 1)
      const recorded = stored(encodeEvent(event!, 'id', context))
      expect(() => decodeEvent({ ...recorded, metadata: { ...recorded.metadata, schema } })).toThrow(
        `Event 7 of stream usage-default~test.0 (${type}) has the unknown schema`,
      )
    },
  )
})

describe('Events of one request', () => {
  it('each have the schema of their own type', () => {
    const types = ['UsageRecorded', 'UsageRejected', 'UsageRecorded', 'UsageRejected'] as const
    const events = types.map((type) => fc.sample(eventsOf(type), 1)[0]!)
    const schemas = events.map((event) => encodeEvent(event, 'id', context).metadata.schema)
    expect(schemas).toEqual(types.map(newestShape))
  })
})

describe('A rejection of the first shape', () => {
  it('is read as one of the second, what was sent as text', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (event) => {
        const metadata = { schema: 1, ...context }
        const first = stored({
          id: 'id',
          type: 'UsageRejected',
          data: { index: 3, event: event as JsonValue },
          metadata,
        })
        expect(decodeEvent(first)).toEqual({ type: 'UsageRejected', data: { index: 3, event: JSON.stringify(event) } })
      }),
    )
  })
})

describe('An event of an unknown type', () => {
  it.each(['UsageForgotten', 'toString', '__proto__', ''])('stops the reader: %j', (type) => {
    const recorded = { ...stored({ id: 'id', type, data: {}, metadata: { schema: 1, ...context } }) }
    expect(() => decodeEvent(recorded)).toThrow(
      `Event 7 of stream usage-default~test.0 has the unknown type ${type}. If a newer version wrote it, run that version.`,
    )
  })
})
