/** The rows of a read model, and the rows that folding the same log again gives. */
import Database from 'better-sqlite3'
import { join } from 'node:path'
import { EmbeddedEventStore } from '../src/event-store/embedded-event-store.js'
import { EVENT_LOG_FILE } from '../src/event-store/open-event-store.js'
import { allProjections } from '../src/projections/projections.js'
import { Projector } from '../src/projections/projector.js'
import { EmbeddedReadModel } from '../src/read-model/embedded-read-model.js'
import { READ_MODEL_FILE } from '../src/read-model/open-read-model.js'

export type Rows = Record<string, unknown[]>

/** Builds a read model in `folder` from the log of a service that has stopped. */
export async function foldAfresh(dataDir: string, folder: string): Promise<void> {
  const store = new EmbeddedEventStore(join(dataDir, EVENT_LOG_FILE))
  const readModel = new EmbeddedReadModel(join(folder, READ_MODEL_FILE))
  try {
    const stop = new AbortController()
    const projections = allProjections((anomaly) => {
      throw new Error(anomaly.message)
    })
    const projector = new Projector(
      store,
      readModel,
      projections,
      ({ caughtUp }) => {
        if (caughtUp) stop.abort()
      },
      (message) => {
        throw new Error(message)
      },
    )
    await projector.prepare()
    await projector.run(stop.signal)
  } finally {
    await store.close()
    await readModel.close()
  }
}

/**
 * How many rows of each table are in one read model and not in the other, by the table's name; empty where they are equal.
 * For read models that do not fit into memory.
 */
export function differingRows(folder: string, otherFolder: string): Record<string, number> {
  const database = new Database(join(folder, READ_MODEL_FILE), { readonly: true })
  try {
    database.prepare('ATTACH ? AS other').run(join(otherFolder, READ_MODEL_FILE))
    const others = new Map(tablesOf(database, 'other').map(({ name, generation }) => [name, generation]))
    const differing: Record<string, number> = {}
    for (const { name, generation } of tablesOf(database, 'main')) {
      const [ours, theirs] = [`main.${name}_${generation}`, `other.${name}_${others.get(name)}`]
      // Every table has a primary key, so no row stands twice in one of them.
      const rows = database
        .prepare<[], { rows: number }>(
          `SELECT (SELECT count(*) FROM (SELECT * FROM ${ours} EXCEPT SELECT * FROM ${theirs}))
                + (SELECT count(*) FROM (SELECT * FROM ${theirs} EXCEPT SELECT * FROM ${ours})) AS rows`,
        )
        .get()?.rows
      if (rows !== 0) differing[name] = rows ?? NaN
    }
    return differing
  } finally {
    database.close()
  }
}

interface Table {
  readonly name: string
  readonly generation: number
}

function tablesOf(database: Database.Database, schema: 'main' | 'other'): Table[] {
  return database
    .prepare<[], Table>(
      `SELECT tables.name, generation FROM ${schema}.tables JOIN ${schema}.projections ON projections.name = tables.projection`,
    )
    .all()
}

/** Every row of every table by the table's name, and how far each projection has come. */
export function allRows(folder: string): Rows {
  const database = new Database(join(folder, READ_MODEL_FILE), { readonly: true })
  try {
    const tables = tablesOf(database, 'main')
    const rows: Rows = {
      projections: database.prepare('SELECT name, schema, position, sequence FROM projections ORDER BY name').all(),
    }
    for (const { name, generation } of tables) {
      const physical = `${name}_${generation}`
      const columns = database.pragma(`table_info(${physical})`) as { name: string }[]
      const order = columns.map((column) => `"${column.name}"`).join(', ')
      rows[name] = database.prepare(`SELECT * FROM ${physical} ORDER BY ${order}`).all()
    }
    return rows
  } finally {
    database.close()
  }
}
