/** What every command makes of its options. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeStore, meterbook } from './command-line.js'

let folder: string
let dataDir: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  dataDir = join(folder, 'data')
  await makeStore(dataDir, [{ eventName: 'tokens' }])
})
afterAll(() => rmSync(folder, { recursive: true }))

describe('An option that is given and empty, as from a shell variable that is not set', () => {
  it.each([
    ['--data-dir', ['serve', '--port', '0', '--data-dir', '']],
    ['--host', ['serve', '--host=', '--port', '0']],
    ['--data-dir', ['keys', 'list', '--data-dir', '']],
    ['--customer', ['digest', '--customer', '']],
    ['--meter', ['audit', '--meter', '']],
    ['--out', ['export', '--out', '']],
    ['--rejects', ['import', '-', '--rejects', '']],
    ['--event-store-url', ['rebuild', '--event-store-url', '']],
  ])('is refused: %s of %j', async (option, args) => {
    const ended = await meterbook([...args, ...(args.includes('--data-dir') ? [] : ['--data-dir', dataDir])])
    expect([ended.code, ended.stdout]).toEqual([2, ''])
    expect(ended.stderr).toContain(`${option} must not be empty: leave it out, or give it a value.`)
  })

  it('makes no store in another folder', () => expect(existsSync('data')).toBe(false))
})

describe('A ledger that is not there', () => {
  beforeAll(async () => {
    expect(await meterbook(['digest', '--data-dir', dataDir, '--quiet'])).toMatchObject({ code: 0 })
  })

  it.each([
    ['audit', ['--account', 'nope'], 'nope in test mode'],
    ['digest', ['--account', 'nope'], 'nope in test mode'],
    ['export', ['--account', 'nope'], 'nope in test mode'],
    ['audit', ['--mode', 'live'], 'default in live mode'],
    ['digest', ['--account', 'nope', '--mode', 'live', '--meter', 'mtr_x'], 'nope in live mode'],
    ['export', ['--account', 'default', '--mode', 'live'], 'default in live mode'],
  ])('is refused where it is named: %s %j', async (command, args, what) => {
    expect(await meterbook([command, ...args, '--data-dir', dataDir])).toEqual({
      code: 2,
      stdout: '',
      stderr: `There is no ledger of account ${what}: no meter was ever created in it.\n`,
    })
  })

  it.each([['audit'], ['digest'], ['export']])(
    'is no matter where it is there, or none is named: %s',
    async (command) => {
      for (const args of [[], ['--account', 'default'], ['--account', 'default', '--mode', 'test']]) {
        expect(await meterbook([command, ...args, '--data-dir', dataDir, '--quiet'])).toMatchObject({
          code: 0,
          stderr: '',
        })
      }
    },
  )
})

it('A folder is not taken for a file to import', async () => {
  const { code, stderr } = await meterbook(['import', folder, '--data-dir', dataDir])
  expect(code).toBe(2)
  expect(stderr).toContain(`${folder} is a folder. Name a file in it.`)
})

it('The help of serve names every setting of the README', async () => {
  const rows = readFileSync('README.md', 'utf8').match(/^\| `[A-Z_]+`(, `[A-Z_]+`)* \|/gm)
  const settings = rows!.flatMap((row) => row.match(/[A-Z_]+/g))
  expect(settings).toContain('METRICS_HOST')
  const { stdout } = await meterbook(['serve', '--help'])
  for (const setting of settings) expect(stdout).toMatch(new RegExp(`\\b${setting}\\b`))
})
