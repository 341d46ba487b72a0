/**
 * Rows of the embedded read model over one SQLite connection: SQL is made from the table descriptions and each statement
 * prepared once. A physical table is `<name>_<generation>`, so that a projection can be built anew beside the live one.
 */
import type Database from 'better-sqlite3'
import { SqliteDatabase } from '../sqlite.js'
import { argumentsOf, columnList, filtersOf, insertList, rowsOfColumns, selectInColumns } from './embedded-sql.js'
import { AddedRows } from './added-rows.js'
import { addedRuns, AddedTable, scatteredRuns, type EmbeddedRuns } from './embedded-runs.js'
import { rowsFailure } from './embedded-failure.js'
import { EmbeddedTables, type View } from './embedded-tables.js'
import {
  START,
  type BoundedRange,
  type Checkpoint,
  type KeyValue,
  type Range,
  type RowsImage,
  type RowWriter,
} from './read-model.js'
import { ScatteredIndex } from './scattered-index.js'
import { columnNames, columnsOf, keyOf, sql } from './table-columns.js'
import type { Table } from './tables.js'

type Statement = Database.Statement<unknown[]>
type Row = Record<string, KeyValue>

/** Rows of one statement, and keys looked up by one. */
const ROWS_PER_INSERT = 32
const KEYS_PER_GET = 32
/** Of a range that has bounds of its own. */
const ALL_ROWS = Number.MAX_SAFE_INTEGER
/** Faults of the file that are told. */
const FAULTS_MAX = 100

interface Placed {
  readonly keyPlace: number
}

export class EmbeddedRows implements RowWriter {
  private readonly statements = new Map<string, Statement>()
  private readonly physicals = new Map<string, string>()
  readonly tables: EmbeddedTables
  private readonly addedTables = new Map<string, AddedTable>()
  private readonly scattered = new Map<string, ScatteredIndex>()
  /** What the connection last saw of commits on others. */
  private dataVersion: unknown = null

  /** Sum of the generations the statements were made for; it grows with every switch. */
  private switched: number | null = null

  constructor(
    private readonly database: Database.Database,
    /** Shared by all that use the connection. */
    private readonly runs: EmbeddedRuns,
    private readonly view: View = 'live',
  ) {
    this.tables = new EmbeddedTables(database)
  }

  /** Tables are looked up anew, and statements made anew for them. */
  forget(): void {
    this.physicals.clear()
    this.statements.clear()
    this.addedTables.clear()
    this.scattered.clear()
    this.runs.forget()
  }

  async get<R>(table: Table<R>, keys: readonly (readonly KeyValue[])[], index?: string): Promise<(R | undefined)[]> {
    return this.naming(() => {
      if (table.adding) return keys.map((key) => this.addedTable(table).get(key) as R | undefined)
      const found = new Array<R | undefined>(keys.length).fill(undefined)
      let from = 0
      // Most keys that are asked for by the hundred are not there: a statement for each would cost more than its search.
      for (; keys.length - from >= KEYS_PER_GET; from += KEYS_PER_GET) {
        const rows = this.getMany(table, index).all(keys.slice(from, from + KEYS_PER_GET).flat()) as (R & Placed)[]
        for (const { keyPlace, ...row } of rows) found[from + keyPlace] = row as R
      }
      if (from === keys.length) return found
      const one = this.getOne(table, index)
      for (; from < keys.length; from++) {
        found[from] = one.get(...(keys[from] as readonly KeyValue[])) as R | undefined
      }
      return found
    })
  }

  async range<R>(table: Table<R>, range: Range<R>): Promise<R[]> {
    return this.naming(() => {
      if (table.adding) return this.addedTable(table).range(range as Range<Row>) as R[]
      if (isScattered(table, range.index))
        return this.scatteredIndex(table, range.index).range(range as Range<Row>) as R[]
      return this.rangeOf(table, null, range).all(...argumentsOf(range)) as R[]
    })
  }

  async values<R>(table: Table<R>, columns: readonly (keyof R & string)[], range: Range<R>): Promise<KeyValue[][]> {
    return this.naming(() => {
      if (table.adding) return this.addedTable(table).values(columns, range as Range<Row>)
      if (isScattered(table, range.index)) {
        return this.scatteredIndex(table, range.index).values(columns, range as Range<Row>)
      }
      const answer = this.rangeOf(table, columns, range)
        .raw(true)
        .get(...argumentsOf(range)) as string[]
      return rowsOfColumns(answer)
    })
  }

