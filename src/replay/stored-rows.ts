/**
 * What an audit asks of the stored rows alone, so that another thread can find it out while the log is folded: what their
 * records come to in cells, their digests, and which entries their indexes have. All of it as it stood after one usage event,
 * whatever is written meanwhile.
 */
import type { ReadModel } from '../read-model/read-model.js'
import { addUpRecords } from './cells-of-records.js'
import { digestUsage, type Digest, type DigestSelection } from './digest.js'
import type { SumKeys } from './entry-sum.js'
import { sumIndexes, type SummedIndex } from './summed-indexes.js'

export interface StoredRowsTask {
  /** After which usage event of the log. */
  readonly sequence: number
  /** Whether cells of sums and counts are to be made. */
  readonly addsUpCells: boolean
  readonly selections: readonly DigestSelection[]
  /** null: entries are not summed. */
  readonly sumKeys: SumKeys | null
}

export interface StoredRowsOptions {
  readonly signal: AbortSignal
  /** Told how many records were digested so far. */
  readonly onDigested: (records: number) => void
  /** Told once the cells are made and nobody else writes them. */
  readonly onCells: () => void
  /** Told what the entries of each scattered index of usage records come to, once they were asked for. */
  readonly onIndexes: (indexes: readonly SummedIndex[]) => void
}

/** Answers the digests in the order of the selections: the last there is, because nobody waits for them in between. */
export type ReadStoredRows = (task: StoredRowsTask, options: StoredRowsOptions) => Promise<readonly Digest[]>

/** `openCells`: where the cells are made. @throws what `signal` was aborted with. */
export async function readStoredRows(
  stored: ReadModel,
  openCells: () => ReadModel,
  { sequence, addsUpCells, selections, sumKeys }: StoredRowsTask,
  { signal, onDigested, onCells, onIndexes }: StoredRowsOptions,
): Promise<readonly Digest[]> {
  if (addsUpCells) {
    const cells = openCells()
    try {
      await addUpRecords(stored, cells, sequence, { signal, onRecords: () => undefined })
    } finally {
      await cells.close()
    }
    onCells()
  }
  if (sumKeys) onIndexes(await sumIndexes(stored, sumKeys, sequence, signal))
  const digests: Digest[] = []
  let digested = 0
  const onRecords = (read: number): void => onDigested((digested += read))
  for (const selection of selections) digests.push(await digestUsage(stored, selection, { signal, onRecords }))
  return digests
}
