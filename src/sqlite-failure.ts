/** What SQLite's errors say of a file: SQLite itself names neither the file nor what to do. */
import { accessSync, constants, realpathSync, statSync, type Stats } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'

/** It is not what was written; it may not be opened or written; its disk has no room or fails; another process has it. */
export type SqliteFailure = 'damaged' | 'unusable' | 'full' | 'failing' | 'locked'

const failures: readonly (readonly [RegExp, SqliteFailure])[] = [
  [/^SQLITE_(CORRUPT|NOTADB)/, 'damaged'],
  [/^SQLITE_(CANTOPEN|READONLY|PERM|AUTH)/, 'unusable'],
  [/^SQLITE_FULL/, 'full'],
  [/^SQLITE_IOERR/, 'failing'],
  [/^SQLITE_BUSY/, 'locked'],
]

const LACKS_A_PART = /^no such (table|column|index)/
/** What better-sqlite3 says by itself, without a code. */
const LACKS_ITS_FOLDER = 'Cannot open database because the directory does not exist'

/** Of a whole path without links, in bytes: SQLite's own limit less the room for the name of a journal. */
const PATH_BYTES_MAX = 504

/** null for any other error. By its code: the class of the errors is not the same in every context. */
export function sqliteFailure(error: unknown): SqliteFailure | null {
  if (typeof error !== 'object' || error === null) return null
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown }
  if (message === LACKS_ITS_FOLDER) return 'unusable'
  if (typeof code !== 'string') return null
  if (code === 'SQLITE_ERROR' && LACKS_A_PART.test(String(message))) return 'damaged'
  return failures.find(([pattern]) => pattern.test(code))?.[1] ?? null
}

const remedies: Readonly<Record<Exclude<SqliteFailure, 'damaged'>, string>> = {
  unusable: 'The user that runs Meterbook must be able to read and write it and its folder.',
  full: 'Make room on its disk.',
  failing:
    'Its disk may be full, it may have reached the size that a file may have here (ulimit -f), or the disk fails.',
  locked: 'Another program keeps it locked, such as a SQLite shell in a transaction: end that.',
}

/** For an operator: which file, what SQLite says, and what to do; `mending`: where it is damaged. */
export function describeFailure(file: string, error: unknown, mending: string): string {
  const said = error instanceof Error ? error.message : String((error as { readonly message?: unknown }).message)
  const failure = sqliteFailure(error) ?? 'unusable'
  if (failure === 'damaged') return `${file} is damaged (${said}). ${mending}`
  const remedy =
    failure === 'unusable' ? (remedyOfPlace(file) ?? `${remedies.unusable}${rightsTo(file)}`) : remedies[failure]
  return `${file} cannot be used (${said}). ${remedy}`
}

/** Whose it is, where this user may not use it: with containers that is often a number nobody thinks of. */
function rightsTo(file: string): string {
  const user = process.geteuid?.()
  for (const path of [file, dirname(resolve(file))]) {
    try {
      accessSync(path, constants.R_OK | constants.W_OK)
    } catch {
      const { uid, mode } = statOf(path) ?? {}
      if (uid === undefined || mode === undefined || user === undefined) continue
      return ` It runs as user ${user}; ${path} is user ${uid}'s, with mode ${(mode & 0o777).toString(8)}.`
    }
  }
  return ''
}

/** null where it is not there, or in a folder that this user may not look into. */
function statOf(path: string): Stats | null {
  try {
    return statSync(path)
  } catch {
    return null
  }
}

/** null where it is no matter of where the file is: SQLite says the same of that as of rights. */
function remedyOfPlace(file: string): string | null {
  const folder = dirname(resolve(file))
  try {
    const bytes = Buffer.byteLength(join(realpathSync(folder), basename(file)))
    if (bytes > PATH_BYTES_MAX) {
      return `Its whole path has ${bytes} bytes, and SQLite takes ${PATH_BYTES_MAX}: move its folder to a shorter one.`
    }
    accessSync(folder, constants.W_OK)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EROFS') return null
    return 'Its file system is read-only, and SQLite writes beside a file also to read it: copy the files to a folder that can be written.'
  }
  return null
}
