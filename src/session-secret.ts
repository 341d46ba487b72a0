/**
 * What signs the tokens of sessions (`commands/signed-token.ts`): the setting SESSION_SECRET, or random bytes that the first start
 * puts into a file of the data folder. It is in no event, so whoever reads the log or a backup of it can sign nothing.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join, resolve } from 'node:path'

export const SECRET_FILE = 'session.secret'
const SECRET_BYTES = 32

/**
 * Reads the file, making it at the first start. The folder is locked.
 *
 * @throws Error for the operator, where it cannot be made or is not what was written.
 */
export function keptSessionSecret(dataDir: string): Buffer {
  const file = join(resolve(dataDir), SECRET_FILE)
  if (!existsSync(file)) {
    try {
      makeSecret(file)
    } catch (error) {
      throw new Error(
        `${file} cannot be made: ${(error as Error).message}. The folder needs room, and must be writable.`,
        {
          cause: error,
        },
      )
    }
  }
  const secret = readSecret(file)
  if (secret.length === SECRET_BYTES) return secret
  throw new Error(
    `${file} is damaged: it has ${secret.length} bytes, not ${SECRET_BYTES}. Delete it: another one is made, and whoever was signed in signs in again.`,
  )
}

function readSecret(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    throw new Error(
      `${file} cannot be used (${(error as Error).message}). The user that runs Meterbook must be able to read it.`,
      {
        cause: error,
      },
    )
  }
}

/** Under its name it is whole, however the process ends. */
function makeSecret(file: string): void {
  const unfinished = `${file}.new`
  rmSync(unfinished, { force: true })
  const fd = openSync(unfinished, 'wx', 0o600)
  try {
    writeSync(fd, randomBytes(SECRET_BYTES))
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(unfinished, file)
}
