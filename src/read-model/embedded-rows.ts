/**
 * Rows of the embedded read model over one SQLite connection: SQL is made from the table descriptions and each statement
 * prepared once. A physical table is `<name>_<generation>`, so that a projection can be built anew beside the live one.
 */
import Database from 'better-sqlite3'
import {
  createStatements,
  columnsOf,
  argumentsOf,
  boundsOf,
  columnNames,
  columnList,
  insertList,
  sql,
  REGISTRY,
} from './embedded-sql.js'
import { START, type Checkpoint, type KeyValue, type Range, type RowWriter } from './read-model.js'
import type { ProjectionTables, Table } from './tables.js'

type Statement = Database.Statement<unknown[]>
type Row = Record<string, KeyValue>

/** Rows of one statement, and keys looked up by one. */
const ROWS_PER_INSERT = 32
const KEYS_PER_GET = 32
/** Faults of the file that are told. */
const FAULTS_MAX = 100

interface Placed {
  readonly place: number
}

interface Registration {
  readonly schema: number
  readonly generation: number
}

export class EmbeddedRows implements RowWriter {
  private readonly statements = new Map<string, Statement>()
  private readonly generations = new Map<string, number>()

  /** Sum of the generations the statements were made for; it grows with every switch. */
  private switched: number | null = null

  constructor(
    private readonly database: Database.Database,
    private readonly view: 'live' | 'building' = 'live',
  ) {}

  /** Makes what is missing; a projection with another schema number loses its tables and starts from the beginning. */
  prepare(projections: readonly ProjectionTables[]): void {
    this.database.exec(REGISTRY)
    const select = this.database.prepare<[string], Registration>(
      'SELECT schema, generation FROM projections WHERE name = ?',
    )
    const register = this.database.prepare('INSERT OR REPLACE INTO projections VALUES (?, ?, ?, NULL, 0, NULL)')
    const assign = this.database.prepare('INSERT OR REPLACE INTO tables VALUES (?, ?)')
    this.database
      .transaction(() => {
        for (const { projection, schema, tables } of projections) {
          const known = select.get(projection)
          if (known?.schema === schema) continue
          this.dropBuild(projection)
          if (known) this.dropTables(projection, known.generation)
          const generation = (known?.generation ?? 0) + 1
          register.run(projection, schema, generation)
          for (const table of tables as readonly Table<Row>[]) {
            assign.run(table.name, projection)
            for (const statement of createStatements(table, generation)) this.database.exec(statement)
          }
        }
      })
      .immediate()
    this.forget()
  }

  /** Tables are looked up anew, and statements made anew for them. */
  forget(): void {
    this.generations.clear()
    this.statements.clear()
  }

  beginBuild(projections: readonly ProjectionTables[], keep: boolean): void {
    this.transaction(() => {
      this.dropBuilds()
      for (const { projection, schema, tables } of projections) {
        const { generation } = this.database
          .prepare<[string], Registration>('SELECT schema, generation FROM projections WHERE name = ?')
          .get(projection) as Registration
        this.database
          .prepare('INSERT INTO builds VALUES (?, ?, ?, NULL, 0, NULL, ?)')
          .run(projection, schema, generation + 1, keep ? 1 : 0)
        for (const table of tables as readonly Table<Row>[]) {
          const left = `${table.name}_${generation + 1}`
          this.database.exec(`DROP TABLE IF EXISTS ${left}`)
          for (const statement of createStatements(table, generation + 1)) this.database.exec(statement)
        }
      }
    })
  }

  builds(): Map<string, Checkpoint> {
    const rows = this.database
      .prepare<[], { name: string } & Checkpoint>('SELECT name, position, sequence, event FROM builds')
      .all()
    return new Map(rows.map(({ name, ...checkpoint }) => [name, checkpoint]))
  }

  abandonBuild(): void {
    this.transaction(() => this.dropBuilds())
  }

  switchBuild(): void {
    this.transaction(() => {
      this.database.exec(`
        INSERT OR REPLACE INTO replaced
          SELECT tables.name || '_' || projections.generation, builds.keep FROM builds
          JOIN projections ON projections.name = builds.name JOIN tables ON tables.projection = builds.name;
        INSERT OR REPLACE INTO projections SELECT name, schema, generation, position, sequence, event FROM builds;
        DELETE FROM builds;
      `)
    })
  }

  dropReplaced(kept: boolean): boolean {
    const next = this.database
      .prepare<[number], { physical: string }>('SELECT physical FROM replaced WHERE kept <= ? LIMIT 1')
      .get(kept ? 1 : 0)
    if (!next) return false
    this.transaction(() => {
      this.database.exec(`DROP TABLE IF EXISTS ${next.physical}`)
      this.database.prepare('DELETE FROM replaced WHERE physical = ?').run(next.physical)
    })
    return true
  }

  private transaction(change: () => void): void {
    this.database.transaction(change).immediate()
    this.forget()
  }

