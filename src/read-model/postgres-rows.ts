/** Rows of the read model over one session of PostgreSQL, inside a transaction that somebody else began. */
import type { PostgresConnection } from './postgres-connection.js'
import {
  addRows,
  deleteKeys,
  insertNewRows,
  putRows,
  quoted,
  saveCheckpoints,
  selectKeys,
  selectRange,
  selectRanges,
  type Query,
} from './postgres-sql.js'
import type { Physicals, PostgresTables } from './postgres-tables.js'
import {
  START,
  type BoundedRange,
  type Checkpoint,
  type KeyValue,
  type Range,
  type RowsImage,
  type RowWriter,
} from './read-model.js'
import { columnNames, columnsOf, keyOf } from './table-columns.js'
import type { Table } from './tables.js'

interface Placed {
  /** From 1. */
  readonly keyPlace: number
}

export class PostgresRows implements RowWriter {
  /** Written together at the end: each would be a round trip. */
  private readonly checkpoints = new Map<string, Checkpoint>()

  constructor(
    private readonly connection: PostgresConnection,
    private readonly tables: PostgresTables,
    private readonly physicals: Physicals,
    /** Projections whose tables are those that are being built. */
    private readonly built: ReadonlySet<string> = new Set(),
  ) {}

  async get<R>(table: Table<R>, keys: readonly (readonly KeyValue[])[], index?: string): Promise<(R | undefined)[]> {
    const found = new Array<R | undefined>(keys.length).fill(undefined)
    if (keys.length === 0) return found
    const { text, parameters } = selectKeys(table, this.physical(table), keys, index)
    for (const { keyPlace, ...row } of await this.connection.rows<R & Placed>(text, parameters)) {
      found[keyPlace - 1] = row as R
    }
    return found
  }

  async range<R>(table: Table<R>, range: Range<R>): Promise<R[]> {
    const { text, parameters } = selectRange(table, this.physical(table), null, range)
    return this.connection.rows<R>(text, parameters)
  }

  async values<R>(table: Table<R>, columns: readonly (keyof R & string)[], range: Range<R>): Promise<KeyValue[][]> {
    const { text, parameters } = selectRange(table, this.physical(table), columns, range)
    return this.connection.values(text, parameters)
  }

  async valuesOfEach<R>(
    table: Table<R>,
    columns: readonly (keyof R & string)[],
    ranges: readonly BoundedRange[],
  ): Promise<KeyValue[][][]> {
    const found = ranges.map((): KeyValue[][] => [])
    if (found.length === 0) return found
    const { text, parameters } = selectRanges(table, this.physical(table), columns, ranges)
    for (const [place, ...row] of await this.connection.values(text, parameters))
      found[(place as number) - 1]?.push(row)
    return found
  }

  async rangeOfEach<R>(
    table: Table<R>,
    ranges: readonly BoundedRange[],
    how: Pick<Range<R>, 'index' | 'reverse' | 'where' | 'limit'>,
  ): Promise<R[][]> {
    const found = ranges.map((): R[] => [])
    if (found.length === 0) return found
    const { text, parameters } = selectRanges(table, this.physical(table), null, ranges, how)
    for (const { keyPlace, ...row } of await this.connection.rows<R & Placed>(text, parameters)) {
      found[keyPlace - 1]?.push(row as R)
    }
    return found
  }

  async image<R>(table: Table<R>, range: Range<R>): Promise<RowsImage> {
    const key = columnsOf(table, range.index)
    const columns: readonly string[] = range.index === undefined ? columnNames(table) : key
    const rows = await this.values(table, columns as readonly (keyof R & string)[], range)
    const last = rows.at(-1)
    return {
      rows: rows.length,
      last: last ? key.map((column) => last[columns.indexOf(column)] as KeyValue) : null,
      parts: columns.map((_, at) => JSON.stringify(rows.map((row) => row[at]))),
    }
  }

  async count<R>(table: Table<R>): Promise<number> {
    const [counted] = await this.connection.values(`SELECT count(*) FROM ${this.physical(table)}`)
    return counted?.[0] as number
  }

  async checkpoint(projection: string): Promise<Checkpoint> {
    const set = this.checkpoints.get(projection)
    if (set) return set
    const [checkpoint] = await this.connection.rows<Checkpoint>(
      `SELECT position, sequence, event FROM ${this.registryOf(projection)} WHERE name = $1`,
      [projection],
    )
    return checkpoint ?? START
  }

  async put<R>(table: Table<R>, rows: readonly R[]): Promise<void> {
    if (table.adding) throw new Error(`Rows of ${table.name} are added to.`)
    if (rows.length > 0) await this.write(putRows(table, this.physical(table), lastOfEachKey(table, rows)))
  }

  async add<R>(table: Table<R>, rows: readonly R[]): Promise<void> {
    if (!table.adding) throw new Error(`Rows of ${table.name} are not added to.`)
    if (rows.length > 0) await this.write(addRows(table, this.physical(table), rows))
  }

  async insertNew<R>(table: Table<R>, rows: readonly R[]): Promise<boolean[]> {
    if (rows.length === 0) return []
    const inserted = await this.write(insertNewRows(table, this.physical(table), rows))
    if (inserted === rows.length) return rows.map(() => true)
    // Which ones collided is only asked for when some did: then another row stands at the key, or none.
    const columns = columnNames(table)
    const stored = await this.get(
      table,
      rows.map((row) => keyOf(table, row)),
    )
    return rows.map((row, index) => columns.every((column) => stored[index]?.[column] === row[column]))
  }

  async delete<R>(table: Table<R>, keys: readonly (readonly KeyValue[])[]): Promise<void> {
    if (keys.length > 0) await this.write(deleteKeys(table, this.physical(table), keys))
  }

  async deleteBelow<R>(table: Table<R>, column: keyof R & string, bound: number): Promise<void> {
    await this.connection.run(`DELETE FROM ${this.physical(table)} WHERE ${quoted(column)} < $1`, [bound])
  }

  async setCheckpoint(projection: string, checkpoint: Checkpoint): Promise<void> {
    this.checkpoints.set(projection, checkpoint)
  }

  /** To be called once all else is written. */
  async saveCheckpoints(): Promise<void> {
    for (const registry of [this.tables.projections, this.tables.builds]) {
      const set = [...this.checkpoints].filter(([projection]) => this.registryOf(projection) === registry)
      if (set.length > 0) await this.write(saveCheckpoints(registry, set))
    }
    this.checkpoints.clear()
  }

  private write({ text, parameters }: Query): Promise<number> {
    return this.connection.run(text, parameters)
  }

  private physical(table: { readonly name: string }): string {
    const physical = this.physicals.get(table.name)
    if (physical === undefined) throw this.tables.missing(table.name)
    return physical
  }

  private registryOf(projection: string): string {
    return this.built.has(projection) ? this.tables.builds : this.tables.projections
  }
}

/** Of several rows of one key the last one is what stays. */
function lastOfEachKey<R>(table: Table<R>, rows: readonly R[]): readonly R[] {
  const byKey = new Map<string, R>()
  for (const row of rows) byKey.set(JSON.stringify(keyOf(table, row)), row)
  return byKey.size === rows.length ? rows : [...byKey.values()]
}
