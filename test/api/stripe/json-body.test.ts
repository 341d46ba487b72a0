import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { ApiError } from '../../../src/api/stripe/api-error.js'
import { JSON_DEPTH_MAX, parseJsonBody } from '../../../src/api/stripe/json-body.js'

const nested = (depth: number) => Buffer.from('{"a":'.repeat(depth) + '1' + '}'.repeat(depth))

describe('A JSON body', () => {
  it('is an object, and an empty one without a body', () => {
    expect(parseJsonBody(new Uint8Array())).toEqual({})
    expect(parseJsonBody(Buffer.from('{}'))).toEqual({})
    expect(parseJsonBody(Buffer.from(' {"events":[{"payload":{"value":"1e-7","n":5}}]} '))).toEqual({
      events: [{ payload: { value: '1e-7', n: 5 } }],
    })
  })

  it.each([
    ['null', 'must be a JSON object'],
    ['[]', 'must be a JSON object'],
    ['"a"', 'must be a JSON object'],
    ['5', 'must be a JSON object'],
    ['{', 'not valid JSON'],
    ['{"a":1,}', 'not valid JSON'],
    ['a=b', 'not valid JSON'],
    [' ', 'not valid JSON'],
    ['{"a":"\\u0000"}', 'NUL'],
    ['{"\\u0000":"a"}', 'NUL'],
    ['{"a":["\\ud800"]}', 'Unicode'],
    ['{"\\udc00":1}', 'Unicode'],
  ])('%s is refused', (body, fragment) => {
    expect(() => parseJsonBody(Buffer.from(body))).toThrow(ApiError)
    expect(() => parseJsonBody(Buffer.from(body))).toThrow(fragment)
  })

  it('is refused when its bytes are not UTF-8', () => {
    expect(() => parseJsonBody(Buffer.concat([Buffer.from('{"a":"'), Buffer.of(0xff), Buffer.from('"}')]))).toThrow(
      'not valid UTF-8',
    )
  })

  it('is refused beyond its depth, however deep it is', () => {
    expect(() => parseJsonBody(nested(JSON_DEPTH_MAX))).not.toThrow()
    expect(() => parseJsonBody(nested(JSON_DEPTH_MAX + 1))).toThrow('levels deep')
    expect(() => parseJsonBody(nested(200_000))).toThrow(ApiError)
  })

  it('keeps prototype names as keys of its own', () => {
    const body = parseJsonBody(Buffer.from('{"__proto__":{"polluted":"1"},"constructor":"2"}'))
    expect(Object.keys(body)).toEqual(['__proto__', 'constructor'])
    expect('polluted' in {}).toBe(false)
  })

  it('of random bytes is an object or a refusal', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((json) => new TextEncoder().encode(json)),
        ),
        (bytes) => {
          try {
            expect(typeof parseJsonBody(bytes)).toBe('object')
          } catch (error) {
            expect(error).toBeInstanceOf(ApiError)
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})
