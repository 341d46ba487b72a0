/**
 * The JSON body of a v2 request: one object, or nothing for an empty one. Every string and key in it is well-formed text
 * without NUL, and it is never deeper than the limit, so it can be walked, hashed and stored without further care.
 * Numbers stay the numbers JavaScript reads; where a value must be exact, the parameter is text.
 *
 * Objects are as `JSON.parse` makes them: `__proto__` may be an own key, so look keys up as own ones only.
 */
import { ApiError } from './api-error.js';
import { decodeUtf8, NAME_LENGTH_MAX, requireName, requireText } from './wire-text.js';
/** Levels of objects and arrays, the body itself included. */
export const JSON_DEPTH_MAX = 16;
export function parseJsonBody(body) {
    // The CLI sends nothing where the SDK sends `{}`.
    if (body.length === 0)
        return {};
    const text = decodeUtf8(body);
    const value = parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
        throw ApiError.invalidRequest('Invalid request: the body must be a JSON object.');
    }
    // Without an escape there is no way to write a NUL or half a character; what is left to look at needs no names.
    if (text.includes('\\u') || !isPlain(value, 1))
        requireClean(value, 1, '');
    return value;
}
function parse(text) {
    try {
        return JSON.parse(text);
    }
    catch {
        // The parser's own message repeats the body, which may hold what no log should have.
        throw ApiError.invalidRequest('Invalid request: the body is not valid JSON.');
    }
}
/** Whether nothing in it is too deep and no key too long. */
function isPlain(value, depth) {
    if (depth > JSON_DEPTH_MAX)
        return false;
    const isArray = Array.isArray(value);
    for (const key in value) {
        if (!isArray && key.length > NAME_LENGTH_MAX)
            return false;
        const inner = value[key];
        if (typeof inner === 'object' && inner !== null && !isPlain(inner, depth + 1))
            return false;
    }
    return true;
}
/** `depth` is the value's in the body, `name` what it is called there. @throws ApiError for bad text or too many levels. */
export function requireClean(value, depth, name) {
    if (typeof value === 'string')
        return requireText(value, name);
    if (typeof value !== 'object' || value === null)
        return;
    if (depth > JSON_DEPTH_MAX) {
        throw ApiError.invalidRequest(`Invalid request: the body is nested more than ${JSON_DEPTH_MAX} levels deep.`);
    }
    if (Array.isArray(value)) {
        for (let index = 0; index < value.length; index++)
            requireClean(value[index], depth + 1, `${name}[${index}]`);
        return;
    }
    for (const key of Object.keys(value)) {
        requireName(key);
        requireClean(value[key], depth + 1, name === '' ? key : `${name}[${key}]`);
    }
}
//# sourceMappingURL=json-body.js.map