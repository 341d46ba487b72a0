import { afterAll, beforeAll, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { meterChanges } from '../../src/read-model/tables.js'
import { histories, writeLog } from './history.js'
import { Workspace, allAtOnce, bySeven, everyEvent, project } from './projecting.js'

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

it('The history of every meter is its events in order, each with the names before and after it, however batches are cut', async () => {
  await fc.assert(
    fc.asyncProperty(
      histories(60),
      fc.constantFrom(everyEvent, bySeven, allAtOnce),
      fc.nat({ max: 20 }),
      async (history, cut, batchesMax) => {
        const revisions = new Map<string, number>()
        const names = new Map<string, string>()
        const expected = history.flatMap(({ stream, event }) => {
          const revision = (revisions.get(stream) ?? 0) + 1
          revisions.set(stream, revision)
          if (!stream.startsWith('meters-') || !('meterId' in event.data) || event.data.meterId === null) return []
          const { meterId } = event.data
          const previousDisplayName = names.get(meterId) ?? null
          if ('displayName' in event.data) names.set(meterId, event.data.displayName)
          const at = 'createdAt' in event.data ? event.data.createdAt : 'at' in event.data ? event.data.at : NaN
          const displayName = names.get(meterId)!
          return [{ meterId, revision, type: event.type, at, displayName, previousDisplayName, actor: 'key_history' }]
        })
        await workspace.withStore(async (store) => {
          await writeLog(store, history)
          await workspace.withReadModel(async (readModel) => {
            // Some of it, then the rest, as if the process had ended between.
            await project(store, readModel, { cut, batchesMax: batchesMax + 1 })
            await project(store, readModel, { cut })
            const rows = await readModel.range(meterChanges, { limit: 10_000 })
            const key = ({ meterId, revision }: { meterId: string; revision: number }) =>
              `${meterId} ${String(revision).padStart(6, '0')}`
            expected.sort((a, b) => (key(a) < key(b) ? -1 : 1))
            expect(rows.sort((a, b) => (key(a) < key(b) ? -1 : 1))).toEqual(
              expected.map((row) => ({ ...row, requestId: 'req_history' })),
            )
          })
        })
      },
    ),
    { numRuns: 25 },
  )
})
