/**
 * The only code that writes to an embedded log. A group of appends is one transaction with one flush; each append in it
 * stands on its own: a conflict writes nothing and does not touch the others.
 */
import type Database from 'better-sqlite3'
import { identityOf, OpenedFile, type FileIdentity } from '../opened-file.js'
import { SqliteDatabase } from '../sqlite.js'
import { dataVersion, logFailure, openEventLog, type EventLog } from './embedded-event-log.js'
import {
  EventStoreUnavailable,
  type AppendOutcome,
  type EventMetadata,
  type Position,
  type StreamAppend,
} from './event-store.js'

/**
 * An append as it crosses to the writing thread: one text, because a thousand small ones cost several times as much to hand
 * over. Four lines for each event: id, type, data and metadata. JSON has no line break in it, nor have ids and types. The
 * last line is empty where the metadata is that of the event before: most events of a request stand together.
 */
export interface EncodedAppend {
  readonly stream: string
  readonly expectedRevision: number
  readonly events: number
  readonly lines: string
}

const LINES_OF_AN_EVENT = 4
/** Rows of one statement: carrying a statement out costs about as much as inserting a row. */
const EVENTS_PER_INSERT = 16

export function encodeAppend({ stream, expectedRevision, events }: StreamAppend): EncodedAppend {
  const lines: string[] = []
  let metadata: EventMetadata | null = null
  for (const event of events) {
    lines.push(event.id, event.type, JSON.stringify(event.data))
    lines.push(event.metadata === metadata ? '' : JSON.stringify(event.metadata))
    metadata = event.metadata
  }
  return { stream, expectedRevision, events: events.length, lines: lines.join('\n') }
}

interface StreamState {
  readonly id: number
  revision: number
}

export class EmbeddedEventWriter {
  private readonly log: EventLog
  private readonly opened: OpenedFile
  private readonly streams = new Map<string, StreamState>()
  private seenVersion: number
  private readonly begin: Database.Statement
  private readonly commit: Database.Statement
  private readonly rollback: Database.Statement
  private readonly insertStream: Database.Statement<[string]>
  private readonly insertOne: Database.Statement
  private readonly insertMany: Database.Statement
  private readonly selectStream: Database.Statement<[string], { stream_id: number; revision: number }>
  private readonly selectIds: Database.Statement<[number, number, number], { id: string; position: number }>

  /** `identity`: of the file, which must be there. @throws EventStoreUnavailable where it is not that one any more. */
  constructor(
    private readonly file: string,
    identity: FileIdentity,
  ) {
    if (identityOf(file) !== identity) throw new EventStoreUnavailable(`${file} is not the file it was.`)
    this.log = openEventLog(file)
    this.opened = new OpenedFile(file, identity)
    this.seenVersion = dataVersion(this.log)
    this.begin = this.log.prepare('BEGIN IMMEDIATE')
    this.commit = this.log.prepare('COMMIT')
    this.rollback = this.log.prepare('ROLLBACK')
    this.insertStream = this.log.prepare('INSERT INTO streams (name) VALUES (?)')
    this.insertOne = this.log.prepare(insertionOf(1))
    this.insertMany = this.log.prepare(insertionOf(EVENTS_PER_INSERT))
    this.selectStream = this.log.prepare(
      `SELECT stream_id, coalesce((SELECT max(revision) FROM events e WHERE e.stream_id = s.stream_id), 0) AS revision
       FROM streams s WHERE name = ?`,
    )
    this.selectIds = this.log.prepare(
      'SELECT id, position FROM events WHERE stream_id = ? AND revision > ? ORDER BY revision LIMIT ?',
    )
  }

  /** Durable when it returns. Never throws: what went wrong is in the outcomes. */
  append(appends: readonly EncodedAppend[]): AppendOutcome[] {
    let committing = false
    try {
      this.begin.run()
      this.forgetWhatOthersChanged()
      const outcomes = appends.map((append) => this.appendOne(append))
      const problem = this.opened.problem()
      if (problem !== null) throw new EventStoreUnavailable(problem)
      committing = true
      this.commit.run()
      return outcomes
    } catch (error) {
      this.streams.clear()
      this.rollBack()
      const failure = logFailure(this.file, error)
      const message = failure instanceof Error ? failure.message : String(failure)
      // A failed flush may still have reached the disk; before the commit, or with no room, nothing has.
      const unknown = committing && error instanceof SqliteDatabase.SqliteError && error.code.startsWith('SQLITE_IOERR')
      return appends.map(() => ({ status: unknown ? 'unknown' : 'unavailable', message }))
    }
  }

