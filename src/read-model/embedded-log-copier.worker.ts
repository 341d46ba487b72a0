/** The copying thread: copies what it can without holding anyone up, when asked. */
import { parentPort, workerData } from 'node:worker_threads'
import { SqliteDatabase } from '../sqlite.js'

export type CopierRequest = 'copy' | 'stop'
export interface CopierAnswer {
  /** Pages in the log, copied or not; 0 where that could not be told. */
  readonly logPages: number
}

if (!parentPort) throw new Error('This file is a worker thread.')
const port = parentPort
const database = new SqliteDatabase(workerData as string)
database.pragma('synchronous = NORMAL')

port.on('message', (request: CopierRequest) => {
  if (request === 'copy') return port.postMessage({ logPages: copy() } satisfies CopierAnswer)
  database.close()
  port.close()
})

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
