import { ApiError } from './stripe/api-error.js';
/** @throws ApiError where there is no list of 1 to `eventsMax` entries, or a parameter beside those named. */
export function readEventList(body, eventsMax, otherParameters = []) {
    const hash = body;
    const unknown = Object.keys(hash ?? {}).find((name) => name !== 'events' && !otherParameters.includes(name));
    if (unknown !== undefined) {
        throw ApiError.invalidRequest(`Received unknown parameter: ${unknown.slice(0, 100)}`, 'parameter_unknown', unknown);
    }
    const events = hash?.events;
    if (events === undefined || events === null) {
        throw ApiError.invalidRequest('Missing required param: events.', 'parameter_missing', 'events');
    }
    if (!Array.isArray(events) || events.length === 0) {
        throw ApiError.invalidRequest('events must be a list of at least one meter event.', 'parameter_invalid', 'events');
    }
    if (events.length > eventsMax) {
        throw ApiError.invalidRequest(`events has ${events.length} entries; at most ${eventsMax} are allowed in one call.`, 'parameter_invalid', 'events');
    }
    return events;
}
//# sourceMappingURL=event-list.js.map