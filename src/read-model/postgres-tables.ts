/**
 * Which tables of a PostgreSQL schema are the live ones, which are being built beside them, and which were replaced. A physical
 * table is `<name>_<generation>`, as in the embedded read model.
 */
import type { PostgresConnection } from './postgres-connection.js'
import { removalOf } from './postgres-failure.js'
import { createStatements, HASH, typeOf } from './postgres-sql.js'
import type { PostgresSettings } from './postgres-url.js'
import { ReadModelDamaged, TablesKept, type Checkpoint, type KeyValue } from './read-model.js'
import { columnNames, sql } from './table-columns.js'
import type { ProjectionTables, Table } from './tables.js'

type Row = Record<string, KeyValue>

/** Physical tables by the names of tables. */
export type Physicals = ReadonlyMap<string, string>

interface Registration {
  readonly schema: number
  readonly generation: number
}

const CHECKPOINT_COLUMNS =
  'schema bigint NOT NULL, generation bigint NOT NULL, position text, sequence bigint NOT NULL, event text'

export class PostgresTables {
  /** Of the registry. */
  readonly projections: string
  readonly builds: string
  /** One row: what is told and asked of rebuilds. */
  readonly rebuild: string
  private readonly tables: string
  private readonly quotedSchema: string
  private readonly replaced: string

  constructor(private readonly settings: PostgresSettings) {
    const schema = `"${settings.schema}"`
    this.quotedSchema = schema
    this.projections = `${schema}.projections`
    this.builds = `${schema}.builds`
    this.rebuild = `${schema}.rebuild`
    this.tables = `${schema}.tables`
    this.replaced = `${schema}.replaced`
  }

  /** Makes what is missing; a projection with another schema number loses its tables and starts from the beginning. */
  async prepare(connection: PostgresConnection, projections: readonly ProjectionTables[]): Promise<void> {
    await this.makeRegistry(connection)
    for (const { projection, schema, tables } of projections) {
      const known = await this.registration(connection, projection)
      if (known?.schema !== schema) {
        await this.dropBuild(connection, projection)
        if (known) await this.dropTables(connection, projection, known.generation)
        await connection.run(`DELETE FROM ${this.tables} WHERE projection = $1`, [projection])
        const generation = (known?.generation ?? 0) + 1
        await connection.run(
          `INSERT INTO ${this.projections} VALUES ($1, $2, $3, NULL, 0, NULL) ON CONFLICT (name) DO UPDATE
           SET schema = excluded.schema, generation = excluded.generation, position = NULL, sequence = 0, event = NULL`,
          [projection, schema, generation],
        )
        await this.createTables(connection, tables, generation)
      }
      for (const { name } of tables) {
        await connection.run(
          `INSERT INTO ${this.tables} VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET projection = excluded.projection`,
          [name, projection],
        )
      }
    }
  }

  async beginBuild(
    connection: PostgresConnection,
    projections: readonly ProjectionTables[],
    keep: boolean,
  ): Promise<void> {
    const kept = await connection.values(`SELECT 1 FROM ${this.replaced} WHERE kept = 1 LIMIT 1`)
    if (keep && kept.length > 0) throw new TablesKept()
    await this.abandonBuild(connection)
    for (const { projection, schema, tables } of projections) {
      const { generation } = (await this.registration(connection, projection)) as Registration
      await connection.run(`INSERT INTO ${this.builds} VALUES ($1, $2, $3, NULL, 0, NULL, $4)`, [
        projection,
        schema,
        generation + 1,
        keep ? 1 : 0,
      ])
      await this.createTables(connection, tables, generation + 1)
    }
  }

  async checkpointsOfBuilds(connection: PostgresConnection): Promise<Map<string, Checkpoint>> {
    const rows = await connection.rows<{ name: string } & Checkpoint>(
      `SELECT name, position, sequence, event FROM ${this.builds}`,
    )
    return new Map(rows.map(({ name, ...checkpoint }) => [name, checkpoint]))
  }

  async abandonBuild(connection: PostgresConnection): Promise<void> {
    for (const name of (await this.checkpointsOfBuilds(connection)).keys()) await this.dropBuild(connection, name)
  }

  async switchBuild(connection: PostgresConnection): Promise<void> {
    await connection.run(
      `INSERT INTO ${this.replaced} SELECT t.name || '_' || p.generation, b.keep, pg_current_xact_id()::text FROM ${this.builds} AS b
       JOIN ${this.projections} AS p ON p.name = b.name JOIN ${this.tables} AS t ON t.projection = b.name
       ON CONFLICT (physical) DO UPDATE SET kept = excluded.kept, since = excluded.since`,
    )
    await connection.run(
      `UPDATE ${this.projections} AS p SET schema = b.schema, generation = b.generation, position = b.position,
         sequence = b.sequence, event = b.event
       FROM ${this.builds} AS b WHERE b.name = p.name`,
    )
    await connection.run(`DELETE FROM ${this.builds}`)
  }

