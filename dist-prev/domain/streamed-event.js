/**
 * A meter event out of a batch, before its shape is known. Written by hand, because a batch is the hot path: the rules are
 * those of a single event (design §4), the words of a refusal name the place.
 */
import { DomainError } from './errors.js';
import { EVENT_NAME_LENGTH_MAX } from './meter-catalogue.js';
import { IDENTIFIER_LENGTH_MAX } from './meter-event.js';
import { isLongerThan } from './text.js';
const FIELDS = new Set(['event_name', 'identifier', 'payload', 'timestamp']);
/** @throws DomainError that says what is wrong with the shape. */
export function readStreamedEvent(raw) {
    if (!isHash(raw))
        throw new DomainError('parameter_invalid', 'A meter event must be a hash.', 'events');
    for (const field in raw) {
        if (!FIELDS.has(field)) {
            throw new DomainError('parameter_invalid', `Received unknown parameter: ${field.slice(0, 100)}.`, field.slice(0, 100));
        }
    }
    const eventName = text(raw.event_name, 'event_name', EVENT_NAME_LENGTH_MAX);
    if (eventName === null)
        throw new DomainError('parameter_invalid', 'Missing required param: event_name.', 'event_name');
    const { payload } = raw;
    if (payload === undefined || payload === null) {
        throw new DomainError('parameter_invalid', 'Missing required param: payload.', 'payload');
    }
    if (!isHash(payload))
        throw new DomainError('parameter_invalid', 'The payload must be a hash.', 'payload');
    for (const key in payload) {
        if (typeof payload[key] !== 'string') {
            throw new DomainError('parameter_invalid', 'Payload values must be strings.', `payload[${key.slice(0, 100)}]`);
        }
    }
    const { timestamp = null } = raw;
    if (timestamp !== null && typeof timestamp !== 'string') {
        throw new DomainError('parameter_invalid', 'The timestamp must be an RFC 3339 text.', 'timestamp');
    }
    return {
        eventName,
        identifier: text(raw.identifier, 'identifier', IDENTIFIER_LENGTH_MAX),
        payload: payload,
        timestamp,
    };
}
/** What can be told of an event whose shape is wrong: that which is right of its name and identifier. */
export function identityOf(raw) {
    if (!isHash(raw))
        return { eventName: null, identifier: null };
    return {
        eventName: legible(raw.event_name, EVENT_NAME_LENGTH_MAX),
        identifier: legible(raw.identifier, IDENTIFIER_LENGTH_MAX),
    };
}
function legible(value, lengthMax) {
    return typeof value === 'string' && value.trim() !== '' && !isLongerThan(value, lengthMax) ? value : null;
}
function text(value, param, lengthMax) {
    if (value === undefined || value === null)
        return null;
    if (typeof value !== 'string')
        throw new DomainError('parameter_invalid', `${param} must be a string.`, param);
    if (value.trim() === '')
        throw new DomainError('parameter_invalid_empty', `${param} must not be empty or blank.`, param);
    if (isLongerThan(value, lengthMax)) {
        throw new DomainError('parameter_too_long', `${param} must be at most ${lengthMax} characters long.`, param);
    }
    return value;
}
function isHash(value) {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
}
//# sourceMappingURL=streamed-event.js.map