/**
 * The EventStoreDB adapter keeps the port's promises: on the wire-level test server always, and on a real server when
 * `EVENTSTORE_TEST_URL` names one. The test server proves the protocol's handling, not durability or speed.
 */
import { EventStoreDbEventStore } from '../../src/event-store/eventstoredb-event-store.js'
import { eventStoreContract, type OpenStore } from '../contract/event-store.contract.js'
import { EventStoreDbServer } from '../eventstoredb-server/eventstoredb-server.js'

const log = { warn: () => {}, error: () => {} }

function openAt(url: string, closeServer: () => Promise<void>): OpenStore {
  const store = EventStoreDbEventStore.open({ url, log })
  const other = EventStoreDbEventStore.open({ url, log })
  return {
    store,
    other,
    close: async () => {
      await Promise.all([store.close(), other.close()])
      await closeServer()
    },
  }
}

eventStoreContract('EventStoreDB (test server)', async () => {
  const server = await EventStoreDbServer.start()
  return openAt(server.url, () => server.stop())
})

eventStoreContract('EventStoreDB (test server that never says caught up)', async () => {
  const server = await EventStoreDbServer.start()
  server.faults.withoutCaughtUp = true
  return openAt(server.url, () => server.stop())
})

eventStoreContract('EventStoreDB (test server without batch appends)', async () => {
  const server = await EventStoreDbServer.start({ supportsBatchAppend: false })
  return openAt(server.url, () => server.stop())
})

const realServer = process.env.EVENTSTORE_TEST_URL
if (realServer !== undefined) eventStoreContract('EventStoreDB', async () => openAt(realServer, async () => {}))
