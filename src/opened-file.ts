/**
 * Whether the file of a database is still the one that was opened, with its `-wal` and `-shm`. SQLite goes on with files that were
 * replaced or deleted: what it commits then is gone with its last connection, and whoever opens the new file beside it takes the
 * write-ahead log of the old one for that of the new.
 */
import { existsSync, renameSync, rmSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { isMainThread } from 'node:worker_threads'

/**
 * From one look to the next. A look takes some microseconds. What is committed between the replacing
 * and the next look is lost.
 */
const LOOK_EVERY_MS = 250

/** Device and inode. */
export type FileIdentity = string

const SET_ASIDE = '.of-replaced-file'

/** SQLite makes them when the first connection reads, and keeps them until the last one of all processes is closed. */
const WRITE_AHEAD_LOG = '-wal'
const INDEX_OF_IT = '-shm'

interface Seen {
  readonly identity: FileIdentity
  readonly bytes: bigint
}

/** null where there is none. */
export function identityOf(path: string): FileIdentity | null {
  return seen(path)?.identity ?? null
}

function seen(path: string): Seen | null {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found ? { identity: `${found.dev}:${found.ino}`, bytes: found.size } : null
}

export class OpenedFile {
  private readonly beside = new Map<string, FileIdentity>()
  private bytes: bigint
  private lookedAt = performance.now()
  private found: string | null = null
  /** Also while nobody asks: whoever opens what was put there must not find the old log beside it. */
  private readonly looking = setInterval(() => this.problem(0), LOOK_EVERY_MS).unref()

  /** To be made once a connection has read, and used while that is open. `identity`: of the file that was meant to be opened. */
  constructor(
    private readonly path: string,
    readonly identity: FileIdentity = identityOf(path) ?? '',
  ) {
    this.bytes = seen(path)?.bytes ?? 0n
    for (const suffix of [WRITE_AHEAD_LOG, INDEX_OF_IT]) {
      const there = identityOf(`${path}${suffix}`)
      if (there !== null) this.beside.set(suffix, there)
    }
  }

  /**
   * What was done to it, for an operator; null where nothing was. Once something was there is always one, but it is looked on:
   * where the file was deleted another one may follow.
   */
  problem(everyMs = LOOK_EVERY_MS): string | null {
    const now = performance.now()
    if (now - this.lookedAt >= everyMs) {
      this.lookedAt = now
      this.found = this.look() ?? this.found
    }
    return this.found
  }

  /** To be called once the connection is closed: what SQLite has left beside the file then is not that of another one. */
  close(): void {
    clearInterval(this.looking)
    // Another thread ends where it stops for what it saw; the main one has the file open still.
    this.look(isMainThread)
  }

  private look(isLast = false): string | null {
    try {
      return this.difference(isLast)
    } catch {
      // Its folder was closed to this user, or the disk fails: that tells nothing of the file. What cannot be read or written
      // SQLite says itself.
      return null
    }
  }

  private difference(isLast: boolean): string | null {
    const { path } = this
    const there = seen(path)
    if (there?.identity !== this.identity) {
      // As long as there is none, what was moved away may be put back, and needs its log.
      if (there || isLast) this.setLogAside()
      return another(path, there ? 'replaced' : 'deleted')
    }
    // Nothing that is open takes pages out of it: it was written over from the beginning.
    if (there.bytes < this.bytes) return another(path, 'overwritten')
    this.bytes = there.bytes
    for (const [suffix, identity] of this.beside) {
      if (identityOf(`${path}${suffix}`) !== identity) return lost(path, `${path}${suffix}`)
    }
    return null
  }

  /** The log of the old file, left where it is, would be written into the new one by whoever opens that next. */
  private setLogAside(): void {
    const isOurs = (suffix: string): boolean => identityOf(`${this.path}${suffix}`) === this.beside.get(suffix)
    const log = `${this.path}${WRITE_AHEAD_LOG}`
    try {
      if (isOurs(WRITE_AHEAD_LOG)) renameSync(log, placeAside(log))
      if (isOurs(INDEX_OF_IT)) rmSync(`${this.path}${INDEX_OF_IT}`, { force: true })
    } catch {
      // Another thread was faster, or it may not be done: what is told says to take them away.
    }
  }
}

/** One that was set aside before may be all there is of what is in it. */
function placeAside(log: string): string {
  const first = `${log}${SET_ASIDE}`
  let place = first
  for (let n = 2; existsSync(place); n++) place = `${first}-${n}`
  return place
}

const STOPPED = 'Nothing more is read from it or written to it.'

function another(path: string, what: 'replaced' | 'deleted' | 'overwritten'): string {
  const name = basename(path)
  return `${path} was ${what} while it was in use. ${STOPPED} Stop Meterbook, put the right file in place, without ${name}-wal and ${name}-shm, and start again.`
}

function lost(path: string, beside: string): string {
  return `${beside} was replaced or deleted while it was in use. ${STOPPED} Stop Meterbook with SIGTERM, which writes what it has into ${path}, and start again.`
}
