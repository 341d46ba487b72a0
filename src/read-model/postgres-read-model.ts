/**
 * The read model in one schema of a PostgreSQL database, which several processes may share. One of them at a time writes: it
 * holds a lock of its session, so that whoever loses the session has lost the right to write, and nothing half done stays.
 *
 * Reads are transactions of one committed state (`REPEATABLE READ`). Commits are as durable as the server makes them: what
 * others have read of the rows must not go away again.
 */
import { randomUUID } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { setTimeout as delay } from 'node:timers/promises'
import { PostgresConnection } from './postgres-connection.js'
import { readingFailure, removalOf, tlsAdvice } from './postgres-failure.js'
import { PostgresRebuildBoard } from './postgres-rebuild-board.js'
import { PostgresRows } from './postgres-rows.js'
import { physicalsIn, PostgresTables, type Located, type Physicals } from './postgres-tables.js'
import { readPostgresUrl, type PostgresSettings } from './postgres-url.js'
import {
  ReadModelUnavailable,
  ReadModelUnusable,
  type Checkpoint,
  type KeyValue,
  type Range,
  type ReadModel,
  type RowReader,
  type RowsImage,
  type RowWriter,
  type Standing,
  type BoundedRange,
} from './read-model.js'
import { SNAPSHOT_WAIT_MS, SNAPSHOTS_MAX, SnapshotConnections, type ConnectionMaker } from './snapshot-connections.js'
import type { ProjectionTables, Table } from './tables.js'

/** Tells Meterbook's locks from those of others in the database: the letters METE. */
const LOCK_CLASS = 0x4d455445
/**
 * A session that does nothing, also in the middle of a transaction. Whatever it has not committed is undone, and it can commit
 * nothing more, so that whoever it belongs to may wake up at any moment.
 */
const endIdle = (lock: number, idleMs: number): string => `SELECT pg_terminate_backend(a.pid)
  FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid
  WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database()
    AND l.classid = ${LOCK_CLASS}::bigint::oid AND l.objid = ${lock >>> 0}::bigint::oid AND l.objsubid = 2
    AND a.usename = session_user AND a.state LIKE 'idle%'
    AND a.state_change < clock_timestamp() - ${idleMs} * interval '1 millisecond'`
/** Whatever the database or the user is set to begin with. */
const BEGIN_WRITE = 'BEGIN TRANSACTION ISOLATION LEVEL READ COMMITTED READ WRITE'
/** Stands in the session that holds the lock, and says who took it. */
const WRITER = 'meterbook.writer'
const BEGIN_SNAPSHOT = 'BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY'
/** What reading connections are for. Reads of one question never wait for snapshots that are kept open long. */
const SNAPSHOTS = 0
const SINGLES = 1
const SINGLES_MAX = 4
/** To open one takes some round trips. */
const UNNEEDED_MS = 10_000
const CONNECTIONS_MAX = [SNAPSHOTS_MAX, SINGLES_MAX]
/** A connection that is known to have ended says so at once. */
const AT_ONCE_MS = 1_000
/** Live rows are not kept waiting for who still reads a table that is to be dropped. */
const DROP_LOCK_TIMEOUT_MS = 100
/** Between two looks whether a table that was replaced is still read. */
const STILL_READ_MS = 20

interface Views {
  readonly live: Physicals
  readonly building: Physicals
  readonly built: ReadonlySet<string>
}

export class PostgresReadModel implements ReadModel {
  readonly removal: string
  readonly rebuildBoard: PostgresRebuildBoard
  private readonly settings: PostgresSettings
  private readonly lock: number
  private readonly tables: PostgresTables
  private readonly connections: SnapshotConnections<PostgresConnection>
  private session: PostgresConnection | null = null
  private isLeading = false
  private readonly writer = randomUUID()
  /** Where the rows stood when this process last wrote them; null where it has not since it began to lead. */
  private standing: string | null = null
  /** Of the tables there are; null: to be looked up. Nobody changes them but who leads. */
  private views: Views | null = null
  /** A session does one transaction at a time. */
  private done: Promise<unknown> = Promise.resolve()
  private closed = false
  private wasReached = false
  /** Whether no two of its connections share one, as far as was seen. */
  private hasOwnSessions = false
  /** Usage events that all rows had when they were last read here, or were said to have. */
  private known = 0

