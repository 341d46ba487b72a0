/** The thread that reads stored rows beside an audit. Any message to it means stop. */
import { mkdirSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { openReadModel, openScratchReadModel } from '../read-model/open-read-model.js'
import type { Digest } from './digest.js'
import { readStoredRows, type StoredRowsTask } from './stored-rows.js'
import type { SummedIndex } from './summed-indexes.js'

/** Which rows: of a scratch read model that nobody writes meanwhile, or the stored ones, beside whoever writes them. */
export type StoredIn =
  | { readonly kind: 'scratch'; readonly folder: string }
  | { readonly kind: 'stored'; readonly readModelUrl: string; readonly dataDir: string }

export interface StoredRowsWork {
  readonly storedIn: StoredIn
  /** Where cells are made, where they are. */
  readonly cellsFolder: string
  readonly task: StoredRowsTask
}

export type StoredRowsMessage =
  /** Records digested so far. */
  | { readonly type: 'digested'; readonly records: number }
  | { readonly type: 'cells' }
  | { readonly type: 'indexes'; readonly indexes: readonly SummedIndex[] }
  | { readonly type: 'digests'; readonly digests: readonly Digest[] }
  | { readonly type: 'failed'; readonly message: string }

/** Between two reports of how far it is. */
const PROGRESS_EVERY_MS = 100

if (!parentPort) throw new Error('This file is a worker thread.')
const port = parentPort
const { storedIn, cellsFolder, task } = workerData as StoredRowsWork
const say = (message: StoredRowsMessage): void => port.postMessage(message)
const stop = new AbortController()
port.once('message', () => stop.abort())

const rows =
  storedIn.kind === 'scratch'
    ? openScratchReadModel(storedIn.folder)
    : openReadModel(storedIn.readModelUrl, storedIn.dataDir)
const openCells = (): ReturnType<typeof openScratchReadModel> => {
  mkdirSync(cellsFolder, { recursive: true })
  return openScratchReadModel(cellsFolder, 'small-scratch')
}
let saidAt = -Infinity
const onDigested = (records: number): void => {
  if (performance.now() - saidAt < PROGRESS_EVERY_MS) return
  saidAt = performance.now()
  say({ type: 'digested', records })
}
try {
  const digests = await readStoredRows(rows, openCells, task, {
    signal: stop.signal,
    onDigested,
    onCells: () => say({ type: 'cells' }),
    onIndexes: (indexes) => say({ type: 'indexes', indexes }),
  })
  say({ type: 'digests', digests })
} catch (error) {
  say({ type: 'failed', message: error instanceof Error ? error.message : String(error) })
}
await rows.close()
port.close()
