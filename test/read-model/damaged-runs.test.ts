/** Blocks of sorted runs that are not what was written: never another answer, always an error that says so. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type Database from 'better-sqlite3'
import fc from 'fast-check'
import { copyFileSync } from 'node:fs'
import { EmbeddedReadModel } from '../../src/read-model/embedded-read-model.js'
import { ReadModelDamaged } from '../../src/read-model/read-model.js'
import { SqliteDatabase } from '../../src/sqlite.js'
import { Workspace } from '../projections/projecting.js'
import { Random } from '../random.js'
import {
  askSomething,
  counts,
  EVERYTHING,
  expectAll,
  NaiveRows,
  randomCount,
  randomVisit,
  small,
  visits,
} from './naive-rows.js'

let workspace: Workspace
/** Several runs of several blocks, closed. */
let whole: string
const naive = NaiveRows.none()

beforeAll(async () => {
  workspace = new Workspace()
  whole = workspace.file('whole.db')
  const readModel = new EmbeddedReadModel(whole)
  await readModel.prepare([small])
  const random = new Random(5)
  for (const [batch, size] of [700, 600, 3].entries()) {
    const added = Array.from({ length: size }, () => randomCount(random))
    const visited = Array.from({ length: size }, (_, at) => randomVisit(random, batch * 1_000 + at))
    naive.add(added)
    naive.insertNew(visited)
    await readModel.write(async (rows) => {
      await rows.add(counts, added)
      await rows.insertNew(visits, visited)
    })
  }
  await readModel.close()
})
afterAll(() => workspace.remove())

interface Block {
  readonly block: number
  readonly entries: Buffer
}

/** A copy of the file in which one of the blocks is changed. */
function damagedCopy(name: string, at: number, change: (block: Block, database: Database.Database) => void): string {
  const file = workspace.file('damaged.db')
  copyFileSync(whole, file)
  const database = new SqliteDatabase(file)
  try {
    const blocks = database.prepare<[], Block>(`SELECT block, entries FROM ${name}_blocks ORDER BY block`).all()
    expect(blocks.length).toBeGreaterThan(5)
    change(blocks[at % blocks.length]!, database)
  } finally {
    database.close()
  }
  return file
}

function withOtherByte(name: string, at: number, byte: number, mask: number): string {
  return damagedCopy(name, at, ({ block, entries }, database) => {
    entries[byte % entries.length]! ^= mask
    database.prepare(`UPDATE ${name}_blocks SET entries = ? WHERE block = ?`).run(entries, block)
  })
}

/** Everything that leads through the runs of this name. */
async function readAll(file: string, name: string): Promise<unknown> {
  const readModel = new EmbeddedReadModel(file)
  try {
    if (name === 'counts_1') return await readModel.range(counts, { limit: EVERYTHING })
    return await readModel.range(visits, { index: name === 'visits_1_city' ? 'city' : 'came', limit: EVERYTHING })
  } finally {
    await readModel.close()
  }
}

/** Asks this and that: each answer is the right one, or says that something is damaged. */
async function expectRightOrDamaged(file: string, seed: number): Promise<void> {
  const readModel = new EmbeddedReadModel(file)
  const random = new Random(seed)
  try {
    for (let questions = 0; questions < 40; questions++) {
      await askSomething(readModel, naive, random).catch((error: unknown) => {
        if (!(error instanceof ReadModelDamaged)) throw error
      })
    }
  } finally {
    await readModel.close()
  }
}

const places = { name: fc.constantFrom('counts_1', 'visits_1_city', 'visits_1_came'), at: fc.nat(100) }

