/** The errors are SQLite's own, of files and folders that are there or are not. */
import { afterEach, beforeEach, expect, it } from '@jest/globals'
import Database from 'better-sqlite3'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeFailure, sqliteFailure } from '../src/sqlite-failure.js'
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
  const database = new Database(join(folder, 'events.db'))
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
  const [shell, ours] = [0, 1].map(() => new Database(join(folder, 'events.db'), { timeout: 0 }))
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
  expect(sqliteFailure(failureOf(() => new Database(file)))).toBe('unusable')
})

it.each([
  ['node', MAIN],
  ['node', MAIN.replace('main.js', 'cli/main.js'), 'keys', 'list', '--data-dir'],
])('a start on a disk without room says which file it is: %s %s %s', (...command) => {
  const [program = '', ...args] = command[2] === undefined ? command : [...command, folder]
  const environment = { PATH: process.env.PATH, DATA_DIR: folder, PORT: '0', LOG_LEVEL: 'silent' }
  new Database(join(folder, 'events.db')).close()
  // The limit on the size of files stands in for it: it needs no rights.
  const limited = ['--norc', '-c', 'ulimit -f 8; exec "$@"', 'bash', program, ...args]
  const { status, stderr } = spawnSync('bash', limited, { env: environment, encoding: 'utf8' })
  expect(status).not.toBe(0)
  expect(stderr.trim().split('\n')).toHaveLength(1)
  expect(stderr).toContain(`${join(folder, 'events.db')} cannot be used (`)
  expect(stderr).toContain('ulimit -f')
})
