/** What commands say of what goes wrong on the way. */
import { expect, it } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const WRITE_SIDE = fileURLToPath(new URL('../../dist/cli/write-side.js', import.meta.url))

function said(program: string): string {
  const args = ['--input-type=module', '-e', `import { warningsOnly as log } from '${WRITE_SIDE}'\n${program}`]
  return spawnSync(process.execPath, args, { encoding: 'utf8' }).stderr
}

it('it is said with its reason, and once where it is tried again and again', () => {
  expect(
    said(`
      for (let n = 1; n <= 25; n++) log.warn({ reason: 'refused', attempt: n }, 'A read failed, reading on')
      log.warn({ reason: 'too late' }, 'A read failed, reading on')
      log.warn({ reason: 'refused', givenUpAfterMs: 30_000 }, 'It failed, trying again')
      log.error({ reason: 'The disk is full.' }, 'The projections stopped.')
      log.warn({}, 'No reason is known')
      log.info({}, 'All is well')
    `),
  ).toBe(
    'A read failed, reading on: refused\nA read failed, reading on: too late\nIt failed, trying again: refused. It is tried for up to 30 s.\nThe projections stopped. The disk is full.\nNo reason is known\n',
  )
})

it('no terminal is told what it would obey', () => {
  expect(said(String.raw`log.warn({ reason: 'red \u001b[31m' }, 'It failed')`)).toBe('It failed: red \\u001b[31m\n')
})
