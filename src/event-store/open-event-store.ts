/** Opens the store that `EVENT_STORE_URL` names: `embedded:` (a file in the data folder) or `esdb://…`. */
import { join } from 'node:path'
import { keepTemporaryFilesIn } from '../sqlite.js'
import { EmbeddedEventStore } from './embedded-event-store.js'
import type { EventStore, Patience } from './event-store.js'

export interface Log {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

export const EVENT_LOG_FILE = 'events.db'
/** The URL of the store in the data folder. */
export const EMBEDDED = 'embedded:'

/** `patience`: of reads that say nothing of it, and of `check`. A file is there or is not. */
export async function openEventStore(
  url: string,
  dataDir: string,
  log: Log,
  patience: Patience = 'caller',
): Promise<EventStore> {
  if (url === EMBEDDED) {
    keepTemporaryFilesIn(dataDir)
    return new EmbeddedEventStore(join(dataDir, EVENT_LOG_FILE))
  }
  if (/^esdb(\+discover)?:/.test(url)) {
    // Loading its client takes as long as all the rest of a start, in each thread.
    const { EventStoreDbEventStore } = await import('./eventstoredb-event-store.js')
    return EventStoreDbEventStore.open({ url, log, patience })
  }
  throw new Error(`No event store can be reached at ${url.split(':')[0]}:…`)
}
