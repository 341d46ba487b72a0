/** Rows that are kept in sorted runs are the rows that were written, whatever is merged meanwhile and whoever looks. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type Database from 'better-sqlite3'
import fc from 'fast-check'
import { EmbeddedReadModel } from '../../src/read-model/embedded-read-model.js'
import type { ReadModel } from '../../src/read-model/read-model.js'
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
  type Count,
} from './naive-rows.js'
import { failure, holdSnapshot, steps, writeStep, type HeldSnapshot } from './written-steps.js'

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

describe('Rows in sorted runs', () => {
  it('are what was written, within a transaction, behind it, and in each snapshot', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (sequence) => {
        const file = workspace.file('read-model.db')
        let writers = [new EmbeddedReadModel(file), new EmbeddedReadModel(file)]
        const reader = new EmbeddedReadModel(file)
        const held: HeldSnapshot[] = []
        try {
          await writers[0]!.prepare([small])
          let naive = NaiveRows.none()
          for (const [index, step] of sequence.entries()) {
            if (step.before === 'another process writes on') writers.reverse()
            if (step.before === 'the process ends') {
              await writers[0]!.close()
              writers = [new EmbeddedReadModel(file), writers[1]!]
            }
            if (step.before === 'a snapshot begins' && held.length < 3) held.push(await holdSnapshot(reader, naive))
            if (step.before === 'one ends') await held.shift()?.end()
            const after = naive.copy()
            const written = writers[0]!.write(async (rows) => {
              await writeStep(rows, after, step)
              if (step.fails) throw failure
            })
            if (step.fails) await expect(written).rejects.toBe(failure)
            else {
              await written
              naive = after
            }
            const random = new Random(~step.seed)
            for (const readModel of [...writers, reader]) await askSomething(readModel, naive, random)
            for (const snapshot of held) await askSomething(snapshot.rows, snapshot.naive, random)
            if (index % 8 === 7) await expectAll(reader, naive)
          }
          for (const snapshot of held) await expectAll(snapshot.rows, snapshot.naive)
          await expectAll(writers[0]!, naive)
          expect(await reader.storageFaults([small])).toEqual([])
        } finally {
          for (const snapshot of held) await snapshot.end()
          for (const readModel of [...writers, reader]) await readModel.close()
        }
      }),
      { numRuns: 5 },
    )
  })
})

describe('A range of rows in sorted runs', () => {
  it('begins and ends anywhere, also between two blocks', async () => {
    const readModel = new EmbeddedReadModel(workspace.file('read-model.db'))
    await readModel.prepare([small])
    const random = new Random(11)
    const rows = Array.from({ length: 1_500 }, (_, index): Count => ({
      ...randomCount(random),
      city: 1,
      at: 2 * index,
    }))
    const naive = NaiveRows.none()
    for (const added of [rows, rows.filter((_, index) => index % 3 === 0)]) {
      await readModel.write((writer) => writer.add(counts, added))
      naive.add(added)
    }
    const all = naive.range(counts, { limit: EVERYTHING })
    for (let questions = 0; questions < 1_500; questions++) {
      const bound = random.integer(-2, 3_002)
      const first = Math.min(all.length, Math.max(0, Math.ceil(bound / 2)))
      const next = all.slice(first, first + 2)
      const last = all.slice(Math.max(0, first - 2), first).reverse()
      const isReverse = random.chance(0.5)
      const range = isReverse ? { to: bound, reverse: true } : { from: bound }
      const found = await readModel.range(counts, { prefix: [1], ...range, limit: 2 })
      expect({ range, found }).toEqual({ range, found: isReverse ? last : next })
    }
    await readModel.close()
  })
})

describe('Tables in sorted runs', () => {
  it('refuse what they cannot do', async () => {
    const readModel = new EmbeddedReadModel(workspace.file('read-model.db'))
    await readModel.prepare([small])
    const random = new Random(1)
    const [count, visit] = [randomCount(random), randomVisit(random, 1)]
    const put = readModel.write((rows) => rows.put(counts, [count]))
    await expect(put).rejects.toThrow('Rows of counts are added to.')
    const add = readModel.write((rows) => rows.add(visits, [visit]))
    await expect(add).rejects.toThrow('Rows of visits are not added to.')
    const filtered = readModel.range(counts, { where: { records: 1 }, limit: 1 })
    await expect(filtered).rejects.toThrow('Rows that are added to are only found by their keys.')
    await readModel.close()
  })

  it('have nothing at a null or a text', async () => {
    const readModel = new EmbeddedReadModel(workspace.file('read-model.db'))
    await readModel.prepare([small])
    const random = new Random(1)
    await readModel.write(async (rows) => {
      await rows.add(counts, [{ ...randomCount(random), city: 0 }])
      await rows.insertNew(visits, [{ ...randomVisit(random, 0), city: 0 }])
    })
    for (const prefix of [[null], ['0']]) {
      expect(await readModel.range(counts, { prefix, limit: 9 })).toEqual([])
      expect(await readModel.range(visits, { index: 'city', prefix, limit: 9 })).toEqual([])
      expect(await readModel.values(visits, ['number'], { index: 'came', prefix, limit: 9 })).toEqual([])
    }
    expect(await readModel.get(counts, [[null, 1]])).toEqual([undefined])
    await readModel.close()
  })
})

interface RunsThere {
  readonly runs: number
  readonly entries: number
  /** That are being made or taken away. */
  readonly unfinished: number
}

