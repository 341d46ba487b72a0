/**
 * The read model in one SQLite file. A process has one writing connection (the projector's) and a bounded pool of reading
 * ones; in WAL mode neither waits for the other.
 *
 * Flushing may lag behind (`synchronous = NORMAL`): what a power cut takes is projected again from the log.
 */
import type Database from 'better-sqlite3'
import { OpenedFile } from '../opened-file.js'
import { SqliteDatabase } from '../sqlite.js'
import { LogCopier } from './embedded-log-copier.js'
import { rowsFailure } from './embedded-failure.js'
import { EmbeddedRows } from './embedded-rows.js'
import { EmbeddedRuns } from './embedded-runs.js'
import type { EmbeddedTables } from './embedded-tables.js'
import { RememberedBlocks } from './remembered-blocks.js'
import { SNAPSHOT_WAIT_MS, SnapshotConnections } from './snapshot-connections.js'
import {
  ReadModelDamaged,
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
import type { ProjectionTables, Table } from './tables.js'

const BUSY_TIMEOUT_MS = 10_000
/** What SQLite keeps for an application in the head of a file is a number below it. */
const WRITES_BELOW = 2 ** 31
/** Page cache of a connection. Negative: KiB. */
const WRITER_CACHE_KIB = -65_536
/** Of all rows, identifiers in random order among them; and of what is written one behind the other. */
const SCRATCH_CACHE_KIB = -196_608
const SMALL_SCRATCH_CACHE_KIB = -49_152
const READER_CACHE_KIB = -16_384
/** Unpacked blocks of runs: questions about all customers of a meter come to each of them again and again. */
const READER_BLOCKS_REMEMBERED = 3_072
const WRITER_BLOCKS_REMEMBERED = 256
/**
 * Pages of the write-ahead log before a commit copies it into the file: where a thread does that beside, it only steps in
 * when that thread is lost. Most pages of a busy log are written again and again, so copying less often copies each of them
 * fewer times. 64 and 256 MiB.
 */
const CHECKPOINT_PAGES = 16_384
const CHECKPOINT_PAGES_BESIDE = 65_536

/** What is left of the file of the log once it begins anew. */
const LOG_BYTES_KEPT = CHECKPOINT_PAGES * 4096
/** The writer stands still meanwhile: longer than most reads take. */
const LOG_READERS_WAIT_MS = 2_000

const WRITER_CACHES_KIB = {
  lasting: WRITER_CACHE_KIB,
  projected: WRITER_CACHE_KIB,
  scratch: SCRATCH_CACHE_KIB,
  'small-scratch': SMALL_SCRATCH_CACHE_KIB,
} as const

export class EmbeddedReadModel implements ReadModel {
  readonly removal = 'delete read-model.db with its -wal and -shm'
  private readonly file: string
  private isLeading = false
  /** How often the file was written, as far as this process knows. It is counted in the file: the lock of its folder may be deleted. */
  private writes = 0
  private connection: Database.Database | null = null
  private writer: EmbeddedRows | null = null
  private builder: EmbeddedRows | null = null
  /** Of both. */
  private writerRuns: EmbeddedRuns | null = null
  private single: EmbeddedRows | null = null
  private readonly snapshots: SnapshotConnections<EmbeddedRows>
  /** Of all connections that only read. */
  private readonly readBlocks = new RememberedBlocks(READER_BLOCKS_REMEMBERED)
  private closed = false

  /** Of the first connection: no other file is read or written beside it. null before, and of a file that nobody else sees. */
  private opened: OpenedFile | null = null
  /** null before the first connection, and where the writer copies the log itself. */
  private copier: LogCopier | null = null

  /**
   * A projected file is one that this thread goes on writing while others read it. A scratch file is written fast and is
   * worth nothing after a crash; reads must not overlap with writes. A small one has no usage records.
   */
  constructor(
    file: string,
    private readonly use: 'lasting' | 'projected' | 'scratch' | 'small-scratch' = 'lasting',
    snapshotWaitMs = SNAPSHOT_WAIT_MS,
  ) {
    this.file = file
    this.snapshots = new SnapshotConnections<EmbeddedRows>(
      { open: () => this.openToRead(), close: (rows) => rows.close() },
      snapshotWaitMs,
    )
  }

  readonly rebuildBoard = null

  /** Nobody else can. */
  async endIdleLeader(): Promise<boolean> {
    return false
  }

  /** The folder of the file is locked by who writes it. Where that lock was deleted, whoever writes first goes on alone. */
  async lead(): Promise<Standing> {
    if (this.isLeading) return 'leading'
    this.writing()
    this.writes = this.countedWrites()
    this.isLeading = true
    return 'begun'
  }

  /** Which index is walked does not depend on the rows. */
  async analyze(): Promise<void> {}

  /** A file that another one was put in place of is not read. */
  reached(): void {}

  /** Where it cannot be written nothing is waited for: whoever starts a service is told at once. */
  async prepare(projections: readonly ProjectionTables[]): Promise<void> {
    try {
      this.changeTables((tables) => tables.prepare(projections))
    } catch (error) {
      throw error instanceof ReadModelUnavailable ? rowsFailure(this.file, error.cause) : error
    }
  }

  async schemas(): Promise<ReadonlyMap<string, number>> {
    return this.reading().tables.schemas()
  }

  async beginBuild(projections: readonly ProjectionTables[], keep: boolean): Promise<void> {
    this.changeTables((tables) => tables.beginBuild(projections, keep))
  }

  async builds(): Promise<ReadonlyMap<string, Checkpoint>> {
    return this.writing().tables.builds()
  }

  async abandonBuild(): Promise<void> {
    this.changeTables((tables) => tables.abandonBuild())
  }

  async switchBuild(): Promise<void> {
    this.changeTables((tables) => tables.switchBuild())
  }

  async keptTables(): Promise<readonly string[]> {
    return this.writing().tables.kept()
  }

  async dropReplaced(kept: boolean): Promise<boolean> {
    let hasDropped = false
    this.changeTables((tables) => (hasDropped = tables.dropReplaced(kept)))
    return hasDropped
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

  async storageFaults(projections: readonly ProjectionTables[]): Promise<readonly string[]> {
    try {
      const rows = this.reading()
      return [...rows.tables.faults(projections), ...rows.storageFaults()]
    } catch (error) {
      const failure = rowsFailure(this.file, error)
      if (failure instanceof ReadModelDamaged) return [failure.message]
      throw failure
    }
  }

  checkpoint(projection: string): Promise<Checkpoint> {
    return this.readOne((rows) => rows.checkpoint(projection))
  }

  async snapshot<Result>(read: (rows: RowReader) => Promise<Result>, signal?: AbortSignal): Promise<Result> {
    this.requireSameFile()
    const rows = await this.snapshots.acquire(signal)
    try {
      rows.begin()
      try {
        return await read(rows)
      } finally {
        rows.endRead()
      }
    } finally {
      this.snapshots.release(rows)
    }
  }

  async write(change: (rows: RowWriter, building: RowWriter) => Promise<void>): Promise<void> {
    const rows = this.writing()
    try {
      rows.beginImmediate()
      this.requireNoOtherWriter()
      await change(rows, this.building())
      rows.tend()
      this.requireSameFile()
      const writes = (this.writes + 1) % WRITES_BELOW
      this.connection?.pragma(`application_id = ${writes}`)
      rows.commit()
      this.writes = writes
    } catch (error) {
      rows.rollback()
      throw this.writeFailure(rows, error)
    }
    this.copier?.committed({ rest: () => rows.copyLog(), all: () => rows.beginLogAnew(LOG_READERS_WAIT_MS) })
  }

  async close(): Promise<void> {
    this.closed = true
    await this.copier?.stop()
    for (const rows of [this.writer, this.single]) rows?.close()
    await this.snapshots.close()
    this.opened?.close()
  }

  private writing(): EmbeddedRows {
    if (!this.writer) {
      const database = this.connect(WRITER_CACHES_KIB[this.use])
      const runs = new EmbeddedRuns(database, new RememberedBlocks(WRITER_BLOCKS_REMEMBERED))
      this.connection = database
      this.writerRuns = runs
      this.writer = new EmbeddedRows(database, runs)
      this.builder = new EmbeddedRows(database, runs, 'building')
    }
    return this.writer
  }

  private building(): EmbeddedRows {
    this.writing()
    return this.builder as EmbeddedRows
  }

  private changeTables(change: (tables: EmbeddedTables) => void): void {
    const rows = this.writing()
    try {
      this.requireNoOtherWriter()
      change(rows.tables)
    } catch (error) {
      throw this.writeFailure(rows, error)
    }
    rows.forget()
    this.building().forget()
    this.writerRuns?.clear()
    this.single?.forget()
  }

  private writeFailure(rows: EmbeddedRows, error: unknown): unknown {
    const failure = rowsFailure(this.file, error)
    if (!isPassing(error)) return failure
    rows.makeRoom()
    return new ReadModelUnavailable((failure as Error).message, { cause: error })
  }

  /** One statement in a transaction of its own, so that it sees the tables that are the live ones then. */
  private async readOne<Result>(read: (rows: EmbeddedRows) => Promise<Result>): Promise<Result> {
    const rows = this.reading()
    rows.begin()
    // Whatever it reads it has read when it answers its promise: nothing else comes in between.
    const result = read(rows)
    rows.endRead()
    return result
  }

  private reading(): EmbeddedRows {
    this.requireSameFile()
    this.single ??= this.rowsToRead()
    return this.single
  }

  private openToRead(): EmbeddedRows {
    try {
      return this.rowsToRead()
    } catch (error) {
      if (this.closed || error instanceof ReadModelDamaged || error instanceof ReadModelUnusable) throw error
      throw new ReadModelUnusable((error as Error).message, { cause: error })
    }
  }

  private rowsToRead(): EmbeddedRows {
    const database = this.connect(READER_CACHE_KIB)
    database.pragma('query_only = ON')
    return new EmbeddedRows(database, new EmbeddedRuns(database, this.readBlocks))
  }

  private connect(cacheKib: number): Database.Database {
    if (this.closed) throw new Error('The read model is closed.')
    this.requireSameFile(true)
    try {
      const database = this.openDatabase(cacheKib)
      if (this.use === 'lasting' || this.use === 'projected') this.opened ??= new OpenedFile(this.file)
      if (this.use === 'projected' && this.opened) this.copier ??= new LogCopier(this.file, this.opened.identity)
      return database
    } catch (error) {
      throw rowsFailure(this.file, error)
    }
  }

  private requireSameFile(isNow = false): void {
    const problem = this.opened?.problem(isNow ? 0 : undefined) ?? null
    if (problem !== null) throw new ReadModelUnusable(problem)
  }

  /** Two that write would fold events twice, each from where it knows that the rows are. */
  private requireNoOtherWriter(): void {
    if (!this.isLeading || this.countedWrites() === this.writes) return
    throw new ReadModelUnusable(
      `Another Meterbook process writes ${this.file} too, which it can because service.lock was deleted or replaced while one of them was running. Stop one of the two and restart the other.`,
    )
  }

  private countedWrites(): number {
    return this.connection?.pragma('application_id', { simple: true }) as number
  }

  private openDatabase(cacheKib: number): Database.Database {
    const database = new SqliteDatabase(this.file, { timeout: BUSY_TIMEOUT_MS })
    try {
      this.setUp(database, cacheKib)
    } catch (error) {
      // What was opened of it would take up a file descriptor.
      database.close()
      throw error
    }
    return database
  }

  private setUp(database: Database.Database, cacheKib: number): void {
    if (this.use === 'scratch' || this.use === 'small-scratch') {
      database.pragma('journal_mode = OFF')
      database.pragma('synchronous = OFF')
    } else {
      database.pragma('journal_mode = WAL')
      database.pragma('synchronous = NORMAL')
      database.pragma(`journal_size_limit = ${LOG_BYTES_KEPT}`)
      // Any read makes the write-ahead log, which is to be there when this connection is used.
      database.pragma('schema_version')
    }
    database.pragma(`cache_size = ${cacheKib}`)
    database.pragma(`wal_autocheckpoint = ${this.use === 'projected' ? CHECKPOINT_PAGES_BESIDE : CHECKPOINT_PAGES}`)
  }
}

/** No room on the disk, a device that fails for a moment, another process that is writing. */
function isPassing(error: unknown): boolean {
  // What was read on the way has named the file already.
  const cause = error instanceof ReadModelUnusable ? error.cause : error
  return cause instanceof SqliteDatabase.SqliteError && /^SQLITE_(FULL|IOERR|BUSY)/.test(cause.code)
}
