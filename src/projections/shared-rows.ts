/** What a process says that may not write the rows it reads, because another one does. */
import { ProjectionStopped } from './projection.js'

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
