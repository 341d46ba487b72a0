/** Whether the service calls itself ready, by what it stands on. */
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals'
import { mkdirSync, renameSync, rmdirSync } from 'node:fs'
import type { Position } from '../src/event-store/event-store.js'
import { ReadYourWrites } from '../src/event-store/read-your-writes.js'
import { EmbeddedReadModel } from '../src/read-model/embedded-read-model.js'
import { readinessOf, tellReadiness } from '../src/readiness.js'
import type { Logger } from 'pino'
import { FixedStopwatch } from './running-service.js'
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

it('It is not ready once what was acknowledged has not been projected for ten seconds', async () => {
  await workspace.withStore(async (store) => {
    const readModel = new EmbeddedReadModel(workspace.file('read-model.db'))
    const readYourWrites = new ReadYourWrites(store, 1000)
    await project(store, readModel, { onProgress: (progress) => readYourWrites.advance(progress) })
    const asked = readinessOf(store, readYourWrites, readModel, () => undefined)
    // Whole: what is added to parts of a millisecond may come out a little more.
    const since = Math.ceil(performance.now())
    const clock = jest.spyOn(performance, 'now').mockReturnValue(since)
    try {
      readYourWrites.acknowledge('1' as unknown as Position)
      clock.mockReturnValue(since + 10_000)
      expect(await asked()).toMatchObject({ projections: 'caught up', reason: null })
      clock.mockReturnValue(since + 11_999)
      const reason = 'What was acknowledged has not been projected for 11 s.'
      expect(await asked()).toMatchObject({ projections: 'catching up', reason })
    } finally {
      clock.mockRestore()
    }
    readYourWrites.stop('It is over.')
    expect(await asked()).toMatchObject({ projections: 'stopped' })
    await readModel.close()
  })
})

it('The log says once that it is not ready, once for another reason, and how long it took until it was again', async () => {
  const stopwatch = new FixedStopwatch()
  const reasons = [
    'The projections are catching up with the log.',
    'The read model cannot be read.',
    null,
    'The event store cannot be reached.',
    'The event store cannot be reached.',
    'What was acknowledged has not been projected for 11 s.',
    'What was acknowledged has not been projected for 16 s.',
    null,
    null,
  ]
  const lines: object[] = []
  const log = {
    warn: (fields: object, message: string) => void lines.push({ level: 'warn', ...fields, message }),
    info: (fields: object, message: string) => void lines.push({ level: 'info', ...fields, message }),
  }
  await new Promise<void>((resolve) => {
    const end = tellReadiness({
      readiness: async () => {
        stopwatch.advance(5_000)
        if (reasons.length > 0) return { event_store: 'reachable', projections: 'caught up', reason: reasons.shift()! }
        end()
        resolve()
        return { event_store: 'unreachable', projections: 'stopped', reason: 'It is over.' }
      },
      log: log as unknown as Logger,
      stopwatch,
      everyMs: 1,
    })
  })
  expect(lines).toEqual([
    // Of a start only what is out of the ordinary.
    { level: 'warn', reason: 'The read model cannot be read.', message: 'The service is not ready.' },
    { level: 'info', seconds: 5, message: 'The service is ready again.' },
    { level: 'warn', reason: 'The event store cannot be reached.', message: 'The service is not ready.' },
    {
      level: 'warn',
      reason: 'What was acknowledged has not been projected for 11 s.',
      message: 'The service is not ready.',
    },
    { level: 'info', seconds: 20, message: 'The service is ready again.' },
  ])
})
