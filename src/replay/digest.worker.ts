/** The thread that digests for an audit. Any message to it means stop. */
import { parentPort, workerData } from 'node:worker_threads'
import { openReadModel, openScratchReadModel } from '../read-model/open-read-model.js'
import { digestUsage, type Digest, type DigestSelection } from './digest.js'

/** Which rows: of a scratch read model that nobody writes meanwhile, or the stored ones, beside whoever writes them. */
export type DigestedRows =
  | { readonly kind: 'scratch'; readonly folder: string }
  | { readonly kind: 'stored'; readonly readModelUrl: string; readonly dataDir: string }

export interface DigestTask {
  readonly rows: DigestedRows
  readonly selections: readonly DigestSelection[]
}

export type DigestMessage =
  /** Rows read so far. */
  | { readonly type: 'progress'; readonly read: number }
  | { readonly type: 'digests'; readonly digests: readonly Digest[] }
  | { readonly type: 'failed'; readonly message: string }

/** Between two reports of how far it is. */
const PROGRESS_EVERY_MS = 100

if (!parentPort) throw new Error('This file is a worker thread.')
const port = parentPort
const { rows: of, selections } = workerData as DigestTask
const say = (message: DigestMessage): void => port.postMessage(message)
const stop = new AbortController()
port.once('message', () => stop.abort())

const rows = of.kind === 'scratch' ? openScratchReadModel(of.folder) : openReadModel(of.readModelUrl, of.dataDir)
let read = 0
let saidAt = -Infinity
const onRecords = (records: number): void => {
  read += records
  if (performance.now() - saidAt < PROGRESS_EVERY_MS) return
  saidAt = performance.now()
  say({ type: 'progress', read })
}
try {
  const digests: Digest[] = []
  for (const selection of selections)
    digests.push(await digestUsage(rows, selection, { signal: stop.signal, onRecords }))
  say({ type: 'digests', digests })
} catch (error) {
  say({ type: 'failed', message: error instanceof Error ? error.message : String(error) })
}
await rows.close()
port.close()
