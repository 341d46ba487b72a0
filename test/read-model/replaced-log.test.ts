/** The write-ahead log of the rows is watched from the first connection on, whether that made the file or found it, and goes into no other. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { identityOf } from '../../src/opened-file.js'
import { LogCopier } from '../../src/read-model/embedded-log-copier.js'
import { EmbeddedReadModel } from '../../src/read-model/embedded-read-model.js'
import { SqliteDatabase } from '../../src/sqlite.js'

const LOOK_AGAIN_MS = 20

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meterbook-rows-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Writes until it is refused, then says how. */
async function refusal(rows: EmbeddedReadModel): Promise<string> {
  for (;;) {
    try {
      await rows.write(async () => {})
    } catch (error) {
      return (error as Error).message
    }
    await delay(LOOK_AGAIN_MS)
  }
}

describe('Rows are not written any more once their write-ahead log is gone', () => {
  it.each(['of a new file', 'of a file that was there'])('%s', async (which) => {
    const file = join(folder, 'read-model.db')
    if (which !== 'of a new file') {
      const before = new EmbeddedReadModel(file)
      await before.prepare([])
      await before.close()
    }
    const rows = new EmbeddedReadModel(file)
    await rows.prepare([])
    rmSync(`${file}-wal`)
    expect(await refusal(rows)).toContain(`${file}-wal was replaced or deleted while it was in use`)
    await rows.close()
  })
})

describe('A thread that copies the log, and begins late,', () => {
  /** The file as it is opened, which is not what it was when the copying was asked for where `between` changes it. */
  async function copied(between: (file: string) => void): Promise<{ file: string; read: () => unknown }> {
    const file = join(folder, 'read-model.db')
    const open = new SqliteDatabase(file)
    open.pragma('journal_mode = WAL')
    open.exec("CREATE TABLE texts (text); INSERT INTO texts VALUES ('in the log')")
    const copier = new LogCopier(file, identityOf(file) ?? '')
    between(file)
    copier.committed({ rest: () => undefined, all: () => true })
    await copier.stop()
    const read = () => open.prepare('SELECT text FROM texts').pluck().get()
    return { file, read }
  }

  it('copies it into the file that it is of', async () => {
    const { file, read } = await copied(() => {})
    expect(readFileSync(file, 'latin1')).toContain('in the log')
    expect(read()).toBe('in the log')
  })

  it('leaves alone what was put in place of that, and those who have the old one open read on', async () => {
    let put = Buffer.alloc(0)
    const { file, read } = await copied((path) => {
      const other = new SqliteDatabase(`${path}-put`)
      other.pragma('journal_mode = WAL')
      other.exec("CREATE TABLE others (text); INSERT INTO others VALUES ('put there')")
      other.close()
      put = readFileSync(`${path}-put`)
      renameSync(`${path}-put`, path)
    })
    expect(readFileSync(file).equals(put)).toBe(true)
    expect(read()).toBe('in the log')
  })

  it('makes no file where there is none any more', async () => {
    const { file, read } = await copied((path) => rmSync(path))
    expect(existsSync(file)).toBe(false)
    expect(read()).toBe('in the log')
  })
})
