/** What a process says of rows that others may write or read, too. */
import type { ReadModel } from '../read-model/read-model.js'
import { ProjectionStopped } from './projection.js'

export const LEADER_WAITED_FOR =
  'Waiting for another service, which holds the lock of the read model and does not fold what is in the log.'

export const LEADER_ENDED =
  'The service that writes the read model is stopped, or does not reach the log: its session in the database was ended, so that another one writes.'

export function otherTables(): ProjectionStopped {
  return new ProjectionStopped(
    'Another service of another version writes the read model, and makes other tables. Stop the services of that version, or give this one a read model of its own.',
  )
}

export function notAlone(removal: string): ProjectionStopped {
  return new ProjectionStopped(
    `Another service writes this read model, and this one is on a log of its own (EVENT_STORE_URL embedded:). Name another schema in READ_MODEL_URL (?schema=…); or, if that service is not wanted, stop it and ${removal}.`,
  )
}

/** Rows are right without it. Answers whether there may be more to drop. */
export async function dropReplaced(readModel: ReadModel, report: (message: string) => void): Promise<boolean> {
  try {
    return await readModel.dropReplaced(false)
  } catch (error) {
    report(`Replaced tables could not be dropped; that is tried again at the next start. ${String(error)}`)
    return false
  }
}

/** Rows are right without that, too. */
export async function analyze(readModel: ReadModel, report: (message: string) => void): Promise<void> {
  try {
    await readModel.analyze()
  } catch (error) {
    report(`The tables of the read model could not be analyzed: ${String(error)}`)
  }
}