  private dropBuilds(): void {
    for (const name of this.builds().keys()) this.dropBuild(name)
  }

  private dropBuild(projection: string): void {
    const tables = this.database
      .prepare<[string], { physical: string }>(
        `SELECT tables.name || '_' || generation AS physical FROM builds
         JOIN tables ON tables.projection = builds.name WHERE builds.name = ?`,
      )
      .all(projection)
    for (const { physical } of tables) this.database.exec(`DROP TABLE IF EXISTS ${physical}`)
    this.database.prepare('DELETE FROM builds WHERE name = ?').run(projection)
  }

  reset(projections: readonly ProjectionTables[]): void {
    this.database
      .transaction(() => {
        this.dropBuilds()
        for (const { projection, tables } of projections) {
          for (const table of tables) this.database.exec(`DELETE FROM ${this.physical(table)}`)
          void this.setCheckpoint(projection, START)
        }
      })
      .immediate()
  }

  schemas(): Map<string, number> {
    const isMade = this.database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'projections'").get()
    if (isMade === undefined) return new Map()
    const known = this.database.prepare<[], { name: string; schema: number }>('SELECT name, schema FROM projections')
    return new Map(known.all().map(({ name, schema }) => [name, schema]))
  }

  async get<R>(table: Table<R>, keys: readonly (readonly KeyValue[])[], index?: string): Promise<(R | undefined)[]> {
    const found = new Array<R | undefined>(keys.length).fill(undefined)
    let from = 0
    // Most keys that are asked for by the hundred are not there: a statement for each would cost more than its search.
    for (; keys.length - from >= KEYS_PER_GET; from += KEYS_PER_GET) {
      const rows = this.getMany(table, index).all(keys.slice(from, from + KEYS_PER_GET).flat()) as (R & Placed)[]
      for (const { place, ...row } of rows) found[from + place] = row as R
    }
    for (; from < keys.length; from++) {
      found[from] = this.getOne(table, index).get(...(keys[from] as readonly KeyValue[])) as R | undefined
    }
    return found
  }

  async range<R>(table: Table<R>, range: Range<R>): Promise<R[]> {
    return this.rangeOf(table, null, range).all(...argumentsOf(range)) as R[]
  }

  async values<R>(table: Table<R>, columns: readonly (keyof R & string)[], range: Range<R>): Promise<KeyValue[][]> {
    return this.rangeOf(table, columns, range)
      .raw(true)
      .all(...argumentsOf(range)) as KeyValue[][]
  }

  private rangeOf<R>(
    table: Table<R>,
    wanted: readonly string[] | null,
    { index, prefix = [], from, to, after, reverse = false, where = {}, within = [] }: Range<R>,
  ): Statement {
    const columns = columnsOf(table, index)
    const equals = Object.keys(where)
    const bounded = columns[prefix.length]
    const shape = `${prefix.length} ${from !== undefined} ${to !== undefined} ${after !== undefined} ${reverse} ${equals.join()} ${within.map(boundsOf).join()}`
    const name = `range ${table.name} ${wanted?.join() ?? '*'} ${index ?? ''} ${shape}`
    return this.statement(name, () => {
      const conditions = columns.slice(0, prefix.length).map((column) => `${sql(column)} = ?`)
      if (bounded !== undefined && from !== undefined) conditions.push(`${sql(bounded)} >= ?`)
      if (bounded !== undefined && to !== undefined) conditions.push(`${sql(bounded)} < ?`)
      if (after !== undefined) {
        const rest = columns.slice(prefix.length)
        conditions.push(`(${rest.map(sql).join(', ')}) > (${rest.map(() => '?').join(', ')})`)
      }
      // The plus keeps the engine on the index that was named: it would take another that begins with one of these.
      for (const column of equals) conditions.push(`+${sql(column)} IS ?`)
      conditions.push(...within.map(boundsOf))
      const order = columns.slice(prefix.length).map((column) => `${sql(column)} ${reverse ? 'DESC' : 'ASC'}`)
      return (
        `SELECT ${wanted?.map(sql).join(', ') ?? columnList(table)} FROM ${this.physical(table)}` +
        (conditions.length > 0 ? ` WHERE ${conditions.join(' AND ')}` : '') +
        (order.length > 0 ? ` ORDER BY ${order.join(', ')}` : '') +
        ' LIMIT ?'
      )
    })
  }

  async count<R>(table: Table<R>): Promise<number> {
    const statement = this.statement(`count ${table.name}`, () => `SELECT count(*) FROM ${this.physical(table)}`)
    return statement.pluck(true).get() as number
  }

  /** One line each; at most `FAULTS_MAX`. */
  storageFaults(): string[] {
    const found = this.database.pragma(`integrity_check(${FAULTS_MAX})`) as { integrity_check: string }[]
    return found.map(({ integrity_check }) => integrity_check).filter((line) => line !== 'ok')
  }

