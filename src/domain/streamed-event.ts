/**
 * A meter event out of a batch, before its shape is known. Written by hand, because a batch is the hot path: the rules are
 * those of a single event (design §4), the words of a refusal name the place.
 */
import { DomainError } from './errors.js'
import type { JsonValue } from './json.js'
import { EVENT_NAME_LENGTH_MAX } from './meter-catalogue.js'
import { IDENTIFIER_LENGTH_MAX } from './meter-event.js'
import { isLongerThan } from './text.js'

export interface StreamedEvent {
  readonly eventName: string
  readonly identifier: string | null
  readonly payload: Readonly<Record<string, string>>
  /** As it was sent; null where it was left out. */
  readonly timestamp: string | null
}

/** Rejections of earlier versions are recognised by these, so they stay as they are. */
const TIMESTAMP_NO_TEXT = 'The timestamp must be an RFC 3339 text.'
const IDENTIFIER_NO_TEXT = 'identifier must be a string.'

const FIELDS: ReadonlySet<string> = new Set(['event_name', 'identifier', 'payload', 'timestamp'])

/** @throws DomainError that says what is wrong with the shape. */
export function readStreamedEvent(raw: JsonValue): StreamedEvent {
  if (!isHash(raw)) throw new DomainError('parameter_invalid', 'A meter event must be a hash.', 'events')
  for (const field in raw) {
    if (!FIELDS.has(field)) {
      throw new DomainError(
        'parameter_unknown',
        `Received unknown parameter: ${field.slice(0, 100)}.`,
        field.slice(0, 100),
      )
    }
  }
  const eventName = text(raw.event_name, 'event_name', EVENT_NAME_LENGTH_MAX)
  if (eventName === null)
    throw new DomainError('parameter_missing', 'Missing required param: event_name.', 'event_name')
  const { payload } = raw
  if (payload === undefined || payload === null) {
    throw new DomainError('parameter_missing', 'Missing required param: payload.', 'payload')
  }
  if (!isHash(payload)) throw new DomainError('parameter_invalid', 'The payload must be a hash.', 'payload')
  for (const key in payload) {
    if (typeof payload[key] !== 'string') {
      throw new DomainError('parameter_invalid', 'Payload values must be strings.', `payload[${key.slice(0, 100)}]`)
    }
  }
  const { timestamp = null } = raw
  if (timestamp !== null && typeof timestamp !== 'string') {
    throw new DomainError('parameter_invalid', TIMESTAMP_NO_TEXT, 'timestamp')
  }
  return {
    eventName,
    identifier: text(raw.identifier, 'identifier', IDENTIFIER_LENGTH_MAX),
    payload: payload as Record<string, string>,
    timestamp,
  }
}

/**
 * The event of a rejection, which was refused with `message`. Earlier versions stored null in place of a number that is larger
 * than any double (`1e400`). Null is read as left out, which was never refused for its kind: where it was, such a number was
 * sent, and nothing that a meter may become mends it.
 *
 * @throws DomainError that says what is wrong with the shape.
 */
export function readRejectedEvent(raw: JsonValue, message: string): StreamedEvent {
  const event = readStreamedEvent(raw)
  if (event.timestamp === null && message === TIMESTAMP_NO_TEXT) {
    throw new DomainError('parameter_invalid', TIMESTAMP_NO_TEXT, 'timestamp')
  }
  if (event.identifier === null && message === IDENTIFIER_NO_TEXT) {
    throw new DomainError('parameter_invalid', IDENTIFIER_NO_TEXT, 'identifier')
  }
  return event
}

/** What can be told of an event whose shape is wrong: that which is right of its name and identifier. */
export function identityOf(raw: JsonValue): Pick<StreamedEvent, 'identifier'> & { readonly eventName: string | null } {
  if (!isHash(raw)) return { eventName: null, identifier: null }
  return {
    eventName: legible(raw.event_name, EVENT_NAME_LENGTH_MAX),
    identifier: legible(raw.identifier, IDENTIFIER_LENGTH_MAX),
  }
}

function legible(value: JsonValue | undefined, lengthMax: number): string | null {
  return typeof value === 'string' && value.trim() !== '' && !isLongerThan(value, lengthMax) ? value : null
}

function text(value: JsonValue | undefined, param: string, lengthMax: number): string | null {
  if (value === undefined || value === null) return null
  if (typeof value !== 'string') throw new DomainError('parameter_invalid', `${param} must be a string.`, param)
  if (value.trim() === '')
    throw new DomainError('parameter_invalid_empty', `${param} must not be empty or blank.`, param)
  if (isLongerThan(value, lengthMax)) {
    throw new DomainError('parameter_too_long', `${param} must be at most ${lengthMax} characters long.`, param)
  }
  return value
}

function isHash(value: JsonValue | undefined): value is { readonly [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
