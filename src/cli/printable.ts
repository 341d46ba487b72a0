/**
 * Texts of others as a terminal may be given them: identifiers and customers come from whoever may report usage, and a terminal
 * obeys control characters, also those that no JSON escapes.
 */

// C0 and C1 controls with DEL, and what changes the direction of a text or begins a line. A line feed is the caller's own.
const OBEYED = /[\0-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** Also of JSON, which then says the same. */
export function printable(text: string): string {
  return text.replace(OBEYED, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** Without line feeds as well. */
export function printableLine(text: string): string {
  return printable(text).replaceAll('\n', '\\n')
}