  async kept(connection: PostgresConnection): Promise<string[]> {
    const kept = await connection.values(`SELECT physical FROM ${this.replaced} WHERE kept = 1 ORDER BY physical`)
    return kept.map(([physical]) => String(physical))
  }

  /**
   * A table that was replaced, and whether a transaction that began before may still read it: whoever began later sees the one
   * that took its place. null where there is none.
   */
  async nextReplaced(
    connection: PostgresConnection,
    kept: boolean,
  ): Promise<{ readonly physical: string; readonly isRead: boolean } | null> {
    const [next] = await connection.rows<{ physical: string; since: string }>(
      `SELECT physical, since FROM ${this.replaced} WHERE kept <= $1 ORDER BY physical LIMIT 1`,
      [kept ? 1 : 0],
    )
    if (!next) return null
    const [reads] = await connection.rowsAsLogin<{ isRead: boolean }>(
      `SELECT EXISTS (
         SELECT FROM pg_stat_activity WHERE datname = current_database() AND usename = session_user
           AND pid <> pg_backend_pid() AND age(backend_xmin) >= age('${BigInt(next.since)}'::xid8::xid)
       ) AS "isRead"`,
    )
    return { physical: next.physical, isRead: reads?.isRead !== false }
  }

  async dropReplaced(connection: PostgresConnection, physical: string): Promise<void> {
    await connection.run(`DROP TABLE IF EXISTS ${this.named(physical)}`)
    await connection.run(`DELETE FROM ${this.replaced} WHERE physical = $1`, [physical])
  }

  async schemas(connection: PostgresConnection): Promise<Map<string, number>> {
    const [made] = await connection.rows<{ isMade: boolean }>('SELECT to_regclass($1) IS NOT NULL AS "isMade"', [
      this.projections,
    ])
    if (!made?.isMade) return new Map()
    const known = await connection.rows<{ name: string; schema: number }>(
      `SELECT name, schema FROM ${this.projections}`,
    )
    return new Map(known.map(({ name, schema }) => [name, schema]))
  }

  /** For `physicalsIn`. Each physical table with its schema. */
  get selectLive(): string {
    return `SELECT t.name, '${this.quotedSchema}.' || t.name || '_' || p.generation AS physical, p.sequence
      FROM ${this.tables} AS t JOIN ${this.projections} AS p ON p.name = t.projection`
  }

  /** Where all rows stand, to be compared with where they stood. */
  get selectStanding(): string {
    return `SELECT string_agg(concat_ws(' ', name, generation, event), ', ' ORDER BY name) FROM ${this.projections}`
  }

  /** Those that are being built, and the live ones of the other projections. */
  async building(connection: PostgresConnection): Promise<Physicals> {
    const live = await connection.rows<Located>(this.selectLive)
    const built = await connection.rows<Located>(
      `SELECT t.name, '${this.quotedSchema}.' || t.name || '_' || b.generation AS physical, b.sequence
       FROM ${this.tables} AS t JOIN ${this.builds} AS b ON b.name = t.projection`,
    )
    return physicalsIn([...live, ...built])
  }

  missing(table: string): ReadModelDamaged {
    const { place } = this.settings
    return new ReadModelDamaged(
      `The ${place} has no table ${table}. Stop the service and ${removalOf(this.settings)}: rows are made again from the event log at the next start.`,
    )
  }

  /** Tables, columns and indexes that are not there, or not as they are made, and triggers: there are none. */
  async faults(connection: PostgresConnection, projections: readonly ProjectionTables[]): Promise<string[]> {
    const live = physicalsIn(await connection.rows<Located>(this.selectLive))
    const columns = await connection.rows<{ name: string; made: string }>(
      `SELECT c.relname AS name, string_agg(a.attname::text || ' ' || format_type(a.atttypid, NULL) ||
         CASE WHEN a.attnotnull THEN '' ELSE '?' END, ', ' ORDER BY a.attnum) AS made
       FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
       WHERE c.relnamespace = to_regnamespace($1) AND c.relkind = 'r' GROUP BY c.relname`,
      [this.quotedSchema],
    )
    const indexes = await connection.rows<{ name: string; made: string }>(
      `SELECT c.relname AS name, CASE WHEN i.indisunique THEN 'unique ' ELSE '' END ||
         CASE WHEN i.indisvalid THEN '' ELSE 'invalid ' END || string_agg(a.attname::text, ', ' ORDER BY a.attnum) AS made
       FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
       JOIN pg_attribute AS a ON a.attrelid = c.oid
       WHERE c.relnamespace = to_regnamespace($1) GROUP BY c.relname, i.indisunique, i.indisvalid`,
      [this.quotedSchema],
    )
    const made = new Map([...columns, ...indexes].map(({ name, made: how }) => [name, how]))
    const faults: string[] = []
    for (const table of projections.flatMap(({ tables }) => tables as readonly Table<Row>[])) {
      const physical = live.get(table.name)?.slice(this.quotedSchema.length + 1)
      if (physical === undefined) {
        faults.push(this.missing(table.name).message)
        continue
      }
      for (const [name, how] of expected(table, physical)) {
        if (made.get(name) !== how) faults.push(`${name} is missing, or not as it is made.`)
      }
    }
    return [...faults, ...(await this.triggers(connection))]
  }

