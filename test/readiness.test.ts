/** Whether the service calls itself ready, by what it stands on. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { mkdirSync, renameSync, rmdirSync } from 'node:fs'
import { ReadYourWrites } from '../src/event-store/read-your-writes.js'
import { EmbeddedReadModel } from '../src/read-model/embedded-read-model.js'
import { readinessOf } from '../src/readiness.js'
import { project, Workspace } from './projections/projecting.js'

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

it('It is not ready while no read finds a snapshot', async () => {
  await workspace.withStore(async (store) => {
    const file = workspace.file('read-model.db')
    // Whether a scratch file is still the one that was opened is not looked at.
    const readModel = new EmbeddedReadModel(file, 'scratch')
    const readYourWrites = new ReadYourWrites(store, 1000)
    await project(store, readModel, { onProgress: (progress) => readYourWrites.advance(progress) })
    const noted: string[] = []
    const asked = readinessOf(store, readYourWrites, readModel, (reason) => noted.push(reason))
    renameSync(file, `${file}.aside`)
    mkdirSync(file)
    const reason = 'The read model cannot be read. The log of the service says why.'
    for (let times = 0; times < 2; times++) expect(await asked()).toMatchObject({ event_store: 'reachable', reason })
    expect(noted).toEqual([expect.stringContaining(file)])
    rmdirSync(file)
    renameSync(`${file}.aside`, file)
    expect(await asked()).toMatchObject({ projections: 'caught up', reason: null })
    await readModel.close()
  })
})