  async valuesOfEach<R>(
    table: Table<R>,
    columns: readonly (keyof R & string)[],
    ranges: readonly BoundedRange[],
  ): Promise<KeyValue[][][]> {
    const found: KeyValue[][][] = []
    for (const range of ranges) found.push(await this.values(table, columns, { ...range, limit: ALL_ROWS }))
    return found
  }

  async rangeOfEach<R>(
    table: Table<R>,
    ranges: readonly BoundedRange[],
    how: Pick<Range<R>, 'index' | 'reverse' | 'where' | 'limit'>,
  ): Promise<R[][]> {
    const found: R[][] = []
    for (const range of ranges) found.push(await this.range(table, { ...how, ...range }))
    return found
  }

  async image<R>(table: Table<R>, range: Range<R>): Promise<RowsImage> {
    return this.naming(() => {
      if (table.adding) return this.addedTable(table).image(range as Range<Row>)
      if (isScattered(table, range.index)) {
        return this.scatteredIndex(table, range.index).image(range as Range<Row>)
      }
      const columns = columnNames(table)
      const parts = this.rangeOf(table, columns, range)
        .raw(true)
        .get(...argumentsOf(range)) as string[]
      const keys = table.key.map((column) => JSON.parse(parts[columns.indexOf(column)] as string) as KeyValue[])
      const rows = keys[0]?.length ?? 0
      return { rows, last: rows === 0 ? null : keys.map((values) => values[rows - 1] as KeyValue), parts }
    })
  }

  /** What goes wrong names the file. */
  private naming<Result>(read: () => Result): Result {
    try {
      return read()
    } catch (error) {
      throw rowsFailure(this.database.name, error)
    }
  }

  private rangeOf<R>(table: Table<R>, wanted: readonly string[] | null, range: Range<R>): Statement {
    const { index, prefix = [], from, to, after, reverse = false } = range
    const columns = columnsOf(table, index)
    const bounded = columns[prefix.length]
    const filters = filtersOf(range)
    const shape = `${prefix.length} ${from !== undefined} ${to !== undefined} ${after !== undefined} ${reverse} ${filters.join()}`
    const name = `range ${nameOf(table)} ${wanted?.join() ?? '*'} ${index ?? ''} ${shape}`
    return this.statement(name, () => {
      const conditions = columns.slice(0, prefix.length).map((column) => `${sql(column)} = ?`)
      if (bounded !== undefined && from !== undefined) conditions.push(`${sql(bounded)} >= ?`)
      if (bounded !== undefined && to !== undefined) conditions.push(`${sql(bounded)} < ?`)
      if (after !== undefined) {
        const rest = columns.slice(prefix.length)
        conditions.push(`(${rest.map(sql).join(', ')}) > (${rest.map(() => '?').join(', ')})`)
      }
      conditions.push(...filters)
      const order = columns.slice(prefix.length).map((column) => `${sql(column)} ${reverse ? 'DESC' : 'ASC'}`)
      const rest =
        `FROM ${this.physical(table)}` +
        (conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : '') +
        (order.length > 0 ? ` ORDER BY ${order.join(', ')}` : '') +
        ' LIMIT ?'
      return wanted ? selectInColumns(wanted, rest) : `SELECT ${columnList(table)} ${rest}`
    })
  }

  async count<R>(table: Table<R>): Promise<number> {
    return this.naming(() => {
      if (table.adding) return this.addedTable(table).count()
      const statement = this.statement(`count ${table.name}`, () => `SELECT count(*) FROM ${this.physical(table)}`)
      return statement.pluck(true).get() as number
    })
  }

  /** One line each; at most `FAULTS_MAX`. */
  storageFaults(): string[] {
    const found = this.database.pragma(`integrity_check(${FAULTS_MAX})`) as { integrity_check: string }[]
    return found.map(({ integrity_check }) => integrity_check).filter((line) => line !== 'ok')
  }

  async checkpoint(projection: string): Promise<Checkpoint> {
    return this.naming(() => {
      const statement = this.statement(
        `checkpoint ${projection}`,
        () => `SELECT position, sequence, event FROM ${this.registryOf(projection)} WHERE name = ?`,
      )
      return (statement.get(projection) as Checkpoint | undefined) ?? START
    })
  }

  async put<R>(table: Table<R>, rows: readonly R[]): Promise<void> {
    if (table.adding) throw new Error(`Rows of ${table.name} are added to.`)
    const scattered = scatteredOf(table)
    if (scattered.length > 0 && rows.length > 0) {
      const stored = await this.get(
        table,
        rows.map((row) => keyOf(table, row)),
      )
      this.enter(
        table,
        rows.filter((_, index) => stored[index] === undefined),
      )
    }
    this.insert(table, rows, 'INSERT OR REPLACE', '')
  }

