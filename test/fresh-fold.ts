/** The rows of a read model, and the rows that folding the same log again gives. */
import { join } from 'node:path'
import { EmbeddedEventStore } from '../src/event-store/embedded-event-store.js'
import { EVENT_LOG_FILE } from '../src/event-store/open-event-store.js'
import { allProjections } from '../src/projections/projections.js'
import { Projector } from '../src/projections/projector.js'
import { EmbeddedReadModel } from '../src/read-model/embedded-read-model.js'
import { openReadModel, READ_MODEL_FILE } from '../src/read-model/open-read-model.js'
import type { KeyValue, RowReader } from '../src/read-model/read-model.js'
import type { Table } from '../src/read-model/tables.js'

export type Rows = Record<string, unknown[]>

/** Builds a read model in `folder` from the log of a service that has stopped. */
export async function foldAfresh(dataDir: string, folder: string): Promise<void> {
  const store = new EmbeddedEventStore(join(dataDir, EVENT_LOG_FILE))
  const readModel = new EmbeddedReadModel(join(folder, READ_MODEL_FILE))
  try {
    const stop = new AbortController()
    const projections = allProjections(fail)
    const projector = new Projector(
      store,
      readModel,
      projections,
      ({ caughtUp }) => {
        if (caughtUp) stop.abort()
      },
      (message) => fail({ message }),
    )
    await projector.prepare()
    await projector.run(stop.signal)
  } finally {
    await store.close()
    await readModel.close()
  }
}

/** Rows read at a time. */
const PAGE_ROWS = 5_000

/**
 * How many rows of each table, and entries of each index kept apart from its rows, are not at the same place in both read
 * models; empty where they are equal. For read models that do not fit into memory.
 */
export async function differingRows(folder: string, otherFolder: string): Promise<Record<string, number>> {
  const differing: Record<string, number> = {}
  await inBoth(folder, otherFolder, async (ours, theirs) => {
    for (const listing of listings()) {
      const pages = listing.pages(theirs)
      for await (const page of listing.pages(ours)) {
        const other = (await pages.next()).value ?? []
        const wrong = page.filter((row, index) => JSON.stringify(row) !== JSON.stringify(other[index])).length
        const missing = Math.max(other.length - page.length, 0)
        if (wrong + missing > 0) differing[listing.name] = (differing[listing.name] ?? 0) + wrong + missing
      }
      const { done, value } = await pages.next()
      if (!done) differing[listing.name] = (differing[listing.name] ?? 0) + value.length
    }
  })
  return differing
}

/** Every row of every table by the table's name, and how far each projection has come. */
export async function allRows(folder: string, readModelUrl = 'embedded:'): Promise<Rows> {
  const readModel = openReadModel(readModelUrl, folder)
  try {
    const rows: Rows = { projections: [] }
    const schemas = await readModel.schemas()
    for (const { projection } of allProjections(fail)) {
      const { position, sequence } = await readModel.checkpoint(projection)
      rows.projections?.push({ projection, schema: schemas.get(projection), position, sequence })
    }
    for (const { name, pages } of listings()) {
      const all: unknown[] = []
      for await (const page of pages(readModel)) all.push(...page)
      rows[name] = all
    }
    return rows
  } finally {
    await readModel.close()
  }
}

interface Listing {
  readonly name: string
  readonly pages: (rows: RowReader) => AsyncGenerator<KeyValue[][], undefined>
}

function listings(): Listing[] {
  const found: Listing[] = []
  for (const { tables } of allProjections(fail)) {
    for (const table of tables as readonly unknown[] as readonly Table<Record<string, KeyValue>>[]) {
      const columns = Object.keys(table.columns)
      found.push({ name: table.name, pages: (rows) => pagesOf(rows, table, columns, table.key, {}) })
      for (const [index, { columns: key, isScattered }] of Object.entries(table.indexes)) {
        if (!isScattered) continue
        found.push({
          name: `${table.name} by ${index}`,
          pages: (rows) => pagesOf(rows, table, columns, key, { index }),
        })
      }
    }
  }
  return found
}

async function* pagesOf(
  rows: RowReader,
  table: Table<Record<string, KeyValue>>,
  columns: readonly string[],
  key: readonly string[],
  range: { readonly index?: string },
): AsyncGenerator<KeyValue[][], undefined> {
  let after: KeyValue[] | null = null
  for (;;) {
    const page: KeyValue[][] = await rows.values(table, columns, {
      ...range,
      ...(after ? { after } : {}),
      limit: PAGE_ROWS,
    })
    const last = page.at(-1)
    if (!last) return undefined
    yield page
    after = key.map((column) => last[columns.indexOf(column)] as KeyValue)
  }
}

async function inBoth(
  folder: string,
  otherFolder: string,
  use: (ours: RowReader, theirs: RowReader) => Promise<void>,
): Promise<void> {
  const [ours, theirs] = [folder, otherFolder].map((each) => new EmbeddedReadModel(join(each, READ_MODEL_FILE)))
  try {
    if (ours && theirs) await use(ours, theirs)
  } finally {
    await ours?.close()
    await theirs?.close()
  }
}

function fail({ message }: { readonly message: string }): never {
  throw new Error(message)
}
