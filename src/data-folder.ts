/** The folder of the embedded files: private to its owner, and used by one service at a time. */
import type Database from 'better-sqlite3'
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { ConfigError } from './config.js'
import { describeFailure, sqliteFailure } from './sqlite-failure.js'
import { keepTemporaryFilesIn, SqliteDatabase } from './sqlite.js'

export const LOCK_FILE = 'service.lock'
/** A service that was just stopped may still be letting go. */
const LOCK_TIMEOUT_MS = 2_000

export class DataFolderInUse extends Error {
  override readonly name = 'DataFolderInUse'
}

/** @throws ConfigError */
export function makeDataFolder(dataDir: string): void {
  try {
    makeFolder(resolve(dataDir))
  } catch (error) {
    throw new ConfigError(`DATA_DIR must be a folder that can be made and used: ${(error as Error).message}`)
  }
}

/** One after the other from the top: Node's own recursion goes on for ever where a system refuses with ENOENT, as in /proc. */
function makeFolder(folder: string): void {
  const parent = dirname(folder)
  if (!existsSync(parent)) makeFolder(parent)
  try {
    mkdirSync(folder, { mode: 0o700 })
  } catch (error) {
    if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) throw error
  }
}

export interface OpenFolder {
  /** As chmod writes it. */
  readonly mode: string
  /** Keeps the others out, and not this process. */
  readonly remedy: string
}

export interface SystemUser {
  readonly uid: number
  readonly gids: readonly number[]
}

const ROOT = 0

/** null where nobody may go into it or read it but those whom it is for: its owner, or the group that lets the user in. */
export function dataFolderOpenToOthers(dataDir: string, user = thisUser()): OpenFolder | null {
  const { mode, uid, gid } = statSync(dataDir)
  const isOwner = user === null || user.uid === uid
  if ((mode & (isOwner ? 0o077 : 0o007)) === 0) return null
  const folder = resolve(dataDir)
  const closing = `chmod -R ${isOwner ? 'go' : 'o'}= ${folder}`
  const isLetIn = isOwner || user.uid === ROOT || user.gids.includes(gid)
  return {
    mode: (mode & 0o777).toString(8),
    remedy: isLetIn
      ? `Close it: ${closing}`
      : `It is another user's. Give it to the one that runs Meterbook, and close it: chown -R ${user.uid} ${folder}; ${closing}`,
  }
}

/** null on a system that knows no numbers of users. */
function thisUser(): SystemUser | null {
  const { geteuid, getegid, getgroups } = process
  return geteuid && getegid && getgroups ? { uid: geteuid(), gids: [getegid(), ...getgroups()] } : null
}

export interface DataFolderLock {
  release(): void
}

/**
 * Held by the operating system, so it is gone with the process however that ends.
 *
 * @throws DataFolderInUse
 */
export function lockDataFolder(dataDir: string): DataFolderLock {
  keepTemporaryFilesIn(dataDir)
  const file = join(dataDir, LOCK_FILE)
  let lock: Database.Database | null = null
  try {
    lock = new SqliteDatabase(file, { timeout: LOCK_TIMEOUT_MS })
    lock.exec('BEGIN EXCLUSIVE')
    return { release: () => lock?.close() }
  } catch (error) {
    lock?.close()
    if (error instanceof SqliteDatabase.SqliteError && error.code === 'SQLITE_BUSY') {
      throw new DataFolderInUse(
        `Another Meterbook service is using ${resolve(dataDir)}. Stop it, or set DATA_DIR to another folder.`,
      )
    }
    if (sqliteFailure(error) === null) throw error
    throw new Error(describeFailure(file, error, 'It holds nothing: delete it.'), { cause: error })
  }
}
