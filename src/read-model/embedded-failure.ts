/** What SQLite's errors mean for the embedded read model. */
import { describeFailure, sqliteFailure } from '../sqlite-failure.js'
import { ReadModelDamaged, ReadModelUnusable } from './read-model.js'

const MENDING =
  'Stop the service and remove this file and those beside it that end in -wal and -shm: rows are made again from the event log at the next start.'

/** The same error, or one that names the file and what to do. */
export function rowsFailure(file: string, error: unknown): unknown {
  if (error instanceof ReadModelDamaged) return error
  const failure = sqliteFailure(error)
  if (failure === null) return error
  const described = describeFailure(file, error, MENDING)
  return failure === 'damaged'
    ? new ReadModelDamaged(described, { cause: error })
    : new ReadModelUnusable(described, { cause: error })
}
