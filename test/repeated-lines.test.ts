/** Lines that say the same again and again: some are written, the others are counted, and none of another kind is lost. */
import { beforeEach, describe, expect, it } from '@jest/globals'
import { RepeatedLines, SAME_LINES_INTERVAL_MS, SAME_LINES_MAX } from '../src/repeated-lines.js'

describe('Lines of the log that repeat', () => {
  let now: number
  let written: { fields: object; message: string }[]
  let lines: RepeatedLines
  const say = (message: string, times: number): void => {
    for (let n = 1; n <= times; n++) {
      lines.line([{ n }, message], (fields, text) => written.push({ fields, message: text }))
    }
  }
  beforeEach(() => {
    now = 0
    written = []
    lines = new RepeatedLines(() => now)
  })

  it('are written up to a number, then counted, each message for itself', () => {
    say('full', SAME_LINES_MAX + 500)
    say('other', 3)
    expect(written).toHaveLength(SAME_LINES_MAX + 3)
    now = 12_000
    lines.tell()
    expect(written.slice(SAME_LINES_MAX + 3)).toEqual([
      { fields: { n: SAME_LINES_MAX + 500, leftOut: 500, inSeconds: 12 }, message: 'full' },
    ])
    lines.tell()
    expect(written).toHaveLength(SAME_LINES_MAX + 4)
  })

  it('are written again in the next interval', () => {
    say('now and then', SAME_LINES_MAX)
    now = SAME_LINES_INTERVAL_MS
    say('now and then', SAME_LINES_MAX)
    expect(written).toHaveLength(2 * SAME_LINES_MAX)
  })

  it('are all written where there are more messages than can be told apart, and the old ones are forgotten', () => {
    for (let n = 0; n < 1_000; n++) say(`message ${n}`, 1)
    say('one more', SAME_LINES_MAX + 5)
    expect(written).toHaveLength(1_000 + SAME_LINES_MAX + 5)
    now = SAME_LINES_INTERVAL_MS
    say('one more', SAME_LINES_MAX + 5)
    expect(written).toHaveLength(1_000 + 2 * SAME_LINES_MAX + 5)
  })
})
