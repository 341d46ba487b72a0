/** What a process tells of rebuilds: those that were asked for here, and those of others. */
import { beforeEach, expect, it } from '@jest/globals'
import { stateOf } from '../../src/projections/shared-rebuild.js'
import { END_TOLD_MS, REFUSAL_TOLD_MS, ToldRebuilds } from '../../src/projections/told-rebuilds.js'

const here = { projections: ['usage-cells'], keep: false, id: 'here' }
const elsewhere = { projections: ['usage-index', 'usage-cells'], keep: false, id: 'elsewhere' }
const refused = { ...stateOf(here, 'Another rebuild runs.'), outcome: 'refused' } as const
const runs = { ...stateOf(elsewhere), sequence: 7 }
const completed = { ...stateOf(here), status: 'completed', differenceCount: 3 } as const

let now: number
let told: ToldRebuilds
beforeEach(() => {
  now = 0
  told = new ToldRebuilds(() => now)
})

it('A refusal is told for what it was asked for, whatever another does meanwhile, and the other one for the rest', () => {
  told.ask(here)
  told.note(refused)
  told.note(runs)
  expect(told.of('usage-cells')).toBe(refused)
  expect(told.of('usage-index')).toBe(runs)
  expect(told.running).toBe(runs)
  now = REFUSAL_TOLD_MS - 1
  expect(told.of('usage-cells')).toBe(refused)
  now = REFUSAL_TOLD_MS
  expect(told.of('usage-cells')).toBe(runs)
  expect(told.of('meters')).toBeNull()
})

it('A rebuild that waits is not told as the one that runs', () => {
  const waits = told.ask(here)
  told.note(runs)
  expect(told.of('usage-cells')).toBe(waits)
  told.note({ ...runs, status: 'completed' })
  expect([told.of('usage-cells'), told.running]).toEqual([waits, waits])
})

it('The end of a rebuild is told for a while after the next one was begun, here or elsewhere', () => {
  told.ask(here)
  told.note(completed)
  told.ask({ ...here, projections: ['meters'], id: 'next' })
  told.note(runs)
  expect(told.of('usage-cells')).toBe(completed)
  expect(told.of('meters')).toMatchObject({ status: 'building', id: 'next' })
  now = END_TOLD_MS
  expect(told.of('usage-cells')).toBe(runs)
  const again = told.ask(here)
  expect(told.of('usage-cells')).toBe(again)
})

it('What was refused or not seen to its end is none of the last that ran or was completed', () => {
  told.ask(here)
  told.note(completed)
  for (const outcome of ['refused', 'unseen'] as const) {
    told.ask(here)
    told.note({ ...refused, outcome })
    expect([told.running, told.completed]).toEqual([null, completed])
  }
})

it('A rebuild of which it is not known who asked for it is one of others', () => {
  const { id, ...unknown } = completed
  expect(id).toBe('here')
  told.note(unknown)
  expect(told.of('usage-cells')).toBe(unknown)
  const waits = told.ask(here)
  told.note(unknown)
  expect(told.of('usage-cells')).toBe(waits)
})
