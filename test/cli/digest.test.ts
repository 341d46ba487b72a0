import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../free-port.js'
import { scriptDigest } from '../replay/digest-script.js'
import { makeStore, meterbook, start, type Ended } from './command-line.js'

const NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

let folder: string
let dataDir: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  dataDir = join(folder, 'data')
  await makeStore(dataDir, [{ eventName: 'tokens', meterId: 'mtr_test_tokens' }])
})
afterAll(() => rmSync(folder, { recursive: true }))

const run = (command: string, ...options: string[]): Promise<Ended> =>
  meterbook([command, '--data-dir', dataDir, ...options])

async function importLines(...identifiers: string[]): Promise<void> {
  const path = join(folder, 'lines.ndjson')
  const line = (identifier: string): string =>
    JSON.stringify({
      event_name: 'tokens',
      identifier,
      timestamp: '2026-01-14T10:00:00.000Z',
      payload: { stripe_customer_id: identifier.startsWith('a') ? 'cus_A' : 'cus "B"', value: '025.0' },
    })
  writeFileSync(path, identifiers.map((identifier) => `${line(identifier)}\n`).join(''))
  expect(await run('import', path, '--backfill', '--quiet')).toMatchObject({ code: 0 })
}

describe('meterbook digest', () => {
  it('is that of nothing before there is usage', async () => {
    expect(await run('digest', '--quiet')).toEqual({ code: 0, stdout: `${NOTHING}\n`, stderr: '' })
  })

  it('prints what docs/digest.sh makes of the export, and the same for an earlier state later on', async () => {
    await importLines('a 1', 'a!', 'a', 'b"\u007f')
    const first = await run('digest')
    expect(first).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('4 records, 0 of them cancelled') as unknown,
    })
    const records = await run('export', '--format', 'records', '--quiet')
    expect(first.stdout.trim()).toBe(scriptDigest(records.stdout))

    await importLines('c')
    const later = await run('digest', '--json', '--quiet', '--sequence', '5')
    expect(JSON.parse(later.stdout)).toMatchObject({ records: 5, cancelled: 0, sequence: 5 })
    expect(await run('digest', '--sequence', '4', '--quiet')).toEqual({ code: 0, stdout: first.stdout, stderr: '' })
    const [then, now] = await Promise.all(
      [['--sequence', '4'], []].map(async (more) => {
        const { stdout } = await run('digest', '--json', '--quiet', ...more)
        return JSON.parse(stdout) as { readonly position: string; readonly sequence: number }
      }),
    )
    expect([then?.sequence, now?.sequence]).toEqual([4, 5])
    expect(Number(then?.position)).toBeLessThan(Number(now?.position))
    const all = await run('export', '--format', 'records', '--quiet')
    expect(`${scriptDigest(all.stdout, 4)}\n`).toBe(first.stdout)

    const selected = ['--customer', 'cus_A', '--meter', 'mtr_test_tokens', '--to', '2026-01-15T00:00:00Z']
    const theirs = await run('digest', '--quiet', ...selected)
    const exported = await run('export', '--format', 'records', '--quiet', ...selected)
    expect(exported.stdout.trimEnd().split('\n')).toHaveLength(3)
    expect(theirs.stdout.trim()).toBe(scriptDigest(exported.stdout))
  })

  it('says in JSON what it is the digest of', async () => {
    const selected = ['--meter', 'mtr_test_tokens', '--from', '1768348800', '--to', '2026-01-15T09:00:00+09:00']
    const { stdout } = await run('digest', '--json', '--quiet', '--customer', 'cus "B"', ...selected)
    expect(JSON.parse(stdout)).toEqual({
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      records: 2,
      cancelled: 0,
      sequence: 5,
      position: expect.stringMatching(/^\d+$/),
      ledger: 'default~test',
      meter: 'mtr_test_tokens',
      customer: 'cus "B"',
      from: '2026-01-14T00:00:00.000Z',
      to: '2026-01-15T00:00:00.000Z',
    })
    const all = JSON.parse((await run('digest', '--json', '--quiet')).stdout) as object
    expect(all).toMatchObject({ ledger: 'default~test', meter: null, customer: null, from: null, to: null })
  })

  it('says why it waits for an event store, and that it was interrupted', async () => {
    const nowhere = `esdb://127.0.0.1:${await freePort()}?tls=false`
    const { child, ended } = start(['digest', '--data-dir', dataDir, '--event-store-url', nowhere])
    await once(child.stderr, 'data')
    child.kill('SIGINT')
    const { code, stdout, stderr } = await ended
    expect({ code, stdout }).toEqual({ code: 130, stdout: '' })
    expect(stderr).toMatch(/^A read failed, reading on from where it was: .*ECONNREFUSED.*\n/)
    expect(stderr).toMatch(/\nInterrupted\.\n$/)
  })

  it('refuses what it cannot answer', async () => {
    expect(await run('digest', '--sequence', '99')).toMatchObject({
      code: 2,
      stderr: 'The read model has 5 usage events so far, not 99.\n',
    })
    expect(await run('digest', '--sequence', 'x')).toMatchObject({ code: 2 })
    expect(await run('digest', '--meter', 'mtr_none')).toMatchObject({
      code: 2,
      stderr: "No such meter: 'mtr_none'.\n",
    })
    for (const text of ['yesterday', '2026-02-01', '2026-02-30T00:00:00Z', '1767225600000']) {
      expect(await run('digest', '--from', text)).toMatchObject({
        code: 2,
        stderr: `--from takes an RFC 3339 time, such as 2026-01-15T00:00:00Z, or whole Unix seconds, not "${text}".\n`,
      })
    }
  })
})

describe('An interval without an instant', () => {
  const [earlier, later] = ['2026-01-14T00:00:00Z', '2026-01-15T00:00:00Z']

  it.each(['digest', 'audit', 'export'])('is refused by %s: it would look like no usage', async (command) => {
    for (const [from, to] of [
      [later, earlier],
      [later, later],
    ] as const) {
      const ended = await run(command, '--from', from, '--to', to)
      expect([ended.code, ended.stdout]).toEqual([2, ''])
      expect(ended.stderr).toContain('--to must be after --from.')
    }
  })
})
