/** The write-ahead log of the rows has a bound also where somebody always reads, and copying it takes back nothing that was committed. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import type Database from 'better-sqlite3'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { identityOf } from '../../src/opened-file.js'
import { LogCopier } from '../../src/read-model/embedded-log-copier.js'
import { EmbeddedRows } from '../../src/read-model/embedded-rows.js'
import { EmbeddedRuns } from '../../src/read-model/embedded-runs.js'
import { RememberedBlocks } from '../../src/read-model/remembered-blocks.js'
import { SqliteDatabase } from '../../src/sqlite.js'

const LOOK_AGAIN_MS = 20
const WAIT_MS = 50
const PAGE_BYTES = 4096
/** Of the log, made by each commit here at least. */
const PAGES_OF_COMMIT = 100

let folder: string
let file: string
let opened: Database.Database[]
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meterbook-log-'))
  file = join(folder, 'read-model.db')
  opened = []
  const database = open()
  database.exec('CREATE TABLE blobs (blob)')
})
afterEach(() => {
  for (const database of opened) database.close()
  rmSync(folder, { recursive: true })
})

function open(): Database.Database {
  const database = new SqliteDatabase(file)
  database.pragma('journal_mode = WAL')
  database.pragma('wal_autocheckpoint = 0')
  opened.push(database)
  return database
}

const commit = (database: Database.Database): void => {
  database.exec('DELETE FROM blobs')
  database.prepare('INSERT INTO blobs VALUES (zeroblob(?))').run(PAGES_OF_COMMIT * PAGE_BYTES)
}
const read = (database: Database.Database): unknown => database.prepare('SELECT count(*) FROM blobs').get()
const logBytes = (): number => statSync(`${file}-wal`).size

/** Each reads from one commit to the one after the next: somebody always does. */
function overlapping(writer: Database.Database, commits: number, eachTime: () => void): void {
  const readers = [open(), open()] as const
  for (let n = 0; n < commits; n++) {
    const [ended, begun] = n % 2 === 0 ? readers : [readers[1], readers[0]]
    begun.exec('BEGIN')
    read(begun)
    if (ended.inTransaction) ended.exec('COMMIT')
    commit(writer)
    eachTime()
  }
  for (const reader of readers) if (reader.inTransaction) reader.exec('COMMIT')
}

describe('The write-ahead log', () => {
  it('grows without end where it is copied only as far as nobody needs what is behind it', () => {
    const writer = open()
    const rows = new EmbeddedRows(writer, new EmbeddedRuns(writer, new RememberedBlocks(256)))
    overlapping(writer, 20, () => rows.copyLog())
    expect(logBytes()).toBeGreaterThan(20 * PAGES_OF_COMMIT * PAGE_BYTES)
  })

  it('begins anew once those have ended who read when it was waited for', () => {
    const writer = open()
    const rows = new EmbeddedRows(writer, new EmbeddedRuns(writer, new RememberedBlocks(256)))
    const reader = open()
    commit(writer)
    reader.exec('BEGIN')
    read(reader)
    commit(writer)
    expect(rows.beginLogAnew(WAIT_MS)).toBe(false)
    // It was waited for no longer than that, and commits are waited for as before.
    expect(writer.pragma('busy_timeout', { simple: true })).not.toBe(WAIT_MS)
    reader.exec('COMMIT')
    // Whoever begins now reads the file alone.
    rows.copyLog()
    reader.exec('BEGIN')
    read(reader)
    expect(rows.beginLogAnew(WAIT_MS)).toBe(true)
    const before = logBytes()
    commit(writer)
    expect(logBytes()).toBe(before)
    reader.exec('COMMIT')
  })
})

describe('The copier', () => {
  it('has the writer wait for readers once the log is too long, and not again at once where that was not enough', async () => {
    const writer = open()
    const copier = new LogCopier(file, identityOf(file) ?? '', PAGES_OF_COMMIT, 3 * PAGES_OF_COMMIT)
    const asked: string[] = []
    const copies = { rest: () => void asked.push('rest'), all: () => asked.push('all') === 0 }
    const untilAsked = async (times: number): Promise<void> => {
      while (asked.length < times) {
        copier.committed(copies)
        await delay(LOOK_AGAIN_MS)
      }
    }
    // Of a reader that lets nothing be copied.
    const reader = open()
    reader.exec('BEGIN')
    read(reader)
    commit(writer)
    await untilAsked(1)
    for (let n = 0; n < 3; n++) commit(writer)
    await untilAsked(3)
    expect(asked).toEqual(['rest', 'all', 'rest'])
    await copier.stop()
    reader.exec('COMMIT')
  })

  it('takes back nothing that was committed where there is no room for the rest', async () => {
    const writer = open()
    const copier = new LogCopier(file, identityOf(file) ?? '', PAGES_OF_COMMIT)
    commit(writer)
    let attempts = 0
    const fail = (): never => {
      attempts++
      throw new Error('No room is left on the disk.')
    }
    while (attempts < 2) {
      copier.committed({ rest: fail, all: fail })
      await delay(LOOK_AGAIN_MS)
    }
    await copier.stop()
  })
})