/** Looks into a file beside the read model. */
class RunsInFile {
  private readonly database: Database.Database

  constructor(file: string) {
    this.database = new SqliteDatabase(file, { readonly: true })
  }

  of(name: string): RunsThere {
    return this.database
      .prepare(
        `SELECT count(*) FILTER (WHERE level >= 0) AS runs, total(entries) FILTER (WHERE level >= 0) AS entries,
           count(*) FILTER (WHERE level < 0) AS unfinished
         FROM ${name}_runs`,
      )
      .get() as RunsThere
  }

  /** Blocks that belong to no run that is there. */
  leftBlocks(name: string): number {
    const there = `SELECT run FROM ${name}_runs WHERE level >= 0`
    return this.database
      .prepare<[], number>(`SELECT count(*) FROM ${name}_blocks WHERE run NOT IN (${there})`)
      .pluck()
      .get() as number
  }

  close(): void {
    this.database.close()
  }
}

const kept = ['counts_1', 'visits_1_city', 'visits_1_came']

/** Distinct keys, so that nothing is added up and each run stays as long as it is. */
class Arrivals {
  written = 0
  private readonly random = new Random(7)

  async write(readModel: ReadModel, size: number): Promise<void> {
    const numbers = Array.from({ length: size }, () => this.written++)
    await readModel.write(async (rows) => {
      await rows.add(
        counts,
        numbers.map((number): Count => ({ ...randomCount(this.random), city: -(number % 7), at: number })),
      )
      await rows.insertNew(
        visits,
        numbers.map((number) => randomVisit(this.random, number)),
      )
    })
  }
}

/** Three may wait on each level, and those that are being merged are there until that is done. */
function runsMax(entries: number): number {
  const levels = 1 + Math.floor(Math.log(entries) / Math.log(4))
  return 4 * levels
}

