/** Under a steady load events are let gather, but nobody who waits for the rows waits for that. */
import { afterAll, expect, it } from '@jest/globals'
import { ReadYourWrites } from '../../src/event-store/read-your-writes.js'
import type { Position } from '../../src/event-store/event-store.js'
import { allProjections } from '../../src/projections/projections.js'
import { Projector } from '../../src/projections/projector.js'
import { usageRecords } from '../../src/read-model/tables.js'
import { historyMeters, opening, recordedEntry, writeLog, type Entry } from './history.js'
import { Workspace } from './projecting.js'

const workspace = new Workspace()
afterAll(() => workspace.remove())

/** Longer than any test: what ends it is somebody who waits. */
const gathering = { gatherEvents: Infinity, gatherMs: 3_600_000, steadyMs: Infinity }

const record = (n: number): Entry => recordedEntry(historyMeters[0]!, `steady ${n}`)

it('A read that waits ends the gathering, again and again, and one that began to wait before it prevents it', () =>
  workspace.withStore((store) =>
    workspace.withReadModel(async (readModel) => {
      const readYourWrites = new ReadYourWrites(store, 60_000)
      const stop = new AbortController()
      const projector = new Projector(
        store,
        readModel,
        allProjections(({ message }) => {
          throw new Error(message)
        }),
        (progress) => readYourWrites.advance(progress),
        (message) => {
          throw new Error(message)
        },
        () => [],
        () => undefined,
        { gathering },
      )
      readYourWrites.onWaiting(() => projector.hurry())
      await projector.prepare()
      const running = projector.run(stop.signal)
      const revisions = new Map<string, number>()
      await writeLog(store, opening(historyMeters), revisions)
      await readYourWrites.started()
      for (let n = 1; n <= 20; n++) {
        await writeLog(store, [record(n)], revisions)
        let last: Position | null = null
        for await (const page of store.readAll({ after: null, categories: ['usage'] })) last = page.at(-1)!.position
        await readYourWrites.settled(last)
        expect(await readModel.count(usageRecords)).toBe(n)
      }
      stop.abort()
      await running
    }),
  ))
