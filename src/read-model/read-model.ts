/**
 * The seam between Meterbook and whatever keeps its read models. An adapter promises:
 *
 * - What one `write` puts, deletes and checkpoints is committed together or not at all.
 * - A `snapshot` sees one committed state throughout.
 * - It holds nothing that cannot be rebuilt from the log.
 */
import type { ProjectionTables, Table } from './tables.js'

/** How far a projection has come. */
export interface Checkpoint {
  /** The store's position of the last event handled, as text; null before the first. */
  readonly position: string | null
  /** Usage events up to there. */
  readonly sequence: number
  /** The last event handled, `<revision> <id> <stream>`: what ties the rows to the log they were made from. */
  readonly event: string | null
}

export const START: Checkpoint = { position: null, sequence: 0, event: null }

export type KeyValue = string | number | null

export interface Range<Row> {
  /** Name of the index to walk; the table's key by default. */
  readonly index?: string
  /** Values of the index's first columns. */
  readonly prefix?: readonly KeyValue[]
  /** Bounds of the column after the prefix: `from` inclusive, `to` exclusive. */
  readonly from?: number
  readonly to?: number
  /** Goes on behind this row: its values of all columns of the index that follow the prefix. Not with `reverse`. */
  readonly after?: readonly KeyValue[]
  readonly reverse?: boolean
  /** Other columns a row must equal. */
  readonly where?: Partial<Row>
  /** Other columns that must lie within bounds: `from` inclusive, `to` exclusive. */
  readonly within?: readonly Within<Row>[]
  /** Rows at most; every range is bounded by its caller. */
  readonly limit: number
}

/** Rows whose key, or index, begins with the prefix, and whose next column of it lies in `[from, to)`; all of them whole numbers. */
export interface BoundedRange {
  readonly prefix: readonly number[]
  readonly from: number
  readonly to: number
}

export interface Within<Row> {
  readonly column: keyof Row & string
  readonly from?: number
  readonly to?: number
  /** Whether null lies within. */
  readonly orNull?: true
}

/**
 * A run of rows as it is kept, to be compared with another one of the same read model or of another of its kind: the same
 * image is the same rows. What is not the same image may still be the same rows.
 */
export interface RowsImage {
  readonly rows: number
  /** Key of the last row, or all columns of the last entry; null where there are none. */
  readonly last: readonly KeyValue[] | null
  /** Of rows each column as a JSON array, in the order of the table's columns, if the read model has them as such. */
  readonly parts: readonly (string | Uint8Array)[]
}

export interface RowReader {
  /** Rows by the values of a unique index (the key by default), in the order asked for. */
  get<Row>(table: Table<Row>, keys: readonly (readonly KeyValue[])[], index?: string): Promise<(Row | undefined)[]>
  range<Row>(table: Table<Row>, range: Range<Row>): Promise<Row[]>
  /** Like `range`, but only some columns, as values in their order: for going through very many rows. */
  values<Row>(table: Table<Row>, columns: readonly (keyof Row & string)[], range: Range<Row>): Promise<KeyValue[][]>
  /** Like `values` in order of the key, of each of several ranges whose prefixes are of one length. */
  valuesOfEach<Row>(
    table: Table<Row>,
    columns: readonly (keyof Row & string)[],
    ranges: readonly BoundedRange[],
  ): Promise<KeyValue[][][]>
  /** Like `range`, of each of several whose prefixes are of one length. */
  rangeOfEach<Row>(
    table: Table<Row>,
    ranges: readonly BoundedRange[],
    how: Pick<Range<Row>, 'index' | 'reverse' | 'where' | 'limit'>,
  ): Promise<Row[][]>
  /** All columns of a table's rows in order of its key, or the entries of a scattered index: for comparing very many. */
  image<Row>(
    table: Table<Row>,
    range: Pick<Range<Row>, 'index' | 'from' | 'to' | 'after' | 'limit'>,
  ): Promise<RowsImage>
  /** How many rows a table has, at most: of rows that are added to, some may be counted more than once. */
  count<Row>(table: Table<Row>): Promise<number>
  checkpoint(projection: string): Promise<Checkpoint>
}