describe('Runs', () => {
  it.each([
    ['a row', 300, () => 1],
    ['up to a block', 150, (random: Random) => random.integer(1, 256)],
    ['thousands', 24, (random: Random) => random.integer(1_000, 3_000)],
    ['a row, now and then thousands', 150, (random: Random) => (random.chance(0.03) ? 3_000 : 1)],
  ] as const)('stay few where each transaction adds %s', async (_, transactions, sizeOf) => {
    const file = workspace.file('read-model.db')
    const readModel = new EmbeddedReadModel(file)
    const random = new Random(3)
    const arrivals = new Arrivals()
    await readModel.prepare([small])
    const there = new RunsInFile(file)
    for (let index = 0; index < transactions; index++) {
      await arrivals.write(readModel, sizeOf(random))
      for (const name of kept) {
        const { runs, entries } = there.of(name)
        expect(runs).toBeLessThanOrEqual(runsMax(entries))
      }
    }
    for (const name of kept) expect(there.of(name).entries).toBe(arrivals.written)
    there.close()
    await readModel.close()
  })

  it('that were merged leave nothing behind, even if the process ended meanwhile', async () => {
    const file = workspace.file('read-model.db')
    const arrivals = new Arrivals()
    let readModel = new EmbeddedReadModel(file)
    await readModel.prepare([small])
    const there = new RunsInFile(file)
    const untilMerging = async (): Promise<void> => {
      for (let index = 0; index < 20 && there.of('counts_1').unfinished === 0; index++) {
        await arrivals.write(readModel, 3_000)
      }
      expect(there.of('counts_1').unfinished).toBe(1)
    }
    await untilMerging()
    await readModel.close()
    readModel = new EmbeddedReadModel(file)
    await arrivals.write(readModel, 1)
    await untilMerging()
    const given = readModel.write(async (rows) => {
      await rows.add(counts, [randomCount(new Random(1))])
      throw failure
    })
    await expect(given).rejects.toBe(failure)
    for (let index = 0; index < 100; index++) await arrivals.write(readModel, 1)
    for (const name of kept) {
      expect(there.of(name)).toMatchObject({ entries: arrivals.written, unfinished: 0 })
      expect(there.leftBlocks(name)).toBe(0)
    }
    there.close()
    await readModel.close()
  })

  it('number their blocks through, so that numbers last for as long as anything is written', async () => {
    const file = workspace.file('read-model.db')
    const arrivals = new Arrivals()
    const readModel = new EmbeddedReadModel(file)
    await readModel.prepare([small])
    const TRANSACTIONS = 500
    for (let index = 0; index < TRANSACTIONS; index++) await arrivals.write(readModel, index % 50 === 0 ? 1_000 : 1)
    await readModel.close()
    const database = new SqliteDatabase(file, { readonly: true })
    for (const name of kept) {
      const runs = database.prepare(`SELECT run, first_block FROM ${name}_runs ORDER BY run`).raw().all() as number[][]
      for (const [index, [run, first]] of runs.entries()) {
        expect(first).toBeGreaterThan(runs[index - 1]?.[0] ?? 0)
        const outside = `SELECT count(*) FROM ${name}_blocks WHERE run = ? AND block NOT BETWEEN ? AND ?`
        expect(database.prepare(outside).pluck().get(run, first, run)).toBe(0)
      }
      // One for each transaction, those of the large ones, and some for merging each entry up to seven levels.
      expect(runs.at(-1)?.[0]).toBeLessThan(4 * TRANSACTIONS)
    }
    database.close()
  })

  it('that were merged go as fast as they come, however large transactions are', async () => {
    const file = workspace.file('read-model.db')
    const readModel = new EmbeddedReadModel(file)
    await readModel.prepare([small])
    const there = new RunsInFile(file)
    const row: Count = { city: 1, at: 0, records: 1, total: '1', first: 5, last: 5 }
    const size = 20_000
    for (let batch = 0; batch < 16; batch++) {
      const rows = Array.from({ length: size }, (_, index) => ({ ...row, at: 16 * index + batch }))
      await readModel.write((writer) => writer.add(counts, rows))
      expect(there.leftBlocks('counts_1')).toBeLessThan(1_000)
    }
    for (let index = 0; index < 200; index++) await readModel.write((writer) => writer.add(counts, [row]))
    expect(there.leftBlocks('counts_1')).toBe(0)
    expect(there.of('counts_1').unfinished).toBe(0)
    there.close()
    const [last] = await readModel.range(counts, { reverse: true, limit: 1 })
    expect(last).toEqual({ ...row, at: 16 * size - 1 })
    expect(await readModel.get(counts, [[1, 0]])).toEqual([{ ...row, records: 201, total: '201' }])
    await readModel.close()
  })

  it('hold what was added to one row as one entry once they are merged', async () => {
    const file = workspace.file('read-model.db')
    const readModel = new EmbeddedReadModel(file)
    await readModel.prepare([small])
    const row: Count = { city: 1, at: 2, records: 1, total: '0.1', first: 5, last: 5 }
    for (let index = 0; index < 64; index++) await readModel.write((rows) => rows.add(counts, [row, row]))
    const there = new RunsInFile(file)
    expect(there.of('counts_1').entries).toBeLessThanOrEqual(4)
    there.close()
    expect(await readModel.get(counts, [[1, 2]])).toEqual([{ ...row, records: 128, total: '12.8' }])
    await readModel.close()
  })
})
