/**
 * SQLite, as Node.js reads it: better-sqlite3 13, which brings along one built file for every Node.js from 22 on, and ends the
 * process on 20; there it is 12. On Node.js 24.19 and later 12 ends the process, wherever it was compiled
 * (docs/decisions/0053-two-versions-of-better-sqlite3.md).
 */
import type BetterSqlite3 from 'better-sqlite3'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'

const FIRST_NODE_OF_13 = 22
const OLDER = 'better-sqlite3-for-node-20'
const isOlderNode = Number(process.versions.node.split('.')[0]) < FIRST_NODE_OF_13

/** A connection to a file; `Database` of better-sqlite3. */
export const SqliteDatabase = load(isOlderNode ? [OLDER] : ['better-sqlite3', OLDER])

/**
 * Has SQLite keep in this folder what does not fit into memory while a statement runs. By itself it takes one of the system's
 * temporary folders, none of which can be written in a container with a read-only file system; large statements then fail,
 * and what it says of them is of the file they write. `SQLITE_TMPDIR` names another one.
 *
 * SQLite looks once, when the first file of a process is opened; a thread beside the main one cannot say any more. So the
 * first folder stays that is said, and it is said of one that a file is opened in just then: others need not even be there.
 */
export function keepTemporaryFilesIn(folder: string): void {
  process.env.SQLITE_TMPDIR ??= resolve(folder)
}

/** The first that is installed: npm leaves out what could not be built. */
function load(names: readonly string[]): typeof BetterSqlite3 {
  const require = createRequire(import.meta.url)
  for (const name of names) {
    try {
      return require(name) as typeof BetterSqlite3
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error
    }
  }
  const mending = isOlderNode
    ? 'npm ci with it downloads it, or compiles it with Python 3, make and a C++ compiler'
    : 'npm ci --ignore-scripts with it gives it ready to run'
  throw new Error(`SQLite is not installed for Node.js ${process.versions.node} (${names.join(', ')}): ${mending}.`)
}