  /** `url`: without a problem (`postgresUrlProblem`). */
  constructor(url: string, snapshotWaitMs = SNAPSHOT_WAIT_MS) {
    this.settings = readPostgresUrl(url)
    this.removal = removalOf(this.settings)
    this.lock = crc32(this.settings.schema) | 0
    this.tables = new PostgresTables(this.settings)
    const maker: ConnectionMaker<PostgresConnection> = {
      open: () => this.connect('reading'),
      close: (connection) => connection.close(),
    }
    this.connections = new SnapshotConnections(maker, snapshotWaitMs, CONNECTIONS_MAX, UNNEEDED_MS)
    this.rebuildBoard = new PostgresRebuildBoard(
      this.tables.rebuild,
      (ask) => this.reading(SINGLES, ask),
      (change) => this.transaction(change),
    )
  }

  async lead(): Promise<Standing> {
    if (this.session?.isLost) {
      await this.session.close()
      this.session = null
      this.isLeading = false
      this.connections.discardIdle()
    }
    if (this.isLeading) return 'leading'
    this.session ??= this.hasOwnSessions ? await this.connect('writing') : await this.sessionOfItsOwn()
    const [lock] = await this.session.rows<{ isTaken: boolean }>(
      `SELECT CASE WHEN pg_try_advisory_lock($1, $2) THEN set_config('${WRITER}', $3, false) END IS NOT NULL AS "isTaken"`,
      [LOCK_CLASS, this.lock, this.writer],
    )
    if (!lock?.isTaken) return 'following'
    this.isLeading = true
    this.views = null
    this.standing = null
    return 'begun'
  }

  endIdleLeader(idleMs: number): Promise<boolean> {
    return this.reading(SINGLES, async (connection) => {
      const ended = await connection.rowsAsLogin(endIdle(this.lock, idleMs))
      return ended.length > 0
    })
  }

  prepare(projections: readonly ProjectionTables[]): Promise<void> {
    return this.changeTables((session) => this.tables.prepare(session, projections))
  }

  beginBuild(projections: readonly ProjectionTables[], keep: boolean): Promise<void> {
    return this.changeTables((session) => this.tables.beginBuild(session, projections, keep))
  }

  builds(): Promise<ReadonlyMap<string, Checkpoint>> {
    return this.transaction((session) => this.tables.checkpointsOfBuilds(session))
  }

  abandonBuild(): Promise<void> {
    return this.changeTables((session) => this.tables.abandonBuild(session))
  }

  /** What was built is analyzed first (see `analyze`). */
  async switchBuild(state: string): Promise<void> {
    await this.transaction(async (session) => {
      const { live, building } = await this.lookUp(session)
      for (const [name, physical] of building) if (live.get(name) !== physical) await session.run(`ANALYZE ${physical}`)
    })
    await this.changeTables(async (session) => {
      await this.tables.switchBuild(session)
      await this.rebuildBoard.tellIn(session, state, false)
    })
  }

  keptTables(): Promise<readonly string[]> {
    return this.transaction((session) => this.tables.kept(session))
  }

  async dropReplaced(kept: boolean): Promise<boolean> {
    const next = await this.transaction((session) => this.tables.nextReplaced(session, kept))
    if (!next) return false
    if (next.isRead) await delay(STILL_READ_MS)
    else {
      await this.changeTables(async (session) => {
        await session.run(`SET LOCAL lock_timeout = ${DROP_LOCK_TIMEOUT_MS}`)
        await this.tables.dropReplaced(session, next.physical)
      })
    }
    return true
  }

  reached(sequence: number): void {
    this.known = Math.max(this.known, sequence)
  }

  /** Until it knows how many rows there are the server may read them in a slow way: all of a table for each page, and sort them. */
  analyze(): Promise<void> {
    return this.transaction(async (session) => {
      const { live } = await this.lookUp(session)
      for (const physical of live.values()) await session.run(`ANALYZE ${physical}`)
    })
  }

  schemas(): Promise<ReadonlyMap<string, number>> {
    return this.reading(SINGLES, (connection) => this.tables.schemas(connection))
  }

  storageFaults(projections: readonly ProjectionTables[]): Promise<readonly string[]> {
    return this.reading(SINGLES, (connection) => this.tables.faults(connection, projections))
  }

  get<Row>(table: Table<Row>, keys: readonly (readonly KeyValue[])[], index?: string): Promise<(Row | undefined)[]> {
    return this.readOne((rows) => rows.get(table, keys, index))
  }

  range<Row>(table: Table<Row>, range: Range<Row>): Promise<Row[]> {
    return this.readOne((rows) => rows.range(table, range))
  }

