import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { parseJsonBody } from '../../../src/api/stripe/json-body.js'
import { SentEvents } from '../../../src/api/stripe/sent-events.js'
import type { JsonValue } from '../../../src/domain/json.js'

function textsOf(json: string): string[] {
  const body = Buffer.from(json)
  const { events } = parseJsonBody(body) as { readonly events: readonly JsonValue[] }
  const sent = new SentEvents(events, body)
  return events.map((_event, index) => sent.textOf(index))
}

describe('Sent events', () => {
  it('are cut out of the body to the letter, whatever they are', () => {
    const blank = fc.constantFrom('', ' ', '\n\t ', '\r\n')
    const json = fc
      .oneof(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom('\\', '"', '],[', '\\"', '\\\\'))
      .map((value) => JSON.stringify(value).replaceAll('\\u0000', ''))
    const event = fc.oneof(json, fc.constantFrom('1e400', '-0', '{ "a" : 1.0 , "a":[ ] }', '12345678901234567890'))
    fc.assert(
      fc.property(fc.array(fc.tuple(blank, event, blank), { minLength: 1 }), blank, (events, between) => {
        const list = events.map((parts) => parts.join('')).join()
        expect(textsOf(`${between}{${between}"events"${between}:${between}[${list}]${between}}`)).toEqual(
          events.map(([, text]) => text),
        )
      }),
    )
  })

  it.each([
    ['a name with escapes', '{"\\u0065vents":[1.0]}', ['1.0']],
    ['the last of two lists', '{"events":[1,2],"events":[3.0]}', ['3.0']],
    [
      'a list after what is none',
      '{"events":{"events":[1]},"a":"events","b":[[2]],"events":[3.0,[4]]}',
      ['3.0', '[4]'],
    ],
    ['a list before others', '{"events":["]"],"other":[1,2],"text":"events"}', ['"]"']],
  ])('are those of %s', (_what, json, texts) => expect(textsOf(json)).toEqual(texts))
})
