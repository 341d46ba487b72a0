import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { ExactNumber, toJson, WrittenJson } from '../../../src/api/stripe/exact-json.js'

describe('Exact JSON', () => {
  it('writes exact numbers as they are', () => {
    const data = [{ aggregated_value: new ExactNumber('123456789012345678901234.000000000000001') }]
    expect(toJson({ object: 'list', data })).toBe(
      '{"object":"list","data":[{"aggregated_value":123456789012345678901234.000000000000001}]}',
    )
    expect(toJson(new ExactNumber('-0.5e-7'))).toBe('-0.5e-7')
  })

  it('equals JSON.stringify for everything else', () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => expect(toJson(value)).toBe(JSON.stringify(value))))
    const odd = { a: undefined, b: () => 1, c: NaN, d: -0, e: new Date(0), f: [undefined], g: { toJSON: () => 'x' } }
    expect(toJson(odd)).toBe(JSON.stringify(odd))
    expect(() => toJson(undefined)).toThrow(TypeError)
    expect(() => toJson(1n)).toThrow(TypeError)
  })

  it('equals JSON.stringify where the number beside it is exact too', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer(), (value, number) =>
        expect(toJson([value, new ExactNumber(String(number)), value])).toBe(JSON.stringify([value, number, value])),
      ),
    )
  })

  it.each(['', '01', '+1', '1.', '.5', 'NaN', 'Infinity', '0x1', '1e', ' 1', '1,2', '1"', '1\n'])(
    '%j is no number',
    (literal) => expect(() => new ExactNumber(literal)).toThrow(TypeError),
  )

  it('writes JSON as it was written, whatever stands beside it', () => {
    const event = new WrittenJson('{"n":[1e400,12345678901234567890,1.0],"text":"$1 $& \\"#0"}')
    expect(toJson({ data: [event, new ExactNumber('1.50'), new WrittenJson('null'), '#1'] })).toBe(
      '{"data":[{"n":[1e400,12345678901234567890,1.0],"text":"$1 $& \\"#0"},1.50,null,"#1"]}',
    )
    expect(toJson([new ExactNumber('2.0')])).toBe('[2.0]')
    expect(JSON.stringify({ event: new WrittenJson('{"n":1.0}') })).toBe('{"event":{"n":1}}')
  })

  it('keeps the literal as text where something else writes the JSON', () => {
    expect(JSON.stringify({ value: new ExactNumber('1.50') })).toBe('{"value":"1.50"}')
  })

  it('goes on working after a value that cannot be written', () => {
    const circle: { self?: unknown } = {}
    circle.self = circle
    expect(() => toJson(circle)).toThrow(TypeError)
    expect(toJson([new ExactNumber('1')])).toBe('[1]')
    // Its own numbers would be lost.
    expect(() => toJson({ toJSON: () => toJson([new ExactNumber('1')]) })).toThrow(TypeError)
  })
})
