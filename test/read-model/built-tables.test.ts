/** Tables in sorted runs that are built beside the live ones, switched, replaced and emptied. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { EmbeddedReadModel } from '../../src/read-model/embedded-read-model.js'
import type { RowWriter } from '../../src/read-model/read-model.js'
import type { ProjectionTables } from '../../src/read-model/tables.js'
import { SqliteDatabase } from '../../src/sqlite.js'
import { Workspace } from '../projections/projecting.js'
import { Random } from '../random.js'
import { counts, expectAll, NaiveRows, randomCount, randomVisit, small, visits } from './naive-rows.js'

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

let file: string
let writer: EmbeddedReadModel
/** Another connection to the same file, as another process has. */
let reader: EmbeddedReadModel
beforeEach(async () => {
  file = workspace.file('read-model.db')
  writer = new EmbeddedReadModel(file)
  reader = new EmbeddedReadModel(file)
  await writer.prepare([small])
})
afterEach(async () => {
  await writer.close()
  await reader.close()
})

const BATCHES = 12
const ROWS = 300

/** Random rows in so many transactions that some are merged; into the live tables or those that are being built. */
async function fill(seed: number, view: 'live' | 'building' = 'live', naive = NaiveRows.none()): Promise<NaiveRows> {
  const random = new Random(seed)
  const first = naive.rowsOf(visits).length
  for (let batch = 0; batch < BATCHES; batch++) {
    const added = Array.from({ length: ROWS }, () => randomCount(random))
    const visited = Array.from({ length: ROWS }, (_, at) => randomVisit(random, first + batch * ROWS + at))
    const into = async (rows: RowWriter): Promise<void> => {
      await rows.add(counts, added)
      await rows.insertNew(visits, visited)
    }
    await writer.write((live, building) => into(view === 'live' ? live : building))
    naive.add(added)
    naive.insertNew(visited)
  }
  return naive
}

/** How many rows each table of the file has but those that name the tables. */
function tablesInFile(): Record<string, number> {
  const database = new SqliteDatabase(file, { readonly: true })
  try {
    const names = database
      .prepare<[], { name: string }>(
        `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%'
         AND name NOT IN ('projections', 'tables', 'builds', 'replaced') ORDER BY name`,
      )
      .all()
    const count = (name: string) => database.prepare(`SELECT count(*) FROM ${name}`).pluck().get() as number
    return Object.fromEntries(names.map(({ name }) => [name, count(name)]))
  } finally {
    database.close()
  }
}

function tablesOfGeneration(generation: number): string[] {
  const runs = [`counts_${generation}`, `visits_${generation}_city`, `visits_${generation}_came`]
  return [...runs.flatMap((name) => [`${name}_runs`, `${name}_blocks`]), `visits_${generation}`].sort()
}

describe('Tables that are built', () => {
  it('are apart from the live ones, and take their place for all readers at once', async () => {
    const before = await fill(1)
    await expectAll(reader, before)
    await writer.beginBuild([small], false)
    expect(Object.keys(tablesInFile())).toEqual([...tablesOfGeneration(1), ...tablesOfGeneration(2)].sort())
    const built = await fill(2, 'building')
    await expectAll(writer, before)
    await expectAll(reader, before)
    await writer.write(async (live, building) => {
      await expectAll(live, before)
      await expectAll(building, built)
    })
    await reader.snapshot(async (rows) => {
      await writer.switchBuild()
      while (await writer.dropReplaced(false));
      await expectAll(rows, before)
    })
    for (const readModel of [writer, reader]) {
      await expectAll(readModel, built)
      await readModel.snapshot((rows) => expectAll(rows, built))
    }
    expect(Object.keys(tablesInFile())).toEqual(tablesOfGeneration(2))
    const further = await fill(3, 'live', built)
    await expectAll(reader, further)
    expect(await reader.storageFaults([small])).toEqual([])
  })

  it('replace ones that are kept until they are told to go', async () => {
    await fill(1)
    await writer.beginBuild([small], true)
    const built = await fill(2, 'building')
    await writer.switchBuild()
    expect(await writer.dropReplaced(false)).toBe(false)
    expect(Object.keys(tablesInFile())).toEqual([...tablesOfGeneration(1), ...tablesOfGeneration(2)].sort())
    while (await writer.dropReplaced(true));
    expect(Object.keys(tablesInFile())).toEqual(tablesOfGeneration(2))
    await expectAll(reader, built)
  })

  it('are gone when they are given up, and others of the same name begin empty', async () => {
    const live = await fill(1)
    await writer.beginBuild([small], false)
    await fill(2, 'building')
    await writer.abandonBuild()
    expect(Object.keys(tablesInFile())).toEqual(tablesOfGeneration(1))
    await expectAll(reader, live)
    await writer.beginBuild([small], false)
    const begun = await fill(3, 'building')
    await writer.write((_, building) => expectAll(building, begun))
    // Begun once more, in place of what is there.
    await writer.beginBuild([small], false)
    const built = await fill(4, 'building')
    await writer.write((_, building) => expectAll(building, built))
    await expectAll(reader, live)
    await writer.switchBuild()
    await expectAll(reader, built)
  })

  it('are gone on by a process that starts later', async () => {
    await writer.beginBuild([small], false)
    const begun = await fill(1, 'building')
    await writer.close()
    writer = new EmbeddedReadModel(file)
    const built = await fill(2, 'building', begun)
    await writer.switchBuild()
    await expectAll(reader, built)
  })
})

describe('Tables in sorted runs', () => {
  it('are made anew where their schema number is another', async () => {
    const before = await fill(1)
    await expectAll(reader, before)
    const next: ProjectionTables = { ...small, schema: 2 }
    await writer.prepare([next])
    expect(tablesInFile()).toEqual(Object.fromEntries(tablesOfGeneration(2).map((name) => [name, 0])))
    await expectAll(reader, NaiveRows.none())
    const after = await fill(2)
    await expectAll(reader, after)
    await expectAll(writer, after)
  })

  it('are read again after a read that could not begin, and the tables that were switched meanwhile are noticed', async () => {
    const before = await fill(1)
    await expectAll(reader, before)
    await writer.beginBuild([small], false)
    const built = await fill(2, 'building')
    await writer.switchBuild()
    const database = new SqliteDatabase(file)
    database.exec('ALTER TABLE projections RENAME TO hidden')
    // The native module's errors are those of the first test file that loads it, and so no Error to `toThrow` in the next.
    const noSuchTable = { message: expect.stringContaining('no such table') as unknown }
    await expect(async () => reader.range(counts, { limit: 1 })).rejects.toMatchObject(noSuchTable)
    await expect(reader.snapshot(async () => undefined)).rejects.toMatchObject(noSuchTable)
    database.exec('ALTER TABLE hidden RENAME TO projections')
    database.close()
    await expectAll(reader, built)
    await reader.snapshot((rows) => expectAll(rows, built))
  })
})