  async add<R>(table: Table<R>, rows: readonly R[]): Promise<void> {
    if (!table.adding) throw new Error(`Rows of ${table.name} are not added to.`)
    this.addedTable(table).add(rows as readonly Row[])
  }

  /** Into the scattered indexes of the table. */
  private enter<R>(table: Table<R>, rows: readonly R[]): void {
    for (const index of scatteredOf(table)) this.scatteredIndex(table, index).enter(rows as readonly Row[])
  }

  async insertNew<R>(table: Table<R>, rows: readonly R[]): Promise<boolean[]> {
    const inserted = this.insert(table, rows, 'INSERT', ' ON CONFLICT DO NOTHING')
    if (inserted === rows.length) {
      this.enter(table, rows)
      return rows.map(() => true)
    }
    // Which ones collided is only asked for when some did: then another row stands at the key, or none.
    const columns = columnNames(table)
    const stored = await this.get(
      table,
      rows.map((row) => keyOf(table, row)),
    )
    const isNew = rows.map((row, index) => columns.every((column) => stored[index]?.[column] === row[column]))
    this.enter(
      table,
      rows.filter((_, index) => isNew[index]),
    )
    return isNew
  }

  async delete<R>(table: Table<R>, keys: readonly (readonly KeyValue[])[]): Promise<void> {
    const statement = this.statement(`delete ${table.name}`, () => {
      const match = table.key.map((column) => `${sql(column)} = ?`)
      return `DELETE FROM ${this.physical(table)} WHERE ${match.join(' AND ')}`
    })
    for (const key of keys) statement.run(...key)
  }

  async deleteBelow<R>(table: Table<R>, column: keyof R & string, bound: number): Promise<void> {
    this.statement(
      `delete below ${table.name} ${column}`,
      () => `DELETE FROM ${this.physical(table)} WHERE ${sql(column)} < ?`,
    ).run(bound)
  }

  async setCheckpoint(projection: string, { position, sequence, event }: Checkpoint): Promise<void> {
    this.statement(
      `set checkpoint ${projection}`,
      () => `UPDATE ${this.registryOf(projection)} SET position = ?, sequence = ?, event = ? WHERE name = ?`,
    ).run(position, sequence, event, projection)
  }

  begin(): void {
    this.naming(() => {
      this.statement('begin', () => 'BEGIN').run()
      try {
        // Between two commits of others nothing can have been switched.
        this.afterCommitsOfOthers(() => this.noticeSwitch())
      } catch (error) {
        this.rollback()
        throw error
      }
    })
  }

  /** Another connection may have put other tables in the place of those the statements were made for. */
  private noticeSwitch(): void {
    const { switched } = this.statement(
      'switched',
      () => 'SELECT total(generation) AS switched FROM projections',
    ).get() as { switched: number }
    if (this.switched !== null && this.switched !== switched) {
      this.forget()
      this.runs.clear()
    }
    this.switched = switched
    this.runs.lookAgain()
  }

  beginImmediate(): void {
    this.statement('begin immediate', () => 'BEGIN IMMEDIATE').run()
    this.afterCommitsOfOthers(() => this.runs.forget())
  }

  /** Does it if others committed since it was last done; once more if it fails. */
  private afterCommitsOfOthers(notice: () => void): void {
    const version = this.statement('data version', () => 'PRAGMA data_version')
      .pluck(true)
      .get()
    if (version === this.dataVersion) return
    notice()
    this.dataVersion = version
  }

  commit(): void {
    this.statement('commit', () => 'COMMIT').run()
  }

  /** Merges runs as far as is due. To be called before a commit of what was written. */
  tend(): void {
    this.runs.tend()
  }

  /** Of a transaction that only read: it has nothing to lose, and what was wrong the read itself has said. */
  endRead(): void {
    try {
      this.commit()
    } catch {
      this.rollback()
    }
  }

  rollback(): void {
    if (this.database.inTransaction) this.database.exec('ROLLBACK')
    this.runs.forget()
  }

  /** Takes what is left of the write-ahead log into the file, as far as no reader still needs it. */
  copyLog(): void {
    this.database.pragma('wal_checkpoint(PASSIVE)')
  }

  /** Takes all of the write-ahead log into the file, waiting so long for those who still need what is behind it. Whether that was enough. */
  beginLogAnew(waitMs: number): boolean {
    const usualMs = this.database.pragma('busy_timeout', { simple: true }) as number
    this.database.pragma(`busy_timeout = ${waitMs}`)
    try {
      const [{ busy }] = this.database.pragma('wal_checkpoint(RESTART)') as [{ busy: number }]
      return busy === 0
    } finally {
      this.database.pragma(`busy_timeout = ${usualMs}`)
    }
  }

