/** What SQLite's errors say of a file: SQLite itself names neither the file nor what to do. */

/** It is not what was written, or it may not be opened or written. */
export type SqliteFailure = 'damaged' | 'unusable'

const failures: readonly (readonly [RegExp, SqliteFailure])[] = [
  [/^SQLITE_(CORRUPT|NOTADB)/, 'damaged'],
  [/^SQLITE_(CANTOPEN|READONLY|PERM|AUTH)/, 'unusable'],
]

const LACKS_A_PART = /^no such (table|column|index)/

/** null for any other error. By its code: the class of the errors is not the same in every context. */
export function sqliteFailure(error: unknown): SqliteFailure | null {
  if (!(typeof error === 'object' && error !== null && 'code' in error)) return null
  const { code } = error
  if (typeof code !== 'string') return null
  if (code === 'SQLITE_ERROR' && 'message' in error && LACKS_A_PART.test(String(error.message))) return 'damaged'
  return failures.find(([pattern]) => pattern.test(code))?.[1] ?? null
}

/** For an operator: which file, what SQLite says, and what to do where that is for the caller to say. */
export function describeFailure(file: string, error: unknown, mending: string): string {
  const said = error instanceof Error ? error.message : String((error as { readonly message?: unknown }).message)
  return sqliteFailure(error) === 'damaged'
    ? `${file} is damaged (${said}). ${mending}`
    : `${file} cannot be used (${said}). The user that runs Meterbook must be able to read and write it and its folder.`
}