export interface RowWriter extends RowReader {
  put<Row>(table: Table<Row>, rows: readonly Row[]): Promise<void>
  /**
   * Adds to the rows of the same keys, column by column as the table says (`adding`); a row that is not there yet begins with
   * what is added. No row is both put and added to. Rows of one key may be among those that are given.
   */
  add<Row>(table: Table<Row>, rows: readonly Row[]): Promise<void>
  /** Inserts the rows that collide with no key or unique index; tells for each whether it was inserted. */
  insertNew<Row>(table: Table<Row>, rows: readonly Row[]): Promise<boolean[]>
  delete<Row>(table: Table<Row>, keys: readonly (readonly KeyValue[])[]): Promise<void>
  /** Deletes rows whose column is below a bound. */
  deleteBelow<Row>(table: Table<Row>, column: keyof Row & string, bound: number): Promise<void>
  setCheckpoint(projection: string, checkpoint: Checkpoint): Promise<void>
}

export function isSameImage({ parts }: RowsImage, other: RowsImage): boolean {
  return (
    parts.length === other.parts.length &&
    parts.every((part, at) => {
      const its = other.parts[at]
      return typeof part === 'string' || typeof its !== 'object' ? part === its : Buffer.compare(part, its) === 0
    })
  )
}

/** Tables that are built beside the live ones, until they take their place. */
export interface Building {
  /**
   * Makes empty tables beside the live ones, in place of any such tables that are left from before. `keep`: the tables they
   * replace stay in the file until they are told to go; not while such tables are there, for they would be without end.
   *
   * @throws TablesKept
   * @throws ReadModelUnavailable; then nothing was changed, as with `abandonBuild`, `switchBuild` and `dropReplaced`
   */
  beginBuild(projections: readonly ProjectionTables[], keep: boolean): Promise<void>
  /** How far each projection that is being built has come; also after a restart. */
  builds(): Promise<ReadonlyMap<string, Checkpoint>>
  /** Takes away what is being built. */
  abandonBuild(): Promise<void>
  /**
   * Makes the tables that were built the live ones, in one step, with which the board of those that share the rows says `state`: whoever
   * does not get the answer finds there what became of it. The old tables wait for `dropReplaced`.
   */
  switchBuild(state: string): Promise<void>
  /** Tables that were replaced and are to be kept, by the names they have in the file or the database. */
  keptTables(): Promise<readonly string[]>
  /** Drops one table that was replaced, also one that was to be kept if so told; answers whether there was one. */
  dropReplaced(kept: boolean): Promise<boolean>
}

/** What the processes that share rows say to each other of a rebuild: texts of theirs, of which the read model knows nothing. */
export interface RebuildBoard {
  /** Leaves a request for the process that writes; false where another one waits already or a rebuild runs. @throws ReadModelUnusable */
  ask(request: string): Promise<boolean>
  /** @throws ReadModelUnusable */
  look(): Promise<RebuildNotice>
  /** Of the process that writes: takes the request away, which so begins to run. @throws ReadModelUnavailable */
  take(state: string): Promise<void>
  /** Of the process that writes. @throws ReadModelUnavailable */
  tell(state: string, isRunning: boolean): Promise<void>
}

export interface RebuildNotice {
  /** The one that waits; null: none does. */
  readonly request: string | null
  /** Of the rebuild that runs or of the last one; null before the first, and while one waits. */
  readonly state: string | null
  readonly isRunning: boolean
}

/**
 * `leading`: this process writes the rows. `begun`: since just now, and others may have written before. `following`: another
 * one does.
 */
export type Standing = 'leading' | 'begun' | 'following'

