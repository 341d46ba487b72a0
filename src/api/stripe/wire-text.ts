/**
 * What may count as text on the wire: well-formed UTF-8 without NUL. Everything stored, hashed or compared later is text that
 * came through here, so no store or client can read it differently.
 */
import { ApiError } from './api-error.js'

// Fatal, so that no byte is silently replaced; the byte order mark is kept and is then a character like any other.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const LONE_SURROGATE = /\p{Surrogate}/u
/** UTF-16 units of a parameter's full name, or of a key in JSON; names are repeated in answers. */
export const NAME_LENGTH_MAX = 500
/** Characters of a caller's text that a message repeats. */
const QUOTED_CHARACTERS_MAX = 60

export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    throw ApiError.invalidRequest('Invalid request: the parameters are not valid UTF-8.')
  }
}

/** `what` names the text in the refusal's message, `param` in its `param`. */
export function requireText(text: string, what: string, param: string | null): void {
  if (text.includes('\0')) {
    throw ApiError.invalidRequest(`Invalid request: ${what} contains a NUL character.`, 'parameter_invalid', param)
  }
  if (LONE_SURROGATE.test(text)) {
    throw ApiError.invalidRequest(`Invalid request: ${what} is not well-formed Unicode.`, 'parameter_invalid', param)
  }
}

export function requireName(name: string): void {
  requireText(name, 'a parameter name', null)
  if (name.length > NAME_LENGTH_MAX) {
    throw ApiError.invalidRequest(
      `Invalid request: the parameter name ${quote(name)} is longer than ${NAME_LENGTH_MAX} characters.`,
    )
  }
}

/** The beginning of a caller's text, short enough for a message and never half a character. */
export function quote(text: string): string {
  if (text.length <= QUOTED_CHARACTERS_MAX) return text
  return `${[...text.slice(0, 2 * QUOTED_CHARACTERS_MAX)].slice(0, QUOTED_CHARACTERS_MAX).join('')}…`
}
