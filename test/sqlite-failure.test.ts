/** The errors are SQLite's own, of files and folders that are there or are not. */
import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeFailure, sqliteFailure } from '../src/sqlite-failure.js'
import { SqliteDatabase } from '../src/sqlite.js'
import { MAIN } from './service-process.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

function failureOf(use: () => void): unknown {
  try {
    use()
  } catch (error) {
    return error
  }
  throw new Error('It did not fail.')
}

it('names the file that has no room, and what to do', () => {
  const database = new SqliteDatabase(join(folder, 'events.db'))
  database.exec('CREATE TABLE t (text)')
  database.pragma('max_page_count = 2')
  const full = failureOf(() => database.exec('INSERT INTO t VALUES (zeroblob(100000))'))
  database.close()
  expect(sqliteFailure(full)).toBe('full')
  expect(describeFailure('/data/events.db', full, 'Restore it.')).toBe(
    '/data/events.db cannot be used (database or disk is full). Make room on its disk.',
  )
})

it('names the file that another program keeps locked', () => {
  const [shell, ours] = [0, 1].map(() => new SqliteDatabase(join(folder, 'events.db'), { timeout: 0 }))
  shell?.exec('CREATE TABLE t (text); BEGIN IMMEDIATE')
  const locked = failureOf(() => ours?.exec('INSERT INTO t VALUES (1)'))
  shell?.close()
  ours?.close()
  expect(describeFailure('/data/events.db', locked, 'Restore it.')).toBe(
    '/data/events.db cannot be used (database is locked). Another program keeps it locked, such as a SQLite shell in a transaction: end that.',
  )
})

it('knows a folder that is not there', () => {
  const file = join(folder, 'none', 'read-model.db')
  expect(sqliteFailure(failureOf(() => new SqliteDatabase(file)))).toBe('unusable')
})

it('tells a path that is too long from rights', () => {
  const deep = (length: number): string => {
    const missing = length - join(realpathSync(folder), 'events.db').length
    // Of a folder's name there are at most 255.
    const names = ['', 'x'.repeat(150), 'x'.repeat(150), 'x'.repeat(missing - 303)].join('/')
    mkdirSync(join(folder, names), { recursive: true })
    return join(folder, names, 'events.db')
  }
  new SqliteDatabase(deep(504)).close()
  const failure = failureOf(() => new SqliteDatabase(deep(505)))
  expect(sqliteFailure(failure)).toBe('unusable')
  expect(describeFailure(deep(505), failure, 'Restore it.')).toBe(
    `${deep(505)} cannot be used (unable to open database file). Its whole path has 505 bytes, and SQLite takes 504: move its folder to a shorter one.`,
  )
})

/** Mounting takes rights that not every machine gives. */
const mayMount = spawnSync('unshare', ['-rm', 'true']).status === 0
const itWhereMounting = mayMount ? it : it.skip

itWhereMounting('a command on a read-only file system says that it is one, and not a matter of rights', () => {
  new SqliteDatabase(join(folder, 'events.db')).close()
  const mounting = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && exec node "$2" keys list --data-dir "$1"'
  const command = ['-rm', 'sh', '-c', mounting, 'sh', folder, MAIN.replace('main.js', 'cli/main.js')]
  expect(spawnSync('unshare', command, { encoding: 'utf8' })).toMatchObject({
    status: 3,
    stderr: expect.stringMatching(
      /^\S+events\.db cannot be used \(.*\)\. Its file system is read-only, and SQLite writes beside a file also to read it: copy the files to a folder that can be written\.\n$/,
    ) as unknown,
  })
})

it.each([
  ['node', MAIN],
  ['node', MAIN.replace('main.js', 'cli/main.js'), 'keys', 'list', '--data-dir'],
])('a start on a disk without room says which file it is: %s %s %s', (...command) => {
  const [program = '', ...args] = command[2] === undefined ? command : [...command, folder]
  const environment = { PATH: process.env.PATH, DATA_DIR: folder, PORT: '0', LOG_LEVEL: 'silent' }
  new SqliteDatabase(join(folder, 'events.db')).close()
  // The limit on the size of files stands in for it: it needs no rights.
  const limited = ['--norc', '-c', 'ulimit -f 8; exec "$@"', 'bash', program, ...args]
  const { status, stderr } = spawnSync('bash', limited, { env: environment, encoding: 'utf8' })
  expect(status).not.toBe(0)
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect(stderr).toContain(`${join(folder, 'events.db')} cannot be used (`)
  expect(stderr).toContain('ulimit -f')
})
