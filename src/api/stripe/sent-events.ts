/**
 * The events of a body, each with its JSON exactly as it was sent: a number keeps the digits that a double would round
 * (`12345678901234567890`) or cannot hold (`1e400`), and a key that is there twice is there twice. It is cut out of the body where
 * somebody asks for it, so events that count cost nothing.
 */
import type { JsonValue } from '../../domain/json.js'
import { decodeUtf8 } from './wire-text.js'

const QUOTE = 0x22
const COMMA = 0x2c
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

export class SentEvents {
  private texts: readonly string[] | null = null

  /** `body` is what `parseJsonBody` took, and `events` a list that it found there under that name. */
  constructor(
    readonly events: readonly JsonValue[],
    private readonly body: Uint8Array,
  ) {}

  /** JSON of one of the events. */
  textOf(index: number): string {
    this.texts ??= textsOfEvents(decodeUtf8(this.body))
    const text = this.texts[index]
    if (text === undefined || this.texts.length !== this.events.length) {
      throw new Error(`The body has ${this.texts.length} texts for ${this.events.length} events.`)
    }
    return text
  }
}

/** Of a valid object, so only the brackets, commas and quotes in it matter. Of a name that is there twice the last one counts. */
function textsOfEvents(json: string): string[] {
  let texts: string[] = []
  let depth = 0
  let name = ''
  let isInEvents = false
  let start = 0
  for (let at = 0; at < json.length; at++) {
    switch (json.charCodeAt(at)) {
      case QUOTE: {
        const end = endOfString(json, at)
        if (depth === 1) name = json.slice(at, end + 1)
        at = end
        break
      }
      case OPEN_BRACKET:
      case OPEN_BRACE:
        if (depth === 1 && JSON.parse(name) === 'events') {
          texts = []
          isInEvents = true
          start = at + 1
        }
        depth++
        break
      case COMMA:
        if (depth !== 2 || !isInEvents) break
        texts.push(json.slice(start, at).trim())
        start = at + 1
        break
      case CLOSE_BRACKET:
      case CLOSE_BRACE:
        depth--
        if (depth !== 1 || !isInEvents) break
        texts.push(json.slice(start, at).trim())
        isInEvents = false
        break
      default:
        break
    }
  }
  return texts
}

/** Its closing quote: the first one that is not escaped. */
function endOfString(json: string, start: number): number {
  for (let end = json.indexOf('"', start + 1); ; end = json.indexOf('"', end + 1)) {
    let before = end - 1
    while (json.charCodeAt(before) === BACKSLASH) before--
    if ((end - before) % 2 === 1) return end
  }
}
