/**
 * Which tables of the embedded read model are the live ones, which are being built beside them, and which were replaced. A
 * physical table is `<name>_<generation>`; what is kept in sorted runs has further ones whose names begin with that.
 *
 * Whoever has statements for tables makes them anew after any change here.
 */
import type Database from 'better-sqlite3'
import { createStatements, REGISTRY } from './embedded-sql.js'
import { ReadModelDamaged, TablesKept, type Checkpoint, type KeyValue } from './read-model.js'
import { MENDING } from './sorted-runs.js'
import type { ProjectionTables, Table } from './tables.js'

type Row = Record<string, KeyValue>

/** Whose tables are meant: of a projection that is not being built, both are the live ones. */
export type View = 'live' | 'building'

interface Registration {
  readonly schema: number
  readonly generation: number
}

/** What a statement makes. */
const MADE = /^CREATE (?:UNIQUE )?((?:TABLE|INDEX) \w+)/

export class EmbeddedTables {
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
          if (known?.schema === schema) {
            for (const { name } of tables) assign.run(name, projection)
            continue
          }
          this.dropBuild(projection)
          if (known) this.dropTables(projection, known.generation)
          const generation = (known?.generation ?? 0) + 1
          register.run(projection, schema, generation)
          for (const table of tables as readonly Table<Row>[]) {
            assign.run(table.name, projection)
            // Left by a registration that is gone.
            this.dropTable(`${table.name}_${generation}`)
            for (const statement of createStatements(table, generation)) this.database.exec(statement)
          }
        }
      })
      .immediate()
  }

  beginBuild(projections: readonly ProjectionTables[], keep: boolean): void {
    this.transaction(() => {
      if (keep && this.database.prepare('SELECT 1 FROM replaced WHERE kept = 1').get()) throw new TablesKept()
      this.dropBuilds()
      for (const { projection, schema, tables } of projections) {
        const { generation } = this.database
          .prepare<[string], Registration>('SELECT schema, generation FROM projections WHERE name = ?')
          .get(projection) as Registration
        this.database
          .prepare('INSERT INTO builds VALUES (?, ?, ?, NULL, 0, NULL, ?)')
          .run(projection, schema, generation + 1, keep ? 1 : 0)
        for (const table of tables as readonly Table<Row>[]) {
          this.dropTable(`${table.name}_${generation + 1}`)
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

  kept(): string[] {
    return this.database
      .prepare<[], string>('SELECT physical FROM replaced WHERE kept = 1 ORDER BY physical')
      .pluck(true)
      .all()
  }

  dropReplaced(kept: boolean): boolean {
    const next = this.database
      .prepare<[number], { physical: string }>('SELECT physical FROM replaced WHERE kept <= ? LIMIT 1')
      .get(kept ? 1 : 0)
    if (!next) return false
    this.transaction(() => {
      this.dropTable(next.physical)
      this.database.prepare('DELETE FROM replaced WHERE physical = ?').run(next.physical)
    })
    return true
  }

  private transaction(change: () => void): void {
    this.database.transaction(change).immediate()
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
    for (const { physical } of tables) this.dropTable(physical)
    this.database.prepare('DELETE FROM builds WHERE name = ?').run(projection)
  }

  schemas(): Map<string, number> {
    const isMade = this.database.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'projections'").get()
    if (isMade === undefined) return new Map()
    const known = this.database.prepare<[], { name: string; schema: number }>('SELECT name, schema FROM projections')
    return new Map(known.all().map(({ name, schema }) => [name, schema]))
  }

  physical({ name }: { readonly name: string }, view: View): string {
    const generationIn = (registry: 'projections' | 'builds'): number | undefined =>
      this.database
        .prepare<[string], { generation: number }>(
          `SELECT generation FROM tables JOIN ${registry} ON ${registry}.name = tables.projection WHERE tables.name = ?`,
        )
        .get(name)?.generation
    const generation = (view === 'building' ? generationIn('builds') : undefined) ?? generationIn('projections')
    if (generation === undefined) throw new ReadModelDamaged(`The read model has no table ${name}. ${MENDING}`)
    return `${name}_${generation}`
  }

  /** Tables and indexes that are not there, or not as they are made, and triggers: there are none. */
  faults(projections: readonly ProjectionTables[]): string[] {
    return [...this.missing(projections), ...this.triggers()]
  }

  private triggers(): string[] {
    return this.database
      .prepare<[], { name: string; table: string }>(
        "SELECT name, tbl_name AS 'table' FROM sqlite_schema WHERE type = 'trigger'",
      )
      .all()
      .map(({ name, table }) => `TRIGGER ${name} of ${table} is not of the read model: it may change what is written.`)
  }

  private missing(projections: readonly ProjectionTables[]): string[] {
    const made = this.database
      .prepare<[], string>('SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL')
      .pluck(true)
      .all()
    const known = new Set(made)
    return projections.flatMap(({ tables }) =>
      (tables as readonly Table<Row>[]).flatMap((table) => {
        const physical = this.physical(table, 'live')
        const generation = Number(physical.slice(table.name.length + 1))
        return createStatements(table, generation)
          .filter((statement) => !known.has(statement))
          .map((statement) => `${MADE.exec(statement)?.[1] ?? statement} is missing, or not as it is made.`)
      }),
    )
  }

  private dropTables(projection: string, generation: number): void {
    const names = this.database
      .prepare<[string], { name: string }>('SELECT name FROM tables WHERE projection = ?')
      .all(projection)
    for (const { name } of names) this.dropTable(`${name}_${generation}`)
    this.database.prepare('DELETE FROM tables WHERE projection = ?').run(projection)
  }

  /** With the runs that belong to it. */
  private dropTable(physical: string): void {
    for (const name of this.tablesOf(physical)) this.database.exec(`DROP TABLE ${name}`)
  }

  private tablesOf(physical: string): string[] {
    const select = this.database.prepare<[string, string, string], { name: string }>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND (name = ? OR substr(name, 1, length(?) + 1) = ? || '_')",
    )
    return select.all(physical, physical, physical).map(({ name }) => name)
  }
}
