/**
 * The data folder holds Meterbook's own files alone: nothing that a command was told to write goes there, nor over one of
 * them by another name. It would be the end of the log, also under a service that runs.
 *
 * A folder is Meterbook's once one of its files is there: where a command only talks to a service, or a database, `./data` may
 * be anybody's.
 */
import { accessSync, constants, existsSync, readdirSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { ConfigError } from '../config.js'
import { LOCK_FILE } from '../data-folder.js'
import { EVENT_LOG_FILE } from '../event-store/open-event-store.js'
import { READ_MODEL_FILE } from '../read-model/open-read-model.js'
import { SECRET_FILE } from '../session-secret.js'

/** Others are named after them: `events.db-wal`. */
const OWN_FILES = [EVENT_LOG_FILE, READ_MODEL_FILE, LOCK_FILE, SECRET_FILE]

/** Whether a file can be made there is found out before anything is done, not at the end of it. @throws ConfigError */
export function requireFolderOf(path: string, option: string): void {
  const folder = dirname(path)
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new ConfigError(`${option} cannot be ${path}: there is no folder ${folder}.`)
  }
  const there = statSync(path, { throwIfNoEntry: false })
  if (there?.isDirectory()) throw new ConfigError(`${option} cannot be ${path}: it is a folder. Name a file in it.`)
  try {
    // A file is made anew; a device is there.
    accessSync(there === undefined || there.isFile() ? folder : path, constants.W_OK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new ConfigError(
      `${option} cannot be ${path}: nothing can be written there (${code}). Name a file elsewhere with ${option}.`,
    )
  }
}

/** `option` is what names the file. @throws ConfigError */
export function requireOutsideDataFolder(path: string, dataDir: string, option: string): void {
  if (!statSync(dataDir, { throwIfNoEntry: false })?.isDirectory()) return
  if (holdsOwnFiles(dataDir) ? !isWithin(path, dataDir) && !isFileOf(dataDir, path) : !isToBeOwn(path, dataDir)) return
  throw new ConfigError(
    `${option} cannot be ${path}: the data folder ${resolve(dataDir)} and the files in it are Meterbook's own. Name a file elsewhere.`,
  )
}

/** By what it is, not what it is called: links lead to the same file. */
export function isSameFile(one: string, other: string): boolean {
  // A number would not hold every file's.
  const [left, right] = [one, other].map((path) => statSync(path, { bigint: true, throwIfNoEntry: false }))
  return left !== undefined && right !== undefined && left.dev === right.dev && left.ino === right.ino
}

function holdsOwnFiles(folder: string): boolean {
  return OWN_FILES.some((name) => existsSync(join(folder, name)))
}

/** Not there yet, but found by the first service that starts on the folder. */
function isToBeOwn(path: string, dataDir: string): boolean {
  const isOwn = (name: string): boolean => basename(path) === name || basename(path).startsWith(`${name}-`)
  return isSameFile(dirname(path), dataDir) && OWN_FILES.some(isOwn)
}

function isWithin(path: string, dataDir: string): boolean {
  // Where there is no folder, nothing can be written.
  if (!existsSync(dirname(path))) return false
  let folder = realpathSync.native(dirname(path))
  while (!isSameFile(folder, dataDir)) {
    const parent = dirname(folder)
    if (parent === folder) return false
    folder = parent
  }
  return true
}

function isFileOf(folder: string, path: string): boolean {
  return readdirSync(folder).some((name) => isSameFile(join(folder, name), path))
}
