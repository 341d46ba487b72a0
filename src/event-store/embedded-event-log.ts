/**
 * The file of the embedded store: one append-only table of events in one SQLite database.
 *
 * `position` is the global order, `(stream, revision)` is unique, and triggers refuse to change, delete or replace a row, so
 * that not even a mistake in this program can edit history.
 */
import type Database from 'better-sqlite3'
import { randomUUID } from 'node:crypto'
import { OpenedFile } from '../opened-file.js'
import { describeFailure, sqliteFailure } from '../sqlite-failure.js'
import { SqliteDatabase } from '../sqlite.js'
import {
  EventStoreCorrupt,
  EventStoreUnavailable,
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
`

const refused = (what: string): string => `BEGIN SELECT RAISE(ABORT, '${what}'); END`

const CHANGING_IS_REFUSED = {
  events_are_never_changed: `BEFORE UPDATE ON events ${refused('events are never changed')}`,
  events_are_never_deleted: `BEFORE DELETE ON events ${refused('events are never deleted')}`,
  streams_are_never_changed: `BEFORE UPDATE ON streams ${refused('streams are never changed')}`,
  streams_are_never_deleted: `BEFORE DELETE ON streams ${refused('streams are never deleted')}`,
}

/** Replacing a row takes the old one away without asking the triggers above. */
const REPLACING_IS_REFUSED = {
  events_are_never_replaced: `BEFORE INSERT ON events
    WHEN EXISTS (SELECT 1 FROM events WHERE stream_id = NEW.stream_id AND revision = NEW.revision)
      OR EXISTS (SELECT 1 FROM events WHERE position = NEW.position)
    ${refused('events are never replaced')}`,
  streams_are_never_replaced: `BEFORE INSERT ON streams
    WHEN EXISTS (SELECT 1 FROM streams WHERE stream_id = NEW.stream_id OR name = NEW.name)
    ${refused('streams are never replaced')}`,
}

const TRIGGERS: Readonly<Record<string, string>> = { ...CHANGING_IS_REFUSED, ...REPLACING_IS_REFUSED }

function triggerStatements(triggers: Readonly<Record<string, string>>): string {
  return Object.entries(triggers)
    .map(([name, body]) => `CREATE TRIGGER IF NOT EXISTS ${name} ${body};`)
    .join('\n')
}

/**
 * Opens the file, making it if need be. Every commit is flushed to the disk before it is answered.
 *
 * @throws EventStoreCorrupt where the file is no log of this version or damaged, EventStoreUnavailable where it may not be used.
 */
export function openEventLog(file: string): EventLog {
  try {
    return open(file)
  } catch (error) {
    throw logFailure(file, error)
  }
}

function open(file: string): EventLog {
  const log = new SqliteDatabase(file, { timeout: BUSY_TIMEOUT_MS })
  try {
    log.pragma('journal_mode = WAL')
    log.pragma('synchronous = FULL')
    const format = log.pragma('user_version', { simple: true })
    if (format === 0) {
      log
        .transaction(() => {
          log.exec(SCHEMA + triggerStatements(TRIGGERS))
          log.pragma(`user_version = ${FORMAT}`)
        })
        .immediate()
    } else if (format !== FORMAT) {
      throw new EventStoreCorrupt(
        `${file} has format ${String(format)}, and this version reads format ${FORMAT}: it was written by a newer version. Run that one.`,
      )
    } else if (!isReplacingRefused(log)) {
      // A file of an earlier version.
      log.exec(triggerStatements(REPLACING_IS_REFUSED))
    }
    return log
  } catch (error) {
    log.close()
    throw error
  }
}

function isReplacingRefused(log: EventLog): boolean {
  const triggers = log.prepare(
    "SELECT count(*) FROM sqlite_schema WHERE type = 'trigger' AND name LIKE '%never_replaced'",
  )
  return triggers.pluck(true).get() === 2
}

/** The same error, or one that names the file and what to do. */
export function logFailure(file: string, error: unknown): unknown {
  const failure = sqliteFailure(error)
  if (failure === null) return error
  const described = describeFailure(
    file,
    error,
    'It is the event log: keep it, and restore it from a backup. Building rows anew does not mend it.',
  )
  return failure === 'damaged'
    ? new EventStoreCorrupt(described, { cause: error })
    : new EventStoreUnavailable(described, { cause: error })
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

/** An answer for many rows at once: each column as one text, the values of all rows in it, in their order. */
type EventColumns = [
  positions: string | null,
  streamIds: string,
  revisions: string,
  ids: string,
  types: string,
  data: string,
  metadata: string,
]

/**
 * Rows of one statement: of large ones as many as have this size. Large ones behind small ones come as a surprise, so there
 * are never many; more at a time are not read faster.
 */
const ROWS_PER_READ_MAX = 125
const BYTES_PER_READ = 2 * 1024 * 1024

/**
 * Stands between the values of a column. No event can have it in its text, so none that is not JSON by itself is taken for
 * one together with its neighbours.
 */
const SEPARATOR = randomUUID()

interface ReadRows {
  /** Those of the wanted categories. */
  readonly events: readonly RecordedEvent[]
  /** How many were read, up to which position, and about how large they are. */
  readonly rows: number
  readonly scannedTo: number
  readonly bytes: number
}

interface KnownStream {
  readonly name: string
  readonly category: string
}

/** Reads pages of the log on a connection of its own; statements are prepared once. */
export class EventLogReader {
  readonly opened: OpenedFile
  private readonly log: EventLog
  private readonly selectAll: Database.Statement<[number, number], EventRow>
  private readonly selectAllInColumns: Database.Statement<[number, number], EventColumns>
  private readonly selectStream: Database.Statement<[number, number, number], EventRow>
  private readonly selectStreamId: Database.Statement<[string], { stream_id: number }>
  private readonly selectStreamName: Database.Statement<[number], { name: string }>
  private readonly streams = new Map<number, KnownStream>()
  /** The last metadata read, as text and parsed. */
  private metadataText: string | null = null
  private metadata: EventMetadata | undefined
  private rowsPerRead = ROWS_PER_READ_MAX

  constructor(private readonly file: string) {
    this.log = openEventLog(file)
    this.opened = new OpenedFile(file)
    this.log.pragma('query_only = ON')
    const columns = 'position, stream_id, revision, id, type, data, metadata'
    this.selectAll = this.log
      .prepare<[number, number], EventRow>(`SELECT ${columns} FROM events WHERE position > ? ORDER BY position LIMIT ?`)
      .raw(true)
    const joined = (column: string): string => `group_concat(${column}, '${SEPARATOR}')`
    this.selectAllInColumns = this.log
      .prepare<[number, number], EventColumns>(
        `SELECT group_concat(position), group_concat(stream_id), group_concat(revision), ${joined('id')}, ${joined('type')},
           group_concat(data, ',"${SEPARATOR}",'), ${joined('metadata')}
         FROM (SELECT ${columns} FROM events WHERE position > ? ORDER BY position LIMIT ?)`,
      )
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
    return this.naming(() => this.scan(after, categories, limit))
  }

  private scan(
    after: number,
    categories: ReadonlySet<string>,
    limit: number,
  ): { events: RecordedEvent[]; scannedTo: number | null } {
    const events: RecordedEvent[] = []
    let scannedTo: number | null = null
    let bytes = 0
    for (let left = limit; left > 0 && bytes < SUBSCRIPTION_PAGE_BYTES;) {
      const wanted = Math.min(left, this.rowsPerRead)
      const read = this.read(scannedTo ?? after, wanted, categories)
      for (const event of read.events) events.push(event)
      if (read.rows > 0) {
        scannedTo = read.scannedTo
        bytes += read.bytes
        const rowsOfSize = Math.floor((BYTES_PER_READ * read.rows) / Math.max(read.bytes, 1))
        this.rowsPerRead = Math.max(1, Math.min(rowsOfSize, ROWS_PER_READ_MAX))
      }
      if (read.rows < wanted) break
      left -= wanted
    }
    return { events, scannedTo }
  }

  /** The next rows, at most `limit`. Taking the values of each over one by one costs half as much again. */
  private read(after: number, limit: number, categories: ReadonlySet<string>): ReadRows {
    const columns = this.selectAllInColumns.get(after, limit) as EventColumns
    if (columns[0] === null) return { events: [], rows: 0, scannedTo: after, bytes: 0 }
    const inColumns = this.takeApart(columns, categories)
    if (inColumns) return inColumns
    // One of them is not what an event must be: read by itself it can be named, if anybody wants it.
    const rows = this.selectAll.all(after, limit)
    const wanted = rows.filter(([, streamId]) => categories.has(this.stream(streamId).category))
    return {
      events: wanted.map((row) => this.recordedEvent(this.stream(row[1]).name, row)),
      rows: rows.length,
      scannedTo: rows.at(-1)?.[0] ?? after,
      bytes: rows.reduce((bytes, [, , , , , data, metadata]) => bytes + data.length + metadata.length, 0),
    }
  }

  /** null where the columns do not come apart into events. @throws EventStoreCorrupt */
  private takeApart(
    [positions, streamIds, revisions, ids, types, data, metadata]: EventColumns,
    categories: ReadonlySet<string>,
  ): ReadRows | null {
    const positionOf = (positions as string).split(',') as Position[]
    const rows = positionOf.length
    const idOf = ids.split(SEPARATOR)
    const typeOf = types.split(SEPARATOR)
    const metadataOf = metadata.split(SEPARATOR)
    const dataOf = parsed<(JsonObject | string)[]>(`[${data}]`)
    if ([idOf, typeOf, metadataOf].some(({ length }) => length !== rows) || dataOf?.length !== 2 * rows - 1) return null
    const streamIdOf = JSON.parse(`[${streamIds}]`) as number[]
    const revisionOf = JSON.parse(`[${revisions}]`) as number[]
    const events: RecordedEvent[] = []
    // Events of one append stand together: they are of one stream, and mostly of one type.
    let streamId: number | null = null
    let stream = ''
    let isWanted = false
    let type = ''
    for (let at = 0; at < rows; at++) {
      if (at > 0 && dataOf[2 * at - 1] !== SEPARATOR) return null
      if (streamIdOf[at] !== streamId) {
        streamId = streamIdOf[at] as number
        const { name, category } = this.stream(streamId)
        stream = name
        isWanted = categories.has(category)
      }
      if (!isWanted) continue
      if (typeOf[at] !== type) type = typeOf[at] as string
      const known = this.metadataOf(metadataOf[at] as string)
      if (known === undefined) return null
      events.push({
        stream,
        revision: revisionOf[at] as number,
        position: positionOf[at] as Position,
        id: idOf[at] as string,
        type,
        data: dataOf[2 * at] as JsonObject,
        metadata: known,
      })
    }
    return { events, rows, scannedTo: Number(positionOf.at(-1)), bytes: data.length + metadata.length }
  }

  /** Events of one request have the same metadata, and stand together. undefined where it is not JSON. */
  private metadataOf(text: string): EventMetadata | undefined {
    if (text !== this.metadataText) {
      this.metadata = parsed<EventMetadata>(text)
      this.metadataText = text
    }
    return this.metadata
  }

  pageOfStream(stream: string, after: number, limit: number): RecordedEvent[] {
    return this.naming(() => {
      const id = this.selectStreamId.get(stream)?.stream_id
      if (id === undefined) return []
      return this.selectStream.all(id, after, limit).map((row) => this.recordedEvent(stream, row))
    })
  }

  /** Triggers that are not there, or not as they are made, and others. */
  faults(): string[] {
    return this.naming(() => {
      const found = new Map(
        this.log
          .prepare<[], [string, string]>("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'")
          .raw(true)
          .all(),
      )
      const isMade = ([name, body]: [string, string]): boolean =>
        spaced(found.get(name) ?? '') === spaced(`CREATE TRIGGER ${name} ${body}`)
      return [
        ...Object.entries(TRIGGERS)
          .filter((trigger) => !isMade(trigger))
          .map(([name]) => `TRIGGER ${name} is missing, or not as it is made: events may have been changed.`),
        ...[...found.keys()]
          .filter((name) => TRIGGERS[name] === undefined)
          .map((name) => `TRIGGER ${name} is not of the log.`),
      ]
    })
  }

  /** Each event has the position behind that of the last one, and no append that came to nothing takes one. */
  lostEvents(): string | null {
    return this.naming(() => {
      const { events, last } = this.log
        .prepare<[], { events: number; last: number }>(
          'SELECT count(*) AS events, coalesce(max(position), 0) AS last FROM events',
        )
        .get() as { events: number; last: number }
      if (events === last) return null
      const first = this.log
        .prepare<[], number>(
          `SELECT min(position) FROM (SELECT 1 AS position UNION ALL SELECT position + 1 FROM events)
           WHERE position NOT IN (SELECT position FROM events)`,
        )
        .pluck(true)
        .get()
      return `Of the positions up to ${last} ${last - events} have no event, the first of them ${first}: events were deleted.`
    })
  }

  /** What goes wrong names the file. */
  private naming<Result>(read: () => Result): Result {
    try {
      return read()
    } catch (error) {
      throw logFailure(this.file, error)
    }
  }

  /** Changes whenever another connection committed. */
  version(): number {
    return dataVersion(this.log)
  }

  close(): void {
    this.log.close()
    this.opened.close()
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
    const [known, parsedData] = [this.metadataOf(metadata), parsed<JsonObject>(data)]
    if (known === undefined || parsedData === undefined) {
      throw new EventStoreCorrupt(`Event ${revision} of stream ${stream} (position ${position}) is not JSON.`)
    }
    return { stream, revision, position: String(position) as Position, id, type, data: parsedData, metadata: known }
  }
}

/** However its lines are broken. */
function spaced(statement: string): string {
  return statement.replace(/\s+/g, ' ')
}

/** undefined where it is not JSON. */
function parsed<Value>(text: string): Value | undefined {
  try {
    return JSON.parse(text) as Value
  } catch {
    return undefined
  }
}