  /** Writes what is there already, which takes as much room and as much of a flush as anything. An outcome only where it fails. */
  tryToWrite(): AppendOutcome[] {
    try {
      this.log.pragma(`user_version = ${this.log.pragma('user_version', { simple: true }) as number}`)
      return []
    } catch (error) {
      const failure = logFailure(this.file, error)
      return [{ status: 'unavailable', message: failure instanceof Error ? failure.message : String(failure) }]
    }
  }

  close(): void {
    this.log.close()
    this.opened.close()
  }

  private appendOne(append: EncodedAppend): AppendOutcome {
    const { stream, expectedRevision } = append
    const lines = append.lines.split('\n')
    let state = this.stateOf(stream)
    const revision = state?.revision ?? 0
    if (revision !== expectedRevision) {
      return (state && this.alreadyAppended(state, expectedRevision, lines)) ?? { status: 'conflict', revision }
    }
    if (!state) {
      state = { id: Number(this.insertStream.run(stream).lastInsertRowid), revision: 0 }
      this.streams.set(stream, state)
    }
    const position = this.insert(state, append.events, lines)
    return { status: 'appended', revision: state.revision, position: String(position) as Position }
  }

  /** Appends to a stream; answers the position of the last event. */
  private insert(state: StreamState, events: number, lines: readonly string[]): number {
    const inFullStatements = events - (events % EVENTS_PER_INSERT)
    const values: (number | string)[] = []
    let metadata = ''
    let position: number | bigint = 0
    for (let index = 0; index < events; index++) {
      const line = index * LINES_OF_AN_EVENT
      metadata = lines[line + 3] || metadata
      values.push(state.id, ++state.revision, lines[line] as string, lines[line + 1] as string)
      values.push(lines[line + 2] as string, metadata)
      const isOfFull = index < inFullStatements
      if (isOfFull && (index + 1) % EVENTS_PER_INSERT !== 0) continue
      position = (isOfFull ? this.insertMany : this.insertOne).run(values).lastInsertRowid
      values.length = 0
    }
    return Number(position)
  }

  /** The outcome of the first time, if exactly these events stand at this place. */
  private alreadyAppended(state: StreamState, after: number, lines: readonly string[]): AppendOutcome | null {
    const events = lines.length / LINES_OF_AN_EVENT
    const known = this.selectIds.all(state.id, after, events)
    if (known.length < events || known.some(({ id }, index) => id !== lines[index * LINES_OF_AN_EVENT])) return null
    const position = String(known.at(-1)?.position) as Position
    return { status: 'appended', revision: after + events, position }
  }

  private stateOf(stream: string): StreamState | null {
    const known = this.streams.get(stream)
    if (known) return known
    const row = this.selectStream.get(stream)
    if (!row) return null
    const state = { id: row.stream_id, revision: row.revision }
    // Busy categories are few streams; the rest would only fill memory.
    if (this.streams.size >= STREAMS_REMEMBERED_MAX) this.streams.clear()
    this.streams.set(stream, state)
    return state
  }

  private forgetWhatOthersChanged(): void {
    const version = dataVersion(this.log)
    if (version === this.seenVersion) return
    this.seenVersion = version
    this.streams.clear()
  }

  private rollBack(): void {
    try {
      if (this.log.inTransaction) this.rollback.run()
    } catch {
      // SQLite already rolled back by itself; the append is answered with the first error.
    }
  }
}

function insertionOf(events: number): string {
  const rows = Array.from({ length: events }, () => '(?, ?, ?, ?, ?, ?)')
  return `INSERT INTO events (stream_id, revision, id, type, data, metadata) VALUES ${rows.join(', ')}`
}

const STREAMS_REMEMBERED_MAX = 10_000

/** Wakes the subscriptions of every thread of this process. */
export function wakeChannelName(file: string): string {
  return `meterbook-event-log:${file}`
}
