/**
 * The file of the embedded store: one append-only table of events in one SQLite database.
 *
 * `position` is the global order, `(stream, revision)` is unique, and triggers refuse to change or delete a row, so that
 * not even a mistake in this program can edit history.
 */
import Database from 'better-sqlite3'
import {
  EventStoreCorrupt,
  SUBSCRIPTION_PAGE_BYTES,
  categoryOf,
  type EventMetadata,
  type JsonObject,
  type Position,
  type RecordedEvent,
} from './event-store.js'

export type EventLog = Database.Database

/** How long a statement waits for another process that is writing. */
const BUSY_TIMEOUT_MS = 5_000
const FORMAT = 1

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS streams (
    stream_id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
  ) STRICT;
  CREATE TABLE IF NOT EXISTS events (
    position INTEGER PRIMARY KEY,
    stream_id INTEGER NOT NULL REFERENCES streams (stream_id),
    revision INTEGER NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    metadata TEXT NOT NULL,
    UNIQUE (stream_id, revision)
  ) STRICT;
  CREATE TRIGGER IF NOT EXISTS events_are_never_changed BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
  CREATE TRIGGER IF NOT EXISTS events_are_never_deleted BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;
  CREATE TRIGGER IF NOT EXISTS streams_are_never_changed BEFORE UPDATE ON streams
    BEGIN SELECT RAISE(ABORT, 'streams are never changed'); END;
  CREATE TRIGGER IF NOT EXISTS streams_are_never_deleted BEFORE DELETE ON streams
    BEGIN SELECT RAISE(ABORT, 'streams are never deleted'); END;
`

/** Opens the file, making it if need be. Every commit is flushed to the disk before it is answered. */
export function openEventLog(file: string): EventLog {
  const log = new Database(file, { timeout: BUSY_TIMEOUT_MS })
  try {
    log.pragma('journal_mode = WAL')
    log.pragma('synchronous = FULL')
    const format = log.pragma('user_version', { simple: true })
    if (format === 0) {
      log
        .transaction(() => {
          log.exec(SCHEMA)
          log.pragma(`user_version = ${FORMAT}`)
        })
        .immediate()
    } else if (format !== FORMAT) {
      throw new EventStoreCorrupt(`${file} has format ${String(format)}; this version reads format ${FORMAT}.`)
    }
    return log
  } catch (error) {
    log.close()
    throw error
  }
}

/** What another connection committed since the last call changes this number. */
export function dataVersion(log: EventLog): number {
  return log.pragma('data_version', { simple: true }) as number
}

/** As values: rows of named columns cost half as much again to read. */
type EventRow = [
  position: number,
  streamId: number,
  revision: number,
  id: string,
  type: string,
  data: string,
  metadata: string,
]

/** Rows of one statement, and by how many a page may exceed its size. */
const ROWS_PER_READ = 250

interface KnownStream {
  readonly name: string
  readonly category: string
}

/** Reads pages of the log on a connection of its own; statements are prepared once. */
export class EventLogReader {
  private readonly log: EventLog
  private readonly selectAll: Database.Statement<[number, number], EventRow>
  private readonly selectStream: Database.Statement<[number, number, number], EventRow>
  private readonly selectStreamId: Database.Statement<[string], { stream_id: number }>
  private readonly selectStreamName: Database.Statement<[number], { name: string }>
  private readonly streams = new Map<number, KnownStream>()
  /** The last metadata read, as text and parsed. */
  private metadataText: string | null = null
  private metadata: EventMetadata | null = null

  constructor(file: string) {
    this.log = openEventLog(file)
    this.log.pragma('query_only = ON')
    const columns = 'position, stream_id, revision, id, type, data, metadata'
    this.selectAll = this.log
      .prepare<[number, number], EventRow>(`SELECT ${columns} FROM events WHERE position > ? ORDER BY position LIMIT ?`)
      .raw(true)
    this.selectStream = this.log
      .prepare<[number, number, number], EventRow>(
        `SELECT ${columns} FROM events WHERE stream_id = ? AND revision > ? ORDER BY revision LIMIT ?`,
      )
      .raw(true)
    this.selectStreamId = this.log.prepare('SELECT stream_id FROM streams WHERE name = ?')
    this.selectStreamName = this.log.prepare('SELECT name FROM streams WHERE stream_id = ?')
  }

  /**
   * The events of the categories among the next `limit` of the log, or fewer where those are large. `scannedTo` is where to
   * go on; null at the end.
   */
  pageOfAll(
    after: number,
    categories: ReadonlySet<string>,
    limit: number,
  ): { events: RecordedEvent[]; scannedTo: number | null } {
    const events: RecordedEvent[] = []
    let scannedTo: number | null = null
    let bytes = 0
    for (let left = limit; left > 0 && bytes < SUBSCRIPTION_PAGE_BYTES;) {
      const wanted = Math.min(left, ROWS_PER_READ)
      const rows = this.selectAll.all(scannedTo ?? after, wanted)
      for (const row of rows) {
        const [position, streamId, , , , data, metadata] = row
        const { name, category } = this.stream(streamId)
        if (categories.has(category)) events.push(this.recordedEvent(name, row))
        scannedTo = position
        bytes += data.length + metadata.length
      }
      if (rows.length < wanted) break
      left -= wanted
    }
    return { events, scannedTo }
  }

  pageOfStream(stream: string, after: number, limit: number): RecordedEvent[] {
    const id = this.selectStreamId.get(stream)?.stream_id
    if (id === undefined) return []
    return this.selectStream.all(id, after, limit).map((row) => this.recordedEvent(stream, row))
  }

  /** Changes whenever another connection committed. */
  version(): number {
    return dataVersion(this.log)
  }

  close(): void {
    this.log.close()
  }

  private stream(id: number): KnownStream {
    let stream = this.streams.get(id)
    if (!stream) {
      const name = this.selectStreamName.get(id)?.name
      if (name === undefined) throw new EventStoreCorrupt(`Stream ${id} has events but no name.`)
      stream = { name, category: categoryOf(name) }
      this.streams.set(id, stream)
    }
    return stream
  }

  private recordedEvent(stream: string, [position, , revision, id, type, data, metadata]: EventRow): RecordedEvent {
    try {
      // Events of one request have the same metadata, and stand together.
      if (metadata !== this.metadataText) {
        this.metadata = JSON.parse(metadata) as EventMetadata
        this.metadataText = metadata
      }
      return {
        stream,
        revision,
        position: String(position) as Position,
        id,
        type,
        data: JSON.parse(data) as JsonObject,
        metadata: this.metadata as EventMetadata,
      }
    } catch {
      throw new EventStoreCorrupt(`Event ${revision} of stream ${stream} (position ${position}) is not JSON.`)
    }
  }
}
