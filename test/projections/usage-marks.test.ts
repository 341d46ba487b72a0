import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { MARK_EVENTS, usageMarks } from '../../src/read-model/tables.js'
import { NOW } from '../controls.js'
import { historyMeters, opening, recordedEntry, usageEntry, writeLog, type Entry } from './history.js'
import { Workspace, project } from './projecting.js'

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

it.each([7, 1_000, MARK_EVENTS, 10_000])(
  'Every so manieth usage event has a mark, and the last one, each with the latest receipt so far, by batches of %d',
  async (size) => {
    const meter = historyMeters[0]!
    // A clock that goes back right before the first mark; and a cancellation, which is received too.
    const usage: Entry[] = Array.from({ length: 2 * MARK_EVENTS + 98 }, (_, n) =>
      recordedEntry(meter, `id-${n}`, { recordedAt: NOW + n - (n >= MARK_EVENTS - 5 && n < MARK_EVENTS ? 100 : 0) }),
    )
    const { event } = recordedEntry(meter, 'id-0')
    const cancelledAt = NOW + 50_000
    usage.push(usageEntry(meter, { type: 'UsageCancelled', data: { ...event.data, cancelledAt } as never }))
    const revisions = new Map<string, number>()
    const places = usage.map(({ stream }, index) => {
      const revision = (revisions.get(stream) ?? 0) + 1
      revisions.set(stream, revision)
      return { sequence: index + 1, stream, revision }
    })
    const mark = (sequence: number, latest: number) => ({ ...places[sequence - 1], latest })
    await workspace.withStore(async (store) => {
      await writeLog(store, [...opening([meter]), ...usage])
      await workspace.withReadModel(async (readModel) => {
        // Some of it, then the rest, as if the process had ended between.
        await project(store, readModel, { cut: () => size, batchesMax: 2 })
        await project(store, readModel, { cut: () => size })
        expect(await readModel.range(usageMarks, { limit: 10_000 })).toEqual([
          mark(MARK_EVENTS, NOW + MARK_EVENTS - 6),
          mark(2 * MARK_EVENTS, NOW + 2 * MARK_EVENTS - 1),
          mark(usage.length, cancelledAt),
        ])
      })
    })
  },
)