  values<Row>(table: Table<Row>, columns: readonly (keyof Row & string)[], range: Range<Row>): Promise<KeyValue[][]> {
    return this.readOne((rows) => rows.values(table, columns, range))
  }

  valuesOfEach<Row>(
    table: Table<Row>,
    columns: readonly (keyof Row & string)[],
    ranges: readonly BoundedRange[],
  ): Promise<KeyValue[][][]> {
    return this.readOne((rows) => rows.valuesOfEach(table, columns, ranges))
  }

  rangeOfEach<Row>(
    table: Table<Row>,
    ranges: readonly BoundedRange[],
    how: Pick<Range<Row>, 'index' | 'reverse' | 'where' | 'limit'>,
  ): Promise<Row[][]> {
    return this.readOne((rows) => rows.rangeOfEach(table, ranges, how))
  }

  image<Row>(table: Table<Row>, range: Range<Row>): Promise<RowsImage> {
    return this.readOne((rows) => rows.image(table, range))
  }

  count<Row>(table: Table<Row>): Promise<number> {
    return this.readOne((rows) => rows.count(table))
  }

  checkpoint(projection: string): Promise<Checkpoint> {
    return this.readOne((rows) => rows.checkpoint(projection))
  }

  snapshot<Result>(read: (rows: RowReader) => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    return this.reading(SNAPSHOTS, (connection) => this.readState(connection, read), signal)
  }

  write(change: (rows: RowWriter, building: RowWriter) => Promise<void>): Promise<void> {
    return this.transaction(async (session) => {
      const { live, building, built } = await this.lookUp(session)
      const writers = [
        new PostgresRows(session, this.tables, live),
        new PostgresRows(session, this.tables, building, built),
      ] as const
      await change(...writers)
      for (const writer of writers) await writer.saveCheckpoints()
    })
  }

  async close(): Promise<void> {
    this.closed = true
    await this.session?.close()
    await this.connections.close()
  }

  private async connect(use: 'reading' | 'writing'): Promise<PostgresConnection> {
    if (this.closed) throw new Error('The read model is closed.')
    try {
      const connection = await PostgresConnection.open(this.settings, use)
      this.wasReached = true
      return connection
    } catch (error) {
      // The URL was good: a certificate that was renewed wrongly is mended without a restart.
      const isOfTls = error instanceof ReadModelUnusable && tlsAdvice(error.cause) !== null
      throw isOfTls && this.wasReached ? new ReadModelUnavailable(error.message, { cause: error.cause }) : error
    }
  }

  /**
   * To write. A pooler that gives a session to others after each transaction gives the same one to the connection that is opened next,
   * as long as nobody else comes in between; what is said then before anything is written is said by `begin` otherwise.
   */
  private async sessionOfItsOwn(): Promise<PostgresConnection> {
    const session = await this.connect('writing')
    try {
      await this.reading(SINGLES, async (other) => {
        // Of one that is gone another may have the number by now.
        if (other.number === session.number && (await other.rows('SELECT 1')).length > 0) throw this.sharedSessions()
      })
      this.hasOwnSessions = true
      return session
    } catch (error) {
      await session.close()
      throw error
    }
  }

  private sharedSessions(): ReadModelUnusable {
    return new ReadModelUnusable(
      `The ${this.settings.place} is reached through a pooler that gives a session to others after each transaction. Set its pool_mode to session, or name the server itself in READ_MODEL_URL.`,
    )
  }

  private readOne<Result>(read: (rows: RowReader) => Promise<Result>): Promise<Result> {
    return this.reading(SINGLES, (connection) => this.readState(connection, read))
  }

  private async readState<Result>(
    connection: PostgresConnection,
    read: (rows: RowReader) => Promise<Result>,
  ): Promise<Result> {
    const { known } = this
    try {
      const located = await connection.runAll<Located>([BEGIN_SNAPSHOT, this.tables.selectLive])
      this.requireNotBefore(known, located)
      return await read(new PostgresRows(connection, this.tables, physicalsIn(located)))
    } finally {
      // It has nothing to lose, and what was wrong the read itself has said. One that failed is begun all the same.
      // Nobody waits for that: whatever is asked next comes after it.
      void connection.run('COMMIT').catch(() => connection.close())
    }
  }

