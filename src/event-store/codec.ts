/**
 * The only door between stored JSON and domain events. Writers write the newest shape; reading lifts every older one, step
 * by step. A type or shape that is not known stops the reader: it is never skipped and never guessed.
 */
import type { DomainEvent, EventType } from '../domain/events.js'
import type { JsonValue } from '../domain/json.js'
import {
  EventStoreCorrupt,
  type EventMetadata,
  type JsonObject,
  type NewEvent,
  type RecordedEvent,
} from './event-store.js'

/** A released step is never edited. The schema number of a type is the number of its steps plus one. */
const steps: Record<EventType, readonly ((data: JsonValue) => JsonValue)[]> = {
  LedgerOpened: [],
  MeterCreated: [],
  MeterRenamed: [],
  MeterDeactivated: [],
  MeterReactivated: [],
  UsageRecorded: [],
  UsageCancelled: [],
  UsageRejected: [
    /* 1 → 2: text, in which a number has the digits that were sent. */
    (data) => ({ ...(data as JsonObject), event: JSON.stringify((data as JsonObject).event) }),
  ],
  UsageRejectionResolved: [],
  ApiKeyIssued: [],
  ApiKeyRevoked: [],
}

export function encodeEvent(event: DomainEvent, id: string, metadata: Omit<EventMetadata, 'schema'>): NewEvent {
  return {
    id,
    type: event.type,
    // Domain events are plain JSON by rule; a round trip is a property test.
    data: event.data as unknown as JsonObject,
    metadata: withSchema(metadata, steps[event.type].length + 1),
  }
}

/** The last one, and what was made of it: events of one request stand together and share theirs, and stores write it once. */
let stamped: { readonly metadata: object; readonly made: EventMetadata } | null = null

function withSchema(metadata: Omit<EventMetadata, 'schema'>, schema: number): EventMetadata {
  if (stamped?.metadata === metadata && stamped.made.schema === schema) return stamped.made
  stamped = { metadata, made: { schema, ...metadata } }
  return stamped.made
}

const NEWER = ' If a newer version wrote it, run that version.'

/** @throws EventStoreCorrupt naming stream and revision. */
export function decodeEvent({ stream, revision, type, data, metadata }: RecordedEvent): DomainEvent {
  if (!Object.hasOwn(steps, type)) {
    throw new EventStoreCorrupt(`Event ${revision} of stream ${stream} has the unknown type ${type}.${NEWER}`)
  }
  const lifts = steps[type as EventType]
  const { schema } = metadata
  if (!Number.isInteger(schema) || schema < 1 || schema > lifts.length + 1) {
    throw new EventStoreCorrupt(
      `Event ${revision} of stream ${stream} (${type}) has the unknown schema ${schema}.${NEWER}`,
    )
  }
  let lifted: JsonValue = data
  for (const lift of lifts.slice(schema - 1)) lifted = lift(lifted)
  return { type, data: lifted } as unknown as DomainEvent
}
