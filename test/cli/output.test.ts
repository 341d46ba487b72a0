/** Commands whose output cannot be written. `/dev/full` stands for a file on a full disk. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { spawnSync, type SpawnSyncReturns } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MAIN, makeStore, meterbook } from './command-line.js'

let dataDir: string
let full: number
beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'meterbook-'))
  await makeStore(dataDir, [{ eventName: 'tokens' }])
  full = openSync('/dev/full', 'w')
})
afterAll(() => {
  closeSync(full)
  rmSync(dataDir, { recursive: true })
})

function digest(stdout: number | 'pipe', stderr: number | 'pipe', ...options: string[]): SpawnSyncReturns<string> {
  const args = [MAIN, 'digest', '--data-dir', dataDir, ...options]
  return spawnSync(process.execPath, args, { stdio: ['ignore', stdout, stderr], encoding: 'utf8' })
}

it('end with 3 and say why in one line', () => {
  expect(digest(full, 'pipe', '--quiet')).toMatchObject({
    status: 3,
    stderr: 'Its output cannot be written: ENOSPC: no space left on device, write.\n',
  })
})

it('name the file that an export could not write', () => {
  const run = (stdout: number | 'pipe', ...options: string[]): SpawnSyncReturns<string> => {
    const args = [MAIN, 'export', '--data-dir', dataDir, '--quiet', '--format', 'csv', ...options]
    return spawnSync(process.execPath, args, { stdio: ['ignore', stdout, 'pipe'], encoding: 'utf8' })
  }
  const why = 'ENOSPC: no space left on device, write.\n'
  expect(run(full)).toMatchObject({ status: 3, stderr: `Its output cannot be written: ${why}` })
  expect(run('pipe', '--out', '/dev/full')).toMatchObject({ status: 3, stderr: `/dev/full cannot be written: ${why}` })
})

it('name the key that was issued and that nobody has', async () => {
  const there = ['--data-dir', dataDir]
  const args = [MAIN, 'keys', 'create', '--name', 'lost', ...there]
  const { status, stderr } = spawnSync(process.execPath, args, { stdio: ['ignore', full, 'pipe'], encoding: 'utf8' })
  const list = await meterbook(['keys', 'list', '--json', ...there])
  const [{ id = '' } = {}] = (JSON.parse(list.stdout) as { id: string; name: string }[]).filter(
    ({ name }) => name === 'lost',
  )
  expect({ status, stderr }).toEqual({
    status: 3,
    stderr: `Its output cannot be written: ENOSPC: no space left on device, write. Key ${id} was issued all the same, and nobody has it. Revoke it: meterbook keys revoke ${id}\n`,
  })
  expect(await meterbook(['keys', 'revoke', id, ...there])).toMatchObject({ code: 0 })
})

it('do what they are for where it is only what they say on the way', () => {
  expect(digest('pipe', full)).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^[0-9a-f]{64}\n$/) as unknown,
  })
})
