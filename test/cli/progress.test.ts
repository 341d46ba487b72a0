/** What is told of how far a command is. */
import { expect, it } from '@jest/globals'
import { Progress } from '../../src/cli/progress.js'

/** Lines as they are written where no terminal is, and a clock that stands still. */
function told(): { readonly lines: string[]; readonly progress: Progress; readonly pass: (seconds: number) => void } {
  const lines: string[] = []
  let now = 0
  const output = { write: (text: string) => lines.push(text) }
  return {
    lines,
    progress: new Progress(output, 'record', 'read', () => now),
    pass: (seconds) => void (now += seconds * 1000),
  }
}

it('has no rate, and no time left, before there is something to go by', () => {
  const { lines, progress, pass } = told()
  // As where an export first looks through the whole log.
  pass(60)
  progress.show(1, 0.1)
  pass(5)
  progress.show(2, 0.1)
  expect(lines).toEqual(['1 record read  10 %\n', '2 records read  10 %\n'])
})

it('has the rate, and the time left, of what came since it was shown first', () => {
  const { lines, progress, pass } = told()
  pass(60)
  progress.show(1_000, 0.25)
  pass(10)
  progress.show(21_000, 0.5)
  pass(10)
  progress.show(61_000, 1)
  expect(lines.slice(1)).toEqual([
    '21 000 records read  2 000/s  50 %  20 s left\n',
    '61 000 records read  3 000/s  100 %  0 s left\n',
  ])
})

it('is told every five seconds where no terminal is, but at once the first time', () => {
  const { lines, progress, pass } = told()
  progress.show(1, null)
  pass(4.9)
  progress.show(2, null)
  pass(0.1)
  progress.show(3, null)
  expect(lines).toEqual(['1 record read\n', expect.stringMatching(/^3 records read/)])
})
