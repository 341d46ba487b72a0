import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { compareCodePoints } from '../../src/domain/canonical-record.js'

/** The first and the last characters of what UTF-16 puts in another order than UTF-8. */
const EDGES = [
  '\u0000',
  '\u007f',
  '\u0080',
  '\u07ff',
  '\u0800',
  '\ud7ff',
  '\ue000',
  '\uffff',
  '\u{10000}',
  '\u{10ffff}',
]

function expectOrderOfBytes(left: string, right: string): void {
  const [order, ofBytes] = [compareCodePoints(left, right), Buffer.compare(Buffer.from(left), Buffer.from(right))]
  expect({ left, right, order: Math.sign(order) }).toEqual({ left, right, order: ofBytes })
}

describe('The order of texts in a digest', () => {
  it('is that of their UTF-8 bytes at every edge of Unicode', () => {
    for (const left of EDGES) {
      for (const right of EDGES) {
        expectOrderOfBytes(left, right)
        expectOrderOfBytes(`same ${left}`, `same ${right}`)
        expectOrderOfBytes(`${left}a`, `${right}`)
      }
    }
  })

  it('is that of their UTF-8 bytes, whatever they are', () => {
    const texts = fc.string({ unit: fc.oneof(fc.constantFrom(...EDGES), fc.string({ unit: 'binary', maxLength: 1 })) })
    fc.assert(fc.property(texts, texts, expectOrderOfBytes))
  })
})