  /** Takes the write-ahead log into the file and cuts it, as far as there is room for that. */
  makeRoom(): void {
    try {
      this.database.pragma('wal_checkpoint(TRUNCATE)')
    } catch (error) {
      // The caller is about to say that nothing can be written; this was only an attempt to mend it.
      if (!(error instanceof SqliteDatabase.SqliteError)) throw error
    }
  }

  close(): void {
    this.database.close()
  }

  private addedTable<R>(table: Table<R>): AddedTable {
    let added = this.addedTables.get(table.name)
    if (!added) {
      const shape = new AddedRows(table as unknown as Table<Row>)
      added = new AddedTable(shape, this.runs.of(addedRuns(shape, this.physical(table))))
      this.addedTables.set(table.name, added)
    }
    return added
  }

  private scatteredIndex<R>(table: Table<R>, index: string): ScatteredIndex {
    const name = `${nameOf(table)} ${index}`
    let scattered = this.scattered.get(name)
    if (!scattered) {
      const physical = this.physical(table)
      const runs = this.runs.of(scatteredRuns(table as unknown as Table<Row>, index, physical))
      scattered = new ScatteredIndex(this.database, table as unknown as Table<Row>, index, physical, runs)
      this.scattered.set(name, scattered)
    }
    return scattered
  }

  private getOne<R>(table: Table<R>, index: string | undefined): Statement {
    return this.statement(`get ${nameOf(table)} ${index ?? ''}`, () => {
      const match = columnsOf(table, index).map((column) => `${sql(column)} = ?`)
      return `SELECT ${columnList(table)} FROM ${this.physical(table)} WHERE ${match.join(' AND ')}`
    })
  }

  /** Each row with the place of its key among those asked for. */
  private getMany<R>(table: Table<R>, index: string | undefined): Statement {
    return this.statement(`get many ${nameOf(table)} ${index ?? ''}`, () => {
      const columns = columnsOf(table, index)
      const values = Array.from({ length: KEYS_PER_GET }, (_, place) => `(${place}${', ?'.repeat(columns.length)})`)
      const named = columns.map((_, at) => `key${at}`)
      const match = columns.map((column, at) => `${sql(column)} = wanted.key${at}`)
      return (
        `WITH wanted (key_place, ${named.join(', ')}) AS (VALUES ${values.join(', ')}) ` +
        `SELECT key_place AS keyPlace, ${columnList(table)} FROM wanted CROSS JOIN ${this.physical(table)} ON ${match.join(' AND ')}`
      )
    })
  }

  /** Many rows a statement: each run of one costs more than a row does. Answers how many rows were written. */
  private insert<R>(table: Table<R>, rows: readonly R[], verb: string, clause: string): number {
    const columns = columnNames(table)
    const statementOf = (count: number): Statement =>
      this.statement(
        `${verb} ${table.name} ${count}`,
        () => `${verb} INTO ${this.physical(table)} ${insertList(table, count)}${clause}`,
      )
    let written = 0
    for (let from = 0; from < rows.length;) {
      const count = rows.length - from >= ROWS_PER_INSERT ? ROWS_PER_INSERT : 1
      const values: unknown[] = []
      for (let index = from; index < from + count; index++) {
        const row = rows[index] as R
        for (const column of columns) values.push(row[column])
      }
      written += statementOf(count).run(values).changes
      from += count
    }
    return written
  }

  private statement(name: string, text: () => string): Statement {
    let statement = this.statements.get(name)
    if (!statement) {
      statement = this.database.prepare<unknown[]>(text())
      this.statements.set(name, statement)
    }
    return statement
  }

  private physical(table: { readonly name: string }): string {
    let physical = this.physicals.get(table.name)
    if (physical === undefined) {
      physical = this.tables.physical(table, this.view)
      this.physicals.set(table.name, physical)
    }
    return physical
  }

  private registryOf(projection: string): 'projections' | 'builds' {
    if (this.view === 'live') return 'projections'
    return this.tables.builds().has(projection) ? 'builds' : 'projections'
  }
}

/** Of what is kept for a table, or for the part of it that is described. */
function nameOf({ name, part }: { readonly name: string; readonly part?: string }): string {
  return part === undefined ? name : `${name} ${part}`
}

function scatteredOf<R>(table: Table<R>): string[] {
  return Object.keys(table.indexes).filter((index) => isScattered(table, index))
}

function isScattered<R>(table: Table<R>, index: string | undefined): index is string {
  return index !== undefined && table.indexes[index]?.isScattered === true
}
