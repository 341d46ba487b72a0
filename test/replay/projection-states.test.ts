/** How far rows are behind the log, of which a slow one gives only some in time. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { EmbeddedEventStore } from '../../src/event-store/embedded-event-store.js'
import type { EventStore } from '../../src/event-store/event-store.js'
import { allProjections } from '../../src/projections/projections.js'
import { ToldRebuilds } from '../../src/projections/told-rebuilds.js'
import { EmbeddedReadModel } from '../../src/read-model/embedded-read-model.js'
import { ListProjections, ListProjectionsHandler, type Rebuilds } from '../../src/replay/projection-states.js'
import { writeLog } from '../projections/history.js'
import { Workspace } from '../projections/projecting.js'

const OPENED_AT = 1_790_000_000_000
const NOW = OPENED_AT + 5_000
const NONE: Rebuilds = { rebuilds: new ToldRebuilds(), beginRebuild: () => null }

let workspace: Workspace
let store: EventStore
let rows: EmbeddedReadModel
beforeAll(async () => {
  workspace = new Workspace()
  store = new EmbeddedEventStore(workspace.file('events.db'))
  for (const ledger of ['one~test', 'two~test', 'three~test']) {
    const event = { type: 'LedgerOpened', data: { usagePartitions: 1, at: OPENED_AT } } as const
    await writeLog(store, [{ stream: `meters-${ledger}`, event, idempotency: null }])
  }
  rows = new EmbeddedReadModel(workspace.file('read-model.db'))
  await rows.prepare(allProjections(() => undefined))
})
afterAll(async () => {
  await rows.close()
  await store.close()
  workspace.remove()
})

it('What the log gives in time is counted, once for all who ask, and what comes later is not waited for', async () => {
  let begun = 0
  let ended = 0
  const readAll = store.readAll.bind(store)
  let goOn: () => void = () => undefined
  const late = new Promise<void>((resolve) => (goOn = resolve))
  store.readAll = async function* (options) {
    begun++
    try {
      for await (const page of readAll(options)) {
        yield page.slice(0, 2)
        await late
        yield page.slice(2)
      }
    } finally {
      ended++
    }
  }
  const handler = new ListProjectionsHandler(rows, store, NONE)
  const list = () => handler.execute(new ListProjections('one~test', NOW))
  const answers = await Promise.all([list(), list()])
  for (const states of answers) {
    expect(new Set(states.map(({ lagEvents, lagMs }) => `${lagEvents} ${lagMs}`))).toEqual(new Set(['2 5000']))
  }
  expect(begun).toBe(1)
  goOn()
  // What was left is given up, and the next who asks counts anew.
  expect((await list())[0]).toMatchObject({ lagEvents: 3, lagMs: 5_000 })
  expect([begun, ended]).toEqual([2, 2])
})
