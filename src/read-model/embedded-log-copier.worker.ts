/** The copying thread: copies what it can without holding anyone up, when asked. */
import type Database from 'better-sqlite3'
import { parentPort, workerData } from 'node:worker_threads'
import { identityOf, type FileIdentity } from '../opened-file.js'
import { SqliteDatabase } from '../sqlite.js'

export interface CopierTask {
  readonly file: string
  readonly identity: FileIdentity
}

export type CopierRequest = 'copy' | 'stop'
export interface CopierAnswer {
  /** Pages in the log, copied or not; 0 where that could not be told. */
  readonly logPages: number
}

if (!parentPort) throw new Error('This file is a worker thread.')
const port = parentPort
const database = open(workerData as CopierTask)
database.pragma('synchronous = NORMAL')

port.on('message', (request: CopierRequest) => {
  if (request === 'copy') return port.postMessage({ logPages: copy() } satisfies CopierAnswer)
  database.close()
  port.close()
})

/**
 * A thread takes a while to begin. Into a file that was put in place meanwhile the log would be copied all the same, and those
 * who have the old one open would look for it there.
 */
function open({ file, identity }: CopierTask): Database.Database {
  const opened = new SqliteDatabase(file, { fileMustExist: true })
  // The log beside it is opened with the first statement.
  if (identityOf(file) === identity) return opened
  opened.close()
  throw new Error(`${file} is not the file whose log is to be copied.`)
}

function copy(): number {
  try {
    const [{ log }] = database.pragma('wal_checkpoint(PASSIVE)') as [{ log: number }]
    return Math.max(log, 0)
  } catch (error) {
    // A full disk, or another process copies just now. The log keeps everything, and the writer says so if it cannot go on.
    if (error instanceof SqliteDatabase.SqliteError) return 0
    throw error
  }
}
