/** Snapshots that wait for others to end, or whose file cannot be opened for a while. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals'
import { mkdirSync, renameSync, rmdirSync } from 'node:fs'
import { EmbeddedReadModel } from '../../src/read-model/embedded-read-model.js'
import { SNAPSHOTS_MAX } from '../../src/read-model/snapshot-connections.js'
import { ReadModelBusy, ReadModelUnusable, START } from '../../src/read-model/read-model.js'
import { Workspace } from '../projections/projecting.js'
import { small } from './naive-rows.js'

/** Shortened, so that it is seen. */
const WAIT_MS = 50

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

let file: string
let readModel: EmbeddedReadModel
beforeEach(async () => {
  file = workspace.file('read-model.db')
  // Whether a scratch file is still the one that was opened is not looked at.
  readModel = new EmbeddedReadModel(file, 'scratch', WAIT_MS)
  await readModel.prepare([small])
})
afterEach(() => readModel.close())

const read = (): Promise<unknown> => readModel.snapshot((rows) => rows.checkpoint(small.projection))

it('are taken again once the file can be opened again, however often it could not', async () => {
  renameSync(file, `${file}.aside`)
  mkdirSync(file)
  for (let tries = 0; tries <= SNAPSHOTS_MAX; tries++) await expect(read()).rejects.toThrow(ReadModelUnusable)
  rmdirSync(file)
  renameSync(`${file}.aside`, file)
  await expect(read()).resolves.toEqual(START)
})

it('wait for one to end, in the order they came, and only so long', async () => {
  const end: (() => void)[] = []
  const held = Array.from({ length: SNAPSHOTS_MAX }, () =>
    readModel.snapshot(() => new Promise<void>((resolve) => end.push(resolve))),
  )
  await expect(read()).rejects.toThrow(ReadModelBusy)
  const answered: string[] = []
  const ask = (name: string): Promise<unknown> => readModel.snapshot(async () => answered.push(name))
  const asked = [ask('first'), ask('second')]
  end.shift()!()
  await Promise.all(asked)
  expect(answered).toEqual(['first', 'second'])
  for (const each of end) each()
  await Promise.all(held)
})

it('wait for nobody who is gone', async () => {
  const end: (() => void)[] = []
  const held = Array.from({ length: SNAPSHOTS_MAX }, () =>
    readModel.snapshot(() => new Promise<void>((resolve) => end.push(resolve))),
  )
  const leaving = new AbortController()
  const gone = readModel.snapshot(async () => 'read', leaving.signal)
  const next = readModel.snapshot(async () => 'read')
  leaving.abort(new Error('gone'))
  await expect(gone).rejects.toThrow('gone')
  for (const each of end) each()
  expect(await next).toBe('read')
  await Promise.all(held)
})
