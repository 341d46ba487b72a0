/** What SQLite's errors say of a file: SQLite itself names neither the file nor what to do. */

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
  return failure === 'damaged'
    ? `${file} is damaged (${said}). ${mending}`
    : `${file} cannot be used (${said}). ${remedies[failure]}`
}
