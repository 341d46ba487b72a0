/**
 * JSON in which exact decimals stay exact: an `ExactNumber` is written as the number literal it was given, never through a
 * double, and a `WrittenJson` as the JSON it was given. Everything else is what `JSON.stringify` makes of it, because `JSON.stringify` makes it.
 */
import { randomBytes } from 'node:crypto'

const NUMBER_LITERAL = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

// Random for each process and never sent to anyone, so no text in a value can pass for a marked number.
const mark = `exact:${randomBytes(16).toString('hex')}:`
const marked = new RegExp(`"${mark}([^"]+)"`, 'g')

let writing = false
let found = false
/** JSON to be written, each in the place of its index. */
let written: string[] = []

export class ExactNumber {
  constructor(readonly literal: string) {
    if (!NUMBER_LITERAL.test(literal)) throw new TypeError('An exact number needs a JSON number literal.')
  }

  /** Outside `toJson` the literal as text: still exact, and the mark stays in here. */
  toJSON(): string {
    if (!writing) return this.literal
    found = true
    return mark + this.literal
  }
}

export class WrittenJson {
  /** `json` is valid. */
  constructor(readonly json: string) {}

  /** Outside `toJson` what it reads as. */
  toJSON(): unknown {
    if (!writing) return JSON.parse(this.json)
    return `${mark}#${written.push(this.json) - 1}`
  }
}

export function toJson(value: unknown): string {
  if (writing) throw new TypeError('toJson cannot be used inside toJSON.')
  writing = true
  found = false
  if (written.length > 0) written = []
  let json: string | undefined
  try {
    json = JSON.stringify(value)
  } finally {
    writing = false
  }
  if (json === undefined) throw new TypeError('The value has no JSON.')
  if (written.length > 0) {
    const texts = written
    return json.replace(marked, (_match, by: string) => (by.startsWith('#') ? (texts[Number(by.slice(1))] ?? '') : by))
  }
  return found ? json.replace(marked, '$1') : json
}
