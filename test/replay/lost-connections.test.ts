/** An audit or a digest reads rows for long, and the way to them may be lost meanwhile: it comes to what it would have come to. */
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals'
import { EmbeddedEventStore } from '../../src/event-store/embedded-event-store.js'
import { EventStoreUnavailable, type EventStore } from '../../src/event-store/event-store.js'
import { EmbeddedReadModel } from '../../src/read-model/embedded-read-model.js'
import { PostgresReadModel } from '../../src/read-model/postgres-read-model.js'
import { ReadModelUnusable, type ReadModel } from '../../src/read-model/read-model.js'
import { meters } from '../../src/read-model/tables.js'
import { Audit, type AuditProgress, type AuditVerdict, type DigestRecords } from '../../src/replay/audit.js'
import { digestUsage } from '../../src/replay/digest.js'
import { readOneState } from '../../src/replay/one-state.js'
import { historyMeters, opening, recordedEntry, writeLog } from '../projections/history.js'
import { project, Workspace } from '../projections/projecting.js'
import { PostgresServer } from '../postgres-server.js'
import { TcpProxy } from '../tcp-proxy.js'
import { agree, everything } from './agreeing.js'

const RECORDS = 50
const meter = historyMeters[0]!
const ignore = (): void => undefined

let workspace: Workspace
let postgres: PostgresServer
let url: string
let proxy: TcpProxy
let store: EventStore
beforeAll(async () => {
  workspace = new Workspace()
  postgres = await PostgresServer.start()
  store = new EmbeddedEventStore(workspace.file('events.db'))
  await writeLog(store, [
    ...opening([meter]),
    ...Array.from({ length: RECORDS }, (_, n) => recordedEntry(meter, `id-${n}`)),
  ])
})
afterAll(async () => {
  await store.close()
  workspace.remove()
  await postgres.stop()
})

beforeEach(async () => {
  url = await postgres.newDatabase()
  const rows = new PostgresReadModel(url)
  await project(store, rows)
  await rows.close()
})

/** `use` reads the rows through a proxy of its own. */
async function throughProxy<Result>(use: (live: ReadModel) => Promise<Result>): Promise<Result> {
  proxy = await TcpProxy.start(url)
  const live = new PostgresReadModel(proxy.url)
  try {
    return await use(live)
  } finally {
    await live.close()
    proxy.close()
  }
}

const audit = (onProgress: (progress: AuditProgress) => void): Promise<AuditVerdict> =>
  throughProxy(async (live) => {
    const scratch = new EmbeddedReadModel(workspace.file('scratch.db'), 'scratch')
    const digest: DigestRecords = (selections, { signal }) =>
      Promise.all(selections.map((selection) => scratch.snapshot((rows) => digestUsage(rows, selection, { signal }))))
    const { signal } = new AbortController()
    try {
      const options = { signal, onProgress, onEffect: null, onDoubt: ignore }
      return await new Audit(store, live, scratch, digest, everything, options).run()
    } finally {
      await scratch.close()
    }
  })

it('An audit compares from the beginning where the state of the rows that it read was lost, and counts nothing twice', async () => {
  const database = new URL(url).pathname.slice(1)
  await postgres.query(`UPDATE meterbook.meters_1 SET display_name = 'changed'`, database)
  const undisturbed = await audit(ignore)
  expect(undisturbed).toMatchObject({ verdict: 'differs', findingCount: 1 })

  let resets = 0
  // Late: what was found before is not known any more.
  const disturbed = await audit(({ phase, done }) => {
    if (phase !== 'comparing' || done < undisturbed.rows / 2 || resets === 2) return
    resets++
    proxy.reset()
  })
  expect(resets).toBe(2)
  expect(disturbed).toEqual(undisturbed)
})

it('One whose state of the rows is lost again and again ends, and says so', async () => {
  const never = audit(({ phase }) => {
    if (phase === 'comparing') proxy.reset()
  })
  await expect(never).rejects.toThrow(ReadModelUnusable)
  await expect(never).rejects.toThrow(
    /^The state of the rows that was being read was lost 4 times, and with it what was read of it\. The schema meterbook .* cannot be reached: /,
  )
})

it('One state of the rows is read whole, and waited for while the server is away', async () => {
  let begun = 0
  let restarted = Promise.resolve()
  const count = await throughProxy((live) =>
    readOneState(live, async (rows) => {
      if (++begun === 1) {
        await postgres.kill()
        restarted = postgres.restart()
      }
      return rows.count(meters)
    }),
  )
  await restarted
  expect([begun, count]).toEqual([2, 1])
})

it('A log that cannot be read after all patience is not read once more to name what differs', async () => {
  const away = Object.create(store, {
    readAll: {
      value: async function* () {
        yield* []
        throw new EventStoreUnavailable('away')
      },
    },
  }) as EventStore
  const doubts: string[] = []
  const { signal } = new AbortController()
  const options = { signal, onProgress: ignore, onDoubt: (why: string) => void doubts.push(why) }
  await throughProxy(async (live) => {
    await expect(agree(workspace, away, { live, stored: live }, everything, options)).rejects.toThrow('away')
  })
  expect(doubts).toEqual([])
})
