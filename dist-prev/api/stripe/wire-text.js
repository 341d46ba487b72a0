/**
 * What may count as text on the wire: well-formed UTF-8 without NUL. Everything stored, hashed or compared later is text that
 * came through here, so no store or client can read it differently.
 */
import { ApiError } from './api-error.js';
// Fatal, so that no byte is silently replaced; the byte order mark is kept and is then a character like any other.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** UTF-16 units of a parameter's full name, or of a key in JSON; names are repeated in answers. */
export const NAME_LENGTH_MAX = 500;
/** Characters of a caller's text that a message repeats. */
const QUOTED_CHARACTERS_MAX = 60;
export function decodeUtf8(bytes) {
    try {
        return utf8.decode(bytes);
    }
    catch {
        throw ApiError.invalidRequest('Invalid request: the parameters are not valid UTF-8.');
    }
}
/** Of the value of a parameter; null: of a parameter's name. */
export function requireText(text, param) {
    if (!text.includes('\0') && text.isWellFormed())
        return;
    const what = param === null ? 'a parameter name' : `the value of ${quote(param)}`;
    const problem = text.includes('\0') ? 'contains a NUL character' : 'is not well-formed Unicode';
    throw ApiError.invalidRequest(`Invalid request: ${what} ${problem}.`, 'parameter_invalid', param);
}
export function requireName(name) {
    requireText(name, null);
    if (name.length > NAME_LENGTH_MAX) {
        throw ApiError.invalidRequest(`Invalid request: the parameter name ${quote(name)} is longer than ${NAME_LENGTH_MAX} characters.`);
    }
}
/** The beginning of a caller's text, short enough for a message and never half a character. */
export function quote(text) {
    if (text.length <= QUOTED_CHARACTERS_MAX)
        return text;
    return `${[...text.slice(0, 2 * QUOTED_CHARACTERS_MAX)].slice(0, QUOTED_CHARACTERS_MAX).join('')}…`;
}
//# sourceMappingURL=wire-text.js.map