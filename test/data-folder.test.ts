/**
 * What an operator is told of a folder that others may go into never shuts out the service itself. All that is written goes
 * into it.
 */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync, watch } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dataFolderOpenToOthers } from '../src/data-folder.js'
import { createMeter } from './metered-usage.js'
import { startServiceProcess } from './service-process.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meterbook-folder-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Not the one whose folder it is, nor root. */
const ANOTHER_UID = 54_321
const users = {
  owner: () => ({ uid: statSync(folder).uid, gids: [] }),
  member: () => ({ uid: ANOTHER_UID, gids: [7, statSync(folder).gid] }),
  stranger: () => ({ uid: ANOTHER_UID, gids: [] }),
  root: () => {
    // Who runs the tests may be root as well.
    if (statSync(folder).uid === 0) chownSync(folder, ANOTHER_UID, ANOTHER_UID)
    return { uid: 0, gids: [] }
  },
}

describe('A data folder', () => {
  it.each([
    ['owner', 0o700, null],
    ['owner', 0o750, 'Close it: chmod -R go= '],
    ['member', 0o770, null],
    ['member', 0o775, 'Close it: chmod -R o= '],
    ['root', 0o777, 'Close it: chmod -R o= '],
    ['stranger', 0o777, `chown -R ${ANOTHER_UID} `],
  ] as const)('of which the service is %s, with mode %o', (who, mode, remedy) => {
    chmodSync(folder, mode)
    const open = dataFolderOpenToOthers(folder, users[who]())
    if (remedy === null) return expect(open).toBeNull()
    expect(open).toEqual({ mode: mode.toString(8), remedy: expect.stringContaining(remedy) })
    expect(open?.remedy).toContain(folder)
  })
})

/** The SQLite of later versions keeps in memory what these statements need. */
const itWhereSpilling = Number(process.versions.node.split('.')[0]) < 22 ? it : it.skip

describe('Temporary files of SQLite', () => {
  itWhereSpilling('are made in the data folder, wherever those of others go', async () => {
    const [dataDir, others] = [join(folder, 'data'), join(folder, 'others')]
    mkdirSync(dataDir)
    mkdirSync(others)
    const made = new Set<string>()
    const watchers = [dataDir, others].map((watched) =>
      watch(watched, (_, name) => made.add(`${watched} ${String(name).replace(/_.*/, '')}`)),
    )
    const service = await startServiceProcess({ DATA_DIR: dataDir, TMPDIR: others })
    try {
      const meter = await createMeter(service.stripe)
      // Identifiers in random order: statements that insert them touch more pages than SQLite keeps a copy of in memory.
      for (let calls = 0; calls < 2_000 && !made.has(`${dataDir} etilqs`); calls++) {
        const events = Array.from({ length: 100 }, () => ({
          event_name: meter.event_name,
          identifier: randomUUID(),
          payload: { stripe_customer_id: 'cus_A', value: '1' },
        }))
        await service.stripe.rawRequest('POST', '/meterbook/v1/usage_imports', { events })
      }
      expect(made).toContain(`${dataDir} etilqs`)
      expect(made).not.toContain(`${others} etilqs`)
    } finally {
      for (const watcher of watchers) watcher.close()
      await service.kill()
    }
  })
})
