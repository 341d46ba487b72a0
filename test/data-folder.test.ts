/**
 * What an operator is told of a folder that others may go into never shuts out the service itself. All that is written goes
 * into it.
 */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { dataFolderOpenToOthers } from '../src/data-folder.js'
import { makeStore, start } from './cli/command-line.js'
import { EventStoreDbServer } from './eventstoredb-server/eventstoredb-server.js'
import { createMeter } from './metered-usage.js'
import { PostgresServer } from './postgres-server.js'
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

  it('are made in the data folder by a command that opens its files', async () => {
    const dataDir = join(folder, 'data')
    await makeStore(dataDir, [{}])
    expect(await madeBy(['rebuild'], { DATA_DIR: dataDir })).toBe(dataDir)
  })

  it.each(['embedded', 'on servers'] as const)(
    'of an audit are made in the folder that it folds into: %s',
    async (kind) => {
      const dataDir = join(folder, 'data')
      const scratch = join(folder, 'scratch')
      mkdirSync(scratch)
      const log = await EventStoreDbServer.start()
      const postgres = await PostgresServer.start()
      try {
        const isEmbedded = kind === 'embedded'
        const stores: Record<string, string> = isEmbedded
          ? {}
          : { EVENT_STORE_URL: log.url, READ_MODEL_URL: await postgres.newDatabase() }
        await makeStore(dataDir, [{}])
        expect(await start(['rebuild'], { ...stores, DATA_DIR: dataDir }).ended).toMatchObject({ code: 0 })
        const settings = { ...stores, DATA_DIR: isEmbedded ? dataDir : join(folder, 'none'), TMPDIR: '/nonexistent' }
        expect(await madeBy(['audit', '--temp-dir', scratch], settings)).toBe(scratch)
      } finally {
        await log.stop()
        await postgres.stop()
      }
    },
  )
})

/** The folder in which a command's SQLite had a temporary file. */
async function madeBy(command: readonly string[], settings: Record<string, string>): Promise<string> {
  const ended = await start([...command], { ...settings, ...tellingTemporaryFile() }).ended
  expect(ended).toMatchObject({ code: 0 })
  return dirname(readFileSync(join(folder, TOLD), 'utf8'))
}

/** In the test's folder: the name of a temporary file that a command's SQLite had. */
const TOLD = 'temporary-file'

/**
 * Has the command make such a file at its end: no version keeps a temporary table in memory that is larger than its cache.
 * Later ones make it without a name, and the system tells its number.
 */
function tellingTemporaryFile(): { readonly NODE_OPTIONS: string } {
  const telling = join(folder, 'telling.mjs')
  writeFileSync(
    telling,
    `import { readdirSync, readlinkSync, writeFileSync } from 'node:fs'
    import { isMainThread } from 'node:worker_threads'
    import { SqliteDatabase } from '${new URL('../dist/sqlite.js', import.meta.url).href}'
    if (isMainThread) process.on('exit', () => {
      const database = new SqliteDatabase(':memory:')
      database.exec('PRAGMA temp_store = FILE; PRAGMA temp.cache_size = 1; CREATE TEMP TABLE large AS SELECT randomblob(1000000)')
      // The one by which they are listed is closed by then.
      const opened = readdirSync('/proc/self/fd').flatMap((fd) => { try { return readlinkSync('/proc/self/fd/' + fd) } catch { return [] } })
      writeFileSync('${join(folder, TOLD)}', opened.find((file) => /\\/(etilqs_|#\\d)/.test(file)) ?? 'none')
      database.close()
    })`,
  )
  return { NODE_OPTIONS: `--import=${telling}` }
}