  async checkpoint(projection: string): Promise<Checkpoint> {
    const statement = this.statement(
      `checkpoint ${projection}`,
      () => `SELECT position, sequence, event FROM ${this.registryOf(projection)} WHERE name = ?`,
    )
    return (statement.get(projection) as Checkpoint | undefined) ?? START
  }

  async put<R>(table: Table<R>, rows: readonly R[]): Promise<void> {
    this.insert(table, rows, 'INSERT OR REPLACE', '')
  }

  async insertNew<R>(table: Table<R>, rows: readonly R[]): Promise<boolean[]> {
    const inserted = this.insert(table, rows, 'INSERT', ' ON CONFLICT DO NOTHING')
    if (inserted === rows.length) return rows.map(() => true)
    // Which ones collided is only asked for when some did: then another row stands at the key, or none.
    const columns = columnNames(table)
    const stored = await this.get(
      table,
      rows.map((row) => table.key.map((column) => row[column] as KeyValue)),
    )
    return rows.map((row, index) => columns.every((column) => stored[index]?.[column] === row[column]))
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
    this.statement('begin', () => 'BEGIN').run()
    this.noticeSwitch()
  }

  /** Another connection may have put other tables in the place of those the statements were made for. */
  private noticeSwitch(): void {
    const { switched } = this.statement(
      'switched',
      () => 'SELECT total(generation) AS switched FROM projections',
    ).get() as { switched: number }
    if (this.switched !== null && this.switched !== switched) this.forget()
    this.switched = switched
  }

  beginImmediate(): void {
    this.statement('begin immediate', () => 'BEGIN IMMEDIATE').run()
  }

  commit(): void {
    this.statement('commit', () => 'COMMIT').run()
  }

  rollback(): void {
    if (this.database.inTransaction) this.database.exec('ROLLBACK')
  }

  /** Takes what is left of the write-ahead log into the file, as far as no reader still needs it. */
  copyLog(): void {
    this.database.pragma('wal_checkpoint(PASSIVE)')
  }

  /** Takes the write-ahead log into the file and cuts it, as far as there is room for that. */
  makeRoom(): void {
    try {
      this.database.pragma('wal_checkpoint(TRUNCATE)')
    } catch (error) {
      // The caller is about to say that nothing can be written; this was only an attempt to mend it.
      if (!(error instanceof Database.SqliteError)) throw error
    }
  }

  close(): void {
    this.database.close()
  }

  private getOne<R>(table: Table<R>, index: string | undefined): Statement {
    return this.statement(`get ${table.name} ${index ?? ''}`, () => {
      const match = columnsOf(table, index).map((column) => `${sql(column)} = ?`)
      return `SELECT ${columnList(table)} FROM ${this.physical(table)} WHERE ${match.join(' AND ')}`
    })
  }

  /** Each row with the place of its key among those asked for. */
  private getMany<R>(table: Table<R>, index: string | undefined): Statement {
    return this.statement(`get many ${table.name} ${index ?? ''}`, () => {
      const columns = columnsOf(table, index)
      const values = Array.from({ length: KEYS_PER_GET }, (_, place) => `(${place}${', ?'.repeat(columns.length)})`)
      const named = columns.map((_, at) => `key${at}`)
      const match = columns.map((column, at) => `${sql(column)} = wanted.key${at}`)
      return (
        `WITH wanted (place, ${named.join(', ')}) AS (VALUES ${values.join(', ')}) ` +
        `SELECT place, ${columnList(table)} FROM wanted CROSS JOIN ${this.physical(table)} ON ${match.join(' AND ')}`
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

  private physical(table: Table<never> | { readonly name: string }): string {
    let generation = this.generations.get(table.name)
    if (generation === undefined) {
      const generationIn = (registry: 'projections' | 'builds'): number | undefined =>
        this.database
          .prepare<[string], { generation: number }>(
            `SELECT generation FROM tables JOIN ${registry} ON ${registry}.name = tables.projection WHERE tables.name = ?`,
          )
          .get(table.name)?.generation
      generation = (this.view === 'building' ? generationIn('builds') : undefined) ?? generationIn('projections')
      if (generation === undefined) throw new Error(`The read model has no table ${table.name}.`)
      this.generations.set(table.name, generation)
    }
    return `${table.name}_${generation}`
  }

  private registryOf(projection: string): 'projections' | 'builds' {
    if (this.view === 'live') return 'projections'
    return this.builds().has(projection) ? 'builds' : 'projections'
  }

  private dropTables(projection: string, generation: number): void {
    const names = this.database
      .prepare<[string], { name: string }>('SELECT name FROM tables WHERE projection = ?')
      .all(projection)
    for (const { name } of names) this.database.exec(`DROP TABLE IF EXISTS ${name}_${generation}`)
    this.database.prepare('DELETE FROM tables WHERE projection = ?').run(projection)
  }
}
