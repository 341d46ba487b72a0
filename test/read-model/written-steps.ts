/** Random transactions on the two small tables, written into a read model and into plain rows in memory. */
import { expect } from '@jest/globals'
import fc from 'fast-check'
import type { ReadModel, RowReader, RowWriter } from '../../src/read-model/read-model.js'
import { Random } from '../random.js'
import { askSomething, counts, NaiveRows, randomCount, randomVisit, visits, type Visit } from './naive-rows.js'

const sizes = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 0, max: 8 }) },
  { weight: 4, arbitrary: fc.integer({ min: 9, max: 300 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1_000, max: 3_000 }) },
)

/** One transaction, and what happens before it. */
export interface Step {
  readonly before: 'nothing' | 'the process ends' | 'another process writes on' | 'a snapshot begins' | 'one ends'
  readonly adds: readonly number[]
  readonly inserts: number
  readonly puts: number
  readonly fails: boolean
  readonly seed: number
}

export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    before: fc.constantFrom(
      ...(['nothing', 'nothing', 'nothing', 'the process ends', 'another process writes on'] as const),
      ...(['a snapshot begins', 'one ends'] as const),
    ),
    adds: fc.array(sizes, { maxLength: 2 }),
    inserts: sizes,
    puts: sizes,
    fails: fc.constantFrom(false, false, false, true),
    seed: fc.integer(),
  }),
  { minLength: 10, maxLength: 45, size: 'max' },
)

/** Writes what the step says, into both, and looks at it from within the transaction. */
export async function writeStep(rows: RowWriter, naive: NaiveRows, step: Step): Promise<void> {
  const random = new Random(step.seed)
  const visitsOf = (count: number, isKnown: number): Visit[] => {
    const known = naive.rowsOf(visits)
    const taken = new Set<number>()
    for (let at = 0; at < count; at++) {
      taken.add(random.chance(isKnown) && known.length > 0 ? random.pick(known).number : known.length + at)
    }
    return [...taken].map((number) => randomVisit(random, number))
  }
  for (const size of step.adds) {
    const added = Array.from({ length: size }, () => randomCount(random))
    await rows.add(counts, added)
    naive.add(added)
    await askSomething(rows, naive, random)
  }
  // Some collide with a row that is there, some with the name of one.
  const inserted = visitsOf(step.inserts, 0.1).map((visit) =>
    random.chance(0.05) ? { ...visit, name: `visit ${random.integer(0, 20)}` } : visit,
  )
  // No row that is refused is the same as the one that stands there.
  const apart = inserted.map((visit, at) => ({ ...visit, leftAt: 1_000 + step.seed + at }))
  expect(await rows.insertNew(visits, apart)).toEqual(naive.insertNew(apart))
  const known = new Map(naive.rowsOf(visits).map((visit) => [visit.number, visit]))
  const names = new Set([...known.values()].map(({ name }) => name))
  const put = visitsOf(step.puts, 0.5).flatMap((visit): Visit[] => {
    const stored = known.get(visit.number)
    if (stored) return [{ ...stored, leftAt: visit.leftAt }]
    return names.has(visit.name) ? [] : [visit]
  })
  await rows.put(visits, put)
  naive.put(put)
  for (let questions = 0; questions < 3; questions++) await askSomething(rows, naive, random)
}

export interface HeldSnapshot {
  readonly rows: RowReader
  readonly naive: NaiveRows
  end(): Promise<void>
}

/** Stays open until it is told to end. */
export async function holdSnapshot(readModel: ReadModel, naive: NaiveRows): Promise<HeldSnapshot> {
  let release = (): void => undefined
  const released = new Promise<void>((resolve) => (release = resolve))
  return new Promise((resolve, reject) => {
    const over: Promise<void> = readModel.snapshot(async (rows) => {
      const end = (): Promise<void> => {
        release()
        return over
      }
      resolve({ rows, naive, end })
      await released
    })
    over.catch(reject)
  })
}

export const failure = new Error('The writer gave up.')