  /**
   * What was there before it began is there, unless the database was taken back: a backup was restored, or another server took its
   * place that lacked the last commits. Then identifiers would count again that were counted.
   */
  private requireNotBefore(known: number, located: readonly Located[]): void {
    const sequence = located.length === 0 ? 0 : Math.min(...located.map((each) => each.sequence))
    if (sequence < known) {
      throw new ReadModelUnusable(
        `The ${this.settings.place} was taken back from usage event ${known} to ${sequence}. Restart the services: they fold the log from there.`,
      )
    }
    this.reached(sequence)
  }

  /** With a connection of its own. @throws ReadModelBusy, ReadModelUnusable */
  private async reading<Result>(
    use: typeof SNAPSHOTS | typeof SINGLES,
    read: (connection: PostgresConnection) => Promise<Result>,
    signal?: AbortSignal,
  ): Promise<Result> {
    for (let tries = 1; ; tries++) {
      try {
        const connection = await this.sound(use, signal)
        // The end of the read before it may not be answered yet.
        const { asked } = connection
        const since = performance.now()
        try {
          return await read(connection)
        } catch (error) {
          // It ended while nobody used it, and nothing was read of it.
          const isUnread = connection.isLost && !connection.hasAnsweredSince(asked)
          const isKnownToHaveEnded = connection.isAbandoned || performance.now() - since < AT_ONCE_MS
          if (!isUnread || tries > 1 || !isKnownToHaveEnded) throw error
        } finally {
          if (connection.isLost) {
            this.connections.discard(connection)
            // What one connection met, the idle ones will meet that were opened before.
            this.connections.discardIdle()
          } else this.connections.release(connection)
        }
      } catch (error) {
        throw error instanceof ReadModelUnavailable ? readingFailure(error) : error
      }
    }
  }

  /** Those that ended while nobody used them are no use: the server was restarted. */
  private async sound(use: number, signal: AbortSignal | undefined): Promise<PostgresConnection> {
    for (;;) {
      const connection = await this.connections.acquire(signal, use)
      if (!connection.isLost) return connection
      this.connections.discard(connection)
    }
  }

  private async changeTables(change: (session: PostgresConnection) => Promise<void>): Promise<void> {
    await this.transaction(change)
    this.views = null
  }

  /** Of who leads. Committed together or not at all; one after the other. */
  private transaction<Result>(change: (session: PostgresConnection) => Promise<Result>): Promise<Result> {
    const result = this.done.then(() => this.transact(change))
    this.done = result.catch(() => undefined)
    return result
  }

  private async transact<Result>(change: (session: PostgresConnection) => Promise<Result>): Promise<Result> {
    const { session } = this
    if (!session || session.isLost || !this.isLeading) {
      const isLost = session?.isLost === true && this.isLeading
      const lost = `The session that wrote the ${this.settings.place} was lost. `
      throw new ReadModelUnavailable(`${isLost ? lost : ''}Another process may be writing the read model by now.`)
    }
    try {
      await this.begin(session)
      const result = await change(session)
      const [now] = await session.runAll<{ standing: string }>([
        `SELECT (${this.tables.selectStanding}) AS standing`,
        'COMMIT',
      ])
      this.standing = now?.standing ?? null
      return result
    } catch (error) {
      this.views = null
      await session.run('ROLLBACK').catch(() => session.close())
      throw error
    }
  }

  /**
   * A session that others are given in between has a lock that keeps nobody away. And the lock keeps nobody from restoring a
   * backup: what is folded on top of that would lack what was between.
   */
  private async begin(session: PostgresConnection): Promise<void> {
    const standing = this.standing === null ? 'NULL' : `(${this.tables.selectStanding})`
    const [found] = await session.runAll<{ writer: string | null; standing: string | null }>([
      BEGIN_WRITE,
      `SELECT current_setting('${WRITER}', true) AS writer, ${standing} AS standing`,
    ])
    const { place } = this.settings
    if (found?.writer !== this.writer) throw this.sharedSessions()
    if (found.standing !== this.standing) {
      throw new ReadModelUnusable(
        `The rows in ${place} do not stand where this service has left them: they were taken back to an earlier moment, or changed. Restart the services: they fold the log from there.`,
      )
    }
  }

  private async lookUp(session: PostgresConnection): Promise<Views> {
    this.views ??= {
      live: physicalsIn(await session.rows<Located>(this.tables.selectLive)),
      building: await this.tables.building(session),
      built: new Set((await this.tables.checkpointsOfBuilds(session)).keys()),
    }
    return this.views
  }
}
