/** `meterbook keys`: keys are issued, listed and revoked in a store that is there, and none is made by the way. */
import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeStore, meterbook } from './command-line.js'

let folder: string
let dataDir: string

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  dataDir = join(folder, 'data')
  await makeStore(dataDir, [])
})
afterEach(() => rmSync(folder, { recursive: true }))

it('issues a key, lists it and revokes it', async () => {
  const there = ['--data-dir', dataDir, '--json']
  const created = await meterbook(['keys', 'create', '--role', 'read', '--name', 'a report', ...there])
  const { id, key } = JSON.parse(created.stdout) as { id: string; key: string }
  expect(key).toMatch(/^rk_test_/)
  const list = await meterbook(['keys', 'list', ...there])
  expect(JSON.parse(list.stdout)).toMatchObject([{ id, role: 'read', name: 'a report', revoked_at: null }])
  const revoked = await meterbook(['keys', 'revoke', id, ...there])
  const { issued_at, revoked_at } = JSON.parse(revoked.stdout) as Record<string, string>
  expect(JSON.parse(revoked.stdout)).toMatchObject({ id, revoked_at: expect.any(String) as unknown })
  const kept = await meterbook(['keys', 'create', '--mode', 'live', '--data-dir', dataDir])
  const [, live = ''] =
    /^sk_live_\S+\n\nThis is the only time it is shown. Key id: (key_\S+) \(default~live, secret\)\.\n$/.exec(
      kept.stdout,
    ) ?? []
  const { stdout } = await meterbook(['keys', 'list', '--data-dir', dataDir])
  expect(stdout.trimEnd().split('\n')).toEqual([
    expect.stringMatching(/^ID +KEY +LEDGER +ROLE +ISSUED +REVOKED +NAME$/),
    expect.stringMatching(`^${id} +…${key.slice(-4)} +default~test +read +${issued_at} +${revoked_at} +a report$`),
    expect.stringMatching(`^${live} +….{4} +default~live +secret +\\S+ +-$`),
  ])
})

it('refuses with 2 a folder without a store, and what is not there or not allowed', async () => {
  const missing = join(folder, 'elsewhere')
  for (const command of [['create'], ['list'], ['revoke', 'key_none']]) {
    const { code, stdout, stderr } = await meterbook(['keys', ...command, '--data-dir', missing])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain(`There is no Meterbook store in ${missing}.`)
    expect(stderr).toContain('start the service first')
  }
  expect(existsSync(missing)).toBe(false)
  expect(await meterbook(['keys', 'revoke', 'key_none', '--data-dir', dataDir])).toMatchObject({ code: 2 })
  expect(await meterbook(['keys', 'create', '--role', 'king', '--data-dir', dataDir])).toMatchObject({ code: 2 })
})

it('takes no name that a terminal would obey', async () => {
  for (const name of ['two\nlines', 'red \u001b[31m', 'turned \u202e', 'csi \u009b31m']) {
    const { code, stdout, stderr } = await meterbook(['keys', 'create', '--name', name, '--data-dir', dataDir])
    expect([code, stdout]).toEqual([2, ''])
    expect(stderr).toContain('one line without control characters')
  }
})

it('takes a name of up to a hundred characters', async () => {
  const create = (name: string) => meterbook(['keys', 'create', '--name', name, '--data-dir', dataDir])
  expect(await create('𝄞'.repeat(100))).toMatchObject({ code: 0 })
  const { code, stderr } = await create('x'.repeat(101))
  expect(code).toBe(2)
  expect(stderr).toContain('at most 100 characters')
})
