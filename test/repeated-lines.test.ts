/** Lines that say the same again and again: some are written, the others are counted, and none of another kind is lost. */
import { beforeEach, describe, expect, it } from '@jest/globals'
import { RepeatedLines, SAME_LINES_INTERVAL_MS, SAME_LINES_MAX } from '../src/repeated-lines.js'

describe('Lines of the log that repeat', () => {
  let now: number
  let written: { fields: object; message: string }[]
  let lines: RepeatedLines
  const say = (message: string, times: number, fields: object = {}, level = 40): void => {
    for (let n = 1; n <= times; n++) {
      const write = (said: object): void => void written.push({ fields: said, message })
      lines.add({ level, fields: { n, ...fields }, message, write })
    }
  }
  beforeEach(() => {
    now = 0
    written = []
    lines = new RepeatedLines(() => now)
  })

  it('are written up to a number, then counted, each kind for itself', () => {
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

  it('are others where their level, their reason, or the place of a bug is another', () => {
    const bug = (message: string): Error => new Error(message)
    const [first, second] = [bug('wrong'), bug('worse')]
    say('refused', SAME_LINES_MAX + 1, { reason: 'Too many: 1001 wait.' })
    for (const [fields, level] of [
      [{ reason: 'The disk is full.' }, 40],
      [{ reason: 'Too many: 1001 wait.' }, 50],
      [{ err: first }, 50],
      [{ err: second }, 50],
    ] as const) {
      const before = written.length
      say('refused', SAME_LINES_MAX + 1, fields, level)
      expect(written).toHaveLength(before + SAME_LINES_MAX)
    }
    // Another number is no other reason.
    const before = written.length
    say('refused', 5, { reason: 'Too many: 1002 wait.' })
    expect(written).toHaveLength(before)
  })

  it('are written again in the next interval', () => {
    say('now and then', SAME_LINES_MAX)
    now = SAME_LINES_INTERVAL_MS
    say('now and then', SAME_LINES_MAX)
    expect(written).toHaveLength(2 * SAME_LINES_MAX)
  })

  it('are told all the same where they are told late and others came meanwhile', () => {
    say('full', SAME_LINES_MAX + 1)
    now = SAME_LINES_INTERVAL_MS + 5_000
    say('full', 1)
    expect(written).toHaveLength(SAME_LINES_MAX)
    lines.tell(false)
    expect(written.slice(SAME_LINES_MAX)).toEqual([{ fields: { n: 1, leftOut: 2, inSeconds: 65 }, message: 'full' }])
  })

  it('keep their interval while what another left out is told', () => {
    say('early', SAME_LINES_MAX + 1)
    now = SAME_LINES_INTERVAL_MS - 1
    say('late', SAME_LINES_MAX)
    now = SAME_LINES_INTERVAL_MS
    lines.tell(false)
    say('late', 1)
    expect(written.map(({ message }) => message).filter((message) => message === 'late')).toHaveLength(SAME_LINES_MAX)
    expect(written.at(-1)).toEqual({ fields: { n: SAME_LINES_MAX + 1, leftOut: 1, inSeconds: 60 }, message: 'early' })
  })

  it('are all written where there are more kinds than can be told apart, and the old ones are forgotten', () => {
    const name = (n: number): string => String.fromCodePoint(0x4e00 + n)
    for (let n = 0; n < 1_000; n++) say(name(n), 1)
    say('one more', SAME_LINES_MAX + 5)
    expect(written).toHaveLength(1_000 + SAME_LINES_MAX + 5)
    now = SAME_LINES_INTERVAL_MS
    say('one more', SAME_LINES_MAX + 5)
    expect(written).toHaveLength(1_000 + 2 * SAME_LINES_MAX + 5)
  })
})