describe('A damaged block', () => {
  it('is noticed by whoever reads it, whichever byte it is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({ ...places, byte: fc.nat(), mask: fc.integer({ min: 1, max: 255 }) }),
        async ({ name, at, byte, mask }) => {
          const file = withOtherByte(name, at, byte, mask)
          await expect(readAll(file, name)).rejects.toThrow(ReadModelDamaged)
          await expect(readAll(file, name)).rejects.toThrow(new RegExp(`^Block \\d+ of run \\d+ of ${name} is damaged`))
        },
      ),
      { numRuns: 40 },
    )
  })

  it('never changes an answer: it is the right one, or none', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({ ...places, byte: fc.nat(), mask: fc.integer({ min: 1, max: 255 }), seed: fc.integer() }),
        async ({ name, at, byte, mask, seed }) => {
          await expectRightOrDamaged(withOtherByte(name, at, byte, mask), seed)
        },
      ),
      { numRuns: 20 },
    )
  })

  it('never changes an answer for what stands beside it either: its run, and the key it begins with', async () => {
    const changes = fc.constantFrom('run', 'key0', 'key1')
    const by = fc.constantFrom(-1_000_000, -30, -1, 1, 30, 1_000_000)
    await fc.assert(
      fc.asyncProperty(
        fc.record({ ...places, column: changes, by, seed: fc.integer() }),
        async ({ name, at, column, by, seed }) => {
          const file = damagedCopy(name, at, ({ block }, database) => {
            database.prepare(`UPDATE ${name}_blocks SET ${column} = ${column} + ? WHERE block = ?`).run(by, block)
          })
          await expect(readAll(file, name)).rejects.toThrow(ReadModelDamaged)
          await expectRightOrDamaged(file, seed)
        },
      ),
      { numRuns: 40 },
    )
  })

  it('of a run that says of itself what cannot be is noticed', async () => {
    for (const change of [
      'entries = 0',
      'entries = 1',
      'blocks = 0',
      'entries = 0, blocks = 0',
      'first_block = first_block + 1',
    ]) {
      const file = damagedCopy('counts_1', 0, (_, database) => database.exec(`UPDATE counts_1_runs SET ${change}`))
      await expect(readAll(file, 'counts_1')).rejects.toThrow(ReadModelDamaged)
    }
  })

  it('of runs that have more entries than they say is noticed by whoever compares them', async () => {
    const file = damagedCopy('counts_1', 0, (_, database) => database.exec('UPDATE counts_1_runs SET entries = blocks'))
    const readModel = new EmbeddedReadModel(file)
    await expect(readModel.image(counts, { limit: EVERYTHING })).rejects.toThrow(ReadModelDamaged)
    await readModel.close()
  })

  it.each(['counts_1', 'visits_1_city', 'visits_1_came'])('that is missing is noticed too: of %s', async (name) => {
    for (const at of [0, 1, 5]) {
      const file = damagedCopy(name, at, ({ block }, database) => {
        database.prepare(`DELETE FROM ${name}_blocks WHERE block = ?`).run(block)
      })
      await expect(readAll(file, name)).rejects.toThrow(ReadModelDamaged)
      await expect(readAll(file, name)).rejects.toThrow('is missing.')
    }
  })

  it('that is cut short, or empty, is noticed', async () => {
    for (const length of [0, 7, 100]) {
      const file = damagedCopy('counts_1', 2, ({ block, entries }, database) => {
        database
          .prepare('UPDATE counts_1_blocks SET entries = ? WHERE block = ?')
          .run(entries.subarray(0, length), block)
      })
      await expect(readAll(file, 'counts_1')).rejects.toThrow(ReadModelDamaged)
    }
  })

  it('is never merged into another: what would need it is not written at all', async () => {
    const file = withOtherByte('counts_1', 0, 40, 1)
    const readModel = new EmbeddedReadModel(file)
    const random = new Random(9)
    let written = 0
    const writeMore = async (): Promise<void> => {
      // Four runs of a level are merged.
      while (written < 4) {
        await readModel.write(async (rows) => {
          await rows.add(
            counts,
            Array.from({ length: 700 }, () => randomCount(random)),
          )
          await rows.insertNew(visits, [randomVisit(random, 10_000 + written)])
        })
        written++
      }
    }
    await expect(writeMore()).rejects.toThrow(ReadModelDamaged)
    expect(written).toBeLessThan(4)
    expect(await readModel.count(visits)).toBe(naive.rowsOf(visits).length + written)
    await expect(readAll(file, 'counts_1')).rejects.toThrow(ReadModelDamaged)
    await readModel.close()
  })

  it('leaves everything else to be read', async () => {
    const readModel = new EmbeddedReadModel(withOtherByte('visits_1_city', 0, 40, 1))
    const came = { index: 'came', limit: EVERYTHING } as const
    expect(await readModel.range(visits, came)).toEqual(naive.range(visits, came))
    expect(await readModel.range(counts, { limit: EVERYTHING })).toEqual(naive.range(counts, { limit: EVERYTHING }))
    await readModel.close()
  })

  it('is none of the whole file', async () => {
    const readModel = new EmbeddedReadModel(whole)
    await expectAll(readModel, naive)
    expect(await readModel.storageFaults([small])).toEqual([])
    await readModel.close()
  })
})

describe('A table or an index', () => {
  it.each([
    ['that is gone', 'DROP INDEX counts_1_block_keys', ['INDEX counts_1_block_keys is missing, or not as it is made.']],
    ['that is gone', 'DROP TABLE visits_1_city_runs', ['TABLE visits_1_city_runs is missing, or not as it is made.']],
    [
      'that is another',
      'DROP INDEX visits_1_came_block_keys; CREATE INDEX visits_1_came_block_keys ON visits_1_came_blocks (run)',
      ['INDEX visits_1_came_block_keys is missing, or not as it is made.'],
    ],
  ])('%s is a fault: %s', async (_, change, faults) => {
    const readModel = new EmbeddedReadModel(damagedCopy('counts_1', 0, (_block, database) => database.exec(change)))
    expect(await readModel.storageFaults([small])).toEqual(faults)
    await readModel.close()
  })

  it('that is gone is said to be damage, with what to do', async () => {
    const gone = damagedCopy('counts_1', 0, (_, database) => database.exec('DROP TABLE counts_1_runs'))
    await expect(readAll(gone, 'counts_1')).rejects.toThrow(ReadModelDamaged)
    await expect(readAll(gone, 'counts_1')).rejects.toThrow('-wal and -shm')
  })

  it('that is not registered is said to be damage, and is registered again at a start', async () => {
    const file = damagedCopy('counts_1', 0, (_, database) => database.exec("DELETE FROM tables WHERE name = 'counts'"))
    await expect(readAll(file, 'counts_1')).rejects.toThrow(ReadModelDamaged)
    const readModel = new EmbeddedReadModel(file)
    await readModel.prepare([small])
    await expectAll(readModel, naive)
    await readModel.close()
  })

  it('of a registration that is gone is made anew', async () => {
    const readModel = new EmbeddedReadModel(
      damagedCopy('counts_1', 0, (_, database) => database.exec('DELETE FROM projections')),
    )
    await readModel.prepare([small])
    await expectAll(readModel, NaiveRows.none())
    await readModel.close()
  })
})