export interface ReadModel extends RowReader, Building {
  /** How an operator has the rows made anew, for the middle of a sentence. */
  readonly removal: string
  /**
   * Where several processes share the rows only one of them writes, until it ends or loses its way to them: asks to be that
   * one. @throws ReadModelUnavailable, ReadModelUnusable
   */
  lead(): Promise<Standing>
  /**
   * Takes the right to write from a process that has done nothing with the rows for so long, as one that is stopped and not ended:
   * it finds that it follows, should it go on. Whether it was so. @throws ReadModelUnusable
   */
  endIdleLeader(idleMs: number): Promise<boolean>
  /** null where no other process shares the rows. */
  readonly rebuildBoard: RebuildBoard | null
  /** Makes the projections' tables, anew where a schema number changed. */
  prepare(projections: readonly ProjectionTables[]): Promise<void>
  /** Many rows were written since it was last known how many there are: looks again, where reads depend on that. */
  analyze(): Promise<void>
  /**
   * Whoever wrote them says that the rows have all usage events up to here. What is read from now on has them, too: where rows
   * can go back to an earlier moment such reads are refused.
   */
  reached(sequence: number): void
  /** Schema numbers of the projections there are, by their names. */
  schemas(): Promise<ReadonlyMap<string, number>>
  /**
   * What is wrong with how the rows of the projections are kept, such as an index that is not there or lacks one: no table
   * needs to differ for that, and some answers are wrong all the same. Goes through the whole file.
   */
  storageFaults(projections: readonly ProjectionTables[]): Promise<readonly string[]>
  /**
   * Reads one committed state, whatever is written meanwhile. Only so many are open at once; others wait their turn, for a
   * bounded time, or until `signal` says that nobody wants it any more.
   *
   * @throws ReadModelBusy, ReadModelUnusable; why the signal was aborted.
   */
  snapshot<Result>(read: (rows: RowReader) => Promise<Result>, signal?: AbortSignal): Promise<Result>
  /**
   * One writer at a time. `building` writes the tables that are being built; where a projection is not, it is the same as
   * `rows`.
   *
   * @throws ReadModelUnavailable; then nothing was written, unless this process has to begin to lead again: then it may have been.
   */
  write(change: (rows: RowWriter, building: RowWriter) => Promise<void>): Promise<void>
  close(): Promise<void>
}

/** It cannot be written just now, and nothing was: no room, or another process is writing. Waiting may mend it. */
export class ReadModelUnavailable extends Error {
  override readonly name = 'ReadModelUnavailable'
}

/** All snapshots there may be are open, and none was given back in time. The read may be tried again. */
export class ReadModelBusy extends Error {
  override readonly name = 'ReadModelBusy'
}

/** It cannot be opened, for want of file descriptors for instance, or another file stands in its place. */
export class ReadModelUnusable extends Error {
  override readonly name = 'ReadModelUnusable'

  constructor(
    message: string,
    options?: ErrorOptions,
    /** Whether waiting may mend it: a server that cannot be reached. */
    readonly isPassing = false,
  ) {
    super(message, options)
  }
}

/** Nothing answers, not even that it cannot be read: a server that is away or silent. The API knows it by its other name. */
export class ReadModelOutOfReach extends ReadModelUnusable {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options, true)
  }
}

/** What an earlier rebuild replaced is there to be looked at. */
export class TablesKept extends Error {
  override readonly name = 'TablesKept'

  constructor() {
    super(
      'What an earlier rebuild with --keep replaced is still kept. Drop it with meterbook rebuild --drop-kept once it was looked at, or rebuild without keeping.',
    )
  }
}

/** What is stored is not what was written. The rows can be built anew from the log. */
export class ReadModelDamaged extends Error {
  override readonly name = 'ReadModelDamaged'
}

/** Dependency-injection token of the port. */
export const READ_MODEL = Symbol('ReadModel')
