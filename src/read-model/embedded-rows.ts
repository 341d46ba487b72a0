/**
 * Rows of the embedded read model over one SQLite connection: SQL is made from the table descriptions and each statement
 * prepared once. A physical table is `<name>_<generation>`, so that a projection can be built anew beside the live one.
 */
import Database from 'better-sqlite3'
import { START, type Checkpoint, type KeyValue, type Range, type RowWriter, type Within } from './read-model.js'
import type { ProjectionTables, Table } from './tables.js'

type Statement = Database.Statement<unknown[]>
type Row = Record<string, KeyValue>

const REGISTRY = `
  CREATE TABLE IF NOT EXISTS projections (
    name TEXT PRIMARY KEY,
    schema INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    position TEXT,
    sequence INTEGER NOT NULL,
    event TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE IF NOT EXISTS tables (
    name TEXT PRIMARY KEY,
    projection TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
`

/** Rows of one statement, and keys looked up by one. */
const ROWS_PER_INSERT = 32
const KEYS_PER_GET = 32

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

  constructor(private readonly database: Database.Database) {}

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
    this.generations.clear()
    this.statements.clear()
  }

  reset(projections: readonly ProjectionTables[]): void {
    this.database
      .transaction(() => {
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

  async checkpoint(projection: string): Promise<Checkpoint> {
    const statement = this.statement(
      'checkpoint',
      () => 'SELECT position, sequence, event FROM projections WHERE name = ?',
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
      'set checkpoint',
      () => 'UPDATE projections SET position = ?, sequence = ?, event = ? WHERE name = ?',
    ).run(position, sequence, event, projection)
  }

  begin(): void {
    this.statement('begin', () => 'BEGIN').run()
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
      generation = this.database
        .prepare<[string], { generation: number }>(
          'SELECT generation FROM tables JOIN projections ON projections.name = tables.projection WHERE tables.name = ?',
        )
        .get(table.name)?.generation
      if (generation === undefined) throw new Error(`The read model has no table ${table.name}.`)
      this.generations.set(table.name, generation)
    }
    return `${table.name}_${generation}`
  }

  private dropTables(projection: string, generation: number): void {
    const names = this.database
      .prepare<[string], { name: string }>('SELECT name FROM tables WHERE projection = ?')
      .all(projection)
    for (const { name } of names) this.database.exec(`DROP TABLE IF EXISTS ${name}_${generation}`)
    this.database.prepare('DELETE FROM tables WHERE projection = ?').run(projection)
  }
}

function createStatements(table: Table<Row>, generation: number): string[] {
  const physical = `${table.name}_${generation}`
  const columns = Object.entries(table.columns).map(([column, type]) =>
    type.endsWith('?') ? `${sql(column)} ${type.slice(0, -1)}` : `${sql(column)} ${type} NOT NULL`,
  )
  const rowid = table.key.length === 1 && table.columns[table.key[0] as string] === 'integer'
  const key = `PRIMARY KEY (${table.key.map(sql).join(', ')})`
  return [
    `CREATE TABLE ${physical} (${[...columns, key].join(', ')}) STRICT${rowid ? '' : ', WITHOUT ROWID'}`,
    ...Object.entries(table.indexes).map(
      ([name, { columns: indexed, unique }]) =>
        `CREATE ${unique ? 'UNIQUE ' : ''}INDEX ${physical}_${name} ON ${physical} (${indexed.map(sql).join(', ')})`,
    ),
  ]
}

function columnsOf<R>(table: Table<R>, index: string | undefined): readonly string[] {
  if (index === undefined) return table.key
  const columns = table.indexes[index]?.columns
  if (!columns) throw new Error(`Table ${table.name} has no index ${index}.`)
  return columns
}

function argumentsOf<R>({ prefix = [], from, to, after = [], where = {}, within = [], limit }: Range<R>): unknown[] {
  const bounds = [from, to].filter((bound) => bound !== undefined)
  const others = within.flatMap((each) => [each.from, each.to]).filter((bound) => bound !== undefined)
  return [...prefix, ...bounds, ...after, ...Object.values(where), ...others, limit]
}

/** SQL of bounds on a column that is none of the index. */
function boundsOf<R>({ column, from, to, orNull }: Within<R>): string {
  const bounds = [
    from === undefined ? [] : `+${sql(column)} >= ?`,
    to === undefined ? [] : `+${sql(column)} < ?`,
  ].flat()
  const inside = bounds.length === 0 ? 'TRUE' : bounds.join(' AND ')
  return orNull ? `(+${sql(column)} IS NULL OR (${inside}))` : `(${inside})`
}

function columnNames<R>(table: Table<R>): (keyof R & string)[] {
  return Object.keys(table.columns) as (keyof R & string)[]
}

function columnList<R>(table: Table<R>): string {
  return columnNames(table)
    .map((column) => (sql(column) === column ? column : `${sql(column)} AS ${column}`))
    .join(', ')
}

function insertList<R>(table: Table<R>, rows: number): string {
  const columns = columnNames(table)
  const values = `(${columns.map(() => '?').join(', ')})`
  return `(${columns.map(sql).join(', ')}) VALUES ${new Array<string>(rows).fill(values).join(', ')}`
}

/** `occurredAt` → `occurred_at`. */
function sql(column: string): string {
  return column.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
