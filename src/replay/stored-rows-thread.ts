/** Stored rows read by a thread of their own: an audit folds or compares meanwhile. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Digest } from './digest.js'
import type { StoredRowsOptions } from './stored-rows.js'
import type { StoredRowsMessage, StoredRowsWork } from './stored-rows.worker.js'

const STOP_TIMEOUT_MS = 10_000

/**
 * As `readStoredRows`. Whichever way it ends, its thread has closed the files by then.
 *
 * @throws what `signal` was aborted with, and what kept the thread from coming to an end.
 */
export async function readStoredRowsInThread(
  work: StoredRowsWork,
  { signal, onDigested, onCells, onIndexes }: StoredRowsOptions,
): Promise<readonly Digest[]> {
  signal.throwIfAborted()
  const worker = new Worker(new URL('./stored-rows.worker.js', import.meta.url), { workerData: work })
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
  const stop = (): void => worker.postMessage('stop')
  signal.addEventListener('abort', stop, { once: true })
  try {
    return await new Promise<readonly Digest[]>((resolve, reject) => {
      worker.on('message', (message: StoredRowsMessage) => {
        switch (message.type) {
          case 'digested':
            return onDigested(message.records)
          case 'cells':
            return onCells()
          case 'indexes':
            return onIndexes(message.indexes)
          case 'digests':
            return resolve(message.digests)
          case 'failed':
            return reject(new Error(message.message))
        }
      })
      worker.on('error', reject)
      worker.on('exit', () => reject(new Error('The thread that reads the stored rows ended.')))
    })
  } catch (error) {
    signal.throwIfAborted()
    throw error
  } finally {
    signal.removeEventListener('abort', stop)
    await Promise.race([exited, once(AbortSignal.timeout(STOP_TIMEOUT_MS), 'abort').then(() => worker.terminate())])
  }
}