  private async triggers(connection: PostgresConnection): Promise<string[]> {
    const found = await connection.rows<{ name: string; table: string }>(
      `SELECT t.tgname AS name, c.relname AS table FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid
       WHERE NOT t.tgisinternal AND c.relnamespace = to_regnamespace($1)`,
      [this.quotedSchema],
    )
    return found.map(
      ({ name, table }) => `${name} of ${table} is not of the read model: it may change what is written.`,
    )
  }

  private async makeRegistry(connection: PostgresConnection): Promise<void> {
    const schema = this.quotedSchema
    const [made] = await connection.rows<{ isThere: boolean }>('SELECT to_regnamespace($1) IS NOT NULL AS "isThere"', [
      schema,
    ])
    // Who may not create schemas may use one that was made for them.
    if (!made?.isThere) await connection.run(`CREATE SCHEMA ${schema}`)
    await connection.runAll([
      `CREATE TABLE IF NOT EXISTS ${this.projections} (name text PRIMARY KEY, ${CHECKPOINT_COLUMNS})`,
      `CREATE TABLE IF NOT EXISTS ${this.tables} (name text PRIMARY KEY, projection text NOT NULL)`,
      `CREATE TABLE IF NOT EXISTS ${this.builds} (name text PRIMARY KEY, ${CHECKPOINT_COLUMNS}, keep bigint NOT NULL)`,
      `CREATE TABLE IF NOT EXISTS ${this.replaced} (physical text PRIMARY KEY, kept bigint NOT NULL, since text NOT NULL)`,
      `CREATE TABLE IF NOT EXISTS ${this.rebuild} (one boolean PRIMARY KEY CHECK (one), request text, state text, running boolean NOT NULL)`,
      `INSERT INTO ${this.rebuild} VALUES (true, NULL, NULL, false) ON CONFLICT DO NOTHING`,
    ])
  }

  private async registration(connection: PostgresConnection, projection: string): Promise<Registration | undefined> {
    const [known] = await connection.rows<Registration>(
      `SELECT schema, generation FROM ${this.projections} WHERE name = $1`,
      [projection],
    )
    return known
  }

  private async createTables(
    connection: PostgresConnection,
    tables: ProjectionTables['tables'],
    generation: number,
  ): Promise<void> {
    for (const table of tables) {
      const physical = this.named(`${table.name}_${generation}`)
      // Left by a registration that is gone.
      await connection.run(`DROP TABLE IF EXISTS ${physical}`)
      await connection.runAll(createStatements(table, physical))
    }
  }

  private async dropBuild(connection: PostgresConnection, projection: string): Promise<void> {
    const built = await connection.rows<{ generation: number }>(
      `SELECT generation FROM ${this.builds} WHERE name = $1`,
      [projection],
    )
    for (const { generation } of built) await this.dropTables(connection, projection, generation)
    await connection.run(`DELETE FROM ${this.builds} WHERE name = $1`, [projection])
  }

  private async dropTables(connection: PostgresConnection, projection: string, generation: number): Promise<void> {
    const names = await connection.rows<{ name: string }>(`SELECT name FROM ${this.tables} WHERE projection = $1`, [
      projection,
    ])
    for (const { name } of names) await connection.run(`DROP TABLE IF EXISTS ${this.named(`${name}_${generation}`)}`)
  }

  private named(physical: string): string {
    return `${this.quotedSchema}.${physical}`
  }
}

export interface Located {
  readonly name: string
  readonly physical: string
  /** How far its rows have come. */
  readonly sequence: number
}

export function physicalsIn(located: readonly Located[]): Physicals {
  return new Map(located.map(({ name, physical }) => [name, physical]))
}

/** What a table and its indexes look like in the catalogue. */
function expected(table: Table<Row>, physical: string): [name: string, how: string][] {
  const columns = columnNames(table).map((column) => {
    const type = typeOf(table, column) === 'integer' ? 'bigint' : 'text'
    return `${sql(column)} ${type}${table.columns[column]?.endsWith('?') ? '?' : ''}`
  })
  return [
    [physical, columns.join(', ')],
    [`${physical}_pkey`, `unique ${table.key.map(sql).join(', ')}`],
    ...Object.entries(table.indexes).map(([name, { columns: indexed, unique, isLong }]): [string, string] => [
      `${physical}_${sql(name)}`,
      `${unique && !isLong ? 'unique ' : ''}${(isLong ? [...indexed.slice(0, -1), HASH] : indexed).map(sql).join(', ')}`,
    ]),
  ]
}
