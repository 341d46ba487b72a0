import { expect, it } from '@jest/globals'
import fc from 'fast-check'
import { printable, printableLine } from '../../src/cli/printable.js'

it('Control characters and what turns a text around are written as escapes', () => {
  expect(printable('a\u001b[31mb\u009b2J\u202ec\u2066\r\0')).toBe('a\\u001b[31mb\\u009b2J\\u202ec\\u2066\\u000d\\u0000')
  expect(printable('Zürich — 東京 🦙\nline two')).toBe('Zürich — 東京 🦙\nline two')
  expect(printableLine('one\ntwo')).toBe('one\\ntwo')
})

it('JSON says the same, and nothing of it is obeyed', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
      const text = printable(JSON.stringify(value, null, 2))
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
      expect(text).not.toMatch(/(?!\n)\p{Cc}|\p{Bidi_Control}/u)
    }),
  )
})
